"""Sections, keys and comments of an INI text, with their places.

Source: gopkg.in/ini.v1 1.67.3 (``parser.go``), with sections that may occur twice, as sops uses it. What go-ini drops
silently, and what would therefore stay readable in an encrypted file, is refused.
"""

from __future__ import annotations

from kubectl_sops.errors import ParseError
from kubectl_sops.formats import ini_text
from kubectl_sops.formats.ini_text import SPACES, TRIPLE, UnclosedError, Value

DEFAULT = "DEFAULT"
BOM = "\ufeff"

Span = tuple[int, int]


class Key:
    """A key with its value.

    Attributes:
        name: without quotes.
        owner: its section.
        start: where its line's text starts, behind blanks.
        line: the start of that line.
        comments: places of its comment lines: those above it, and the one behind its value.
        inline: whether the last of them stands behind the value.
    """

    __slots__ = ("comments", "inline", "line", "name", "owner", "start", "value")

    def __init__(
        self,
        name: str,
        owner: Section,
        line: int,
        start: int,
        value: Value,
        comments: list[Span],
        *,
        inline: bool,
    ) -> None:
        self.owner = owner
        self.name = name
        self.line = line
        self.start = start
        self.value = value
        self.comments = comments
        self.inline = inline


class Section:
    """A section; that of keys before any header has ``header`` and ``end`` at the start of the text.

    Attributes:
        header, end: the start of its header's line, and of the line behind its header or last key.
        comments, inline: as those of a key.
    """

    __slots__ = ("comments", "end", "header", "inline", "keys", "name")

    def __init__(self, name: str, header: int, end: int, comments: list[Span], *, inline: bool = False) -> None:
        self.name = name
        self.header = header
        self.end = end
        self.comments = comments
        self.inline = inline
        self.keys: list[Key] = []


class Lines:
    """An INI text. ``trailing`` are the comments behind the last key, which go-ini drops."""

    __slots__ = ("sections", "trailing")

    def __init__(self, sections: list[Section], trailing: list[Span]) -> None:
        self.sections = sections
        self.trailing = trailing


def fail(text: str, at: int, message: str, hint: str | None = None) -> ParseError:
    """An error that names the line of a position, never its text."""
    return ParseError(message, line=text.count("\n", 0, at) + 1, hint=hint)


def read(text: str) -> Lines:
    """All of a text.

    Raises:
        ParseError: a line that is neither empty, nor a comment, a header or a key.
    """
    at = 1 if text.startswith(BOM) else 0
    section = Section(DEFAULT, at, at, [])
    sections = [section]
    comments: list[Span] = []
    names: set[str] = set()
    while at < len(text):
        line, end = at, ini_text.line_end(text, at)
        start = ini_text.skip(text, line, end)
        at = end
        if start == end:
            continue
        mark = text[start]
        if mark in "#;":
            comments.append((start, _stop(text, start, end)))
        elif mark == "[":
            close = text.rfind("]", start, end)
            if close < 0:
                raise fail(text, start, "a section header without ]")
            if close == start + 1:
                raise fail(text, start, "a section without a name")
            inline = _inline(text, close + 1, end, comments)
            section = Section(text[start + 1 : close], line, end, comments, inline=inline)
            sections.append(section)
            comments, names = [], set()
        else:
            name, delimiter = _key(text, start, end)
            try:
                value = ini_text.read(text, delimiter + 1)
            except UnclosedError:
                raise fail(text, start, "a quoted value that does not end") from None
            last = max(ini_text.line_end(text, max(value.token[1] - 1, delimiter)), end)
            inline = value.quote != ini_text.CONTINUED and _inline(text, value.token[1], last, comments)
            if name in names:
                raise fail(text, start, "the same key twice in a section", "sops would keep the last one only")
            names.add(name)
            section.keys.append(Key(name, section, line, start, value, comments, inline=inline))
            comments = []
            at = section.end = value.end
    return Lines(sections, comments)


def _inline(text: str, at: int, end: int, comments: list[Span]) -> bool:
    """Add the comment between a value or header and the end of its line, if there is one."""
    start = ini_text.skip(text, at, end)
    if start == end:
        return False
    if text[start] not in "#;":
        raise fail(text, start, "text behind a closing quote or bracket", "sops would drop it; remove it")
    comments.append((start, _stop(text, start, end)))
    return True


def _stop(text: str, start: int, end: int) -> int:
    # the line break does not belong to a comment, other blanks do
    return start + len(text[start:end].rstrip("\r\n"))


def _key(text: str, start: int, end: int) -> tuple[str, int]:
    """The name of a key and the position of its delimiter."""
    quote = ""
    if text.startswith(TRIPLE, start) and end - start > 2 * len(TRIPLE):
        quote = TRIPLE
    elif text[start] in '"`':
        quote = text[start]
    behind = start
    if quote:
        close = text.find(quote, start + len(quote), end)
        if close < 0:
            raise fail(text, start, "a quoted key that does not end")
        behind = close + len(quote)
    delimiter = min((found for c in "=:" if (found := text.find(c, behind, end)) >= 0), default=-1)
    if delimiter < 0:
        raise fail(text, start, "a line without = or :")
    name = text[start + len(quote) : behind - len(quote) if quote else delimiter].strip(SPACES)
    if not name:
        raise fail(text, start, "a key without a name")
    if name == "-":
        raise fail(text, start, "a key named -", "sops would number it and then can't read its own file; rename it")
    return name, delimiter
