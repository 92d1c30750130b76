"""YAML text to leaves: one pass over libyaml's events, keeping where each scalar stands.

Refuses what sops' parser refuses, so that every file we write can be read by it.
"""

from __future__ import annotations

import gc
import re
from typing import TYPE_CHECKING, Any

import yaml
from yaml._yaml import CParser

from kubectl_sops.core.leaf import Leaf
from kubectl_sops.core.values import EMPTY_LIST, EMPTY_MAP, is_listed_comment
from kubectl_sops.errors import EncryptTreeError, MetadataError, ParseError, SopsError
from kubectl_sops.formats.yaml_entry_tree import EntryTree, build
from kubectl_sops.formats.yaml_load import kind_of, problem
from kubectl_sops.formats.yaml_load import line as line_of
from kubectl_sops.formats.yaml_scalars import resolve, tagged

if TYPE_CHECKING:
    from collections.abc import Callable

    from kubectl_sops.core.leaf import Path

    Lists = dict[tuple[int, Path], int | None]

MAX_DEPTH = 500
"""Nesting; go-yaml stops at 10,000, Python's own stack much earlier."""

MAX_ALIASED = 200_000
"""Leaves that aliases may stand for in one file: a few lines of aliases can stand for billions."""

SOPS_KEY = "sops"
_KEY_HINT = frozenset("+-.0123456789yYnNtTfFoO~")


class Style:
    """How a scalar is written.

    Attributes:
        mark: ``"``, ``'``, ``|``, ``>``, or ``""`` for plain text.
        flow: inside a flow collection.
        column: of the block collection that it belongs to.
        properties: where its tag and anchor stand; an empty span where it has none.
        tag: the resolved tag, or ``None``.
        alias: for a leaf that an alias stands for, the number of that alias.
    """

    __slots__ = ("alias", "column", "flow", "mark", "properties", "tag")

    def __init__(self, mark: str, flow: bool, column: int) -> None:
        self.mark = mark
        self.flow = flow
        self.column = column
        self.properties = (0, 0)
        self.tag: str | None = None
        self.alias: int | None = None


class Alias:
    """An alias: where it stands, the leaves it stands for, and those of its anchor.

    Attributes:
        span: of ``*name``.
        leaves: first and last index (exclusive) of its own leaves.
        source: the same for the leaves of the anchored node.
        value: ``scalar``, ``map`` or ``list``.
        depth: length of its own path.
    """

    __slots__ = ("depth", "flow", "leaves", "source", "span", "value")

    def __init__(self, span: tuple[int, int], source: tuple[int, int], value: str, flow: bool, depth: int) -> None:
        self.span = span
        self.source = source
        self.value = value
        self.flow = flow
        self.depth = depth
        self.leaves = (0, 0)


class Part:
    """One document of the stream.

    Attributes:
        start: where its content starts.
        end: where a ``sops`` entry is inserted: before ``...``, ``---`` or the end of the text.
        flow: the root is a flow mapping, which starts at ``root``.
        column: of the root's keys.
        null: span of an explicit null root (``~``), which becomes a mapping.
        entry: where the ``sops`` entry stands (key start, value start, value end), or ``None``.
        tree: what it holds.
        keys: names of the root's keys, with where each starts.
    """

    __slots__ = ("column", "end", "entry", "flow", "keys", "null", "root", "start", "tree")

    def __init__(self, start: int) -> None:
        self.start = start
        self.end = start
        self.flow = False
        self.column = 0
        self.root = start
        self.null: tuple[int, int] | None = None
        self.entry: tuple[int, int, int] | None = None
        self.tree: EntryTree | None = None
        self.keys: list[tuple[str, int]] = []


class _Frame:
    __slots__ = ("column", "count", "flow", "is_map", "key", "keys", "merging", "path", "start")

    def __init__(self, is_map: bool, flow: bool, path: Path, column: int, start: int) -> None:
        self.is_map = is_map
        self.flow = flow
        self.path = path
        self.column = column
        self.start = start  # index of the first leaf
        self.key: str | None = None
        self.keys: set[str] | None = set() if is_map else None
        self.merging = False  # behind the merge key `<<`, or in a list there
        self.count = 0


