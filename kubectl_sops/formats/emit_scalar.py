"""Scalars as go-yaml v3 prints them: their text, and the quotes it chooses.

Sources: go-yaml ``encode.go``, ``emitterc.go``. ``formats.yaml_scalars`` writes values into a text that somebody laid
out; this is for whole trees, where every choice is go-yaml's.
"""

from __future__ import annotations

from binascii import b2a_base64
from itertools import pairwise

from kubectl_sops.core.values import Time
from kubectl_sops.formats import flat
from kubectl_sops.formats.yaml_scalars import is_string, plain_text

BREAKS = "\r\n\x85\u2028\u2029"
"""What libyaml takes for a line break."""

_ESCAPES = {
    "\0": "0", "\a": "a", "\b": "b", "\t": "t", "\n": "n", "\v": "v", "\f": "f", "\r": "r", "\x1b": "e", '"': '"',
    "\\": "\\", "\x85": "N", "\u2028": "L", "\u2029": "P",
}  # fmt: skip


class Scalar:
    """A scalar's text and how it is to be quoted: ``plain``, ``single``, ``double`` or ``literal``."""

    __slots__ = ("style", "tag", "text")

    def __init__(self, value: object) -> None:
        self.tag = ""
        self.style = "plain"
        if isinstance(value, str) and not isinstance(value, Time):
            self.text = value
            if any("\ud800" <= char <= "\udfff" for char in value):
                self.tag = "!!binary"
                self.text = b2a_base64(value.encode("utf-8", "surrogateescape"), newline=False).decode()
            elif "\n" in value:
                # sops loses a text of several lines that begins with a tab: go-yaml can't read its own block back
                self.style = "double" if value[0] == "\t" else "literal"
            elif not is_string(value):
                self.style = "double"
            if value == "<<":
                self.tag, self.style = "!!merge", "plain"
            self.style = allowed_style(self.text, self.style)
        else:
            self.text = plain_text(value, number=flat.general_text)


def _is_printable(char: str) -> bool:
    return (
        char == "\n"
        or " " <= char <= "~"
        or "\xa0" <= char <= "\ud7ff"
        or ("\ue000" <= char <= "\ufffd" and char != "\ufeff")
    )


def allowed_style(text: str, style: str, *, simple_key: bool = False) -> str:
    """The style nearest to ``style`` in which libyaml writes ``text``."""
    if not text:
        return "single" if style == "plain" else style
    special = any(not _is_printable(char) and char != "\t" for char in text)
    blank_break = any(one == " " and other in BREAKS for one, other in pairwise(text))
    break_blank = any(one in BREAKS and other == " " for one, other in pairwise(text))
    multiline = any(char in text for char in BREAKS)
    if simple_key and multiline:
        style = "double"
    if style == "plain" and not (_plain_allowed(text) and not multiline and not special and "\t" not in text):
        style = "single"
    if style == "single" and (special or blank_break or break_blank or "\t" in text):
        style = "double"
    if style == "literal" and (special or blank_break or text[-1] == " " or simple_key):
        style = "double"
    return style


def _plain_allowed(text: str) -> bool:
    first = text[0]
    if first in "#,[]{}&*!|>'\"%@`" or text.startswith(("---", "...")) or first == " " or text[-1] == " ":
        return False
    if first in "-?:" and (len(text) == 1 or text[1] in " \t"):
        return False
    return not any(mark in text for mark in (": ", ":\t", " #", "\t#")) and text[-1] != ":"


def double(text: str) -> str:
    """Text in double quotes."""
    # go-yaml asks for a byte order mark at the start of the text, not at the character: all is escaped then
    marked = text.startswith("\ufeff")
    return '"' + "".join(_escaped(char, marked=marked) for char in text) + '"'


def _escaped(char: str, *, marked: bool) -> str:
    if not marked and _is_printable(char) and char not in BREAKS and char not in '"\\':
        return char
    if char in _ESCAPES:
        return "\\" + _ESCAPES[char]
    if char == "\xa0":
        return "\\_"
    code = ord(char)
    return f"\\x{code:02X}" if code <= 0xFF else f"\\u{code:04X}" if code <= 0xFFFF else f"\\U{code:08X}"
