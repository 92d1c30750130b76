"""The nodes of a YAML document with where they stand, for edits of its structure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml
from yaml._yaml import CParser

from kubectl_sops.formats.yaml_load import kind_of

if TYPE_CHECKING:
    from collections.abc import Callable

MAP, LIST, SCALAR, ALIAS = "map", "list", "scalar", "alias"
_BREAKS = "\r\n\x85\u2028\u2029"


class Node:
    """A node.

    Attributes:
        kind: ``MAP``, ``LIST``, ``SCALAR`` or ``ALIAS``.
        flow: a flow collection.
        start, end: from its tag or anchor to the end of its last token; for a block collection, of its last item.
        lead: the end of the colon or dash before it.
        column: of the first key or dash of a block collection.
        keys: of a map: name and start of each key.
        items: values of a map, or of a list.
        dashes: of a block list: where each dash stands.
    """

    __slots__ = ("column", "dashes", "end", "flow", "items", "keys", "kind", "lead", "start")

    def __init__(self, kind: str, start: int, end: int, *, flow: bool = False, column: int = 0) -> None:
        self.kind = kind
        self.start = start
        self.end = end
        self.flow = flow
        self.column = column
        self.lead = start
        self.keys: list[tuple[str, int]] = []
        self.items: list[Node] = []
        self.dashes: list[int] = []

    @property
    def is_empty(self) -> bool:
        return not self.items


def first_document(text: str) -> Node:
    """The root node of the first document; the text is known to be well-formed."""
    next_event = CParser(text).get_event
    next_event()
    next_event()
    return _node(next_event, next_event(), text)


def _node(next_event: Callable[[], Any], event: Any, text: str) -> Node:
    kind = event.__class__
    start, end = event.start_mark.index, event.end_mark.index
    if kind is yaml.ScalarEvent:
        return Node(SCALAR, start, _scalar_end(text, start, end, event))
    if kind is yaml.AliasEvent:
        return Node(ALIAS, start, end)
    if kind is yaml.MappingStartEvent:
        return _map(next_event, event, text)
    return _list(next_event, event, text)


def _scalar_end(text: str, start: int, end: int, event: Any) -> int:
    if event.style not in ("|", ">"):
        return end
    # without the blank lines behind the body, and without its last line break
    while end > start and text[end - 1] in _BREAKS + " ":
        end -= 1
    return end


def _map(next_event: Callable[[], Any], event: Any, text: str) -> Node:
    node = Node(MAP, event.start_mark.index, event.end_mark.index, flow=bool(event.flow_style))
    while kind_of(inner := next_event()) is not yaml.MappingEndEvent:
        if not node.keys:
            node.column = inner.start_mark.column
        node.keys.append((getattr(inner, "value", ""), inner.start_mark.index))
        node.items.append(_node(next_event, next_event(), text))
        node.items[-1].lead = text.find(":", inner.end_mark.index) + 1
    if node.flow:
        node.end = inner.end_mark.index
    elif node.items:
        node.end = node.items[-1].end
    return node


def _list(next_event: Callable[[], Any], event: Any, text: str) -> Node:
    node = Node(LIST, event.start_mark.index, event.end_mark.index, flow=bool(event.flow_style))
    floor = event.start_mark.index
    while kind_of(inner := next_event()) is not yaml.SequenceEndEvent:
        if not node.flow:
            dash = _dash(text, floor, inner.start_mark.index)
            node.dashes.append(dash)
            node.column = dash - line_start(text, dash)
        node.items.append(_node(next_event, inner, text))
        if not node.flow:
            node.items[-1].lead = node.dashes[-1] + 1
        floor = node.items[-1].end
    if node.flow:
        node.end = inner.end_mark.index
    elif node.items:
        node.end = node.items[-1].end
    return node


def _dash(text: str, floor: int, item: int) -> int:
    """The dash before an item: the last one that stands between it and what came before, outside comments."""
    at = item if text[item : item + 1] == "-" and item == floor else item - 1
    while at > floor and not (text[at] == "-" and text[at + 1 : at + 2] in (" ", "\t", *_BREAKS, "")
                              and "#" not in text[line_start(text, at) : at]):  # fmt: skip
        at -= 1
    return at


def line_start(text: str, index: int) -> int:
    """Where the line of ``index`` starts."""
    while index > 0 and text[index - 1] not in _BREAKS:
        index -= 1
    return index


def line_end(text: str, index: int) -> int:
    """Where the line of ``index`` ends, before its break."""
    while index < len(text) and text[index] not in _BREAKS:
        index += 1
    return index


def next_line(text: str, index: int) -> int:
    """Behind the break of the line that ``index`` is in."""
    at = line_end(text, index)
    if text[at : at + 2] == "\r\n":
        return at + 2
    return min(at + 1, len(text))