class Scan:
    """What one pass found. See ``scan``."""

    def __init__(self, text: str, readable: str) -> None:
        self.text = text
        self.readable = readable
        """The text with blanks for tabs that go-yaml accepts and libyaml does not."""
        self.leaves: list[Leaf] = []
        self.containers: list[Path] = []
        self.lists: Lists = {}
        self.parts: list[Part] = []
        self.aliases: list[Alias] = []
        self.entry: EntryTree | None = None
        self.solid: list[tuple[int, int, int]] | None = [] if "#" in text else None
        """Spans in which ``#`` starts no comment: start, end, and the end of a block scalar's header or -1."""
        self._frames: list[_Frame] = []
        self._anchors: dict[str, tuple[int, int, str, int]] = {}
        self._open_anchors: dict[str, _Frame] = {}
        self._aliased = 0


MAX_REPAIRS = 100
"""Places with tabs between comments; each costs another parse."""


def scan(text: str) -> Scan:
    """Read a stream.

    Raises:
        ParseError: with the line, never the text.
        EncryptTreeError: a key or number that SOPS can't hold.
    """
    paused = gc.isenabled()
    gc.disable()  # tens of thousands of small objects, none of them garbage
    try:
        readable = text
        for _ in range(MAX_REPAIRS):
            try:
                return _scan(readable, text)
            except ParseError as error:
                repaired = _without_tabs(readable, error.line) if "\t" in text and "#" in text else None
                if repaired is None:
                    raise
                readable = repaired
        return _scan(readable, text)
    finally:
        if paused:
            gc.enable()


def _without_tabs(text: str, line: int | None) -> str | None:
    """The text, of the same length, without the tabs between comments around a line; ``None`` where there are none."""
    from kubectl_sops.formats.yaml_lines import tabs_replaced

    return None if line is None else tabs_replaced(text, line - 1)


def _scan(readable: str, text: str) -> Scan:
    result = Scan(text, readable)
    try:
        parser = CParser(readable)
        _stream(parser.get_event, result)
    except yaml.MarkedYAMLError as error:
        raise ParseError(problem(error), line=line_of(error)) from None
    except yaml.reader.ReaderError:
        raise ParseError("a character that YAML does not allow") from None
    except RecursionError:
        raise ParseError("nested too deeply") from None
    return result


def _stream(next_event: Callable[[], Any], result: Scan) -> None:
    while True:
        event = next_event()
        kind = event.__class__
        if kind is yaml.DocumentStartEvent:
            _document(next_event, event, result)
        elif kind is yaml.StreamEndEvent:
            return


def _document(next_event: Callable[[], Any], start: Any, result: Scan) -> None:
    if getattr(start, "version", None) is not None:
        raise ParseError("a %YAML directive, which sops does not read", line=start.start_mark.line + 1)
    part = Part(start.end_mark.index)
    number = len(result.parts)
    result.parts.append(part)
    result._anchors.clear()
    event = next_event()
    kind = event.__class__
    if kind is yaml.MappingStartEvent:
        part.flow = bool(event.flow_style)
        part.root = event.end_mark.index - 1 if part.flow else event.start_mark.index
        first = len(result.leaves)
        _collection(next_event, event, result, part, number)
        if len(result.leaves) == first:
            result.leaves.append(Leaf((), EMPTY_MAP, (part.root, part.root), None, number))
    elif kind is yaml.ScalarEvent and event.style in (None, "") and _root_is_null(event):
        if event.start_mark.index != event.end_mark.index:
            part.null = (event.start_mark.index, event.end_mark.index)
        result.containers.append(())
        result.leaves.append(Leaf((), EMPTY_MAP, (part.start, part.start), None, number))
    else:
        what = "list" if kind is yaml.SequenceStartEvent else "single value"
        raise ParseError(
            f"a document that is a {what}; SOPS files hold mappings",
            line=event.start_mark.line + 1,
            hint="put it below a key",
        )
    end = next_event()
    while kind_of(end) is not yaml.DocumentEndEvent:
        end = next_event()
    part.end = end.start_mark.index


def _root_is_null(event: Any) -> bool:
    return event.tag is None and event.anchor is None and resolve(event.value) is None


