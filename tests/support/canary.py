"""A value that must not be seen: the forms it could take, and where it was found all the same."""

from __future__ import annotations

import binascii
import io
import os
import sys
import tempfile
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

VALUE = "CANARY-v9Tq-hunter2-Zp4w"
"""Stands for a secret in plaintext files; unlikely by chance, and whole in every encoding that keeps ASCII."""


class Canary(NamedTuple):
    """A secret to look for, by the name that a failing test shows; the secret itself is never printed."""

    name: str
    secret: str

    def forms(self) -> list[bytes]:
        """The secret as it is, and as base64 and hexadecimal text would hold it at any offset."""
        raw = self.secret.encode()
        forms = [raw, binascii.hexlify(raw), binascii.hexlify(raw).upper()]
        for offset in range(3):
            encoded = binascii.b2a_base64(b"\0" * offset + raw, newline=False)
            # characters at the ends also hold bits of whatever stands beside the secret
            forms.append(encoded[(0, 2, 3)[offset] : len(encoded) // 4 * 4 - 4])
        return forms

    def is_in(self, data: bytes) -> bool:
        """Whether any form of it stands in ``data``."""
        return any(form in data for form in self.forms())


PLAINTEXT = Canary("plaintext", VALUE)


def files_with(canary: Canary, folder: Path) -> list[str]:
    """The files below ``folder`` that hold it, by content or name."""
    found = []
    for where, folders, files in os.walk(folder):
        for name in [*folders, *files]:
            path = Path(where, name)
            if canary.is_in(os.fsencode(name)) or (path.is_file() and canary.is_in(path.read_bytes())):
                found.append(str(path.relative_to(folder)))
    return found


class Said(NamedTuple):
    """What a program said, and how it ended."""

    code: int
    out: bytes
    err: bytes


def call(main: Callable[[], None], argv: list[str], folder: Path, env: Mapping[str, str], stdin: bytes = b"") -> Said:
    """Run a program's ``main`` in this process: quick, and a traceback is seen as well.

    Its standard output and error are those of this process, descriptors included.
    """
    saved = {name: getattr(sys, name) for name in ("argv", "stdin", "stdout", "stderr")}
    environ, here = dict(os.environ), Path.cwd()
    descriptors = os.dup(1), os.dup(2)
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        try:
            os.environ.clear()
            os.environ.update(env)
            os.chdir(folder)
            os.dup2(out.fileno(), 1)
            os.dup2(err.fileno(), 2)
            sys.argv = argv
            sys.stdin = io.TextIOWrapper(io.BytesIO(stdin))
            sys.stdout = open(1, "w", closefd=False, encoding="utf-8")  # noqa: SIM115  # stands in for the real one
            sys.stderr = open(2, "w", closefd=False, encoding="utf-8", errors="backslashreplace", buffering=1)  # noqa: SIM115
            code = _exit_code(main)
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os.dup2(descriptors[0], 1)
            os.dup2(descriptors[1], 2)
            for descriptor in descriptors:
                os.close(descriptor)
            for name, stream in saved.items():
                setattr(sys, name, stream)
            os.environ.clear()
            os.environ.update(environ)
            os.chdir(here)
        out.seek(0)
        err.seek(0)
        return Said(code, out.read(), err.read())


def _exit_code(main: Callable[[], None]) -> int:
    try:
        main()
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except BaseException:  # noqa: BLE001  # what Python itself would print
        traceback.print_exc()
        return 70
    return 0
