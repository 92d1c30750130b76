"""Comments of a YAML text as leaves: where they stand, and which container sops will find them in."""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import TYPE_CHECKING

from kubectl_sops.core.leaf import INLINE, UNREAD, Leaf
from kubectl_sops.core.values import Comment
from kubectl_sops.errors import ParseError
from kubectl_sops.formats.yaml_attach import attach

if TYPE_CHECKING:
    from kubectl_sops.core.leaf import Path
    from kubectl_sops.formats.yaml_attach import Order
    from kubectl_sops.formats.yaml_scan import Part, Scan

_END = re.compile(r"[\r\n\x85\u2028\u2029]")


def add(scan: Scan) -> bool:
    """Put the comments of a text among its leaves; whether there are any.

    Raises:
        ParseError: collections in collections, hundreds of them.
    """
    spans = find(scan.text, sorted(scan.solid or ()))
    if not spans:
        return False
    try:
        placed, inline = attach(scan.readable, spans)
    except RecursionError:
        raise ParseError("nested too deeply") from None
    comments = []
    starts = [leaf.span[0] for leaf in scan.leaves]
    documents = [part.start for part in scan.parts]
    entries = [_entry_lines(scan, part) for part in scan.parts if part.entry is not None]
    for start, end in spans:
        if any(first <= start < last for first, last in entries):
            continue  # it goes with the entry
        lost = (_surrounding(scan, starts, start), (max(bisect_right(documents, start) - 1, 0), start, 0, 0))
        path, order = placed.get(start, lost)
        style = UNREAD if start not in placed else INLINE if start in inline else None
        content = scan.text[start + 1 : end]
        if not content and (order[0], path) in scan.lists:
            # sops takes an empty comment in an encrypted list for an empty item of it; a blank is the price
            content = " "
        comments.append((order, Leaf(path, Comment(content), (start, end), style, order[0])))
    _merge(scan, comments)
    return True


def _entry_lines(scan: Scan, part: Part) -> tuple[int, int]:
    """From behind the line of the key `sops` to the end of the entry's last line."""
    assert part.entry is not None  # asked by the caller
    key, value, end = part.entry
    first = _END.search(scan.text, key)
    last = _END.search(scan.text, end)
    return value if part.flow or first is None else first.end(), end if part.flow or last is None else last.end()


def find(text: str, solid: list[tuple[int, int, int]]) -> list[tuple[int, int]]:
    """Start and end of every comment: each ``#`` outside the scalars."""
    spans: list[tuple[int, int]] = []
    at, number = 0, 0
    while (at := text.find("#", at)) >= 0:
        while number < len(solid) and solid[number][1] <= at:
            number += 1
        if number < len(solid):
            start, end, header = solid[number]
            if start <= at < end and not start < at < header:
                at = end if end > at else at + 1
                continue
        match = _END.search(text, at)
        stop = match.start() if match else len(text)
        spans.append((at, stop))
        at = stop
    return spans


def _surrounding(scan: Scan, starts: list[int], at: int) -> Path:
    """The container of the leaf before; for comments that sops' parser loses."""
    index = bisect_right(starts, at) - 1
    return scan.leaves[index].path[:-1] if index >= 0 else ()


def _merge(scan: Scan, comments: list[tuple[Order, Leaf]]) -> None:
    """Merge comments into the leaves, in document order; aliases name leaves by number."""
    numbers: list[int] = []
    merged: list[Leaf] = []
    comments.sort(key=lambda item: item[0])
    queue = iter(comments)
    waiting = next(queue, None)
    for leaf in scan.leaves:
        while waiting is not None and waiting[0][:2] <= (leaf.document, leaf.span[0]):
            merged.append(waiting[1])
            waiting = next(queue, None)
        numbers.append(len(merged))
        merged.append(leaf)
    while waiting is not None:
        merged.append(waiting[1])
        waiting = next(queue, None)
    numbers.append(len(merged))
    for alias in scan.aliases:
        alias.leaves = (numbers[alias.leaves[0]], numbers[alias.leaves[1] - 1] + 1)
        alias.source = (numbers[alias.source[0]], numbers[alias.source[1] - 1] + 1)
    scan.leaves = merged
