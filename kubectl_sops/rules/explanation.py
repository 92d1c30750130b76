"""Why a file is encrypted as it is: the ``.sops.yaml``, the rule, and why the others did not apply."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kubectl_sops.core.selectors import Selector

if TYPE_CHECKING:
    from kubectl_sops.rules.config import Rules
    from kubectl_sops.rules.rule import Rule


@dataclass(frozen=True, slots=True)
class Passed:
    """A rule that does not apply to the file, and why."""

    rule: Rule
    reason: str


@dataclass(frozen=True, slots=True)
class Named:
    """A recipient as it is written, with its name from a comment, or an empty one."""

    kind: str
    recipient: str
    name: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """What the rules say about one file.

    Attributes:
        config: path of the ``.sops.yaml``.
        path: the file as ``path_regex`` sees it.
        rule: the rule that applies, if any.
        passed: the other rules in order, those behind it included.
        groups: recipients by key group.
        selector: what is encrypted; sops' default where the rule has none.
    """

    config: str
    path: str
    rule: Rule | None
    passed: list[Passed]
    groups: list[list[Named]]
    selector: Selector | None


def explain(rules: Rules, file: str) -> Explanation:
    """Explain which rule is for ``file``.

    Raises:
        RulesError: a ``path_regex`` that is reached does not compile.
    """
    path = rules.relative(file)
    chosen = rules.find_rule(file)
    passed = []
    for rule in rules.creation_rules or []:
        if chosen is not None and rule.index > chosen.index:
            passed.append(Passed(rule, f"rule {chosen.index + 1} comes first"))
        elif rule is not chosen:
            passed.append(Passed(rule, f"path_regex {rule.path_regex} does not match {path}"))
    groups = []
    for sources in chosen.sources if chosen is not None else []:
        named = []
        for source in sources:
            text = source.text or next(iter(str(value) for value in (source.fields or {}).values()), "")
            named.append(Named(source.kind, text, rules.names.get(text, "")))
        groups.append(named)
    selector = (chosen.selector or Selector()) if chosen is not None else None
    return Explanation(rules.path, path, chosen, passed, groups, selector)
