"""The leaves of a parsed object: what ``core`` needs when there is no text, with a way to put values back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_sops.core.leaf import Leaf
from kubectl_sops.core.values import EMPTY_LIST, EMPTY_MAP

if TYPE_CHECKING:
    from kubectl_sops.core.leaf import Path


class ObjectLeaf(Leaf):
    """A leaf that knows the map or list that holds it."""

    __slots__ = ("holder", "key")

    def __init__(self, path: Path, value: object, document: int, holder: dict[str, object] | list[object]) -> None:
        super().__init__(path, value, document=document)
        self.holder = holder
        self.key = path[-1]

    def set(self, value: object) -> None:
        """Replace the value in the object."""
        self.holder[self.key] = value  # type: ignore[index]  # a str for a map, an int for a list


def leaves_of(value: dict[str, object], document: int = 0) -> list[ObjectLeaf]:
    """Every scalar and empty container below ``value``, in its own order."""
    found: list[ObjectLeaf] = []
    _collect(value, (), document, found)
    return found


def _collect(holder: dict[str, object] | list[object], path: Path, document: int, found: list[ObjectLeaf]) -> None:
    entries = holder.items() if isinstance(holder, dict) else enumerate(holder)
    for key, value in entries:
        place = (*path, key)
        if isinstance(value, dict | list) and value:
            _collect(value, place, document, found)
        else:
            if isinstance(value, dict):
                value = EMPTY_MAP
            elif isinstance(value, list):
                value = EMPTY_LIST
            found.append(ObjectLeaf(place, value, document, holder))
