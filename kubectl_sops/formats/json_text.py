"""Values and trees to JSON text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kubectl_sops.core.values import EMPTY_LIST, EMPTY_MAP, INT_MAX, INT_MIN, float_text
from kubectl_sops.errors import DumpError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

INFINITY = float("inf")

_SPECIAL = re.compile(r'["\\\x00-\x1f\ud800-\udfff]')
_HTML_SPECIAL = re.compile('["\\\\\x00-\x1f<>&\u2028\u2029\ud800-\udfff]')
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def _escape(match: re.Match[str]) -> str:
    char = match.group()
    if "\ud800" <= char <= "\udfff":
        return "\\ufffd"  # a byte that is not UTF-8: encoding/json writes the replacement character too
    return _ESCAPES.get(char) or f"\\u{ord(char):04x}"


def string(text: str) -> str:
    """A JSON string with the fewest escapes."""
    return f'"{_SPECIAL.sub(_escape, text)}"'


def html_string(text: str) -> str:
    """A JSON string as Go's encoding/json writes it: ``<``, ``>``, ``&`` and U+2028/9 escaped."""
    return f'"{_HTML_SPECIAL.sub(_escape, text)}"'


def go_number(value: float) -> str:
    """A number as Go's encoding/json writes it.

    Raises:
        DumpError: infinite, or not a number.
    """
    if isinstance(value, int):
        return str(value)
    if value != value or value in (INFINITY, -INFINITY):
        raise DumpError("JSON has no number for an infinite or undefined value")
    if value == 0 or 1e-6 <= abs(value) < 1e21:
        return float_text(value)
    mantissa, _, exponent = repr(value).partition("e")
    if not exponent:  # 1e-6 > value, yet Python writes it out
        mantissa, _, exponent = format(value, ".16e").partition("e")
    sign, digits = ("-", exponent[1:]) if exponent.startswith("-") else ("+", exponent.lstrip("+"))
    return f"{mantissa.removesuffix('.0')}e{sign}{digits.lstrip('0')}"


def scalar(value: object) -> str:
    """A typed value so that reading it gives the same type again: ``1.0`` stays a float."""
    if value is None:
        return "null"
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, str):
        return string(value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        text = go_number(value)
        if text.lstrip("-").isdecimal() and INT_MIN <= int(text) <= INT_MAX:
            text += ".0"
        return text
    if value is EMPTY_MAP:
        return "{}"
    if value is EMPTY_LIST:
        return "[]"
    raise TypeError(f"no JSON for {type(value).__name__}")


class Layout:
    """How a JSON document is laid out.

    Attributes:
        newline: its line end; empty for a document on one line.
        unit: one level of indentation.
        item_gap, key_gap: what stands after an item of a document on one line, and after a key.
    """

    __slots__ = ("item_gap", "key_gap", "newline", "unit")

    def __init__(self, newline: str = "\n", unit: str = "\t", item_gap: str = ", ", key_gap: str = ": ") -> None:
        self.newline = newline
        self.unit = unit
        self.item_gap = item_gap
        self.key_gap = key_gap


def render(tree: object, layout: Layout, prefix: str = "", quote: Callable[[str], str] = html_string) -> str:
    """A tree of ``dict``, ``list`` and scalars; lines below the first are indented by ``prefix``."""
    inner = prefix + layout.unit
    if isinstance(tree, dict):
        items = [quote(str(key)) + layout.key_gap + render(value, layout, inner, quote) for key, value in tree.items()]
        return _enclose("{", items, "}", layout, prefix)
    if isinstance(tree, list):
        return _enclose("[", [render(value, layout, inner, quote) for value in tree], "]", layout, prefix)
    return quote(tree) if isinstance(tree, str) else scalar(tree)


def _enclose(opening: str, items: list[str], closing: str, layout: Layout, prefix: str) -> str:
    if not items:
        return opening + closing
    if not layout.newline:
        return opening + layout.item_gap.join(items) + closing
    gap = layout.newline + prefix + layout.unit
    return f"{opening}{gap}{(',' + gap).join(items)}{layout.newline}{prefix}{closing}"


def member(key: str, tree: Mapping[str, object], layout: Layout, prefix: str) -> str:
    """A key and a map below it."""
    return html_string(key) + layout.key_gap + render(dict(tree), layout, prefix)
