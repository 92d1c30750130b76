"""Asking key systems: what is remembered, what runs at the same time, and whose credentials count."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from kubectl_sops.core.metadata import KeyEntry
from kubectl_sops.keys import RefusedError, ServiceError, UnwrapError, asking
from kubectl_sops.keys.asking import Asking, at_once
from kubectl_sops.keys.context import Context

if TYPE_CHECKING:
    from collections.abc import Callable


class System:
    """A key system whose answers a test decides."""

    def __init__(self, answer: Callable[[KeyEntry], bytes], service: str) -> None:
        self.answer = answer
        self.name = service
        self.asked: list[str] = []

    def service(self, entry: KeyEntry) -> str:
        return self.name

    def unwrap(self, entry: KeyEntry, context: Context) -> bytes:
        self.asked.append(entry.enc)
        return self.answer(entry)


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Callable[..., System]:
    """Makes a system stand in for every kind of key."""

    def install(answer: Callable[[KeyEntry], bytes], service: str = "the service") -> System:
        system = System(answer, service)
        monkeypatch.setattr(asking, "system", lambda _kind: system)
        return system

    return install


def _key(enc: str) -> KeyEntry:
    return KeyEntry("hc_vault", {"enc": enc})


def _fail(error: UnwrapError) -> Callable[[KeyEntry], bytes]:
    def answer(_entry: KeyEntry) -> bytes:
        raise error

    return answer


def test_wrapped_key_is_asked_for_once(install: Callable[..., System]) -> None:
    """Files that share a wrapped key share the answer."""
    system = install(lambda entry: entry.enc.encode())
    asked, context = Asking(), Context({})
    assert [asked.unwrap(_key(enc), context) for enc in ("a", "b", "a")] == [b"a", b"b", b"a"]
    assert system.asked == ["a", "b"]


def test_refusal_is_remembered(install: Callable[..., System]) -> None:
    """A key that was refused is not asked for again; another key of the service is."""
    system = install(_fail(RefusedError("no", 403)))
    asked, context = Asking(), Context({})
    for enc in ("a", "a", "b"):
        with pytest.raises(RefusedError):
            asked.unwrap(_key(enc), context)
    assert system.asked == ["a", "b"]


def test_broken_service_is_asked_once(install: Callable[..., System]) -> None:
    """A hundred files don't wait a hundred times for a server that is down."""
    system = install(_fail(ServiceError("down", "the service")))
    asked, context = Asking(), Context({})
    for enc in ("a", "b", "c"):
        with pytest.raises(ServiceError):
            asked.unwrap(_key(enc), context)
    assert system.asked == ["a"]


def test_other_credentials_are_another_question(install: Callable[..., System]) -> None:
    """What this machine may not, the cluster's Secret may."""
    system = install(_fail(ServiceError("expired", "the service")))
    asked = Asking()
    for context in (Context({}), Context({}, secret={})):
        with pytest.raises(ServiceError):
            asked.unwrap(_key("a"), context)
    assert system.asked == ["a", "a"]


def test_credentials_of_this_machine_may_not_count(install: Callable[..., System]) -> None:
    """Where only given keys or the cluster's count, no service is asked."""
    system = install(lambda _entry: b"part")
    with pytest.raises(UnwrapError, match="not asked"):
        Asking().unwrap(_key("a"), Context({}, local=False))
    assert system.asked == []


def test_waiting_can_be_interrupted(install: Callable[..., System]) -> None:
    """A request is made outside the main thread, which Ctrl-C reaches while the system looks up a name."""
    made_by: list[threading.Thread] = []

    def answer(_entry: KeyEntry) -> bytes:
        made_by.append(threading.current_thread())
        return b"part"

    install(answer)
    assert Asking().unwrap(_key("a"), Context({})) == b"part"
    assert made_by[0].daemon
    assert made_by[0] is not threading.main_thread()


def test_threads_share_one_question(install: Callable[..., System]) -> None:
    """Threads that want the same key wait for one answer."""
    begun = threading.Barrier(4, timeout=10)
    system = install(lambda _entry: b"part")
    asked, context = Asking(), Context({})

    def work(_item: int) -> None:
        begun.wait()
        asked.unwrap(_key("a"), context)

    at_once(work, range(1, 5))
    assert system.asked == ["a"]


def test_work_is_done_at_the_same_time() -> None:
    """Items wait for each other, which they can't do one by one."""
    barrier = threading.Barrier(3, timeout=10)
    at_once(lambda _item: barrier.wait(), "abc")


def test_first_exception_is_raised_after_all_work() -> None:
    """A bug in one piece of work does not hide, and does not stop the others."""
    done = []

    def work(item: int) -> None:
        done.append(item)
        if item == 1:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        at_once(work, [1, 2, 3], concurrency=1)
    assert done == [1, 2, 3]


def test_nothing_to_do() -> None:
    """No items, no threads."""
    at_once(_fail(RefusedError("no", 1)), [])


def test_client_is_made_once() -> None:
    """Threads that need the same session share it; another service does not wait for it."""
    context, made = Context({}), []
    barrier = threading.Barrier(4, timeout=10)

    def work(_item: int) -> None:
        barrier.wait()
        context.client("aws", lambda: made.append(1))

    at_once(work, range(1, 5))
    assert made == [1]
