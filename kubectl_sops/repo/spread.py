"""The same work on many files, on all processors.

Workers are forked, so that they have whatever this process has in memory, keys included, and nothing is handed over by
way of an argument, an environment or a file. They ask nobody anything and report no errors: what a worker can't do, the
process that called does again itself, and there an error is an error and a question can be asked.
"""

from __future__ import annotations

import os
import pickle
import signal
import struct
import sys
from typing import TYPE_CHECKING, TypeVar

from kubectl_sops.errors import SopsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from io import BufferedReader

T = TypeVar("T")
R = TypeVar("R")

WORTHWHILE = 64
"""Fewer items than this are done before workers would be ready."""

AHEAD = 1 << 20
"""Bytes of results that may wait for the process that called; more than the 64 KiB that a pipe holds by itself."""

_LENGTH = struct.Struct("!Q")
_FAILED = 2**64 - 1


def spread(function: Callable[[T], R], items: Sequence[T], *, workers: int | None = None) -> Iterator[R | SopsError]:
    """``function`` of each item, in order; a ``SopsError`` that it raises stands in the place of its result.

    Results have to be picklable. The results of a worker wait in a pipe until they are asked for, so that memory stays
    bounded.
    """
    count = _workers(len(items)) if workers is None else workers
    if count < 2:
        for item in items:
            yield _here(function, item)
        return
    pids: list[int] = []
    pipes: list[BufferedReader] = []
    try:
        for number in range(count):
            pid, pipe = _fork(function, items[number::count], pipes)
            pids.append(pid)
            pipes.append(pipe)
        for position, item in enumerate(items):
            found, result = _receive(pipes[position % count])
            yield result if found else _here(function, item)  # type: ignore[misc]  # what function returned
    finally:
        for pipe in pipes:
            pipe.close()
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def _here(function: Callable[[T], R], item: T) -> R | SopsError:
    try:
        return function(item)
    except SopsError as error:
        return error


def _workers(items: int) -> int:
    if items < WORTHWHILE or sys.platform != "linux":  # elsewhere system libraries do not survive a fork
        return 1
    return min(len(os.sched_getaffinity(0)), 8)


def _fork(
    function: Callable[[T], R], items: Sequence[T], others: Sequence[BufferedReader]
) -> tuple[int, BufferedReader]:
    reading, writing = os.pipe()
    _widen(writing)
    pid = os.fork()
    if pid:
        os.close(writing)
        return pid, os.fdopen(reading, "rb")
    try:
        # the terminal, and its Ctrl-C, belong to the process that called
        os.setsid()
        os.close(reading)
        for pipe in others:
            pipe.close()
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        with os.fdopen(writing, "wb") as out:
            for item in items:
                _send(out.write, function, item)
                out.flush()
    finally:
        os._exit(0)  # no handler and no buffer of the parent may run here


def _widen(pipe: int) -> None:
    import fcntl

    try:
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, AHEAD)
    except OSError:
        pass  # the user has too many of them


def _send(write: Callable[[bytes], object], function: Callable[[T], R], item: T) -> None:
    try:
        data = pickle.dumps(function(item), pickle.HIGHEST_PROTOCOL)
    except Exception:  # noqa: BLE001  # whatever it is, the caller finds out by doing the work itself
        write(_LENGTH.pack(_FAILED))
        return
    write(_LENGTH.pack(len(data)))
    write(data)


def _receive(pipe: BufferedReader) -> tuple[bool, object]:
    """Whether a worker had a result, and the result."""
    head = pipe.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return False, None  # the worker is gone
    (length,) = _LENGTH.unpack(head)
    if length == _FAILED:
        return False, None
    data = pipe.read(length)
    return (True, pickle.loads(data)) if len(data) == length else (False, None)  # noqa: S301  # from our own process
