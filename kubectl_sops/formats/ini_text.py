"""One value or key of an INI file: how it is read, and how it is written so that it reads the same.

Source: gopkg.in/ini.v1 1.67.3 (``parser.go``, ``file.go``) with the options that sops gives it.
"""

from __future__ import annotations

import re

from kubectl_sops.errors import DumpError

# what Go's unicode.IsSpace says; str.strip() alone would take U+001C to U+001F too
SPACES = "\t\n\v\f\r \x85\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000"

TRIPLE = '"""'
CONTINUED = "\\"

_COMMENT = re.compile("[#;]")


class Value:
    """A value as it stands in the text.

    Attributes:
        text: what it means.
        quote: one of ``'``, ``"``, a backquote and ``TRIPLE``, empty for none, ``CONTINUED`` for several lines joined.
        span: where its text stands, without quotes.
        token: the same with quotes.
        end: the start of the next line.
    """

    __slots__ = ("end", "quote", "span", "text", "token")

    def __init__(self, text: str, quote: str, span: tuple[int, int], token: tuple[int, int], end: int) -> None:
        self.text = text
        self.quote = quote
        self.span = span
        self.token = token
        self.end = end


class UnclosedError(ValueError):
    """A quote that does not end, or ends in a way that go-ini and people understand differently."""


def read(text: str, at: int) -> Value:
    """The value whose line goes on at ``at``.

    Raises:
        UnclosedError: its quotes do not end.
    """
    end = line_end(text, at)
    start = skip(text, at, end)
    if start == end:
        start = stop = _trim(text, at, end)[1]
        return Value("", "", (start, stop), (start, stop), end)
    quote = ""
    if text.startswith(TRIPLE, start) and end - start > len(TRIPLE):
        quote = TRIPLE
    elif text[start] == "`":
        quote = "`"
    if quote:
        return _quoted(text, start, quote, end)
    start, stop = _trim(text, start, end)
    if text[stop - 1] == "\\":
        return _continued(text, start, stop, end)
    comment = _COMMENT.search(text, start, stop)
    if comment is not None:
        stop = _trim(text, start, comment.start())[1] if comment.start() > start else start
    body = text[start:stop]
    if len(body) >= 2 and body[0] in "'\"" and body.find(body[0], 1) == len(body) - 1:
        return Value(body[1:-1], body[0], (start + 1, stop - 1), (start, stop), end)
    return Value(body, "", (start, stop), (start, stop), end)


def _quoted(text: str, start: int, quote: str, end: int) -> Value:
    inner = start + len(quote)
    stop = text.rfind(quote, inner, end)
    while stop < 0:
        if end == len(text):
            raise UnclosedError
        line = end
        end = line_end(text, line)
        stop = text.rfind(quote, line, end)
        if stop >= 0 and text[stop + len(quote) : end].strip(SPACES).endswith("\\"):
            raise UnclosedError  # go-ini takes the quote for text then
    return Value(text[inner:stop], quote, (inner, stop), (start, stop + len(quote)), end)


def _continued(text: str, start: int, stop: int, end: int) -> Value:
    value = text[start : stop - 1]
    while True:
        line, end = end, line_end(text, end)
        first, last = _trim(text, line, end)
        if first == last:
            break
        value += text[first:last]
        stop = last
        if value[-1] != "\\":
            break
        value = value[:-1]
    return Value(value, CONTINUED, (start, stop), (start, stop), end)


def line_end(text: str, at: int) -> int:
    """The start of the next line."""
    found = text.find("\n", at)
    return len(text) if found < 0 else found + 1


def skip(text: str, at: int, end: int) -> int:
    """The position after blanks."""
    while at < end and text[at] in SPACES:
        at += 1
    return at


def _trim(text: str, start: int, end: int) -> tuple[int, int]:
    while end > start and text[end - 1] in SPACES:
        end -= 1
    return skip(text, start, end), end


def write(value: str, quote: str = "", rest: str = "") -> str:
    """``value`` in the given quotes where that reads back, otherwise as go-ini writes it, otherwise in any that do.

    Args:
        rest: what follows on its line, without the line break.

    Raises:
        DumpError: nothing reads back as this value.
    """
    for choice in (quote, preferred_quote(value), "", '"', "'", "`", TRIPLE):
        if choice == CONTINUED:
            continue
        written = choice + value + choice
        try:
            found = read(f"{written}{rest}\n", 0)
        except UnclosedError:
            continue
        if found.text == value and found.token == (0, len(written)):
            return written
    raise DumpError("an INI file can't hold this value")


def preferred_quote(value: str) -> str:
    """The quotes that go-ini chooses."""
    if "\n" in value or "`" in value:
        return TRIPLE
    if "#" in value or ";" in value:
        return "`"
    return '"' if value.strip(SPACES) != value else ""


def write_key(name: str) -> str:
    """A key as go-ini writes it."""
    if any(c in name for c in '"=:'):
        return f"`{name}`"
    return f"{TRIPLE}{name}{TRIPLE}" if "`" in name else name
