"""Signals that are handled differently for a while."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


@contextmanager
def handling(handlers: Mapping[signal.Signals, Callable[[int, Any], None]]) -> Iterator[None]:
    """Set handlers, and afterwards the old ones again; outside the main thread, which can't set any, do nothing."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    old = {}
    try:
        for number, handler in handlers.items():
            old[number] = signal.signal(number, handler)
        yield
    finally:
        for number, before in old.items():
            if before is not None:  # one that was set outside of Python can't be set from here
                signal.signal(number, before)


def interrupts_left_to_command() -> dict[signal.Signals, Callable[[int, Any], None]]:
    """Handlers by which Ctrl-C ends a command that is run, and not us; unlike SIG_IGN they are not inherited by it."""
    return {signal.SIGINT: lambda *_: None}
