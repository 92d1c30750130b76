"""YAML as plain data, with the meaning that go-yaml v3 gives it: for manifests, resource lists and configurations.

Nothing here keeps text or positions; encrypted files go through ``formats.yaml``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml
from yaml._yaml import CParser

from kubectl_sops.errors import ParseError
from kubectl_sops.formats.yaml_scalars import resolve, tagged

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_DEPTH = 400
MAX_NODES = 2_000_000
"""Nodes of one stream with its aliases expanded: a bomb of aliases is refused long before memory is."""


def load_all(text: str | bytes) -> list[object]:
    """Every document of a stream: ``dict``, ``list``, ``str``, ``int``, ``float``, ``bool``, ``Time`` and ``None``.

    Merge keys are applied. Keys are strings, or the scalars that they resolve to.

    Raises:
        ParseError: with the line, never the text; duplicate keys and alias bombs too.
    """
    if isinstance(text, bytes):
        try:
            text = text.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise ParseError("not UTF-8") from None
    try:
        return _Loader(CParser(text.removeprefix("\ufeff")).get_event).stream()
    except yaml.MarkedYAMLError as error:
        raise ParseError(problem(error), line=line(error)) from None
    except yaml.reader.ReaderError:
        raise ParseError("a character that YAML does not allow") from None


def problem(error: yaml.MarkedYAMLError) -> str:
    """Libyaml's wording of what is wrong, which is constant text; PyYAML's own would quote the document."""
    text = str(error.problem or "not valid YAML")
    return text if '"' not in text else "not valid YAML"


def line(error: yaml.MarkedYAMLError) -> int | None:
    """The line of an error, from 1."""
    mark = error.problem_mark or error.context_mark
    return None if mark is None else mark.line + 1


def kind_of(event: Any) -> type:
    """The class of an event of libyaml, whose types know less than its events have."""
    kind: type = event.__class__
    return kind


class _Loader:
    def __init__(self, next_event: Callable[[], Any]) -> None:
        self._next = next_event
        self._anchors: dict[str, tuple[object, int]] = {}
        self._nodes = 0

    def stream(self) -> list[object]:
        documents: list[object] = []
        while True:
            event = self._next()
            kind = event.__class__
            if kind is yaml.StreamEndEvent:
                return documents
            if kind is yaml.DocumentStartEvent:
                self._anchors.clear()
                documents.append(self._node(self._next(), 0))

    def _node(self, event: Any, depth: int) -> object:
        at = event.start_mark.line + 1
        if depth > MAX_DEPTH:
            raise ParseError("nested too deeply", line=at)
        before = self._nodes
        self._count(1, at)
        kind = event.__class__
        value: object
        if kind is yaml.ScalarEvent:
            value = self._scalar(event)
        elif kind is yaml.AliasEvent:
            known = self._anchors.get(event.anchor)
            if known is None:
                raise ParseError("an alias without its anchor, or inside the collection that it names", line=at)
            self._count(known[1], at)
            return known[0]
        elif kind is yaml.MappingStartEvent:
            value = self._mapping(depth)
        else:
            items: list[object] = []
            value = items
            while (inner := self._next()).__class__ is not yaml.SequenceEndEvent:
                items.append(self._node(inner, depth + 1))
        if event.anchor is not None:
            self._anchors[event.anchor] = (value, self._nodes - before)
        return value

    def _count(self, nodes: int, at: int) -> None:
        self._nodes += nodes
        if self._nodes > MAX_NODES:
            raise ParseError("aliases stand for too many values", line=at)

    def _scalar(self, event: Any) -> object:
        plain = not event.style
        if event.tag is not None:
            try:
                return tagged(event.value, event.tag, plain=plain)
            except ParseError as error:
                error.line = event.start_mark.line + 1
                raise
        return resolve(event.value) if plain else event.value

    def _mapping(self, depth: int) -> dict[object, object]:
        mapping: dict[object, object] = {}
        merged: list[tuple[object, int]] = []
        while (inner := self._next()).__class__ is not yaml.MappingEndEvent:
            at = inner.start_mark.line + 1
            merge = inner.__class__ is yaml.ScalarEvent and inner.value == "<<" and not inner.style
            key = self._node(inner, depth + 1)
            if isinstance(key, dict | list):
                raise ParseError("a key that is a collection", line=at)
            value = self._node(self._next(), depth + 1)
            if merge:
                merged.append((value, at))
            elif key in mapping:
                raise ParseError("a key appears twice in one mapping", line=at)
            else:
                mapping[key] = value
        for value, at in merged:
            for source in value if isinstance(value, list) else [value]:
                if not isinstance(source, dict):
                    raise ParseError("a merge key that is no mapping", line=at)
                for key, inherited in source.items():
                    mapping.setdefault(key, inherited)
        return mapping
