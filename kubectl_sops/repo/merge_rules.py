"""Three-way merge of ``.sops.yaml``: recipients that both sides add or remove, wherever they are written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_sops import rules
from kubectl_sops.errors import SopsError
from kubectl_sops.repo import merge_text
from kubectl_sops.rules import edit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kubectl_sops.rules import Rule, Rules


def merge(base: bytes, ours: bytes, theirs: bytes, path: str) -> bytes | None:
    """The file with the changes of both sides, or ``None`` where a person has to decide."""
    try:
        before, mine, other = (rules.parse(data, path) for data in (base, ours, theirs))
    except SopsError:
        return None
    wanted = _wanted(before, mine, other)
    if wanted is None:
        return None
    try:
        text = merge_text.merge(*(data.decode() for data in (base, ours, theirs)))
    except UnicodeDecodeError:
        return None
    if text is not None and _recipients(text.encode(), path) == wanted:
        return text.encode()
    joined = _put(ours, mine, other, wanted, path)
    return joined if joined is not None and _recipients(joined, path) == wanted else None


def _wanted(before: Rules, mine: Rules, other: Rules) -> list[set[str]] | None:
    """The recipients of each rule; ``None`` where the sides changed more than recipients, each in its own way."""
    lists = [version.creation_rules or [] for version in (before, mine, other)]
    if len({len(listed) for listed in lists}) != 1:
        return None
    wanted = []
    for was, has, there in zip(*lists, strict=True):
        if _frame(has) != _frame(was) and _frame(there) != _frame(was) and _frame(has) != _frame(there):
            return None
        old, one, two = set(was.recipients), set(has.recipients), set(there.recipients)
        wanted.append((one & two) | (one - old) | (two - old))
    return wanted


def _frame(rule: Rule) -> tuple[object, ...]:
    """What a rule says apart from its recipients."""
    selector = (rule.selector.field, rule.selector.text) if rule.selector is not None else None
    return (
        rule.path_regex,
        selector,
        rule.shamir_threshold,
        rule.mac_only_encrypted,
        rule.aws_profile,
        len(rule.sources),
    )


def _recipients(data: bytes, path: str) -> list[set[str]] | None:
    try:
        parsed = rules.parse(data, path)
    except SopsError:
        return None
    return [set(rule.recipients) for rule in parsed.creation_rules or []]


def _put(ours: bytes, mine: Rules, other: Rules, wanted: Sequence[set[str]], path: str) -> bytes | None:
    """Our text with the recipients put into it one by one."""
    kinds = {text: source.kind for rule in other.creation_rules or [] for group in rule.sources for source in group
             for text in [source.text]}  # fmt: skip
    if any(_frame(a) != _frame(b) for a, b in zip(mine.creation_rules or [], other.creation_rules or [], strict=True)):
        return None
    data = ours
    try:
        for rule, target in zip(mine.creation_rules or [], wanted, strict=True):
            for recipient in sorted(target - set(rule.recipients)):
                data = edit.add_recipient(
                    data, rule.index, recipient, name=other.names.get(recipient, ""),
                    kind=kinds.get(recipient, "age"), path=path,
                )  # fmt: skip
            for recipient in sorted(set(rule.recipients) - target):
                data = edit.remove_recipient(data, rule.index, recipient, path=path)
    except SopsError:
        return None
    return data
