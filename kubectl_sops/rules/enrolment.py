"""Which rule a new recipient belongs to, and the ``.sops.yaml`` that has it there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kubectl_sops.errors import UsageError
from kubectl_sops.rules import edit
from kubectl_sops.rules.config import parse
from kubectl_sops.rules.search import NAME

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kubectl_sops.rules.config import Rules
    from kubectl_sops.rules.rule import Rule


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A ``.sops.yaml`` with recipients added.

    Attributes:
        data: its bytes; those of before where nothing was to do.
        path_regex: of the rule that has them; empty where it is for every file.
    """

    data: bytes = field(repr=False)
    path_regex: str


def enrol(
    data: bytes, recipients: Sequence[tuple[str, str]], *, path_regex: str | None = None, path: str = NAME
) -> Enrolled:
    """Add recipients, each with a name that may be empty, to one rule.

    Without ``path_regex`` it is the rule that already has the first of them, or the only rule there is; a file without
    rules gets the default one for Secrets. With ``path_regex`` it is the rule of exactly that text, or a new one.

    Raises:
        UsageError: there are several rules, and nothing says which one is meant.
        RulesError: the file can't be read, or the rule can't be changed.
    """
    rules = parse(data, path)
    rule = _chosen(rules, recipients[0][0], path_regex)
    if rule is None:
        regex = edit.DEFAULT_PATH_REGEX if path_regex is None else path_regex
        return Enrolled(edit.add_rule(data, recipients, path_regex=regex, path=path), regex)
    for recipient, name in recipients:
        data = edit.add_recipient(data, rule.index, recipient, name=name, path=path)
    return Enrolled(data, rule.path_regex)


def _chosen(rules: Rules, first: str, path_regex: str | None) -> Rule | None:
    listed = rules.creation_rules or []
    if path_regex is not None:
        return next((rule for rule in listed if rule.path_regex == path_regex), None)
    having = rules_with(rules, first)
    if having:
        return having[0]
    if len(listed) > 1:
        known = ", ".join(rule.path_regex or "(all files)" for rule in listed)
        raise UsageError(
            f"{rules.path} has {len(listed)} rules: {known}",
            hint="say with --path-regex which one is for this cluster, or give a new one",
        )
    return listed[0] if listed else None


def rules_with(rules: Rules, recipient: str) -> list[Rule]:
    """The rules that encrypt for a recipient."""
    return [rule for rule in rules.creation_rules or [] if edit.has_recipient(rule, recipient)]
