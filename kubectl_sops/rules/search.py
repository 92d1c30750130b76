"""Where the ``.sops.yaml`` is that applies to a file."""

from __future__ import annotations

import os
from dataclasses import dataclass

NAME = ".sops.yaml"
OTHER_NAME = ".sops.yml"
"""A name that people use and sops ignores."""

MAX_LEVELS = 100
"""How far up sops looks."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found: the file, if any, and a warning about a file that was passed over."""

    path: str | None
    warning: str | None = None


def working_directory() -> str:
    """The current directory as the shell shows it, with its symbolic links (as Go's ``os.Getwd``)."""
    shown = os.environ.get("PWD", "")
    try:
        if os.path.isabs(shown) and os.path.samefile(shown, os.curdir):
            return os.path.normpath(shown)
    except OSError:
        pass
    return os.getcwd()


def search(target: str | None = None, *, cwd: str | None = None) -> Found:
    """Look for the ``.sops.yaml`` that applies to ``target``.

    It is the one that sops takes: the first from the working directory upward, wherever the target is. Where sops finds
    none, ours is the first from the target's own directory upward, so that a command works from outside a repository.
    """
    start = cwd or working_directory()
    found = _upward(start)
    if found.path is None and target is not None:
        beside = _upward(os.path.dirname(os.path.normpath(os.path.join(start, target))))
        return Found(beside.path, beside.warning or found.warning)
    return found


def find(target: str | None = None, config: str | None = None, *, cwd: str | None = None) -> str | None:
    """The path of the ``.sops.yaml`` that applies to ``target``: ``config`` if given, else by ``search``."""
    return config or search(target, cwd=cwd).path


def _upward(folder: str) -> Found:
    passed = None
    for _ in range(MAX_LEVELS):
        path = os.path.join(folder, NAME)
        if os.path.exists(path):
            return Found(path, f"{passed} is ignored, {path} is used instead" if passed else None)
        other = os.path.join(folder, OTHER_NAME)
        if passed is None and os.path.exists(other):
            passed = other
        parent = os.path.dirname(folder)
        if parent == folder:
            break
        folder = parent
    return Found(None, f"{passed} is ignored: the file must be called {NAME}" if passed else None)
