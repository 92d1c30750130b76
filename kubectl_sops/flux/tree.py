"""The private view of a source that kustomize builds: links to the files of the source, and what replaces them.

What is decrypted never gets a name in any file system. It lies in anonymous memory (memfd), which kustomize inherits
and reaches through links to `/proc/self/fd`; the kernel frees it with the last process that has it, however that ends.
Where there is no memfd, the files lie in a folder of mode 0700 on a tmpfs. The tree itself holds no secret; one that a
killed process left behind is removed by the next build, which sees that nobody holds its lock.
"""

from __future__ import annotations

import os
import resource
from typing import TYPE_CHECKING, Self

from kubectl_sops.errors import InsecureStorageError
from kubectl_sops.files.memory import find_folder
from kubectl_sops.flux.scratch import Scratch

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from kubectl_sops.flux.source import Artifact

_RESERVE = 64
"""File descriptors kept for everything else."""


class Tree:
    """A source laid out for kustomize; a context manager, removed at its end."""

    def __init__(self, artifact: Artifact, environ: Mapping[str, str], *, allow_disk: bool = False) -> None:
        self._artifact = artifact
        self._memory = _has_memory_files()
        parent = find_folder(environ)
        if parent is None and not self._memory and not allow_disk:
            raise InsecureStorageError(
                "no memory-backed folder for decrypted sources",
                hint="set KUBECTL_SOPS_MEMORY_DIR to a folder on a tmpfs, or accept a disk with --allow-disk",
            )
        self._scratch = Scratch(parent)
        self.root = self._scratch.path
        self._descriptors: dict[str, int] = {}
        self._replaced: set[str] = set()
        try:
            self._lay_out()
        except BaseException:
            self._scratch.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Remove the tree and free what was decrypted."""
        for descriptor in self._descriptors.values():
            os.close(descriptor)
        self._descriptors.clear()
        self._scratch.close()

    def _lay_out(self) -> None:
        for folder in self._artifact.folders:
            os.makedirs(os.path.join(self.root, folder), mode=0o700, exist_ok=True)
        source = self._artifact.root
        for path in self._artifact.files:
            os.symlink(os.path.join(source, path), os.path.join(self.root, path))

    def reset(self) -> None:
        """Put back everything that was replaced, for the next Kustomization of the same source."""
        for path in self._replaced:
            self._remove(path)
            if path in self._artifact.files:
                os.symlink(os.path.join(self._artifact.root, path), os.path.join(self.root, path))
        self._replaced.clear()

    def _remove(self, path: str) -> None:
        descriptor = self._descriptors.pop(path, None)
        if descriptor is not None:
            os.close(descriptor)
        if os.path.lexists(os.path.join(self.root, path)):
            os.unlink(os.path.join(self.root, path))

    def put(self, path: str, data: bytes) -> None:
        """Let ``path`` (relative to the root) have this content."""
        self._remove(path)
        place = os.path.join(self.root, path)
        if self._memory:
            descriptor = _memory_file(data)
            self._descriptors[path] = descriptor
            os.symlink(f"/proc/self/fd/{descriptor}", place)
        else:
            descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with open(descriptor, "wb") as file:
                file.write(data)
        self._replaced.add(path)

    def read(self, path: str) -> bytes:
        """The content of a file as kustomize would see it."""
        with open(os.path.join(self.root, path), "rb") as file:
            return file.read()

    def original(self, path: str) -> bytes:
        """The content of a file as it is in the source."""
        with open(os.path.join(self._artifact.root, path), "rb") as file:
            return file.read()

    def place(self, path: str) -> str:
        """Where a file of the source is on this machine."""
        return os.path.join(self._artifact.root, path)

    def is_file(self, path: str) -> bool:
        return os.path.isfile(os.path.join(self.root, path))

    def is_folder(self, path: str) -> bool:
        return os.path.isdir(os.path.join(self.root, path))

    def why_missing(self, path: str) -> str | None:
        """Why a file of the folder is not in the source, or ``None``."""
        reason = self._artifact.left_out.get(path)
        if reason is None and os.path.exists(os.path.join(self._artifact.root, path)):
            reason = "ignored by Git"
        return reason and f"{path} exists, but is not in the source that Flux sees: {reason}"

    @property
    def descriptors(self) -> tuple[int, ...]:
        """What kustomize has to inherit."""
        return tuple(self._descriptors.values())


def _has_memory_files() -> bool:
    return hasattr(os, "memfd_create") and os.path.isdir("/proc/self/fd")


def _memory_file(data: bytes) -> int:
    descriptor = os.memfd_create("kubectl-sops", os.MFD_CLOEXEC)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if descriptor > soft - _RESERVE and soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with open(os.dup(descriptor), "wb") as file:
        file.write(data)
    return descriptor
