"""Folders that are held in memory, the only ones where private keys and plaintext may be put."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_MEMORY_FILESYSTEMS = ("tmpfs", "ramfs")


def is_memory_backed(folder: str, mounts: str = "/proc/self/mounts") -> bool:
    """Whether ``folder`` lies on a tmpfs or ramfs, by the mount that holds it."""
    try:
        with open(mounts, encoding="utf-8", errors="surrogateescape") as file:
            lines = [line.split() for line in file]
    except OSError:
        return False
    path = os.path.realpath(folder)
    best, kind = "", ""
    for fields in lines:
        point = fields[1].encode("utf-8", "surrogateescape").decode("unicode_escape")  # \040 is a blank
        inside = path == point or path.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best):  # of several mounts at one point the last one counts
            best, kind = point, fields[2]
    return kind in _MEMORY_FILESYSTEMS


def find_folder(environ: Mapping[str, str]) -> str | None:
    """A memory-backed folder that this user can write, or ``None``."""
    candidates = [environ.get("KUBECTL_SOPS_MEMORY_DIR"), environ.get("XDG_RUNTIME_DIR"), "/dev/shm", "/run", "/tmp"]  # noqa: S108  # checked below
    for folder in candidates:
        if folder and os.path.isdir(folder) and os.access(folder, os.W_OK | os.X_OK) and is_memory_backed(folder):
            return folder
    return None
