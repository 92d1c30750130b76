"""The kustomizations that one build reads, and the files that they name."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Any

from kubectl_sops.errors import SopsError
from kubectl_sops.flux import kustomization_file as kfile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_sops.flux.tree import Tree

    Fields = dict[str, Any]


class OutsideError(SopsError):
    """A kustomization refers to something outside of the source."""


class Node:
    """One kustomization.

    Attributes:
        folder: its folder, relative to the root of the source.
        file: the kustomization file itself.
        fields: what is in it.
    """

    __slots__ = ("fields", "file", "folder")

    def __init__(self, folder: str, file: str, fields: Fields) -> None:
        self.folder = folder
        self.file = file
        self.fields = fields

    def path(self, entry: str) -> str:
        """A path written in this kustomization, relative to the root of the source."""
        return posixpath.normpath(posixpath.join(self.folder, entry))


class Graph:
    """The kustomizations below one folder, each once, in the order in which they are met.

    Attributes:
        nodes: the kustomizations.
        files: every file that one of them names.

    Raises:
        OutsideError: a path that leaves the source.
    """

    def __init__(self, tree: Tree, folder: str) -> None:
        self._tree = tree
        self.nodes: list[Node] = []
        self.files: dict[str, None] = {}
        self._seen: set[str] = set()
        self._visit(posixpath.normpath(folder))

    def _visit(self, folder: str) -> None:
        if folder in self._seen or not self._tree.is_folder(folder):
            return
        self._seen.add(folder)
        name = next((name for name in kfile.NAMES if self._tree.is_file(posixpath.join(folder, name))), None)
        if name is None:
            return  # kustomize says so
        file = posixpath.normpath(posixpath.join(folder, name))
        try:
            fields, _ = kfile.read(self._tree.read(file), file)
        except SopsError:
            return  # kustomize says so
        node = Node(folder, file, fields)
        self.nodes.append(node)
        for field, entry in kfile.references(fields):
            path = node.path(entry)
            if entry.startswith("/") or path == ".." or path.startswith("../"):
                raise OutsideError(
                    f"fs-security-constraint: path '{entry}' is not in or below the root of the source",
                    file=file, path=tuple(field.split(".")), hint="Flux reads nothing outside of the source",
                )  # fmt: skip
            if self._tree.is_file(path):
                self.files[path] = None
            elif field in ("resources", "bases", "components"):
                self._visit(path)

    def manifests(self) -> Iterator[str]:
        """Files listed under ``resources``, as they are in the source."""
        for node in self.nodes:
            for entry in kfile.strings(node.fields, "resources"):
                path = node.path(entry)
                if self._tree.is_file(path):
                    yield path

    def patches(self) -> Iterator[tuple[str, bytes]]:
        """Every patch: where it is, and its text."""
        for node in self.nodes:
            for patch in (*kfile.maps(node.fields, "patches"), *kfile.maps(node.fields, "patchesJson6902")):
                if patch.get("path") and self._tree.is_file(node.path(patch["path"])):
                    path = node.path(patch["path"])
                    yield path, self._tree.read(path)
                elif patch.get("patch"):
                    yield f"an inline patch in {node.file}", patch["patch"].encode()
            for entry in kfile.strings(node.fields, "patchesStrategicMerge"):
                if "\n" in entry or not self._tree.is_file(node.path(entry)):
                    yield f"an inline patch in {node.file}", entry.encode()
                else:
                    yield node.path(entry), self._tree.read(node.path(entry))
