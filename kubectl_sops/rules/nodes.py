"""YAML as a tree that knows where each node stands in the text, aliases included.

PyYAML's composer drops where an alias was written, and plain data drops everything: errors here name lines, and edits
change the text in place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import yaml

from kubectl_sops.errors import RulesError

if TYPE_CHECKING:
    from collections.abc import Iterator

    Mark = Any  # the stubs know neither what libyaml's events hold nor that their marks are always there
    Event = Any

Kind = Literal["scalar", "list", "map"]

_NULLS = frozenset(("", "~", "null", "Null", "NULL"))


class Node:
    """One node of the document.

    Attributes:
        kind: ``scalar``, ``list`` or ``map``.
        text: the value of a scalar.
        items: the items of a list.
        pairs: keys and values of a map, in order.
        start, end: character offsets in the text; of the alias itself where the node is one. The end of a block
            collection is that of the token after it: use ``content_end``.
        line: counted from 1.
        column: counted from 0.
        style: how a scalar is quoted: ``""``, ``'``, ``"``, ``|`` or ``>``.
        flow: whether a collection is written with brackets.
        anchor: the name that the node has, or that the alias refers to.
        target: what an alias refers to.
    """

    __slots__ = (
        "anchor", "column", "end", "flow", "items", "kind", "line", "pairs", "start", "style", "tagged", "target",
        "text",
    )  # fmt: skip

    def __init__(self, kind: Kind, start: Mark, end: Mark) -> None:
        self.kind: Kind = kind
        self.start: int = start.index
        self.end: int = end.index
        self.line: int = start.line + 1
        self.column: int = start.column
        self.text = ""
        self.items: list[Node] = []
        self.pairs: list[tuple[Node, Node]] = []
        self.style = ""
        self.flow = False
        self.tagged = False
        self.anchor = ""
        self.target: Node | None = None

    @property
    def is_null(self) -> bool:
        return self.kind == "scalar" and not self.style and not self.tagged and self.text in _NULLS

    @property
    def present(self) -> list[Node]:
        """The items of a list without the null ones, which go-yaml drops where it wants a struct."""
        return [item for item in self.items if not item.is_null]

    def get(self, key: str) -> Node | None:
        """The value under ``key`` as written here; merge keys are not followed."""
        return next((value for name, value in self.pairs if name.text == key), None)

    def content_end(self, text: str) -> int:
        """Where the node's own text ends, without the blanks and comments after it."""
        if self.target is None:
            if self.kind == "list" and not self.flow and self.items:
                return self.items[-1].content_end(text)
            if self.kind == "map" and not self.flow and self.pairs:
                key, value = self.pairs[-1]
                if not (value.kind == "scalar" and value.start == value.end):  # an empty value stands nowhere
                    return value.content_end(text)
                return text.index(":", key.end) + 1
            if self.style in ("|", ">"):  # its mark stands after the line ends that chomping drops
                return len(text[: self.end].rstrip(" \t\r\n"))
        return self.end

    def __repr__(self) -> str:
        return f"Node({self.kind!r}, line {self.line})"


def compose(text: str) -> Node | None:
    """The first document of ``text``, as go-yaml's ``Unmarshal`` takes it; ``None`` where there is none.

    Raises:
        RulesError: it is not YAML, or a key is there twice.
    """
    try:
        return _document(yaml.parse(text, Loader=yaml.CSafeLoader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        # the problem is libyaml's own words; the context could quote the text
        raise RulesError(
            f"not YAML: {error.problem or 'syntax error'}", line=mark.line + 1 if mark is not None else None
        ) from None
    except yaml.YAMLError:
        raise RulesError("not YAML: a character that YAML does not allow") from None


def _document(events: Iterator[Event]) -> Node | None:
    for event in events:
        if isinstance(event, yaml.DocumentStartEvent):
            anchors: dict[str, Node] = {}
            return _node(next(events), events, anchors)
    return None


def _node(event: Event, events: Iterator[Event], anchors: dict[str, Node]) -> Node:
    if isinstance(event, yaml.AliasEvent):
        return _alias(event, anchors)
    if isinstance(event, yaml.ScalarEvent):
        node = Node("scalar", event.start_mark, event.end_mark)
        node.text = event.value
        node.style = event.style or ""
        node.tagged = event.tag is not None
    elif isinstance(event, yaml.SequenceStartEvent):
        node = Node("list", event.start_mark, event.end_mark)
        node.flow = bool(event.flow_style)
        for child in events:
            if isinstance(child, yaml.SequenceEndEvent):
                node.end = _index(child)
                break
            node.items.append(_node(child, events, anchors))
    else:
        node = Node("map", event.start_mark, event.end_mark)
        node.flow = bool(event.flow_style)
        for child in events:
            if isinstance(child, yaml.MappingEndEvent):
                node.end = _index(child)
                break
            key = _node(child, events, anchors)
            if key.text != "<<" and any(key.text == other.text for other, _ in node.pairs):
                raise RulesError("a key is there twice", path=(key.text,), line=key.line)
            node.pairs.append((key, _node(next(events), events, anchors)))
    if event.anchor:
        node.anchor = event.anchor
        anchors[event.anchor] = node
    return node


def _index(event: Event) -> int:
    index: int = event.end_mark.index
    return index


def _alias(event: Event, anchors: dict[str, Node]) -> Node:
    target = anchors.get(event.anchor)
    if target is None:
        raise RulesError("an alias whose anchor is not there", line=event.start_mark.line + 1)
    node = Node(target.kind, event.start_mark, event.end_mark)
    node.text, node.items, node.pairs = target.text, target.items, target.pairs
    node.style, node.flow, node.tagged = target.style, target.flow, target.tagged
    node.anchor, node.target = event.anchor, target
    return node
