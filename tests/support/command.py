"""Running a command of ours in this process, as the command line would."""

from __future__ import annotations

import io
import os
import sys
from contextlib import redirect_stderr
from typing import TYPE_CHECKING

from kubectl_sops.cli import app, option_table

if TYPE_CHECKING:
    from kubectl_sops.cli.option_table import Command


class Result:
    """What a command did."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code = code
        self.out = out
        self.err = err

    def __repr__(self) -> str:
        return f"Result({self.code}, out={self.out!r}, err={self.err!r})"


class _Output(io.TextIOWrapper):
    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8", errors="surrogateescape", write_through=True)


def call(command: Command, *argv: str, stdin: bytes = b"") -> Result:
    """Run a command; environment variables stand in for options as they do on the command line."""
    arguments, values = option_table.parse(list(argv), command.options, dict(os.environ))
    out, err = _Output(), io.StringIO()
    before = sys.stdout, sys.stdin
    sys.stdout, sys.stdin = out, io.TextIOWrapper(io.BytesIO(stdin))
    try:
        with redirect_stderr(err):
            code = app.guard(lambda: command.run(arguments, values), "kubectl-sops")
    finally:
        sys.stdout, sys.stdin = before
    return Result(code, out.buffer.getvalue().decode("utf-8", "surrogateescape"), err.getvalue())  # type: ignore[attr-defined]  # BytesIO
