"""Looking for the order of keys that a file had, by its MAC.

Bounded by a number of candidates and not by time, so that a build does not depend on the machine's load.
"""

from __future__ import annotations

from itertools import chain, combinations, islice, permutations, product
from typing import TYPE_CHECKING

from krm_fn import build_annotations
from kubectl_sops.core.mac import sha512

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from krm_fn.sealed_group import Group, Member
    from kubectl_sops.core.leaf import Path

MAX_CANDIDATES = 1_000_000
"""About two seconds in the worst case."""

MAX_KEYS = 8
"""Keys of one map whose orders are tried: 8 have 40320, 10 would have 3.6 million."""

_HEADS = (("apiVersion", "kind", "metadata"), ("kind", "apiVersion", "metadata"), ("metadata", "apiVersion", "kind"))
_METADATA = ("name", "namespace", "labels", "annotations")

Tree = dict[str | int, "Tree | bytes"]


def matches(wanted: bytes, seed: bytes, pieces: Iterable[bytes]) -> bool:
    """Whether the values, in this order, have the MAC."""
    return sha512(seed + b"".join(pieces)).digest() == wanted


def find(group: Group, wanted: bytes, seed: bytes) -> str | None:
    """Search all orders; ``None`` when one fits, otherwise why none was found."""
    wide = sorted({name for member in group.members for name in _wide(_tree(member.hashed))})
    tried = 0
    for pieces in _candidates(group.members):
        if tried == MAX_CANDIDATES:
            return f"no order of keys fits among the first {MAX_CANDIDATES}"
        tried += 1
        if sha512(seed + pieces).digest() == wanted:
            return None
    if wide:
        return f"the order of more than {MAX_KEYS} keys in {', '.join(wide)} is too much to search"
    return f"none of the {tried} possible orders of keys fits: a value was changed, added or removed"


def find_flat(hashed: dict[Path, bytes], wanted: bytes, seed: bytes) -> str | None:
    """The same for one flat list of values."""
    values = [value for value in hashed.values() if value]
    if len(values) > MAX_KEYS + 1:
        return f"more than {MAX_KEYS + 1} values are too many to search"
    for order in permutations(values):
        if sha512(seed + b"".join(order)).digest() == wanted:
            return None
    return "no order fits: a value was changed, added or removed"


def _candidates(members: list[Member]) -> Iterator[bytes]:
    if len(members) == 1:
        yield from _of_member(members[0])
        return
    # documents are independent: the product, each with a share of the candidates
    share = max(2, int(MAX_CANDIDATES ** (1 / len(members))))
    lists = [list(dict.fromkeys(islice(_of_member(member), share))) for member in members]
    for combination in product(*lists):
        yield b"".join(combination)


def _of_member(member: Member) -> Iterator[bytes]:
    for hashed in _variants(member):
        yield from _orders(_tree(hashed), ())


def _variants(member: Member) -> Iterator[dict[Path, bytes]]:
    """The values as received; with the name and namespace they had; without labels and annotations that were added."""
    yield member.hashed
    renamed = _renamed(member)
    if renamed != member.hashed:
        yield renamed
    added = [
        path
        for path in renamed
        if len(path) == 3
        and path[0] == "metadata"
        and path[1] in ("labels", "annotations")
        and path not in member.sealed
    ]
    for count in range(1, len(added) + 1):
        for left_out in combinations(added, count):
            yield {path: value for path, value in renamed.items() if path not in left_out}


def _renamed(member: Member) -> dict[Path, bytes]:
    renamed = dict(member.hashed)
    names = build_annotations.text(member.resource, build_annotations.PREVIOUS_NAMES)
    name, namespace = ("metadata", "name"), ("metadata", "namespace")
    if names and name in renamed and name not in member.sealed:
        renamed[name] = names.split(",")[0].encode()
    namespaces = build_annotations.text(member.resource, build_annotations.PREVIOUS_NAMESPACES)
    if namespaces and namespace in renamed and namespace not in member.sealed:
        first = namespaces.split(",")[0]
        if first == "default":  # how kustomize writes "none"
            del renamed[namespace]
        else:
            renamed[namespace] = first.encode()
    return renamed


def _tree(hashed: dict[Path, bytes]) -> Tree:
    """The values as nested maps; those of no bytes are left out, since their place does not matter."""
    tree: Tree = {}
    for path, value in hashed.items():
        if not value:
            continue
        at = tree
        for part in path[:-1]:
            at = at.setdefault(part, {})  # type: ignore[assignment]  # a leaf has no children
        at[path[-1]] = value
    return tree


def _wide(tree: Tree, path: Path = ()) -> Iterator[str]:
    if len(tree) > MAX_KEYS and not any(isinstance(key, int) for key in tree):
        yield ".".join(map(str, path)) or "the resource"
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from _wide(value, (*path, key))


def _orders(tree: Tree, path: Path) -> Iterator[bytes]:
    keys = list(tree)
    for order in _key_orders(keys, path):
        parts = [tree[key] for key in order]
        if not any(isinstance(part, dict) for part in parts):
            yield b"".join(parts)  # type: ignore[arg-type]  # none is a dict
            continue
        # every nested map in each of its own orders
        yield from _join(
            [
                (part,) if isinstance(part, bytes) else _Repeatable(part, (*path, key))
                for key, part in zip(order, parts, strict=True)
            ]
        )


class _Repeatable:
    """The orders of a nested map, made anew each time: a list of them could be long."""

    def __init__(self, tree: Tree, path: Path) -> None:
        self._tree = tree
        self._path = path

    def __iter__(self) -> Iterator[bytes]:
        return _orders(self._tree, self._path)


def _join(parts: list[Iterable[bytes]]) -> Iterator[bytes]:
    if len(parts) == 1:
        yield from parts[0]
        return
    for head in parts[0]:
        for rest in _join(parts[1:]):
            yield head + rest


def _key_orders(keys: list[str | int], path: Path) -> Iterable[tuple[str | int, ...]]:
    received = tuple(keys)
    if len(keys) < 2 or isinstance(keys[0], int):  # a list keeps its order
        return (received,)
    if not path:
        return dict.fromkeys(chain((received,), _top_orders(keys)))
    if path == ("metadata",):
        known: list[str | int] = [key for key in _METADATA if key in keys]
        keys = known + [key for key in keys if key not in known]
    if len(keys) > MAX_KEYS:
        return dict.fromkeys((received, tuple(keys)))
    return chain((received,), permutations(keys))


def _top_orders(keys: list[str | int]) -> Iterator[tuple[str | int, ...]]:
    for names in _HEADS:
        head = tuple(name for name in names if name in keys)
        rest = [key for key in keys if key not in head]
        # type usually stands before the values
        rest.sort(key=lambda key: key != "type")
        if len(rest) > MAX_KEYS - 2:
            yield head + tuple(rest)
            continue
        for order in permutations(rest):
            yield head + order
