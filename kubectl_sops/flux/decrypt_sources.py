"""Decrypting files of the source before kustomize builds it: what generators and patches read, and nothing else.

Source: kustomize-controller ``internal/decryptor`` (``DecryptSources``).
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from kubectl_sops.errors import InputNotFoundError, SopsError
from kubectl_sops.flux import kustomization_file as kfile
from kubectl_sops.flux.opening import MARKERS, format_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from kubectl_sops.flux.opening import Decrypted, Opener
    from kubectl_sops.flux.profile import Profile
    from kubectl_sops.flux.tree import Tree

    Fields = dict[str, Any]

MAX_SIZE = 5 << 20
"""Bytes; the controller refuses larger files, encrypted or not."""


class SourceError(SopsError):
    """A file of the source that the controller can't decrypt or refuses to look at."""


def secure_join(*parts: str) -> str:
    """A path below the root: ``..`` does not climb above it, an absolute path starts there."""
    return posixpath.normpath("/" + posixpath.join(*(part.lstrip("/") for part in parts))).lstrip("/") or "."


def find_file(tree: Tree, folder: str) -> str:
    """The one kustomization file of a folder.

    Raises:
        KustomizationError: there is none, or more than one.
    """
    found = [name for name in kfile.NAMES if tree.is_file(posixpath.join(folder, name))]
    if not found:
        raise kfile.KustomizationError(
            "no kustomization file found", file=folder,
            hint="a folder under resources or components needs a kustomization.yaml",
        )  # fmt: skip
    if len(found) > 1:
        raise kfile.KustomizationError(
            f"found multiple kustomization files: {', '.join(found)}", file=folder, hint="keep one of them"
        )
    return posixpath.normpath(posixpath.join(folder, found[0]))


class SourceDecrypter:
    """Walks the kustomizations of one build.

    Args:
        seen: told of every decrypted file.
    """

    def __init__(self, tree: Tree, opener: Opener, profile: Profile, seen: Callable[[str, Decrypted], None]) -> None:
        self._tree = tree
        self._opener = opener
        self._profile = profile
        self._seen = seen
        self._visited: set[str] = set()
        self._decrypted: set[str] = set()

    def run(self, folder: str) -> None:
        """Decrypt what the kustomization in ``folder`` and those that it refers to read.

        Raises:
            SourceError, KustomizationError: as the controller would fail.
        """
        if not self._tree.is_folder(folder):
            raise InputNotFoundError("kustomization path not found", file=folder)
        self._visit(secure_join(folder))

    def _visit(self, folder: str) -> None:
        if folder in self._visited:
            return
        self._visited.add(folder)
        if not self._tree.is_folder(folder):
            return  # a manifest, a URL or something that kustomize will complain about
        path = find_file(self._tree, folder)
        fields, _ = kfile.read(self._tree.read(path), path)
        for name, format in self._sources(fields):
            self._decrypt(secure_join(folder, name), format)
        names = ("resources", "components") if self._profile.components_visited else ("resources",)
        for entry in [entry for name in names for entry in kfile.strings(fields, name)]:
            self._visit(secure_join(folder, entry))

    def _sources(self, fields: Fields) -> list[tuple[str, str]]:
        """Paths that are decrypted and their formats, in the controller's order."""
        found: list[tuple[str, str]] = []
        for generator in kfile.maps(fields, "secretGenerator"):
            for entry in kfile.strings(generator, "files"):
                key, path = kfile.file_source(entry)
                found.append((path, format_of(key)))
            for path in kfile.strings(generator, "envs"):
                format = format_of(path)
                found.append((path, "dotenv" if format == "binary" else format))
        if self._profile.patches_decrypted:
            for patch in kfile.maps(fields, "patches"):
                path = patch.get("path") or ""
                if path and not kfile.is_url(path):
                    found.append((path, format_of(path)))
        return found

    def _decrypt(self, path: str, format: str) -> None:
        if path in self._decrypted:
            return
        if self._tree.is_folder(path):
            raise SourceError("cannot decrypt irregular file as it has file mode type bits set", file=path)
        if not self._tree.is_file(path):
            raise SourceError(f"lstat {path}: no such file or directory", file=path, hint=self._tree.why_missing(path))
        data = self._tree.read(path)
        if len(data) > MAX_SIZE:
            raise SourceError(
                f"cannot decrypt file with size ({len(data)} bytes) exceeding limit ({MAX_SIZE})", file=path,
                hint="the limit holds for every file under secretGenerator and patches, encrypted or not",
            )  # fmt: skip
        if MARKERS[format] in data:
            try:
                decrypted = self._opener.decrypt(data, format, format)
            except SopsError as error:
                raise error.at(path) from None
            self._tree.put(path, decrypted.data)
            self._seen(path, decrypted)
        self._decrypted.add(path)
