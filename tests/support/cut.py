"""Processes that die in the middle of their work."""

from __future__ import annotations

import os
import signal
import traceback
from typing import TYPE_CHECKING

from kubectl_sops.files import write
from kubectl_sops.repo import transaction

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CALLS = ("mkdir", "open", "link", "rename", "unlink", "fsync", "fchmod", "listdir")
"""Every call by which the modules that write touch the disk."""


class Cut:
    """Stands in for ``os`` in these modules: the process dies at the n-th call, before or after it."""

    def __init__(self, at: int, *, after: bool) -> None:
        self._left = at
        self._after = after

    def __getattr__(self, name: str) -> object:
        real = getattr(os, name)
        return self.wrap(real) if name in CALLS else real

    def wrap(self, real: Callable[..., object]) -> Callable[..., object]:
        """A function that counts as one of the calls."""

        def call(*args: object, **kwargs: object) -> object:
            self._left -= 1
            if self._left == 0 and not self._after:
                os.kill(os.getpid(), signal.SIGKILL)
            try:
                return real(*args, **kwargs)
            finally:
                if self._left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        return call


def killed_at(step: int, work: Callable[[Cut], object], *, after: bool) -> bool:
    """Run ``work`` in a child that dies at a step; whether it died. An exception in the child fails the test."""
    child = os.fork()
    if child == 0:
        try:
            cut = Cut(step, after=after)
            transaction.os = write.os = cut  # type: ignore[assignment]  # the child's modules only
            work(cut)
        except BaseException:  # noqa: BLE001  # a child must not go on with the tests
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    assert status in (0, signal.SIGKILL), status
    return status != 0


STRIDE = 1 if os.environ.get("HYPOTHESIS_PROFILE") == "thorough" else 3
"""Each day every third step is tried, beginning with another one before and after it; all of them when asked to."""


def steps(work: Callable[[Cut], object], *, stride: int = STRIDE) -> Iterator[int]:
    """The steps of ``work`` at which it can die, before and after it, then 0 where it came to its end.

    Between two steps the caller has to bring everything back to where ``work`` starts.
    """
    for after in (False, True):
        step = 1 + int(after) % stride
        while killed_at(step, work, after=after):
            yield step
            step += stride
        assert step > 10, "the work has no steps"
        yield 0
