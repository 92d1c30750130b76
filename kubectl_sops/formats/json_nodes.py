"""JSON as a tree that knows where each node stands in the text, and changes to it that keep the rest as it is."""

from __future__ import annotations

import re

from kubectl_sops.errors import ParseError
from kubectl_sops.formats import json_text
from kubectl_sops.formats.json_text import Layout

MAX_DEPTH = 500
"""Levels of nesting; real documents have a dozen."""

_WS = r"[ \t\r\n]*+"
_STRING = r'"[^"\\\x00-\x1f]*+(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*+)*+"'
_NUMBER = r"-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?"
_VALUE = rf"(?:({_STRING})|({_NUMBER})|(true|false|null)|([\[{{]))"

ITEM = re.compile(rf"{_WS}{_VALUE}(?:{_WS}([,\]}}]))?")
"""An item of a list: string, number, word, opening bracket, what follows."""

MEMBER = re.compile(rf"{_WS}({_STRING}){_WS}:{_WS}{_VALUE}(?:{_WS}([,\]}}]))?")
"""A member of an object: key, then as ``ITEM``."""

CLOSING = re.compile(rf"{_WS}([\]}}])")
SEPARATOR = re.compile(rf"{_WS}([,\]}}])")
SPACE = re.compile(_WS)

_ESCAPE = re.compile(r"\\(?:u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|(.))")
_NOT_UTF8 = re.compile("[\ud800-\udfff]")
_SIMPLE = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}

WORDS: dict[str, object] = {"true": True, "false": False, "null": None}


def fail(text: str, at: int, message: str = "this is not JSON") -> ParseError:
    """An error that names the line of a position, never its text."""
    return ParseError(message, line=text.count("\n", 0, skip(text, at)) + 1)


def skip(text: str, at: int) -> int:
    """The position after blanks."""
    return SPACE.match(text, at).end()  # type: ignore[union-attr]  # the pattern matches the empty text


def unquote(token: str) -> str:
    """The text of a JSON string; what is not Unicode becomes U+FFFD, as in encoding/json."""
    body = token[1:-1]
    if "\\" in body:
        body = _ESCAPE.sub(_unescape, body)
    return body if body.isascii() else _NOT_UTF8.sub("\ufffd", body)


def _unescape(match: re.Match[str]) -> str:
    high, low, code, char = match.groups()
    if high:
        return chr(0x10000 + ((int(high, 16) & 0x3FF) << 10) + (int(low, 16) & 0x3FF))
    if code:
        return chr(int(code, 16))
    return _SIMPLE.get(char, char)


def number(token: str) -> int | float | None:
    """An int where it has integer syntax and fits 64 bits, otherwise a float; ``None`` beyond the range of floats."""
    if token.lstrip("-").isdecimal():
        value = int(token) if len(token) < 20 else 2**64  # longer ones can't fit, and may be very long
        if -(2**63) <= value < 2**63:
            return value
        if len(token) == 20 and -(2**63) <= (value := int(token)) < 2**63:
            return value
    result = float(token)
    return None if result in (json_text.INFINITY, -json_text.INFINITY) else result


class Node:
    """A value in the text.

    Attributes:
        start, end: where it stands.
        value: ``dict``, ``list`` or scalar.
        keys: of an object, each key with its position; duplicates included.
        children: of an object or a list.
    """

    __slots__ = ("children", "end", "keys", "start", "value")

    def __init__(self, start: int, end: int, value: object) -> None:
        self.start = start
        self.end = end
        self.value = value
        self.keys: list[tuple[str, int]] = []
        self.children: list[Node] = []


def parse_node(text: str, at: int, depth: int = 0) -> Node:
    """The value that starts at ``at``, or after blanks there.

    Raises:
        ParseError: it is not JSON, or nested too deeply.
    """
    match = ITEM.match(text, at)
    if match is None:
        raise fail(text, at)
    return _node(text, match, 1, depth)