def _collection(  # one loop for the whole document: calls per node would double its cost
    next_event: Callable[[], Any], root: Any, result: Scan, part: Part, number: int
) -> None:
    leaves, containers, solid, text = result.leaves, result.containers, result.solid, result.text
    frames: list[_Frame] = []
    opened: list[str | None] = []
    frame = _open(root, (), result, 0)
    part.column = frame.column
    frames.append(frame)
    opened.append(root.anchor)
    containers.append(())
    while True:
        event = next_event()
        kind = event.__class__
        if kind is yaml.ScalarEvent:
            mark = event.style or ""
            start, end = event.start_mark.index, event.end_mark.index
            if frame.is_map and frame.key is None:
                key = _key(event, frame, number)
                frame.key = key
                if solid is not None:
                    solid.append((start, end, -1))
                if len(frames) == 1:
                    if frame.column < 0:
                        part.column = frame.column = event.start_mark.column
                    if key == SOPS_KEY:
                        _entry(next_event, event, result, part, number)
                        frame.key = None
                        continue
                    part.keys.append((key, start))
                elif frame.count == 0 and not frame.flow and frame.column < 0:
                    frame.column = event.start_mark.column
                frame.count += 1
                continue
            if frame.merging:
                raise _no_merge(event)
            style = Style(mark, frame.flow, frame.column)
            body = start
            if event.anchor is not None or event.tag is not None:
                body = _skip_properties(text, start, end)
                style.properties = (start, body)
                style.tag = event.tag
            try:
                value = _value(event, mark)
            except SopsError as error:
                error.line = event.start_mark.line + 1
                error.path = _child_path(frame)
                raise
            if solid is not None:
                solid.append((body, end, _header_end(text, body) if mark in ("|", ">") else -1))
            if event.anchor is not None:
                result._open_anchors.pop(event.anchor, None)
                result._anchors[event.anchor] = (len(leaves), len(leaves) + 1, "scalar", len(frame.path) + 1)
            if not frame.is_map and is_listed_comment(value):
                path = frame.path  # it becomes a comment again, which no index counts
            else:
                path = _next_path(frame)
            leaves.append(Leaf(path, value, (body, end), style, number))
        elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
            if frame.is_map and frame.key is None:
                raise EncryptTreeError(
                    "a key that is a collection; SOPS files have text as keys", line=event.start_mark.line + 1
                )
            if len(frames) >= MAX_DEPTH:
                raise ParseError("nested too deeply", line=event.start_mark.line + 1)
            path = _next_path(frame)
            merging = frame.merging
            if merging:
                if kind is yaml.SequenceStartEvent and not frame.is_map:
                    raise _no_merge(event)
                frame.merging = not frame.is_map
            frame = _open(event, path, result, frame.column)
            frame.merging = merging and not frame.is_map
            frames.append(frame)
            opened.append(event.anchor)
            if event.anchor is not None:
                result._open_anchors[event.anchor] = frame
                result._anchors.pop(event.anchor, None)
            containers.append(path)
            if not frame.is_map:
                result.lists[number, path] = None if frame.flow else frame.column
        elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
            frames.pop()
            anchor = opened.pop()
            if frame.count == 0 and frames:
                if frame.start == len(leaves):
                    span = (text.rfind("{" if frame.is_map else "[", 0, event.end_mark.index), event.end_mark.index)
                    if frame.flow and not frame.is_map:
                        result.lists[number, frame.path] = span[0] - _line_start(text, span[0])
                else:  # nothing but comments that sops keeps as items
                    span = (leaves[-1].span[1],) * 2
                empty = EMPTY_MAP if frame.is_map else EMPTY_LIST
                leaves.append(Leaf(frame.path, empty, span, Style("", frame.flow, frame.column), number))
            if anchor is not None and result._open_anchors.get(anchor) is frame:  # nothing inside took the name over
                del result._open_anchors[anchor]
                kind_name = "map" if frame.is_map else "list"
                result._anchors[anchor] = (frame.start, len(leaves), kind_name, len(frame.path))
            if not frames:
                return
            frame = frames[-1]
        elif kind is yaml.AliasEvent:
            if frame.is_map and frame.key is None:
                raise EncryptTreeError("a key that is an alias", line=event.start_mark.line + 1)
            _alias(event, frame, result, number)


def _child_path(frame: _Frame) -> Path:
    return (*frame.path, frame.key) if frame.key is not None else (*frame.path, frame.count)


def _next_path(frame: _Frame) -> Path:
    key = frame.key
    if key is not None:
        frame.key = None
        return (*frame.path, key)
    index = frame.count
    frame.count = index + 1
    return (*frame.path, index)


