"""Paired runs of contestants, and the medians of their times and ratios."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from benchmarks.workshop import Workshop

OURS = "ours"


class Goal(NamedTuple):
    """How we want to stand beside a contestant: our time is at most ``most`` times theirs."""

    rival: str
    most: float

    def __str__(self) -> str:
        return f"at most {self.most:g} × {self.rival}" if self.most >= 1 else f"{1 / self.most:g} × faster"


class Case(NamedTuple):
    """A piece of work, done once by each contestant in each round."""

    name: str
    about: str
    rounds: int
    goals: tuple[Goal, ...]
    contestants: Callable[[Workshop], Mapping[str, Callable[[], None]]]


class Outcome(NamedTuple):
    """Medians over the rounds: seconds of each contestant, and our time divided by theirs."""

    seconds: dict[str, float]
    ratios: dict[str, float]


CASES: dict[str, Case] = {}


def case(
    name: str, *, rounds: int, goals: tuple[Goal, ...] = ()
) -> Callable[
    [Callable[[Workshop], Mapping[str, Callable[[], None]]]], Callable[[Workshop], Mapping[str, Callable[[], None]]]
]:
    """Register the function below as the case ``name``; its docstring says what is done."""

    def register(
        contestants: Callable[[Workshop], Mapping[str, Callable[[], None]]],
    ) -> Callable[[Workshop], Mapping[str, Callable[[], None]]]:
        about = (contestants.__doc__ or "").strip().split("\n")[0]
        CASES[name] = Case(name, about, rounds, goals, contestants)
        return contestants

    return register


def measure(contestants: Mapping[str, Callable[[], None]], rounds: int) -> Outcome:
    """Run all contestants ``rounds`` times, in turn."""
    times: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, run in contestants.items():
            start = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - start)
    return Outcome(
        {name: statistics.median(values) for name, values in times.items()},
        {
            name: statistics.median(ours / theirs for ours, theirs in zip(times[OURS], values, strict=True))
            for name, values in times.items()
            if name != OURS
        },
    )
