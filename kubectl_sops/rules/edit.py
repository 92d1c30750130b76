"""Changes to a ``.sops.yaml`` as edits of its text: comments and layout stay, and what was meant is checked afterwards.

All functions take and return the bytes of the file, and return them as they are where nothing needs to change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_sops.core.selectors import compile_regex
from kubectl_sops.errors import RulesError
from kubectl_sops.rules import name_edit, recipient_edit, rule_edit
from kubectl_sops.rules.config import parse
from kubectl_sops.rules.layout import one_line
from kubectl_sops.rules.names import plain
from kubectl_sops.rules.search import NAME

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kubectl_sops.rules.config import Rules
    from kubectl_sops.rules.nodes import Node
    from kubectl_sops.rules.rule import Rule

DEFAULT_PATH_REGEX = r"\.ya?ml$"
DEFAULT_ENCRYPTED_REGEX = "^(data|stringData)$"
"""The payload of a Secret; all the rest of it stays readable, which Flux and kustomize need."""

_PROBES = ("zq7/zq7.yaml", "zq7/zq7.yml", "zq7/zq7")
"""Paths that nobody has. A rule that matches one of them is for a kind of file and not for a place."""

BY_HAND = "change it by hand"
_BOM = b"\xef\xbb\xbf"


def has_recipient(rule: Rule, recipient: str) -> bool:
    """Whether a rule names a recipient; the comment of an ssh key takes no part."""
    return any(recipient_edit.same(text, recipient) for text in rule.recipients)


def add_recipient(
    data: bytes, index: int, recipient: str, *, name: str = "", kind: str = "age", path: str = NAME
) -> bytes:
    """Add a recipient to the rule at ``index``, with ``name`` in a comment beside it.

    Raises:
        RulesError: the rule is written in a way that can't be changed without touching others; names the line.
    """
    rules = parse(data, path)
    rule = _rule(rules, index)
    if has_recipient(rule, recipient):
        return data
    changed = _guarded(path, lambda: recipient_edit.add(rules.text, _node(rules, index), recipient, name, kind))
    after = [recipient if i == index else None for i in range(len(rules.creation_rules or []))]
    return _verified(data, changed, rules, _expected(rules, added=after), rule.line)


def remove_recipient(data: bytes, index: int, recipient: str, *, path: str = NAME) -> bytes:
    """Take a recipient out of the rule at ``index``.

    Raises:
        RulesError: it is the only one of its group, or comes from an alias; names the line.
    """
    rules = parse(data, path)
    rule = _rule(rules, index)
    if not has_recipient(rule, recipient):
        return data
    elsewhere = any(other.index != index and has_recipient(other, recipient) for other in rules.creation_rules or [])
    written = next(text for text in rule.recipients if recipient_edit.same(text, recipient))
    changed = _guarded(
        path, lambda: recipient_edit.remove(rules.text, _node(rules, index), written, elsewhere=elsewhere)
    )
    return _verified(data, changed, rules, _expected(rules, removed=(index, written)), rule.line)


def rename_recipient(data: bytes, recipient: str, name: str, *, path: str = NAME) -> bytes:
    """Give a recipient another name in the comments beside it; a file that does not have it stays as it is.

    Raises:
        RulesError: the comment can't be changed without touching others; names the line.
    """
    name = one_line(name)
    rules = parse(data, path)
    listed = [text for rule in rules.creation_rules or [] for text in rule.recipients]
    # an ssh key may be written with its comment in one rule and without in another
    for written in dict.fromkeys(text for text in listed if recipient_edit.same(text, recipient)):
        data = _renamed(data, written, name, path)
    return data


def _renamed(data: bytes, recipient: str, name: str, path: str) -> bytes:
    rules = parse(data, path)
    if plain(rules.names.get(recipient, "")) == plain(name):
        return data
    listed = rules.creation_rules or []
    changed = _guarded(
        path, lambda: name_edit.rename(rules.text, [node for rule in listed for node in rule.scalars], recipient, name)
    )
    line = next(rule.line for rule in listed if recipient in rule.recipients)
    new = _verified(data, changed, rules, _expected(rules), line, named=[recipient])
    if plain(parse(new, path).names.get(recipient, "")) != plain(name):
        raise RulesError("the name is written in a way that is not understood", file=path, line=line, hint=BY_HAND)
    return new


def add_rule(
    data: bytes,
    recipients: Sequence[tuple[str, str]],
    *,
    path_regex: str = DEFAULT_PATH_REGEX,
    encrypted_regex: str = DEFAULT_ENCRYPTED_REGEX,
    path: str = NAME,
) -> bytes:
    """Add a rule for ``recipients``, each with a name that may be empty; empty ``data`` makes a new file.

    It goes to the end, or before the first rule that is for every file, or for every YAML file where the new one is
    for fewer: behind such a rule it would never be reached.
    """
    rules = parse(data, path)
    listed = rules.creation_rules or []
    width = _width(path_regex)
    before = next((rule.index for rule in listed if _width(rule.path_regex) > width), None)
    block = rule_edit.lines(path_regex, encrypted_regex, recipients)
    flow = rule_edit.flow_text(path_regex, encrypted_regex, recipients)
    changed = _guarded(path, lambda: rule_edit.add(rules.text, rules.tree, before, block, flow))
    expected = _expected(rules)
    expected.insert(len(expected) if before is None else before, _signature(parse(_new_file(block), path), 0))
    return _verified(data, changed, rules, expected, 1, named=[recipient for recipient, _ in recipients])


def _width(path_regex: str) -> int:
    """How many of the probes a rule matches: 0 for a rule for certain places, all for one for every file."""
    if not path_regex:
        return len(_PROBES)
    try:
        search = compile_regex(path_regex)
    except RulesError:
        return 0
    return sum(map(search, _PROBES))


def _new_file(block: list[str]) -> bytes:
    return rule_edit.add("", None, None, block, "").encode()


def _rule(rules: Rules, index: int) -> Rule:
    if rules.creation_rules is None or not 0 <= index < len(rules.creation_rules):
        raise RulesError(f"there is no creation rule {index + 1}", file=rules.path)
    return rules.creation_rules[index]


def _node(rules: Rules, index: int) -> Node:
    listed = rules.tree.get("creation_rules") if rules.tree is not None else None
    if listed is None:
        raise RulesError("creation_rules is merged in with <<", hint=recipient_edit.BY_HAND)
    return listed.present[index]


def _guarded(path: str, change: Callable[[], str]) -> str:
    try:
        return change()
    except RulesError as error:
        raise error.at(path) from None


Signature = tuple[object, ...]


def _signature(rules: Rules, index: int) -> Signature:
    """What a rule says, without where it says it."""
    rule = _rule(rules, index)
    return (
        rule.path_regex,
        (rule.selector.field, rule.selector.text) if rule.selector else None,
        rule.shamir_threshold,
        rule.mac_only_encrypted,
        rule.aws_profile,
        tuple(rule.recipients),
        len(rule.sources),
    )


def _expected(
    rules: Rules, *, added: Sequence[str | None] = (), removed: tuple[int, str] | None = None
) -> list[Signature]:
    expected = []
    for rule in rules.creation_rules or []:
        recipients = rule.recipients
        if added and (new := added[rule.index]) is not None:
            recipients = [*recipients, new]
        if removed is not None and removed[0] == rule.index:
            recipients = [text for text in recipients if text != removed[1]]
        *head, _, groups = _signature(rules, rule.index)
        expected.append((*head, tuple(recipients), groups))
    return expected


def _verified(
    data: bytes, changed: str, before: Rules, expected: list[Signature], line: int, *, named: Sequence[str] = ()
) -> bytes:
    """The bytes of a change that does what it was meant to do, and nothing else; ``named`` may have got other names."""
    path = before.path
    new = (_BOM if data.startswith(_BOM) else b"") + changed.encode()
    fine = False
    try:
        after = parse(new, path)
    except RulesError:
        pass
    else:
        found = [_signature(after, i) for i in range(len(after.creation_rules or []))]
        names = {r: name for r, name in before.names.items() if r in after.text and r not in named}
        fine = (
            [_sorted(s) for s in found] == [_sorted(s) for s in expected]
            and after.stores == before.stores
            and len(after.destination_rules) == len(before.destination_rules)
            and all(after.names.get(recipient) == name for recipient, name in names.items())
        )
    if not fine:
        raise RulesError("the rule is written in a way that is not understood", file=path, line=line, hint=BY_HAND)
    return new


def _sorted(signature: Signature) -> Signature:
    # a recipient may be added in the middle: the order of kinds is sops', not the file's
    *head, recipients, groups = signature
    return (*head, tuple(sorted(recipients)), groups)  # type: ignore[call-overload]  # a tuple of texts
