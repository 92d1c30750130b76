"""Adding a recipient to a rule, and taking it out, in whatever way the rule is written."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kubectl_sops.errors import RulesError
from kubectl_sops.rules import fields
from kubectl_sops.rules.layout import Layout, comment, scalar
from kubectl_sops.rules.names import split
from kubectl_sops.rules.rule import GROUP_KINDS, TEXT_KINDS

if TYPE_CHECKING:
    from kubectl_sops.rules.nodes import Node

BY_HAND = "change that line by hand"


def same(a: str, b: str) -> bool:
    """Whether two recipients are the same key; the comment of an ssh key takes no part."""
    return identity(a) == identity(b)


def identity(recipient: str) -> str:
    """A recipient without the comment that an ssh key may carry."""
    return " ".join(recipient.split()[:2]) if recipient.startswith("ssh-") else recipient


def add(text: str, rule: Node, recipient: str, name: str, kind: str) -> str:
    """The text with a recipient added to the rule at ``rule``."""
    layout = Layout(text)
    home, field = _home(rule, kind)
    value = home.get(field)
    grouped = home is not rule
    if value is None:
        if field in fields.fields(home, "a rule", None):
            raise RulesError("its recipients are merged in with <<", line=home.line, hint=BY_HAND)
        _add_field(layout, home, field, recipient, name, as_list=grouped)
    elif value.target is not None:
        raise RulesError(
            f"its recipients are an alias (*{value.anchor})",
            line=value.line,
            hint=f"add the recipient at the anchor &{value.anchor}",
        )
    elif value.is_null:
        key = next(key for key, _ in home.pairs if key.text == field)
        new = f"[{scalar(recipient, flow=True)}]" if grouped else scalar(recipient, flow=home.flow)
        layout.replace(text.index(":", key.end) + 1, value.end, f" {new}")
        _name_above(layout, key.start, recipient, name)
    elif value.kind == "list":
        (_add_flow_item if value.flow else _add_item)(layout, value, recipient, name)
    elif home.flow and not value.style:  # between braces a comma would end the value
        new = scalar(f"{value.text},{recipient}", flow=True)
        layout.replace(value.start, value.end, new)
        _name_above(layout, home.start, recipient, name)
    else:
        _add_to_text(layout, value, recipient, name)
    return layout.result()


def _home(rule: Node, kind: str) -> tuple[Node, str]:
    """The map that holds the recipients of one kind, and the field."""
    groups = fields.fields(rule, "a rule", None).get("key_groups")
    home = rule
    if groups is not None and groups.items:
        home = groups.items[0]
        field = next(name for name, (its, _) in GROUP_KINDS.items() if its == kind)
        if GROUP_KINDS[field][1] is not None:
            raise RulesError(f"{field} in key_groups is not a list of texts", line=groups.line, hint=BY_HAND)
    else:
        field = next(name for name, its in TEXT_KINDS.items() if its == kind)
    for node in (rule, groups, home):
        if node is not None and node.target is not None:
            raise RulesError(f"the rule is an alias (*{node.anchor})", line=node.line, hint=BY_HAND)
    return home, field


def _add_field(layout: Layout, home: Node, field: str, recipient: str, name: str, *, as_list: bool) -> None:
    if home.kind != "map" or not home.pairs:
        raise RulesError("the rule is empty", line=home.line, hint=BY_HAND)
    if home.flow:
        value = scalar(recipient, flow=True)
        layout.insert(home.pairs[-1][1].content_end(layout.text), f", {field}: " + (f"[{value}]" if as_list else value))
        _name_above(layout, home.start, recipient, name)
        return
    first = home.pairs[0]
    _, after = next((pair for pair in home.pairs if pair[0].text == "path_regex"), first)
    indent = " " * first[0].column
    new = scalar(recipient) + comment(recipient, name)
    if as_list:
        new = f"{layout.newline}{indent}  - {new}"
        layout.insert_line(after.content_end(layout.text), f"{indent}{field}:{new}")
    else:
        layout.insert_line(after.content_end(layout.text), f"{indent}{field}: {new}")


def _add_item(layout: Layout, value: Node, recipient: str, name: str) -> None:
    last = value.items[-1]
    dash = layout.dash(last)
    gap = layout.text[dash + 1 : last.start]
    if gap.strip(" "):
        raise RulesError("the list is written in a way that is not understood", line=value.line, hint=BY_HAND)
    indent = " " * (dash - layout.line_start(dash))
    layout.insert_line(last.content_end(layout.text), f"{indent}-{gap}{scalar(recipient)}{comment(recipient, name)}")


def _add_flow_item(layout: Layout, value: Node, recipient: str, name: str) -> None:
    new = scalar(recipient, flow=True)
    if not value.items:
        layout.insert(value.end - 1, new)
        _name_above(layout, value.start, recipient, name)
        return
    last = value.items[-1]
    end = last.content_end(layout.text)
    if "\n" not in layout.text[value.start : last.start]:
        layout.insert(end, f", {new}")
        _name_above(layout, value.start, recipient, name)
        return
    if not layout.text[end:].lstrip(" ").startswith(","):
        layout.insert(end, ",")
    if layout.line_end(end) >= value.end:  # the bracket closes on the last item's line
        layout.insert(end, f"{layout.newline}{layout.indent(last.start)}{new}")
        _name_above(layout, value.start, recipient, name)
    else:
        layout.insert_line(end, f"{layout.indent(last.start)}{new},{comment(recipient, name)}")


def _add_to_text(layout: Layout, value: Node, recipient: str, name: str) -> None:
    text = layout.text
    start, end = _inner(text, value)
    raw = text[start:end]
    others = split(value.text)
    if value.style in ("|", ">"):
        gap = layout.newline + layout.indent(end - 1)
    elif "\n" in raw:
        gap = layout.newline + layout.indent(end)
    else:
        gap = " " if ", " in raw else ""
    if not others:
        new = recipient
    elif raw.endswith(","):
        new = f"{gap}{recipient},"
    else:
        new = f",{gap}{recipient}"
    layout.insert(end, new)
    if len(others) == 1 and value.style not in ("|", ">"):
        _move_name_above(layout, value, others[0])
    _name_above(layout, value.start, recipient, name)


def _inner(text: str, value: Node) -> tuple[int, int]:
    """The span of a scalar's own text, between quotes or below the header of a block."""
    start, end = value.start, value.content_end(text)
    if value.style in ("|", ">"):
        start = text.index("\n", start) + 1
    elif value.style:
        start, end = start + 1, end - 1
    return start, start + len(text[start:end].rstrip())


