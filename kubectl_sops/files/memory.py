"""Memory-backed storage: the only place, besides stdout, where plaintext is put without being asked to.

A directory of mode 0700 on a tmpfs or ramfs. Where there is none, nothing is written unless the user accepts a disk.
"""

from __future__ import annotations

import shutil
import signal
import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING

from kubectl_sops.errors import InsecureStorageError
from kubectl_sops.files.signals import handling
from kubectl_sops.keys.memory import find_folder, is_memory_backed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["Terminated", "find_folder", "is_memory_backed", "memory_folder"]


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

    try:
        with handling({signal.SIGTERM: stop, signal.SIGHUP: stop}):
            yield
    except Terminated as stopped:
        raise SystemExit(128 + stopped.number) from None
