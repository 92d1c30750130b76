"""Memory-backed storage: the only place, besides stdout, where plaintext is put without being asked to.

A directory of mode 0700 on a tmpfs or ramfs. Where there is none, nothing is written unless the user accepts a disk.
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING

from kubectl_sops.errors import InsecureStorageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

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


@contextmanager
def memory_folder(environ: Mapping[str, str], *, allow_disk: bool = False) -> Iterator[str]:
    """A new folder of mode 0700 in memory, removed with everything in it, on SIGTERM and SIGHUP too.

    Raises:
        InsecureStorageError: there is none, and a disk was not allowed.
    """
    parent = find_folder(environ)
    if parent is None and not allow_disk:
        raise InsecureStorageError(
            "no memory-backed folder for the decrypted text",
            hint="set KUBECTL_SOPS_MEMORY_DIR to a folder on a tmpfs, or accept a disk with --allow-disk",
        )
    folder = tempfile.mkdtemp(prefix="kubectl-sops-", dir=parent)
    with termination_as_exception():
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


class Terminated(BaseException):
    """SIGTERM or SIGHUP arrived; carries the signal number."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@contextmanager
def termination_as_exception() -> Iterator[None]:
    """Let SIGTERM and SIGHUP unwind the stack, so that what holds plaintext is cleaned up; then exit as they would."""
    def stop(number: int, _frame: object) -> None:
        raise Terminated(number)

    old = {}
    try:
        for number in (signal.SIGTERM, signal.SIGHUP):
            old[number] = signal.signal(number, stop)
    except ValueError:
        pass  # not the main thread: then there is no handler to set
    try:
        yield
    except Terminated as stopped:
        raise SystemExit(128 + stopped.number) from None
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)
