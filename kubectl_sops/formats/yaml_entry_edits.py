"""The smallest replacements in the text of a ``sops`` entry that turn it into another one. Pure.

A file may have been laid out by other programs than sops. Fields and keys that did not change keep their text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_sops.formats.yaml_entry import DEFAULT_INDENT, field, item, text_of
from kubectl_sops.formats.yaml_scalars import double

if TYPE_CHECKING:
    from kubectl_sops.formats.yaml_entry_tree import EntryTree

    Edit = tuple[int, int, str]


def entry_edits(entry: EntryTree, after: dict[str, object], text: str, end: int, newline: str) -> list[Edit] | None:
    """Replacements in ``text``, where the entry's lines end at ``end``; ``None`` where it has to be written anew.

    Args:
        end: behind a line break.
    """
    return _Editor(entry, text, end, newline).fields(after)


class _Editor:
    def __init__(self, entry: EntryTree, text: str, end: int, newline: str) -> None:
        self._entry = entry
        self._text = text
        self._end = end
        self._newline = newline
        self._indent = DEFAULT_INDENT

    def fields(self, after: dict[str, object]) -> list[Edit] | None:
        before = self._entry.tree
        starts = self._entry.starts
        if not isinstance(before, dict) or [name for name in before if name in after] != [
            name for name in after if name in before
        ]:
            return None
        names = list(before)
        if not names or any((name,) not in starts for name in names):
            return None  # in flow style
        lines = [self._line(starts[name,]) for name in names] + [self._end]
        ranges = {name: (lines[number], lines[number + 1]) for number, name in enumerate(names)}
        column = starts[names[0],] - lines[0]
        self._indent = column if 2 <= column <= 9 else DEFAULT_INDENT
        if any(self._text[self._line(starts[name,]) : starts[name,]].strip(" ") for name in names):
            return None
        edits: list[Edit] = [(*ranges[name], "") for name in names if name not in after]
        place = lines[0]
        for name, value in after.items():
            if name not in before:
                edits.append((place, place, self._lines(field(name, value, column, self._indent))))
                continue
            place = ranges[name][1]
            if before[name] != value or type(before[name]) is not type(value):
                edits += self._changed(name, before[name], value, ranges[name], column)
        return edits

    def _changed(self, name: str, before: object, value: object, span: tuple[int, int], column: int) -> list[Edit]:
        place = self._entry.spans.get((name,))
        if place is not None and not isinstance(value, dict | list) and not (isinstance(value, str) and "\n" in value):
            start, end, mark = place
            if mark not in ("|", ">"):
                return [(start, end, double(str(value)) if mark == '"' else text_of(value))]
        if isinstance(before, list) and isinstance(value, list) and before and value:
            edits = self._items(name, before, value, span[1])
            if edits is not None:
                return edits
        return [(*span, self._lines(field(name, value, column, self._indent)))]

    def _items(self, name: str, before: list[object], after: list[object], end: int) -> list[Edit] | None:
        """Items that stay keep their text; the others are removed, and new ones put in between."""
        starts = self._entry.starts
        lines: list[int] = []
        column = 0
        for number in range(len(before)):
            at = starts.get((name, number))
            if at is None:
                return None
            dash = self._text.rfind("-", 0, at)
            line = self._line(at)
            if dash < line or self._text[line:dash].strip(" ") or self._text[dash + 1 : at].strip(" "):
                return None
            column = dash - line
            lines.append(line)
        lines.append(end)
        edits: list[Edit] = []
        at = 0
        for value in after:
            kept = next((number for number in range(at, len(before)) if before[number] == value), None)
            if kept is None:
                edits.append((lines[at], lines[at], self._lines(item(value, column, self._indent))))
            else:
                edits += [(lines[number], lines[number + 1], "") for number in range(at, kept)]
                at = kept + 1
        edits += [(lines[number], lines[number + 1], "") for number in range(at, len(before))]
        return edits

    def _line(self, at: int) -> int:
        return max(self._text.rfind("\n", 0, at), self._text.rfind("\r", 0, at)) + 1

    def _lines(self, lines: list[str]) -> str:
        return "".join(line + self._newline for line in lines)
