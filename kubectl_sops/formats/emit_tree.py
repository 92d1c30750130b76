"""A document as the ordered tree that sops holds: items, and comments between them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_sops.core.leaf import INLINE, UNREAD
from kubectl_sops.core.values import EMPTY_LIST, EMPTY_MAP, Comment, Sealed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kubectl_sops.core.document import Changes
    from kubectl_sops.core.leaf import Leaf, Path


class Remark:
    """A comment: its text without the mark, and whether it stands behind the item that follows."""

    __slots__ = ("inline", "text")

    def __init__(self, text: str, *, inline: bool = False) -> None:
        self.text = text
        self.inline = inline


class MapNode:
    """A map. ``items`` are pairs of key and value, and remarks; keys may occur twice."""

    __slots__ = ("items",)

    def __init__(self, items: list[tuple[str, object] | Remark] | None = None) -> None:
        self.items = items if items is not None else []

    @property
    def pairs(self) -> list[tuple[str, object]]:
        """The items without remarks."""
        return [item for item in self.items if not isinstance(item, Remark)]


class ListNode:
    """A list. ``items`` are values and remarks."""

    __slots__ = ("items",)

    def __init__(self, items: list[object] | None = None) -> None:
        self.items = items if items is not None else []

    @property
    def values(self) -> list[object]:
        """The items without remarks."""
        return [item for item in self.items if not isinstance(item, Remark)]


Node = MapNode | ListNode


def from_tree(tree: object) -> object:
    """``dict``, ``list`` and scalars as nodes."""
    if isinstance(tree, dict):
        return MapNode([(str(key), from_tree(value)) for key, value in tree.items()])
    if isinstance(tree, list):
        return ListNode([from_tree(value) for value in tree])
    return tree


def build(leaves: Sequence[Leaf], changes: Mapping[int, object]) -> list[Node]:
    """The trees of all documents, with the values of some leaves replaced.

    Args:
        changes: index of a leaf → its decrypted value or its ciphertext.
    """
    builder = _Builder(leaves)
    for index, leaf in enumerate(leaves):
        builder.add(index, leaf, changes)
    return builder.documents or [MapNode()]


class _Builder:
    def __init__(self, leaves: Sequence[Leaf]) -> None:
        self._leaves = leaves
        self.documents: list[Node] = []
        self._number = -1
        self._owner: object = None
        self._path: Path = ()
        # the open containers, the root first, and the index of the last value in those that are lists
        self._open: list[Node] = []
        self._last: list[int] = []

    def add(self, index: int, leaf: Leaf, changes: Changes | Mapping[int, object]) -> None:
        value = changes.get(index, leaf.value)
        is_empty = value is EMPTY_MAP or value is EMPTY_LIST
        is_comment = leaf.is_comment
        owner = getattr(leaf.style, "owner", None)
        if owner is not self._owner and self._open:  # another section of the same name
            self._path = ()
            del self._open[1:], self._last[1:]
        self._owner = owner
        if leaf.document != self._number:
            while len(self.documents) <= leaf.document:
                root = self._kind(index, ()) if len(self.documents) == leaf.document else MapNode()
                self.documents.append(root)
            self._number, self._path = leaf.document, ()
            self._open, self._last = [self.documents[-1]], [-1]
        if is_comment:
            if leaf.style is UNREAD:
                return
            self._enter(index, leaf.path)
            inline = leaf.style is INLINE and index not in changes
            self._open[-1].items.append(Remark(str(value), inline=inline))
        elif is_empty:
            if leaf.path and not (self._path == leaf.path and self._is_bare(self._open[-1])):
                self._put(index, leaf.path, MapNode() if value is EMPTY_MAP else ListNode())
        elif value.__class__ is Comment:
            # sops writes the encrypted comments of a list as items
            self._enter(index, leaf.path[:-1] if isinstance(leaf.path[-1], int) else leaf.path)
            self._open[-1].items.append(Remark(str(value)))
        else:
            self._put(index, leaf.path, str(value) if isinstance(value, Sealed) else value)

    @staticmethod
    def _is_bare(node: Node) -> bool:
        return bool(node.items) and all(isinstance(item, Remark) for item in node.items)

    def _put(self, index: int, path: Path, value: object) -> None:
        self._enter(index, path[:-1], path[-1])
        self._append(path[-1], value)

    def _append(self, key: str | int, value: object) -> None:
        node = self._open[-1]
        if isinstance(node, MapNode):
            node.items.append((str(key), value))
        else:
            node.items.append(value)
            self._last[-1] = int(key)

    def _enter(self, index: int, path: Path, key: str | int | None = None) -> None:
        """Make the container at ``path`` the open one; ``key`` is the item that is to be put there."""
        common = 0
        for one, other in zip(self._path, path, strict=False):
            if one != other:
                break
            common += 1
        following = (*path, key) if key is not None else path
        # a list that starts again is another one under the same key
        while common < len(following) and isinstance(part := following[common], int) and part <= self._last[common]:
            common -= 1
            if common < 0 or not isinstance(following[common], int):
                break
        common = max(common, 0)
        del self._open[common + 1 :]
        del self._last[common + 1 :]
        for depth in range(common, len(path)):
            node = self._kind(index, path[: depth + 1])
            self._append(path[depth], node)
            self._open.append(node)
            self._last.append(-1)
        self._path = path

    def _kind(self, index: int, path: Path) -> Node:
        """A new node for the container at ``path``, of the kind that the next value in it shows."""
        for leaf in self._leaves[index:]:
            if leaf.path[: len(path)] != path:
                break
            if leaf.value is EMPTY_LIST or leaf.value is EMPTY_MAP:
                if leaf.path == path:
                    return ListNode() if leaf.value is EMPTY_LIST else MapNode()
            elif leaf.is_comment or leaf.path == path:
                continue
            if len(leaf.path) > len(path):
                return ListNode() if isinstance(leaf.path[len(path)], int) else MapNode()
        return MapNode() if self._leaves[index].is_comment else ListNode()
