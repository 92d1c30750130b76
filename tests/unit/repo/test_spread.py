"""Work on all processors gives what work on one gives."""

from __future__ import annotations

import os
import signal

import pytest

from kubectl_sops.errors import NoMatchingKeyError
from kubectl_sops.repo.spread import spread


def test_results_come_in_order():
    """Whatever worker has them, and however large they are."""
    items = list(range(200))
    assert list(spread(lambda n: b"x" * (n * 1000), items, workers=3)) == [b"x" * (n * 1000) for n in items]


def test_work_is_done_elsewhere():
    """Workers are other processes; few items are done here."""
    assert os.getpid() not in set(spread(lambda _: os.getpid(), range(10), workers=2))
    assert set(spread(lambda _: os.getpid(), range(10))) == {os.getpid()}


def test_an_error_is_a_result():
    """It is the error of this process, with its class and everything that it carries; the others go on."""

    def work(n):
        if n == 5:
            raise NoMatchingKeyError("none", tried=["x"], hint="a hint")
        return n

    results = list(spread(work, range(10), workers=2))
    assert isinstance(results[5], NoMatchingKeyError)
    assert results[5].hint == "a hint"
    assert results[:5] + results[6:] == [0, 1, 2, 3, 4, 6, 7, 8, 9]


def test_a_bug_is_raised_here():
    """Any other exception is that of this process."""
    results = spread(lambda n: 1 // (n - 2), range(4), workers=2)
    assert [next(results), next(results)] == [-1, -1]
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_a_worker_that_dies_costs_nothing():
    """Its items are done by the process that called."""
    parent = os.getpid()

    def work(n):
        if n == 4 and os.getpid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)
        return n

    assert list(spread(work, range(20), workers=2)) == list(range(20))


def test_questions_are_asked_here():
    """A worker has no terminal and no standard input."""
    import sys

    parent = os.getpid()

    def work(n):
        if os.getpid() != parent:
            assert os.read(0, 1)
        return n

    assert sys.stdin is not None
    assert list(spread(work, range(4), workers=2)) == [0, 1, 2, 3]


def test_giving_up_leaves_no_process():
    """Workers end when the results are no longer wanted."""
    pids = []
    results = spread(lambda _: os.getpid(), range(1000), workers=2)
    pids += [next(results), next(results)]
    results.close()
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
