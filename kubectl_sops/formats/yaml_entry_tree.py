"""Reading the ``sops`` entry of a YAML document: its tree, and where its scalars stand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from kubectl_sops.errors import MetadataError, ParseError
from kubectl_sops.formats.yaml_load import kind_of
from kubectl_sops.formats.yaml_scalars import resolve

if TYPE_CHECKING:
    from collections.abc import Callable

    from kubectl_sops.core.leaf import Path


class EntryTree:
    """The ``sops`` entry: its tree, and where its scalars stand.

    Attributes:
        tree: ``dict``, ``list`` and scalars, in order.
        spans: path → span and mark of each scalar, in the text.
        starts: path → where each key of a block mapping and each item of a block list starts.
    """

    __slots__ = ("spans", "starts", "tree")

    def __init__(self) -> None:
        self.tree: object = None
        self.spans: dict[Path, tuple[int, int, str]] = {}
        self.starts: dict[Path, int] = {}


def build(
    next_event: Callable[[], Any],
    event: Any,
    path: Path,
    entry: EntryTree,
    solid: list[tuple[int, int, int]] | None,
) -> tuple[object, int]:
    """The tree of a node of the entry, and where it ends; adds its places to ``entry`` and its scalars to ``solid``."""
    kind = event.__class__
    if kind is yaml.ScalarEvent:
        span = (event.start_mark.index, event.end_mark.index)
        entry.spans[path] = (*span, event.style or "")
        if solid is not None:
            solid.append((*span, span[0] if event.style in ("|", ">") else -1))
        return _entry_value(event), span[1]
    if kind is yaml.MappingStartEvent:
        tree: dict[str, object] = {}
        end = event.end_mark.index
        while kind_of(inner := next_event()) is not yaml.MappingEndEvent:
            if kind_of(inner) is not yaml.ScalarEvent:
                raise MetadataError("a key in the sops metadata is not text")
            name = inner.value
            if name in tree:
                raise ParseError(
                    "a key appears twice in one mapping", path=("sops", name), line=inner.start_mark.line + 1
                )
            if not event.flow_style:
                entry.starts[*path, name] = inner.start_mark.index
            tree[name], end = build(next_event, next_event(), (*path, name), entry, solid)
        return tree, inner.end_mark.index if event.flow_style else end
    if kind is yaml.SequenceStartEvent:
        items: list[object] = []
        end = event.end_mark.index
        while kind_of(inner := next_event()) is not yaml.SequenceEndEvent:
            if not event.flow_style:
                entry.starts[*path, len(items)] = inner.start_mark.index
            item, end = build(next_event, inner, (*path, len(items)), entry, solid)
            items.append(item)
        return items, inner.end_mark.index if event.flow_style else end
    raise MetadataError("an alias in the sops metadata")


def _entry_value(event: Any) -> object:
    if event.style in (None, ""):
        value = resolve(event.value)
        # times and versions stay as written; sops' fields are text, numbers, booleans and lists
        return event.value if isinstance(value, str | float) else value
    return event.value
