"""Setting and removing values of a JSON document, its layout kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_sops.errors import InvalidPathError, KeyPathNotFoundError
from kubectl_sops.formats import json_text
from kubectl_sops.formats.json_nodes import Node, parse_node

if TYPE_CHECKING:
    from kubectl_sops.core.leaf import Path
    from kubectl_sops.formats.json_text import Layout


def put(text: str, root: int, layout: Layout, path: Path, value: object) -> bytes:
    """The text with ``value`` at ``path``; what is missing on the way is created, a scalar on the way is replaced."""
    node = parse_node(text, root)
    for depth, part in enumerate(path):
        position = _position(node, part)
        if position is None:
            tree = nested(path[depth + 1 :], value)
            return _insert(text, node, part, tree, layout) if _is_container(node) else _replace(
                text, node, nested(path[depth:], value), layout
            )  # fmt: skip
        node = node.children[position]
    return _replace(text, node, value, layout)


def remove(text: str, root: int, path: Path) -> bytes:
    """The text without what stands at ``path``."""
    node = parse_node(text, root)
    parent, position = node, 0
    for depth, part in enumerate(path):
        found = _position(node, part) if _is_container(node) else None
        if found is None or found == len(node.children):
            raise KeyPathNotFoundError("the document has nothing there", path=path[: depth + 1])
        parent, position, node = node, found, node.children[found]
    starts = _starts(parent)
    if len(starts) == 1:
        start, end = parent.start + 1, parent.end - 1
    elif position == len(starts) - 1:
        start, end = parent.children[position - 1].end, node.end
    else:
        start, end = starts[position], starts[position + 1]
    return (text[:start] + text[end:]).encode("utf-8", "surrogateescape")


def nested(path: Path, value: object) -> object:
    """``value`` below new maps, and lists where the path has a 0.

    Raises:
        InvalidPathError: an index beyond the end of a new list.
    """
    for part in reversed(path):
        if isinstance(part, int):
            if part:
                raise InvalidPathError("the index is beyond the end of the list", hint="a new list begins with [0]")
            value = [value]
        else:
            value = {part: value}
    return value


def _is_container(node: Node) -> bool:
    return isinstance(node.value, dict | list)


def _starts(node: Node) -> list[int]:
    return [at for _, at in node.keys] if node.keys else [child.start for child in node.children]


def _position(node: Node, part: str | int) -> int | None:
    """The index of a child; ``None`` where it is missing and can be added."""
    if isinstance(node.value, dict):
        if isinstance(part, int):
            raise InvalidPathError("there is a map, not a list", hint=f'write ["{part}"] for a key that is a number')
        return next((i for i, (key, _) in enumerate(node.keys) if key == part), None)
    if isinstance(node.value, list):
        if isinstance(part, str):
            raise InvalidPathError("there is a list, not a map", hint="use an index, as in [0]")
        if part > len(node.children):
            count = len(node.children)
            raise InvalidPathError(
                f"the index {part} is beyond the end of the list, which has {count}", hint=f"[{count}] adds an item"
            )
        return part if part < len(node.children) else None
    return None


def _prefix(text: str, at: int) -> str:
    line = text[text.rfind("\n", 0, at) + 1 : at]
    return line[: len(line) - len(line.lstrip(" \t"))]


def _render(text: str, at: int, tree: object, layout: Layout) -> str:
    return json_text.render(tree, layout, _prefix(text, at), json_text.string)


def _replace(text: str, node: Node, tree: object, layout: Layout) -> bytes:
    written = _render(text, node.start, tree, layout)
    return (text[: node.start] + written + text[node.end :]).encode("utf-8", "surrogateescape")


def _insert(text: str, node: Node, part: str | int, tree: object, layout: Layout) -> bytes:
    if not node.children:
        return _replace(text, node, {part: tree} if isinstance(part, str) else [tree], layout)
    starts = _starts(node)
    last = node.children[-1]
    lead = text[node.start + 1 : starts[0]]
    gap = text[node.children[-2].end : starts[-1]] if len(starts) > 1 else "," + (lead or layout.item_gap[1:])
    own = layout if "\n" in gap else json_text.Layout("", "", layout.item_gap, layout.key_gap)
    written = json_text.render(tree, own, _prefix(text, starts[-1]), json_text.string)
    if isinstance(part, str):
        written = json_text.string(part) + layout.key_gap + written
    return (text[: last.end] + gap + written + text[last.end :]).encode("utf-8", "surrogateescape")
