"""What the source-controller would hand on as an artifact: the files of a source, without the ignored ones."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from kubectl_sops.flux import ignore
from kubectl_sops.repo import find

if TYPE_CHECKING:
    from collections.abc import Iterable


class Artifact:
    """The files of a source.

    Attributes:
        root: absolute path of the folder that stands for the source.
        files: regular files, relative to the root.
        folders: folders, relative to the root.
        left_out: files of the folder that the artifact lacks, with the reason.
    """

    __slots__ = ("files", "folders", "left_out", "root")

    def __init__(self, root: str, names: Iterable[str], extra: str = "") -> None:
        self.root = os.path.realpath(root)
        self.files: dict[str, None] = {}
        self.folders: dict[str, None] = {}
        self.left_out: dict[str, str] = {}
        regular = []
        for name in names:
            if os.path.islink(os.path.join(self.root, name)):
                self.left_out[name] = "symbolic links are not part of an artifact"
            else:
                regular.append(name)
        rules = ignore.Ignore(_patterns(self.root, regular, extra))
        for name in regular:
            elements = name.split("/")
            reason = rules.reason(elements)
            if reason is not None:
                self.left_out[name] = f"excluded by {reason}"
                continue
            self.files[name] = None
            for depth in range(1, len(elements)):
                self.folders["/".join(elements[:depth])] = None


def _patterns(root: str, names: list[str], extra: str) -> list[ignore.Pattern]:
    found = [name for name in names if name.rpartition("/")[2] == ignore.FILE]
    found.sort(key=lambda name: name.split("/")[:-1])
    patterns: list[ignore.Pattern] = []
    for name in found:
        with open(os.path.join(root, name), encoding="utf-8", errors="surrogateescape") as file:
            patterns += ignore.read_patterns(file.read(), name.split("/")[:-1])
    return patterns + ignore.read_patterns(extra)


def read_folder(root: str, extra: str = "") -> Artifact:
    """The artifact of a folder: what Git would commit of it, or everything where there is no Git.

    Args:
        extra: ``spec.ignore`` of the source.
    """
    prefix = root.rstrip("/") + "/"
    names = (name.removeprefix(prefix) for name in find.walk(root))
    return Artifact(root, names, extra)
