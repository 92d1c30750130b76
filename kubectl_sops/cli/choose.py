"""Choosing one of the repository's encrypted files on a terminal."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from kubectl_sops.errors import UsageError
from kubectl_sops.repo.find import encrypted_files

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SHOWN = 20
"""Files listed at a time; typing a part of a name narrows them down."""


def choose(read_line: Callable[[], str] = sys.stdin.readline) -> str:
    """A file that the user chooses by number or by a part of its name.

    Raises:
        UsageError: there is no encrypted file below the working directory.
        KeyboardInterrupt: the user chose none.
    """
    files = sorted(encrypted_files(["."]))
    if not files:
        raise UsageError("no encrypted file below this folder", hint="name a file")
    offered: Sequence[str] = files
    while True:
        if len(offered) == 1:
            return offered[0]
        _list(offered)
        sys.stderr.write("number, or part of a name: ")
        sys.stderr.flush()
        line = read_line()
        if not line.strip():
            raise KeyboardInterrupt
        offered = _narrowed(offered, files, line.strip())


def _list(files: Sequence[str]) -> None:
    for number, path in enumerate(files[:SHOWN], 1):
        sys.stderr.write(f"{number:4}  {path}\n")
    if len(files) > SHOWN:
        sys.stderr.write(f"      and {len(files) - SHOWN} more\n")


def _narrowed(offered: Sequence[str], files: Sequence[str], answer: str) -> Sequence[str]:
    if answer.isdecimal() and 1 <= int(answer) <= min(len(offered), SHOWN):
        return [offered[int(answer) - 1]]
    found = [path for path in files if answer in path]
    if not found:
        sys.stderr.write(f"no file has {answer} in its name\n")
    return found or offered
