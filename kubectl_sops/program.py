"""Starting and ending a program of ours: what is written arrives as a whole, or it is an error."""

from __future__ import annotations

import atexit
import os
import sys
from io import RawIOBase, TextIOWrapper
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable


def buffer_output() -> None:
    """Give standard output a buffer where it has none, as with ``PYTHONUNBUFFERED``.

    Without one, Python writes as much as the system takes at once, and nothing tells that the rest is missing.
    """
    if isinstance(getattr(sys.stdout, "buffer", None), RawIOBase):
        stream = open(1, "wb", closefd=False)  # noqa: SIM115  # for the whole run
        sys.stdout = TextIOWrapper(stream, encoding="utf-8", line_buffering=stream.isatty())


_PACKAGES = ("kubectl_sops", "krm_fn")


def begin(main: Callable[..., object]) -> None:
    """Prepare for ``leave``; ``main`` is the program's entry point.

    Where it is what was started, the interpreter is not taken apart at the end: that costs as much time as a dozen
    files. What others want to be done at the end is done before: the last to register comes first.
    """
    started = sys.modules["__main__"]
    # a script that pip made, or `python -m`; a program of others that calls `main` goes on afterwards
    file = str(getattr(started, "__file__", None) or ".py")
    ours = started.__package__ in _PACKAGES or (not file.endswith(".py") and os.access(file, os.X_OK))
    if ours and getattr(started, "main", None) is main and "coverage" not in sys.modules:
        atexit.register(_end)


_code: int | None = None


def leave(code: int) -> NoReturn:
    """Exit with ``code``."""
    global _code  # noqa: PLW0603  # a process has one
    _code = code
    sys.exit(code)


def _end() -> None:
    code = _code
    if code is None:
        return  # the process ends in another way
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except OSError:
            code = code or 1
    os._exit(code)
