"""The files of a Git revision, laid out in a private folder."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Self

from kubectl_sops.errors import InputNotFoundError
from kubectl_sops.files.memory import find_folder
from kubectl_sops.flux.scratch import Scratch
from kubectl_sops.repo import git

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

_FILE_MODES = ("100644", "100755")


class Revision:
    """A checkout without Git's filters; a context manager, removed at its end.

    Attributes:
        root: the folder that stands for the top of the work tree.
    """

    def __init__(self, top: str, name: str, environ: Mapping[str, str]) -> None:
        commit = git.run(["rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}"], top)
        if commit.returncode:
            raise InputNotFoundError(f"Git knows no revision {name}", hint="fetch it, or name another with --ref")
        self._scratch = Scratch(find_folder(environ))
        self.root = self._scratch.path
        self._check_out(top, commit.stdout.decode().strip())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._scratch.close()

    def _check_out(self, top: str, commit: str) -> None:
        listing = git.git(["ls-tree", "-r", "-z", "--full-tree", commit], top)
        names: list[str] = []
        blobs: list[str] = []
        for line in listing.split(b"\0"):
            head, _, raw_name = line.partition(b"\t")
            mode, _, rest = head.decode().partition(" ")
            if mode in _FILE_MODES:  # links are no part of an artifact, submodules are empty
                names.append(os.fsdecode(raw_name))
                blobs.append(rest.split(" ")[1])
        for name, data in zip(names, git.read_blobs(blobs, top), strict=True):
            path = os.path.join(self.root, name)
            os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(data or b"")
