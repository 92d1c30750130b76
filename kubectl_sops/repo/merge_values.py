"""Three-way merge of data: which values of which side end up in the result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kubectl_sops.core.values import EMPTY_LIST, EMPTY_MAP
from kubectl_sops.errors import SopsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from kubectl_sops.core.document import Document
    from kubectl_sops.core.leaf import Leaf, Path

Place = tuple[int, "Path"]
"""Index of the document in the stream, and key path in it."""

Unit = tuple[tuple["Path", type, object], ...]
"""What is merged as one: a scalar, or a list with everything in it; paths are relative to its place."""


@dataclass(frozen=True, slots=True)
class Merged:
    """The data of both sides.

    Attributes:
        units: place → value.
        from_theirs: what has to change in our text to get there, ``None`` for what goes away; conflicts apart.
        from_ours: the same for their text.
        conflicts: places that both sides changed in different ways; ``units`` has our value.
    """

    units: dict[Place, Unit]
    from_theirs: dict[Place, Unit | None]
    from_ours: dict[Place, Unit | None]
    conflicts: list[Place]


def merge(base: Sequence[Leaf], ours: Sequence[Leaf], theirs: Sequence[Leaf]) -> Merged:
    """Merge three versions of the data, comments apart."""
    open_lists = _same_lists(base, ours, theirs)
    before, mine, other = (units(leaves, open_lists) for leaves in (base, ours, theirs))
    merged = Merged({}, {}, {}, [])
    for place in dict.fromkeys((*mine, *other, *before)):
        b, o, t = before.get(place), mine.get(place), other.get(place)
        chosen = o
        if o == t:
            pass
        elif o == b:
            chosen = t
            merged.from_theirs[place] = t
        elif t == b:
            merged.from_ours[place] = o
        else:
            merged.conflicts.append(place)
        if chosen is not None:
            merged.units[place] = chosen
    return merged


def units(leaves: Iterable[Leaf], open_lists: set[Place] = frozenset()) -> dict[Place, Unit]:  # type: ignore[assignment]  # empty
    """The data of a document by place; lists are one unit each, except those in ``open_lists``."""
    found: dict[Place, list[tuple[Path, type, object]]] = {}
    for leaf in leaves:
        if leaf.is_comment:
            continue
        end = _end(leaf, open_lists)
        value = repr(leaf.value) if leaf.value is EMPTY_MAP or leaf.value is EMPTY_LIST else leaf.value
        found.setdefault((leaf.document, leaf.path[:end]), []).append((leaf.path[end:], type(leaf.value), value))
    return {place: tuple(parts) for place, parts in found.items()}


def _end(leaf: Leaf, open_lists: set[Place]) -> int:
    """How much of a leaf's path is the place of its unit: up to the first list that is not open."""
    for position, part in enumerate(leaf.path):
        if isinstance(part, int) and (leaf.document, leaf.path[:position]) not in open_lists:
            return position
    return len(leaf.path)


def _same_lists(*versions: Sequence[Leaf]) -> set[Place]:
    """Lists that have the same shape in all versions, so that their elements can be told apart by index."""
    shapes = []
    for leaves in versions:
        shape: dict[Place, list[Path]] = {}
        for leaf in leaves:
            if not leaf.is_comment:
                for position, part in enumerate(leaf.path):
                    if isinstance(part, int):
                        shape.setdefault((leaf.document, leaf.path[:position]), []).append(leaf.path[position:])
        shapes.append(shape)
    first, *rest = shapes
    return {place for place, paths in first.items() if all(other.get(place) == paths for other in rest)}


def patched(document: Document, changes: dict[Place, Unit | None]) -> bytes | None:
    """The text of a plaintext document with some units put or removed; ``None`` where that can't be done in place."""
    from kubectl_sops import formats

    text: bytes | None = None
    # what goes away goes first: it may stand where something new is put
    for (index, path), unit in sorted(changes.items(), key=lambda item: item[1] is not None):
        if not path:
            return None
        try:
            before, own, behind = document.split(index)
            part = formats.parse(own, document.format)
            text = before + (part.remove(path) if unit is None else part.put(path, _tree(unit))) + behind
            document = formats.parse(text, document.format)
        except (SopsError, NotImplementedError, IndexError):
            return None
    return text


def _tree(unit: Unit) -> object:
    """A unit as ``dict``, ``list`` and scalars."""
    if len(unit) == 1 and not unit[0][0]:
        _, kind, value = unit[0]
        if kind is type(EMPTY_MAP):
            return {} if value == repr(EMPTY_MAP) else []
        return value
    heads: dict[str | int, list[tuple[Path, type, object]]] = {}
    for path, kind, value in unit:
        heads.setdefault(path[0], []).append((path[1:], kind, value))
    trees = {head: _tree(tuple(parts)) for head, parts in heads.items()}
    return list(trees.values()) if isinstance(next(iter(trees)), int) else trees
