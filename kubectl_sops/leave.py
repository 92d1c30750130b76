"""Ending a program of ours."""

from __future__ import annotations

import atexit
import os
import sys
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable


def leave(code: int, main: Callable[..., object]) -> NoReturn:
    """Exit with ``code``; ``main`` is the program's entry point.

    Where it is what was started, the interpreter is not taken apart: that costs as much time as a dozen files, and
    nothing is left to clean up.
    """
    if getattr(sys.modules["__main__"], "main", None) is main and "coverage" not in sys.modules:
        atexit.register(_end, code)
    sys.exit(code)


def _end(code: int) -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except OSError:
            code = code or 1
    os._exit(code)
