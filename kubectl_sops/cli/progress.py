"""A progress bar on stderr, for work that takes longer than a second on a terminal."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import TypeVar

    T = TypeVar("T")

PATIENCE = 1.0
"""Seconds before a bar appears."""


def track(items: Iterable[T], what: str, *, quiet: bool = False, failures: Sequence[object] = ()) -> Iterator[T]:
    """The items, while a bar shows how many are done.

    Args:
        failures: grows while the items are worked on; the bar shows how many there are.
    """
    if quiet or not sys.stderr.isatty() or not hasattr(items, "__len__"):
        yield from items
        return
    yield from _track(items, what, failures)


def _track(items: Iterable[T], what: str, failures: Sequence[object]) -> Iterator[T]:
    started = time.monotonic()
    iterator = iter(items)
    done = 0
    for item in iterator:
        yield item
        done += 1
        if time.monotonic() - started > PATIENCE:
            break
    else:
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    total = len(items)  # type: ignore[arg-type]  # track() made sure that it has a length
    with Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[failed]}"),
        TimeRemainingColumn(),
        console=Console(stderr=True), transient=True,
    ) as bar:  # fmt: skip
        task = bar.add_task(what, total=total, completed=done, failed="")
        for item in iterator:
            yield item
            bar.update(task, advance=1, failed=f"{len(failures)} failed" if failures else "")