def _open(event: Any, path: Path, result: Scan, parent: int) -> _Frame:
    is_map = event.__class__ is yaml.MappingStartEvent
    flow = bool(event.flow_style)
    column = event.start_mark.column
    if flow:
        column = parent
    elif event.anchor is not None or event.tag is not None:
        # the start mark is that of the properties; the collection stands where its first key or dash does
        column = -1
        if not is_map:
            at = _skip_properties(result.text, event.start_mark.index, len(result.text))
            column = at - _line_start(result.text, at)
    return _Frame(is_map, flow, path, column, len(result.leaves))


def _line_start(text: str, index: int) -> int:
    while index > 0 and text[index - 1] not in "\n\r\x85\u2028\u2029":
        index -= 1
    return index


def _key(event: Any, frame: _Frame, number: int) -> str:
    key: str = event.value
    if event.tag is not None:
        value = tagged(key, event.tag, plain=event.style in (None, ""))
    elif event.style in (None, "") and (not key or key[0] in _KEY_HINT):
        value = resolve(key)
    else:
        value = key
    line = event.start_mark.line + 1
    if type(value) is not str:
        raise EncryptTreeError(
            f"a key that is not text but {type(value).__name__.lower()}", line=line, hint="write the key in quotes"
        )
    if number == 0 and frame.keys is not None:
        # sops looks for duplicates in the first document only
        if value in frame.keys:
            raise ParseError("a key appears twice in one mapping", path=(*frame.path, value), line=line)
        frame.keys.add(value)
        frame.merging = value == "<<" and not event.style
    return value


def _no_merge(event: Any) -> ParseError:
    # sops merges while it looks for duplicate keys
    return ParseError("a merge key `<<` whose value is no mapping", line=event.start_mark.line + 1)


def _value(event: Any, mark: str) -> object:
    if event.tag is not None:
        return tagged(event.value, event.tag, plain=mark == "")
    if mark:
        return event.value
    return resolve(event.value)


_PROPERTY = re.compile(r"[&!][^\s,\[\]{}]*|!<[^>]*>")
_GAP = re.compile(r"(?:[ \t\r\n\x85\u2028\u2029]+|#[^\r\n\x85\u2028\u2029]*)+")


def _skip_properties(text: str, start: int, end: int) -> int:
    """Where a node's own text starts, behind its tag and anchor."""
    at = start
    while at < end:
        match = _PROPERTY.match(text, at)
        if match is None:
            break
        at = match.end()
        gap = _GAP.match(text, at)
        if gap is not None:
            at = gap.end()
    return min(at, end)


def _header_end(text: str, start: int) -> int:
    at = start
    while at < len(text) and text[at] not in "\n\r\x85\u2028\u2029":
        at += 1
    return at


def _alias(event: Any, frame: _Frame, result: Scan, number: int) -> None:
    line = event.start_mark.line + 1
    if event.anchor in result._open_anchors:
        raise ParseError("an alias to a collection that holds it", line=line)
    found = result._anchors.get(event.anchor)
    if found is None:
        raise ParseError("an alias without its anchor", line=line)
    first, last, kind, depth = found
    if frame.merging and kind != "map":
        raise _no_merge(event)
    if frame.is_map:
        frame.merging = False
    result._aliased += last - first
    if result._aliased > MAX_ALIASED:
        raise ParseError("aliases stand for too many values", line=line)
    leaves = result.leaves
    path = _next_path(frame)
    alias = Alias((event.start_mark.index, event.end_mark.index), (first, last), kind, frame.flow, len(path))
    begin = len(leaves)
    for index in range(first, last):
        source = leaves[index]
        style = Style("", frame.flow, frame.column)
        style.alias = len(result.aliases)
        leaves.append(Leaf(path + source.path[depth:], source.value, alias.span, style, number))
    alias.leaves = (begin, len(leaves))
    result.aliases.append(alias)


def _entry(next_event: Callable[[], Any], key: Any, result: Scan, part: Part, number: int) -> None:
    if part.entry is not None:
        raise MetadataError("found duplicate sops entry")
    event = next_event()
    if kind_of(event) is not yaml.MappingStartEvent:
        raise MetadataError("found sops entry that is not a mapping")
    part.tree = EntryTree()
    part.tree.tree, end = build(next_event, event, (), part.tree, result.solid)
    part.entry = (key.start_mark.index, event.start_mark.index, end)
    if number == 0:
        result.entry = part.tree
    elif result.entry is None:
        raise MetadataError(
            f"document {number + 1} has an entry named `sops`, and the first has none",
            hint="sops reads the first: move what has none behind it, and run `encrypt -i --if-needed`",
        )
