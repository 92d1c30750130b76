"""A private folder that goes away: at the end, or when the next run finds that nobody holds its lock."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time

PREFIX = "kubectl-sops-build-"

_FRESH = 60.0
"""Seconds for which a folder without lock is left alone: its process may be about to take it."""


class Scratch:
    """A folder of mode 0700 with a lock on it.

    Attributes:
        path: the folder.
    """

    def __init__(self, parent: str | None = None) -> None:
        parent = parent or tempfile.gettempdir()
        sweep(parent)
        self.path = os.path.realpath(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
        self._lock = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def close(self) -> None:
        """Remove the folder with everything in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)


def sweep(parent: str) -> None:
    """Remove the folders of processes that are gone."""
    for entry in os.scandir(parent):
        if not entry.name.startswith(PREFIX) or not entry.is_dir(follow_symlinks=False):
            continue
        try:
            status = entry.stat(follow_symlinks=False)
            if status.st_uid != os.getuid() or time.time() - status.st_mtime < _FRESH:
                continue
            lock = os.open(entry.path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError:
            continue  # another run was quicker
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(entry.path, ignore_errors=True)
        except OSError:
            pass  # in use
        finally:
            os.close(lock)
