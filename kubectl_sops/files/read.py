"""Reading a file, or standard input, with errors that name it."""

from __future__ import annotations

import os
import stat
import sys

from kubectl_sops.errors import InputNotFoundError, UnreadableFileError

STDIN = "-"


def read(path: str) -> bytes:
    """The bytes of a regular file, of a pipe, or of standard input for ``-``.

    Raises:
        InputNotFoundError: there is no such file.
        UnreadableFileError: it is a directory, or may not be read.
    """
    if path == STDIN:
        return sys.stdin.buffer.read()
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        raise InputNotFoundError("no such file", file=path, hint="check the path") from None
    except OSError as error:
        raise UnreadableFileError(f"can't be read: {error.strerror}", file=path) from None
    if stat.S_ISDIR(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise UnreadableFileError("is a directory", file=path)
    with open(descriptor, "rb") as file:
        try:
            return file.read()
        except OSError as error:
            raise UnreadableFileError(f"can't be read: {error.strerror}", file=path) from None
