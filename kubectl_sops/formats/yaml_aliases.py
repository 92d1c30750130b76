"""Aliases of values that are replaced, written out: at another place the same value is another ciphertext. Pure."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from kubectl_sops.core.values import EMPTY_LIST, EMPTY_MAP, Comment, Sealed
from kubectl_sops.formats.yaml_render import value_token
from kubectl_sops.formats.yaml_scalars import double

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kubectl_sops.core.leaf import Leaf, Path
    from kubectl_sops.formats.yaml_scan import Alias


def edits(aliases: list[Alias], leaves: list[Leaf], changes: Mapping[int, object]) -> list[tuple[int, int, str]]:
    """Replacements for every alias whose own leaves, or those of its anchor, change."""
    result = []
    changed = sorted(changes)
    for alias in aliases:
        if _touched(changed, alias.leaves) or _touched(changed, alias.source):
            first, last = alias.leaves
            value = _written([(leaves[i].path, changes.get(i, leaves[i].value)) for i in range(first, last)], alias)
            result.append((*alias.span, value))
    return result


def _touched(changed: list[int], span: tuple[int, int]) -> bool:
    at = bisect_left(changed, span[0])
    return at < len(changed) and changed[at] < span[1]


def _written(items: list[tuple[Path, object]], alias: Alias) -> str:
    if alias.value == "scalar":
        value = items[0][1]
        if isinstance(value, Sealed) and not alias.flow:
            return value.strip()
        return _leaf(value, flow=alias.flow)
    root: dict[str | int, object] = {}
    depth = alias.depth
    for path, value in items:
        node = root
        for part in path[depth:-1]:
            node = node.setdefault(part, {})  # type: ignore[assignment]  # nodes are dicts here
        if len(path) > depth:
            node[path[-1]] = value
    if not root:
        return "[]" if alias.value == "list" else "{}"
    return _flow(root, lambda value: _leaf(value, flow=True))


def _leaf(value: object, *, flow: bool) -> str:
    if isinstance(value, Sealed):
        return f'"{value.strip()}"'
    if value is EMPTY_MAP or value is EMPTY_LIST:
        return repr(value)
    if isinstance(value, str) and not isinstance(value, Comment) and type(value) is str:
        return double(value)
    return value_token(value, "", flow=flow)


def _flow(node: object, leaf: Callable[[object], str]) -> str:
    if not isinstance(node, dict):
        return leaf(node)
    if all(isinstance(key, int) for key in node):
        return "[" + ", ".join(_flow(item, leaf) for item in node.values()) + "]"
    pairs = [f"{double(str(key))}: {_flow(item, leaf)}" for key, item in node.items()]
    return "{" + ", ".join(pairs) + "}"
