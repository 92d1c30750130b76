"""Shell patterns over bytes, for ``${v#pattern}`` and its relatives: ``*`` and ``?`` also match ``/``."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    Step = Callable[[bytes, int], int]  # bytes and a position → the position behind the match, or -1

_STAR = None


class _BadPattern(Exception):  # noqa: N818  # never leaves this module: such a pattern matches nothing
    pass


def shortest_prefix(pattern: bytes, data: bytes) -> int:
    """Length of the shortest non-empty prefix of ``data`` that ``pattern`` matches; 0 where none does."""
    return _first(pattern, data, range(1, len(data) + 1))


def longest_prefix(pattern: bytes, data: bytes) -> int:
    """Length of the longest prefix of ``data`` that ``pattern`` matches; 0 where none does."""
    return _first(pattern, data, range(len(data), 0, -1))


def _first(pattern: bytes, data: bytes, lengths: range) -> int:
    try:
        steps = _compile(pattern)
    except _BadPattern:
        return 0
    # each prefix by itself: one that ends inside a character has a last character of its own
    return next((length for length in lengths if _matches(steps, data[:length])), 0)


def _matches(steps: list[Step | None], data: bytes) -> bool:
    ends = {0}
    for step in steps:
        if step is _STAR:
            ends = set(range(min(ends), len(data) + 1)) if ends else ends
        else:
            ends = {after for at in ends if (after := step(data, at)) >= 0}
    return len(data) in ends


def _compile(pattern: bytes) -> list[Step | None]:
    steps: list[Step | None] = []
    at = 0
    while at < len(pattern):
        char = pattern[at : at + 1]
        at += 1
        if char == b"*":
            steps.append(_STAR)
        elif char == b"?":
            steps.append(_any)
        elif char == b"[":
            step, at = _class(pattern, at)
            steps.append(step)
        else:
            if char == b"\\":
                char = pattern[at : at + 1]
                at += 1
                if not char:
                    raise _BadPattern
            steps.append(_literal(char))
    return steps


def _literal(char: bytes) -> Step:
    return lambda data, at: at + 1 if data[at : at + 1] == char else -1


def _any(data: bytes, at: int) -> int:
    return at + _rune(data, at)[1] if at < len(data) else -1


def _class(pattern: bytes, at: int) -> tuple[Step, int]:
    negated = pattern[at : at + 1] == b"^"
    at += negated
    ranges: list[tuple[int, int]] = []
    while not (ranges and pattern[at : at + 1] == b"]"):
        low, at = _member(pattern, at)
        high = low
        if pattern[at : at + 1] == b"-":
            high, at = _member(pattern, at + 1)
        ranges.append((low, high))

    def step(data: bytes, at: int) -> int:
        if at >= len(data):
            return -1
        rune, size = _rune(data, at)
        inside = any(low <= rune <= high for low, high in ranges)
        return at + size if inside is not negated else -1

    return step, at + 1


def _member(pattern: bytes, at: int) -> tuple[int, int]:
    if pattern[at : at + 1] in (b"", b"-", b"]"):
        raise _BadPattern
    if pattern[at : at + 1] == b"\\":
        at += 1
        if at >= len(pattern):
            raise _BadPattern
    rune, size = _rune(pattern, at)
    at += size
    if at >= len(pattern):
        raise _BadPattern
    return rune, at


def _rune(data: bytes, at: int) -> tuple[int, int]:
    """The character at a position and its size; a byte that is not UTF-8 counts as U+FFFD of size 1."""
    first = data[at]
    if first < 0x80:
        return first, 1
    size = 2 if first < 0xE0 else 3 if first < 0xF0 else 4
    try:
        return ord(data[at : at + size].decode("utf-8")), size
    except (UnicodeDecodeError, TypeError):
        return 0xFFFD, 1
