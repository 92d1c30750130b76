"""Comments of an INI file: several lines make one comment, as go-ini reads them, and each keeps its place in the text.

An encrypted comment has its ciphertext on the first line, and nothing else where its lines followed each other. Where
blank lines or indentation stood between them, the mark of each line stays: go-ini appends the marks to the ciphertext,
where sops ignores them, so that it finds the whole comment. Behind a section header there is no place for a ciphertext,
since the last ``]`` of the line ends the name: it goes on a line of its own above.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from kubectl_sops.core.cipher import PREFIX
from kubectl_sops.formats import ini_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_sops.formats.ini_lines import Span

    Edit = tuple[int, int, str]


class Block:
    """The lines of one comment.

    Attributes:
        owner: the section that it belongs to.
        lines: their places, marks included.
        inline: whether the last one stands behind a value or header.
        header: the start of the header's line, where the last one stands behind a header.
        text: what they say, without the marks of the first line.
    """

    __slots__ = ("header", "inline", "lines", "owner", "start", "text")

    def __init__(self, source: str, lines: list[Span], *, inline: bool, header: int | None) -> None:
        self.owner: object = None
        self.lines = lines
        self.inline = inline
        self.header = header
        first, *others = (source[start:end] for start, end in lines)
        body = first.lstrip(f"{first[0]} ")
        if header is not None and not others:
            # what begins with a mark would not be told from a line of its own; a blank does no harm
            body = f" {first[1:]}" if first[1:2] in ("#", ";") else first[1:]
        self.start = lines[0][0] + len(first) - len(body)
        if body.startswith(PREFIX):
            self.text = body
        elif not body and others:
            self.text = "\n".join(others)  # sops can't print a comment whose first line is empty
        else:
            self.text = "\n".join((body, *others))

    @property
    def span(self) -> Span:
        """Where the text of the first line stands."""
        return self.start, self.lines[0][1]

    def sealed(self, source: str, ciphertext: str, newline: str) -> Iterator[Edit]:
        """The edits that put a ciphertext here."""
        text = ciphertext.partition("\n")[0]
        if self.header is not None and len(self.lines) == 1:
            start, end = self.lines[0]
            yield self.header, self.header, source[start] + text + newline
            yield start + 1, end, ""
            return
        if self._is_compact(source):
            yield self.start, self.lines[-1][1], text
            return
        yield (*self.span, text)
        for start, end in self.lines[1:]:
            yield start + 1, end, ""

    def _is_compact(self, source: str) -> bool:
        is_last_line = not source.startswith(("\r\n", "\n"), self.lines[-1][1])
        if self.inline or is_last_line or self.text.count("\n") != len(self.lines) - 1:
            return False
        gap = self._gap(source)
        return all(source[one[1] : other[0]] == gap for one, other in pairwise(self.lines))

    def _gap(self, source: str) -> str:
        first, last = self.lines[0][0], self.lines[-1][1]
        line = source.rfind("\n", 0, first) + 1
        return ("\r\n" if source.startswith("\r\n", last) else "\n") + source[line:first].lstrip("\ufeff")

    def opened(self, source: str, comment: str) -> Iterator[Edit]:
        """The edits that put a plain comment here: its last lines in the last places, what is left over behind them."""
        if self.header is not None and len(self.lines) == 2 and "\n" not in comment and comment[0] not in "#;":
            line = source.rfind("\n", 0, self.start) + 1
            yield line, ini_text.line_end(source, line), ""
            start, end = self.lines[1]
            yield start + 1, end, comment
            return
        texts = [text.rstrip("\r") for text in comment.split("\n")]
        missing = len(self.lines) - len(texts)
        if missing > 0:
            yield (*self.span, "")
            for start, end in self.lines[1:missing]:
                yield start + 1, end, ""
        mark = source[self.lines[0][0]]
        for index, (start, end) in enumerate(self.lines[max(missing, 0) :]):
            text = texts[index] if missing > 0 or index else None
            if text is None:
                start, text = self.start, texts[0]
            elif not text.startswith(("#", ";")):
                text = f"{mark} {text}"
            if index + max(missing, 0) == len(self.lines) - 1 and missing < 0:
                text += self._left_over(source, mark, texts[index + 1 :])
            yield start, end, text

    def _left_over(self, source: str, mark: str, texts: list[str]) -> str:
        if self.inline:
            return " ".join(("", *texts))
        gap = self._gap(source)
        return "".join(gap + (text if text.startswith(("#", ";")) else f"{mark} {text}") for text in texts)


def blocks(source: str, lines: list[Span], *, inline: bool, header: int | None = None) -> Iterator[Block]:
    """The comments among successive comment lines: one, unless encrypted ones stand beside others."""
    at = 0
    while at < len(lines):
        behind = at + 1
        if _is_sealed(source, lines[at]):
            while behind < len(lines) and source[slice(*lines[behind])].strip() in ("#", ";"):
                behind += 1
        else:
            while behind < len(lines) and not _is_sealed(source, lines[behind]):
                behind += 1
        is_last = inline and behind == len(lines)
        yield Block(source, lines[at:behind], inline=is_last, header=header if is_last else None)
        at = behind


def _is_sealed(source: str, line: Span) -> bool:
    text = source[slice(*line)]
    return PREFIX in text and text.lstrip(f"{text[0]} ").startswith(PREFIX)