def _node(text: str, match: re.Match[str], group: int, depth: int) -> Node:
    token, digits, word, opening = match.group(group, group + 1, group + 2, group + 3)
    if token is not None:
        return Node(*match.span(group), unquote(token))
    if digits is not None:
        value = number(digits)
        if value is None:
            raise fail(text, match.start(group + 1), "a number is beyond the range of 64-bit floats")
        return Node(*match.span(group + 1), value)
    if word is not None:
        return Node(*match.span(group + 2), WORDS[word])
    start = match.start(group + 3)
    if depth >= MAX_DEPTH:
        raise fail(text, start, f"nested more than {MAX_DEPTH} levels deep")
    is_map = opening == "{"
    closing = "}" if is_map else "]"
    node = Node(start, start, None)
    at = start + 1
    end = CLOSING.match(text, at)
    while end is None:
        item = (MEMBER if is_map else ITEM).match(text, at)
        if item is None:
            raise fail(text, at)
        if is_map:
            node.keys.append((unquote(item.group(1)), item.start(1)))
        child = _node(text, item, 2 if is_map else 1, depth + 1)
        node.children.append(child)
        separator = SEPARATOR.match(text, child.end)
        if separator is None:
            raise fail(text, child.end)
        at = separator.end()
        if separator.group(1) != ",":
            end = separator
    if end.group(1) != closing:
        raise fail(text, end.start(1))
    node.end = end.end()
    values = [child.value for child in node.children]
    node.value = {key: value for (key, _), value in zip(node.keys, values, strict=True)} if is_map else values
    return node


def revise(text: str, node: Node, tree: object, layout: Layout, prefix: str = "") -> str:
    """The source of ``node`` changed so that it holds ``tree``; what is the same already is copied.

    Args:
        layout: how new parts are laid out where the node itself does not show it.
        prefix: the indentation of the line that the node starts in.
    """
    if repr(node.value) == repr(tree):
        return text[node.start : node.end]
    if not node.children or not tree or type(tree) is not type(node.value):
        return json_text.render(tree, layout, prefix)
    starts = [at for _, at in node.keys] if node.keys else [child.start for child in node.children]
    lead = text[node.start + 1 : starts[0]]
    gap = text[node.children[0].end : starts[1]] if len(starts) > 1 else "," + (lead or layout.item_gap[1:])
    inner = lead[lead.rindex("\n") + 1 :] if "\n" in lead else prefix
    own = layout if "\n" in lead else Layout("", "", layout.item_gap, layout.key_gap)
    if isinstance(tree, dict):
        parts = _members(text, node, tree, own, inner)
        same_keys = [key for key, _ in node.keys] == list(tree)
    else:
        parts = _items(text, node, tree, own, inner)  # type: ignore[arg-type]  # the types are equal
        same_keys = len(parts) == len(node.children)
    gaps = [gap] * (len(parts) - 1)
    if same_keys:  # even uneven spacing stays
        gaps = [text[child.end : start] for child, start in zip(node.children, starts[1:], strict=False)]
    body = parts[0] + "".join(gap + part for gap, part in zip(gaps, parts[1:], strict=True))
    return text[node.start : starts[0]] + body + text[node.children[-1].end : node.end]


def _members(text: str, node: Node, tree: dict[str, object], layout: Layout, prefix: str) -> list[str]:
    old = {key: (at, child) for (key, at), child in zip(node.keys, node.children, strict=True)}
    parts = []
    for key, value in tree.items():
        if key in old:
            at, child = old[key]
            parts.append(text[at : child.start] + revise(text, child, value, layout, prefix))
        else:
            parts.append(json_text.html_string(key) + layout.key_gap + json_text.render(value, layout, prefix))
    return parts


def _items(text: str, node: Node, tree: list[object], layout: Layout, prefix: str) -> list[str]:
    unused = list(node.children)
    parts: list[str | None] = []
    for value in tree:
        same = next((child for child in unused if repr(child.value) == repr(value)), None)
        if same is not None:
            unused.remove(same)
        parts.append(None if same is None else text[same.start : same.end])
    in_place = len(tree) == len(node.children)
    out = []
    for value, part in zip(tree, parts, strict=True):
        if part is None:
            if in_place and unused:
                part = revise(text, unused.pop(0), value, layout, prefix)
            else:
                part = json_text.render(value, layout, prefix)
        out.append(part)
    return out
