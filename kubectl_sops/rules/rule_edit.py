"""Adding a rule, in the layout of those that are there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_sops.errors import RulesError
from kubectl_sops.rules.layout import Layout, comment, scalar
from kubectl_sops.rules.recipient_edit import BY_HAND

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kubectl_sops.rules.nodes import Node

Named = tuple[str, str]
"""A recipient and its name, which may be empty."""


def lines(path_regex: str, encrypted_regex: str, recipients: Sequence[Named]) -> list[str]:
    """The lines of a new rule, without indentation.

    Several recipients are written as a key group, because that is the only list that every version of sops reads, and
    only a list leaves room for names.
    """
    out = [f"path_regex: {scalar(path_regex)}"] if path_regex else []
    if encrypted_regex:
        out.append(f"encrypted_regex: {scalar(encrypted_regex)}")
    if len(recipients) == 1:
        recipient, name = recipients[0]
        return [*out, f"age: {scalar(recipient)}{comment(recipient, name)}"]
    items = [f"      - {scalar(recipient)}{comment(recipient, name)}" for recipient, name in recipients]
    return [*out, "key_groups:", "  - age:", *items]


def flow_text(path_regex: str, encrypted_regex: str, recipients: Sequence[Named]) -> str:
    """A new rule in braces."""
    values = {"path_regex": path_regex, "encrypted_regex": encrypted_regex, "age": ",".join(r for r, _ in recipients)}
    return "{" + ", ".join(f"{key}: {scalar(value, flow=True)}" for key, value in values.items() if value) + "}"


def add(text: str, tree: Node | None, before: int | None, rule: list[str], flow: str) -> str:
    """The text with a rule added, before the rule at index ``before`` or at the end.

    ``rule`` and ``flow`` are the two ways to write it.
    """
    layout = Layout(text)
    if tree is None or tree.is_null:
        _add_at_end(layout, rule)
        return layout.result()
    key, value = next(((k, v) for k, v in tree.pairs if k.text == "creation_rules"), (None, None))
    if key is None or value is None:
        if tree.flow:
            raise RulesError("the file is written with braces", line=tree.line, hint=BY_HAND)
        _add_at_end(layout, rule)
    elif value.target is not None:
        raise RulesError(f"creation_rules is an alias (*{value.anchor})", line=value.line, hint=BY_HAND)
    elif value.items and not value.present:
        raise RulesError("creation_rules has empty items only", line=value.line, hint=BY_HAND)
    elif not value.items:
        colon = text.index(":", key.end) + 1
        layout.replace(colon, max(colon, value.end), "")
        layout.insert_line(value.end, layout.newline.join(_indented(rule, 2, " ")))
    elif value.flow:
        if before is None:
            layout.insert(value.items[-1].content_end(text), f", {flow}")
        else:
            layout.insert(value.present[before].start, f"{flow}, ")
    else:
        _add_item(layout, key, value, before, rule)
    return layout.result()


def _indented(rule: list[str], column: int, gap: str) -> list[str]:
    blanks = " " * column
    return [blanks + ("-" + gap if i == 0 else " " * (1 + len(gap))) + line for i, line in enumerate(rule)]


def _add_at_end(layout: Layout, rule: list[str]) -> None:
    text = layout.text
    start = "" if not text or text.endswith("\n") else layout.newline
    new = layout.newline.join(["creation_rules:", *_indented(rule, 2, " ")])
    layout.insert(len(text), start + new + layout.newline)


def _add_item(layout: Layout, key: Node, value: Node, before: int | None, rule: list[str]) -> None:
    text, items = layout.text, value.present
    dash = layout.dash(items[0])
    gap = text[dash + 1 : items[0].start]
    new = _indented(rule, dash - layout.line_start(dash), gap if gap.strip(" ") == "" and gap else " ")
    apart = len(items) > 1 and _has_blank_line(text[items[0].content_end(text) : items[1].start])
    if before == 0:
        # comments above the first rule stay with it
        layout.insert_line(text.index(":", key.end), layout.newline.join([*new, ""] if apart else new))
    else:
        after = items[-1] if before is None else items[before - 1]
        layout.insert_line(after.content_end(text), layout.newline.join(["", *new] if apart else new))


def _has_blank_line(text: str) -> bool:
    return any(not line.strip() for line in text.split("\n")[1:-1])
