"""Asking key systems: each wrapped key once, a service that does not work once, many files at the same time."""

from __future__ import annotations

from _thread import LockType, allocate_lock
from typing import TYPE_CHECKING, TypeVar

from kubectl_sops.keys import ServiceError, UnwrapError, system

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from kubectl_sops.core.metadata import KeyEntry
    from kubectl_sops.keys.context import Context

T = TypeVar("T")

CONCURRENCY = 16
"""Requests at the same time; more meets the rate limits of the services."""


class Asking:
    """What was asked so far, and what came of it. Threads may share it."""

    def __init__(self) -> None:
        self._parts: dict[str, bytes] = {}
        self._failures: dict[tuple[int, str], UnwrapError] = {}
        self._broken: dict[tuple[int, str], ServiceError] = {}
        self._locks: dict[str, LockType] = {}
        self._guard = allocate_lock()

    def unwrap(self, key: KeyEntry, context: Context) -> bytes:
        """The part that is wrapped in a key.

        Raises:
            UnwrapError: it can't be opened, now or when it was asked before.
        """
        asked = system(key.kind)
        service = asked.service(key)
        if not service:
            # local keys depend on what a person typed meanwhile; only their success is worth remembering
            part = self._parts.get(key.enc)
            if part is None:
                part = self._parts[key.enc] = asked.unwrap(key, context)
            return part
        if context.secret is None and not context.local:
            raise UnwrapError("not asked: the credentials of this machine do not count here")
        from threading import current_thread, main_thread

        if current_thread() is not main_thread():
            return self._ask_once(key, context, service)
        found: list[bytes] = []
        # looking up a name can't be interrupted: a thread does it, and waiting for a thread can
        at_once(lambda key: found.append(self._ask_once(key, context, service)), [key])
        return found[0]

    def _ask_once(self, key: KeyEntry, context: Context, service: str) -> bytes:
        with self._guard:
            lock = self._locks.setdefault(key.enc, allocate_lock())
        with lock:
            return self._ask(key, context, service)

    def _ask(self, key: KeyEntry, context: Context, service: str) -> bytes:
        part = self._parts.get(key.enc)
        if part is not None:
            return part
        known = self._broken.get((id(context), service)) or self._failures.get((id(context), key.enc))
        if known is not None:
            raise known
        try:
            part = system(key.kind).unwrap(key, context)
        except ServiceError as error:
            self._broken[id(context), service] = error
            raise
        except UnwrapError as error:
            self._failures[id(context), key.enc] = error
            raise
        self._parts[key.enc] = part
        return part


def at_once(work: Callable[[T], object], items: Iterable[T], concurrency: int = CONCURRENCY) -> None:
    """Do some work for every item, several at the same time, and wait for all.

    The threads are daemons: an interrupt ends the program at once, whatever a service takes to answer. The first
    exception is raised when all are done.
    """
    from threading import Thread

    listed = list(items)
    pending = iter(listed)
    guard = allocate_lock()
    failures: list[BaseException] = []

    def run() -> None:
        while True:
            with guard:
                item = next(pending, None)
            if item is None:
                return
            try:
                work(item)
            except BaseException as error:  # noqa: BLE001  # raised again below, in the thread that waits
                failures.append(error)

    threads = [Thread(target=run, daemon=True) for _ in range(min(concurrency, len(listed)))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
