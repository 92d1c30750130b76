"""Comments between tokens, as go-yaml's scanner groups them into heads, lines and feet.

What it does (go-yaml v3 ``scannerc.go``): behind a token on its line stands a line comment; the lines below are scanned
as a whole. A group with nothing but an empty line behind it is a foot of what came before, otherwise a head of what
comes next; a group at another indentation is split off. Ends of block collections move up to comments of their column.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import TYPE_CHECKING

import yaml
from yaml._yaml import CParser

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

HEAD, LINE, FOOT = "head", "line", "foot"
_BREAKS = "\r\n\x85\u2028\u2029"
_OPENING = (yaml.FlowSequenceStartToken, yaml.FlowMappingStartToken)
_CLOSING = (yaml.FlowSequenceEndToken, yaml.FlowMappingEndToken)
_BARE = (yaml.BlockEntryToken, yaml.DocumentStartToken, yaml.DocumentEndToken)
"""Tokens without line comments of their own: theirs belong to whatever follows."""
_INDENTING = (yaml.BlockSequenceStartToken, yaml.BlockMappingStartToken)


class Group:
    """Comments that go-yaml takes together.

    Attributes:
        kind: ``HEAD``, ``LINE`` or ``FOOT``.
        members: starts of the comments; ``None`` for an empty line between them.
        token_mark: the group belongs to the first token that starts there or later,
        visible: but to none whose number is less: go-yaml reads two tokens ahead, no further.
        start, column, end, scan_mark: positions that decide where blocks end.
    """

    __slots__ = ("column", "end", "kind", "members", "scan_mark", "start", "token_mark", "visible")

    def __init__(self, kind: str, members: list[int | None], token_mark: int, start: int, column: int) -> None:
        self.kind = kind
        self.members = members
        self.token_mark = token_mark
        self.start = start
        self.column = column
        self.end = 0
        self.scan_mark = 0
        self.visible = 0


class Token:
    """A token: its class, where it starts and ends, and its text for scalars."""

    __slots__ = ("end", "kind", "start", "value")

    def __init__(self, kind: type, start: int, end: int, value: str | None) -> None:
        self.kind = kind
        self.start = start
        self.end = end
        self.value = value


_BLANK_OR_COMMENT = re.compile(r"[ \t]*(?:#.*)?\r?")


def tabs_replaced(text: str, number: int) -> str | None:
    """The text with blanks for the tabs at a line and at those below it, if they all stand behind a comment.

    go-yaml takes a comment and the blank lines and comments that follow it in one step, tabs included.
    """
    lines = text.split("\n")
    if not 0 < number < len(lines) or "\t" not in lines[number]:
        return None
    above = number - 1
    while above >= 0 and not lines[above].strip():
        above -= 1
    if above < 0 or not lines[above].lstrip(" ").startswith("#"):
        return None
    last = number - 1
    for at in range(number, len(lines)):
        if not _BLANK_OR_COMMENT.fullmatch(lines[at]):
            break
        if "#" in lines[at]:
            last = at
    for at in range(number, last + 1):
        blank, mark, rest = lines[at].partition("#")
        lines[at] = blank.replace("\t", " ") + mark + rest
    return "\n".join(lines) if last >= number else None


def tokens_and_groups(text: str, spans: list[tuple[int, int]]) -> tuple[list[Token], list[Group]]:
    """All tokens of a text, ends of blocks moved, and its comments in groups."""
    return _Scanner(text, spans).run()


def _raw(text: str) -> Iterator[Any]:
    parser = CParser(text)
    while (token := parser.get_token()) is not None:
        yield token


class _Scanner:
    def __init__(self, text: str, spans: list[tuple[int, int]]) -> None:
        self._text = text
        self._ends = dict(spans)
        self._starts = [start for start, _ in spans]
        self._next = 0
        self._tokens: list[Token] = []
        self._groups: list[Group] = []
        self._indents: list[int] = []
        self._flow = 0
        self._scan_mark = 0
        self._line_starts = _line_starts(text)
        self._keys: list[tuple[int, int, int]] = []  # simple keys whose ":" is to come: number, tokens, flow level
        self._ahead = 0  # tokens that go-yaml will insert with that ":"

    def run(self) -> tuple[list[Token], list[Group]]:
        ends: list[Any] = []
        opened = 0
        for raw in _raw(self._text):
            kind = raw.__class__
            if kind is yaml.StreamStartToken:
                self._push(kind, 0, 0, None)
                continue
            if kind is yaml.BlockEndToken:
                ends.append(raw)
                continue
            start, end = raw.start_mark.index, raw.end_mark.index
            known = len(self._groups)
            visible = len(self._tokens) - opened - self._ahead - 2
            self._gap(start, raw)
            self._unroll(ends, raw, start)
            ends = []
            if kind in _INDENTING:
                self._indents.append(raw.start_mark.column)
            self._push(kind, start, end, raw.value if kind is yaml.ScalarToken else None)
            if kind in _INDENTING:
                opened = 1
            elif kind is yaml.KeyToken and end == start:
                self._keys.append((len(self._tokens) - 1 - opened, 1 + opened, self._flow))
                self._ahead += 1 + opened
                opened = 0
            else:
                opened = 0
                if kind is yaml.ValueToken and self._keys and self._keys[-1][2] == self._flow:
                    number, count, _ = self._keys.pop()
                    self._ahead -= count
                    visible = min(visible, number)
                self._flow += (kind in _OPENING) - (kind in _CLOSING)
                self._scan_mark = end
                self._behind(kind, raw, start, end)
            for group in self._groups[known:]:
                group.visible = visible
        return self._tokens, self._groups

    def _behind(self, kind: type, raw: Any, start: int, end: int) -> None:
        """The comment on the line of a token."""
        if kind is yaml.ScalarToken and raw.style in ("|", ">"):
            self._header_comment(start)
        elif kind is yaml.DirectiveToken:
            comment = self._peek_comment(len(self._text))
            if comment is not None and not self._text[end:comment].strip(" \t"):
                self._next += 1  # lost
                self._scan_mark = self._ends[comment]
        elif kind not in _BARE:
            self._line_comment(kind, start, end)

    def _push(self, kind: type, start: int, end: int, value: str | None) -> None:
        self._tokens.append(Token(kind, start, end, value))

    def _peek_comment(self, limit: int) -> int | None:
        if self._next < len(self._starts) and self._starts[self._next] < limit:
            return self._starts[self._next]
        return None

    def _header_comment(self, start: int) -> None:
        comment = self._peek_comment(self._scan_mark)
        if comment is not None:
            self._next += 1
            self._groups.append(Group(LINE, [comment], start, comment, self._column(comment) + 1))

    def _line_comment(self, kind: type, start: int, end: int) -> None:
        comment = self._peek_comment(len(self._text))
        if comment is None or self._text[end:comment].strip(" \t"):
            return
        mark = start
        if (kind is yaml.ValueToken and not self._flow) or (kind is yaml.FlowEntryToken and self._flow):
            mark = self._tokens[-2].start  # it belongs to the key, or to the item before the comma
        self._next += 1
        self._groups.append(Group(LINE, [comment], mark, comment, self._column(comment) + 1))
        self._scan_mark = self._ends[comment]

    def _gap(self, limit: int, raw: Any) -> None:
        """Group the comments before the token at ``limit``."""
        if self._peek_comment(limit) is None:
            return
        closing = raw.__class__ in _CLOSING
        first = self._starts[self._next]
        token = self._tokens[-1]
        if token.kind is yaml.FlowEntryToken and len(self._tokens) > 1:
            token = self._tokens[-2]
        indent = max(self._indents[-1] if self._indents else 0, 0)
        newlines = self._newlines_before(first)
        line = self._line(first)
        foot_line = -1
        if self._line(self._scan_mark) > 0:
            foot_line = line - newlines + 1
            if newlines == 0 and self._column(first) > 1:
                foot_line += 1
        token_mark, scan_mark = token.start, self._scan_mark
        members: list[int | None] = []
        start, column = first, 0
        first_empty, recent_empty = newlines <= 1, False

        def emit_foot(at: int) -> None:
            nonlocal token_mark, scan_mark, members
            group = Group(FOOT, members, token_mark, start, column)
            group.scan_mark, group.end = scan_mark, at
            self._groups.append(group)
            scan_mark = token_mark = at
            members = []

        def empty_line(at: int, *, close: bool) -> None:
            nonlocal token_mark, first_empty, recent_empty
            if close or not recent_empty:
                dedented = column - 1 < indent
                below = self._line(start) == foot_line and token.kind is not yaml.ValueToken
                if close or (first_empty and (below or dedented)):
                    if members:
                        if dedented:
                            token_mark = start  # it has nothing to do with the token before
                        emit_foot(at)
                elif members and at < len(self._text):
                    members.append(None)
            first_empty, recent_empty = False, True

        position = first
        while (comment := self._peek_comment(limit)) is not None:
            for at in self._empty_lines(position, comment):
                empty_line(at, close=False)
            own = self._column(comment) + 1
            if members and own - 1 < indent and own != column:
                emit_foot(comment)
            if not members:
                start, column = comment, own
            members.append(comment)
            recent_empty = False
            self._next += 1
            position = self._ends[comment]
        for at in self._empty_lines(position, limit):
            empty_line(at, close=False)
        if closing:
            empty_line(limit, close=True)
        elif raw.__class__ is yaml.StreamEndToken:
            empty_line(len(self._text), close=False)
        elif members:
            own = self._column(limit) + 1
            if own - 1 < indent and own != column:
                emit_foot(limit)
        if members:
            group = Group(HEAD, members, start, start, column)
            group.scan_mark, group.end = scan_mark, limit - 1
            self._groups.append(group)

    def _empty_lines(self, position: int, limit: int) -> Iterator[int]:
        """Positions of line breaks of empty lines; the break that ends the line at ``position`` does not count."""
        first = True
        for at in range(position, limit):
            if self._text[at] in _BREAKS:
                # one character only: of "\r\n" the second counts as an empty line, in go-yaml too
                if not first:
                    yield at
                first = False

    def _newlines_before(self, at: int) -> int:
        count = 0
        at -= 1
        while at >= 0 and self._text[at] in " \t" + _BREAKS:
            if self._text[at] in _BREAKS:
                count += 1
                if self._text[at] == "\n" and at and self._text[at - 1] == "\r":
                    at -= 1
            at -= 1
        return count

    def _unroll(self, ends: list[Any], raw: Any, start: int) -> None:
        """Place the ends of the block collections that the token at ``start`` leaves."""
        column = raw.start_mark.column if raw.__class__ is not yaml.StreamEndToken else self._column(start)
        mark, late = self._scan_mark - 1, False
        for _ in ends:
            indent = self._indents.pop() if self._indents else 0
            if indent <= column and not late:
                mark, late = start - 1, True  # only the end of the document ends these
            stop = mark
            for group in reversed(self._groups):
                if group.end < stop:
                    break
                if group.column == indent + 1:
                    mark = group.start
                stop = group.scan_mark
            self._tokens.append(Token(yaml.BlockEndToken, mark, mark, None))

    def _line(self, at: int) -> int:
        return bisect_right(self._line_starts, at) - 1

    def _column(self, at: int) -> int:
        return at - self._line_starts[self._line(at)]


def _line_starts(text: str) -> list[int]:
    starts = [0]
    at = 0
    while at < len(text):
        if text[at] in _BREAKS:
            if text[at] == "\r" and text[at + 1 : at + 2] == "\n":
                at += 1
            starts.append(at + 1)
        at += 1
    return starts
