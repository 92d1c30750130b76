"""Three-way merge of texts by lines, in memory: plaintext never reaches a file."""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    Chunk = tuple[list[str], list[str], list[str]]


def merge(base: str, ours: str, theirs: str) -> str | None:
    """The text with the changes of both sides, or ``None`` where they change the same lines in different ways.

    Neighbouring lines that are changed on different sides are joined, and so are lines that both sides add at the same
    place: callers check what came out against the data that they expect.
    """
    out: list[str] = []
    for before, mine, other in _chunks(_lines(base), _lines(ours), _lines(theirs)):
        if mine in (other, before):
            out += other
        elif other == before:
            out += mine
        else:
            joined = _join(before, mine, other)
            if joined is None:
                return None
            out += joined
    return "".join(out)


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def _join(before: Sequence[str], mine: Sequence[str], other: Sequence[str]) -> list[str] | None:
    if not before:
        # both add: a last line without an end would run into the next one
        return [*_ended(mine), *other]
    if len(before) != len(mine) or len(before) != len(other):
        return None
    out = []
    for line, one, two in zip(before, mine, other, strict=True):
        if line not in (one, two) and one != two:
            return None
        out.append(two if one == line else one)
    return out


def _ended(lines: Sequence[str]) -> list[str]:
    return [line if line.endswith("\n") else line + "\n" for line in lines]


def _chunks(base: list[str], ours: list[str], theirs: list[str]) -> Iterator[Chunk]:
    """The texts cut where all three agree: pieces that are the same, and pieces that are not, in turn."""
    a = b = c = 0
    for start, end, at_ours, at_theirs in _common(base, ours, theirs):
        yield base[a:start], ours[b:at_ours], theirs[c:at_theirs]
        same = base[start:end]
        yield same, same, same
        a, b, c = end, at_ours + len(same), at_theirs + len(same)
    yield base[a:], ours[b:], theirs[c:]


def _common(base: list[str], ours: list[str], theirs: list[str]) -> Iterator[tuple[int, int, int, int]]:
    """Runs of lines of the base that both sides kept: start, end, and where they are in each side."""
    mine = SequenceMatcher(None, base, ours, autojunk=False).get_matching_blocks()
    other = SequenceMatcher(None, base, theirs, autojunk=False).get_matching_blocks()
    i = j = 0
    while i < len(mine) and j < len(other):
        start = max(mine[i].a, other[j].a)
        end = min(mine[i].a + mine[i].size, other[j].a + other[j].size)
        if start < end:
            yield start, end, mine[i].b + start - mine[i].a, other[j].b + start - other[j].a
        if mine[i].a + mine[i].size < other[j].a + other[j].size:
            i += 1
        else:
            j += 1


def mark(ours: str, theirs: str, *, size: int = 7) -> str:
    """Both texts in one, with the usual markers around the lines in which they differ."""
    mine, other = _lines(ours), _lines(theirs)
    out: list[str] = []
    for tag, a, b, c, d in SequenceMatcher(None, mine, other, autojunk=False).get_opcodes():
        if tag == "equal":
            out += mine[a:b]
            continue
        out += ["<" * size + " ours\n", *_ended(mine[a:b]), "=" * size + "\n", *_ended(other[c:d])]
        out.append(">" * size + " theirs\n")
    return "".join(out)


def sides(ours: bytes, theirs: bytes) -> bytes:
    """Both whole files between the usual markers."""
    ended = [data if data.endswith(b"\n") else data + b"\n" for data in (ours, theirs)]
    return b"<<<<<<< ours\n" + ended[0] + b"=======\n" + ended[1] + b">>>>>>> theirs\n"