def _move_name_above(layout: Layout, value: Node, recipient: str) -> None:
    # behind a list of several, a comment no longer says whom it means
    match = re.compile(r"[ \t]+#[ \t]*([^\r\n]*)").match(layout.text, value.end)
    if match and match[1]:
        layout.replace(match.start(), match.end(), "")
        _name_above(layout, value.start, recipient, match[1])


def _name_above(layout: Layout, at: int, recipient: str, name: str) -> None:
    if behind := comment(recipient, name):
        layout.insert_line_above(at, f"# {recipient} {behind.removeprefix(' # ')}")


def remove(text: str, rule: Node, recipient: str, *, elsewhere: bool) -> str:
    """The text without a recipient in the rule at ``rule``; ``elsewhere`` says whether another rule has it too."""
    layout = Layout(text)
    found = False
    for home in _homes(rule):
        for position, (_, value) in enumerate(home.pairs):
            found = _remove_from(layout, home, position, value, recipient) or found
    if not found:
        raise RulesError("the recipient comes from an alias or a merge", line=rule.line, hint=BY_HAND)
    if not elsewhere:
        line = re.compile(rf"^[ \t]*#[ \t]*{re.escape(recipient)}\b[^\n]*\n?", re.MULTILINE)
        for match in line.finditer(text):
            layout.replace(match.start(), match.end(), "")
    return layout.result()


def _homes(rule: Node) -> list[Node]:
    groups = rule.get("key_groups")
    if groups is not None and groups.items:
        homes = [] if groups.target else [node for node in groups.items if node.target is None]
        return homes + [m for h in homes for m in _merged(h)]
    return [rule]


def _merged(home: Node) -> list[Node]:
    merge = home.get("merge")
    if merge is None or merge.target is not None:
        return []
    own = [node for node in merge.items if node.target is None]
    return own + [m for node in own for m in _merged(node)]


def _remove_from(layout: Layout, home: Node, position: int, value: Node, recipient: str) -> bool:
    field = home.pairs[position][0].text
    if field not in TEXT_KINDS and field not in GROUP_KINDS:
        return False
    has = [node for node in (value.items or [value]) if any(same(text, recipient) for text in split(node.text))]
    if not has or value.target is not None:
        return False
    for node in has:
        tokens = split(node.text)
        if node.target is None and len(tokens) > 1:
            _remove_token(layout, node, recipient)
        elif node is value or len(value.items) == len(has):
            _remove_field(layout, home, position)
            break
        else:
            _remove_item(layout, value, node)
    return True


def _remove_token(layout: Layout, value: Node, recipient: str) -> None:
    start, end = _inner(layout.text, value)
    tokens = [
        (start + match.start(), start + match.end())
        for match in re.finditer(r"[^\s,](?:[^,]*[^\s,])?", layout.text[start:end])
    ]
    for i, (first, last) in enumerate(tokens):
        if same(layout.text[first:last], recipient):
            if i:
                layout.replace(tokens[i - 1][1], last, "")
            else:
                layout.replace(first, tokens[1][0], "")


def _remove_item(layout: Layout, value: Node, item: Node) -> None:
    text = layout.text
    if not value.flow:
        dash = layout.dash(item)
        if layout.is_first_on_line(dash):
            layout.delete_lines(dash, item.content_end(text))
        else:  # `- - x`
            raise RulesError("the list starts on the line of another", line=item.line, hint=BY_HAND)
        return
    position = next(i for i, other in enumerate(value.items) if other is item)
    if position + 1 < len(value.items):
        layout.replace(item.start, value.items[position + 1].start, "")
        return
    before = value.items[position - 1].content_end(text)
    if "\n" in text[before : item.start] and layout.line_end(item.end) < value.end:
        layout.delete_lines(item.start, item.end)  # the comma before it may stay, and a comment behind that must
    else:
        layout.replace(before, item.content_end(text), "")


def _remove_field(layout: Layout, home: Node, position: int) -> None:
    key, value = home.pairs[position]
    if len(home.pairs) == 1:
        raise RulesError("that is the only recipient", line=key.line, hint="remove the rule instead")
    last = position + 1 == len(home.pairs)
    if home.flow:
        if last:
            layout.replace(home.pairs[position - 1][1].content_end(layout.text), value.content_end(layout.text), "")
        else:
            layout.replace(key.start, home.pairs[position + 1][0].start, "")
    elif layout.is_first_on_line(key.start):
        layout.delete_lines(key.start, value.content_end(layout.text))
    else:  # on the line of the dash: the next field takes its place
        layout.replace(key.start, home.pairs[position + 1][0].start, "")
