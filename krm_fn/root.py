"""The folder that a function may read: the root of the kustomization that lists it, which kustomize makes its cwd.

kustomize does not restrict what functions read and does not tell them its ``--load-restrictor``. A configuration file
is part of the repository, so it must not be able to widen what is read.
"""

from __future__ import annotations

import os
import stat

from kubectl_sops.errors import InputNotFoundError, SopsError, UnreadableFileError

MAX_FILE_SIZE = 10 << 20
"""Bytes; a Kubernetes object has at most about a megabyte (etcd's limit)."""

MAX_TOTAL_SIZE = 100 << 20
"""Bytes that one run reads in all."""

MAX_MATCHES = 10_000
"""Files that one pattern may name."""

ALLOW_VARIABLE = "KUBECTL_SOPS_ALLOW_OUTSIDE_ROOT"


class OutsideRootError(SopsError):
    """A path that leaves the root."""


class Root:
    """Reads files below one folder.

    Args:
        path: the folder.
        names_from: the folder below it that names are relative to; the root itself by default.
        allow_outside: also read elsewhere; only the caller's environment may say so.
    """

    def __init__(self, path: str, *, names_from: str = "", allow_outside: bool = False) -> None:
        self.path = os.path.realpath(path)
        self._names_from = os.path.join(self.path, names_from)
        self._allow_outside = allow_outside
        self._read: dict[str, bytes] = {}
        self._total = 0

    def resolve(self, name: str) -> str:
        """The real path of ``name``.

        Raises:
            OutsideRootError: it is absolute, or leads out of the root, itself or through a symlink.
        """
        if "\0" in name:
            raise SopsError("a file name with a NUL byte")
        real = os.path.realpath(os.path.join(self._names_from, name))
        if self._allow_outside:
            return real
        if os.path.isabs(name):
            raise OutsideRootError("absolute paths are not read", file=name, hint=_OUTSIDE_HINT)
        if not self.holds(real):
            raise OutsideRootError(f"leads out of {self.path}", file=name, hint=_OUTSIDE_HINT)
        return real

    def holds(self, real: str) -> bool:
        """Whether a real path is the root or below it."""
        return real == self.path or real.startswith(self.path.rstrip(os.sep) + os.sep)

    def read(self, name: str) -> bytes:
        """The bytes of a regular file.

        Raises:
            OutsideRootError, InputNotFoundError, UnreadableFileError: also where it is too large or not a file.
        """
        data = self._read.get(name)
        if data is None:
            data = self._read[name] = read_regular(self.resolve(name), name)
            self._total += len(data)
        if self._total > MAX_TOTAL_SIZE:
            raise UnreadableFileError(f"more than {MAX_TOTAL_SIZE >> 20} MiB in one configuration", file=name)
        return data

    def expand(self, pattern: str) -> list[str]:
        """The files that a pattern names, sorted; a name without ``*``, ``?`` or ``[`` is itself.

        Raises:
            InputNotFoundError: nothing matches.
        """
        if not any(char in pattern for char in "*?[") or os.path.lexists(os.path.join(self._names_from, pattern)):
            return [pattern]
        if not self._allow_outside:
            if os.path.isabs(pattern):
                raise OutsideRootError("absolute paths are not read", file=pattern, hint=_OUTSIDE_HINT)
            if ".." in pattern.split("/"):
                raise OutsideRootError("a pattern can't have '..' in it", file=pattern, hint=_OUTSIDE_HINT)
        from glob import iglob
        from itertools import islice

        found = [
            name
            for name in islice(iglob(pattern, root_dir=self._names_from, recursive=True), MAX_MATCHES + 1)
            if not os.path.isdir(os.path.join(self._names_from, name))
        ]
        if len(found) > MAX_MATCHES:
            raise SopsError(f"more than {MAX_MATCHES} files match", file=pattern)
        if not found:
            raise InputNotFoundError(
                "no file matches", file=pattern, hint=f"patterns are relative to {self._names_from}"
            )
        return sorted(found)


def read_regular(real: str, name: str, limit: int = MAX_FILE_SIZE) -> bytes:
    """The bytes of the file at a resolved path; never waits on a FIFO, never reads a device."""
    try:
        descriptor = os.open(real, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise InputNotFoundError("no such file", file=name) from None
    except OSError as error:
        raise UnreadableFileError(f"can't be opened: {error.strerror}", file=name) from None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise UnreadableFileError("not a regular file", file=name)
        if status.st_size > limit:
            raise UnreadableFileError(f"larger than {limit >> 20} MiB", file=name)
        data = b""
        while len(data) <= limit:
            piece = os.read(descriptor, min(limit + 1 - len(data), 1 << 20))
            if not piece:
                return data
            data += piece
        raise UnreadableFileError(f"larger than {limit >> 20} MiB", file=name)
    except OSError as error:
        raise UnreadableFileError(f"can't be read: {error.strerror}", file=name) from None
    finally:
        os.close(descriptor)


_OUTSIDE_HINT = f"move the file below the kustomization, or set {ALLOW_VARIABLE}=1 in the environment of kustomize"
