"""The Kubernetes objects among the leaves of a document."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kubectl_sops.core.leaf import Leaf, Path

VALUE_FIELDS = ("data", "stringData")
"""Where a Secret keeps its values."""


@dataclass(slots=True)
class Manifest:
    """One object of a stream, or of a ``List`` in it.

    Attributes:
        document: index of the document in the stream.
        prefix: where the object stands in it: ``()``, or ``("items", 3)``.
        leaves: indexes of its leaves, in order.
    """

    document: int
    prefix: Path
    api_version: str = ""
    kind: str = ""
    name: str = ""
    namespace: str = ""
    leaves: list[int] = field(default_factory=list)

    @property
    def is_secret(self) -> bool:
        """A ``v1`` Secret. A version that is a ciphertext still counts."""
        return self.kind == "Secret" and "/" not in self.api_version.partition(",")[0]

    @property
    def title(self) -> str:
        return f"{self.kind}/{self.name}" if self.name else self.kind


def manifests(leaves: Sequence[Leaf]) -> list[Manifest]:
    """The objects of a file: one for each document, and one for each item of a ``List``."""
    found: dict[tuple[int, Path], Manifest] = {}
    lists: set[int] = set()
    for leaf in leaves:
        if leaf.path == ("kind",) and isinstance(leaf.value, str) and leaf.value.endswith("List"):
            lists.add(leaf.document)
    for index, leaf in enumerate(leaves):
        path = leaf.path
        prefix = path[:2] if leaf.document in lists and path[:1] == ("items",) and len(path) > 2 else ()
        key = (leaf.document, prefix)
        manifest = found.get(key)
        if manifest is None:
            manifest = found[key] = Manifest(leaf.document, prefix)
        manifest.leaves.append(index)
        if leaf.is_comment or not isinstance(leaf.value, str):
            continue
        inner = path[len(prefix) :]
        if inner == ("kind",):
            manifest.kind = str(leaf.value)
        elif inner == ("apiVersion",):
            manifest.api_version = str(leaf.value)
        elif inner == ("metadata", "name"):
            manifest.name = str(leaf.value)
        elif inner == ("metadata", "namespace"):
            manifest.namespace = str(leaf.value)
    return list(found.values())


def is_value(manifest: Manifest, leaf: Leaf) -> bool:
    """Whether a leaf is one of the values of a Secret."""
    inner = leaf.path[len(manifest.prefix) :]
    return len(inner) > 1 and inner[0] in VALUE_FIELDS
