"""YAML scalars: what text means, and how a value is written. Pure.

Plain text resolves as in go-yaml v3 (``resolve.go``), which sops, Flux and kustomize read with; its emitter's choice of
quotes (``encode.go``, ``emitterc.go``) decides where a value has no quotes of its own to keep.
"""

from __future__ import annotations

import re
from binascii import Error as Base64Error
from binascii import a2b_base64
from typing import TYPE_CHECKING

from kubectl_sops.core.values import INT_MAX, INT_MIN, Time
from kubectl_sops.errors import EncryptTreeError, ParseError

if TYPE_CHECKING:
    from collections.abc import Callable

CORE = "tag:yaml.org,2002:"
BREAKING_TAGS = frozenset(CORE + name for name in ("int", "float", "bool", "timestamp", "binary", "null"))
"""Tags that keep other readers from decoding a ciphertext that stands behind them."""

_HINT = frozenset("+-.0123456789yYnNtTfFoO~")
WORDS: dict[str, object] = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys(("~", "null", "Null", "NULL"), None),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
    **{sign + word: float(sign + "inf") for sign in ("", "+", "-") for word in (".inf", ".Inf", ".INF")},
}
# patterns are text, which `re` compiles and keeps when the first of its kind is met: most files need few of them
_INT = r"[+-]?(?:0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO][0-7]+|0[0-7]*|[1-9][0-9]*)"
_FLOAT = r"[+-]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][+-]?[0-9]+)?"
_DOT_FLOAT = r"\.[0-9]+(?:_[0-9]+)*(?:[eE][+-]?[0-9]+(?:_[0-9]+)*)?"
_TIME = (
    r"(\d{4})-(\d\d?)-(\d\d?)"
    r"(?:(?:([Tt])(\d\d?):(\d\d?):(\d\d?)(?:[.,](\d+))?(Z|[+-]\d\d:\d\d)|( )(\d\d?):(\d\d?):(\d\d?)(?:[.,](\d+))?))?"
)
_BASE_60 = r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?"
OLD_BOOL = frozenset(["y", "Y", "yes", "Yes", "YES", "on", "On", "ON", "n", "N", "no", "No", "NO", "off", "Off", "OFF"])
_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def resolve(text: str) -> object:
    """The value of plain text: ``str``, ``int``, ``float``, ``bool``, ``None`` or ``Time``.

    Raises:
        EncryptTreeError: an integer that only fits 64 bits without sign, which sops can't hold.
    """
    if not text:
        return None
    first = text[0]
    if first not in _HINT:
        return text
    if text in WORDS:
        return WORDS[text]
    if first == ".":
        return float(text.replace("_", "")) if re.fullmatch(_DOT_FLOAT, text) and _finite(text) else text
    if first in "+-0123456789":
        return _number_or_time(text)
    return text


def _finite(text: str) -> bool:
    return float(text.replace("_", "")) not in (float("inf"), float("-inf"))


def _number_or_time(text: str) -> object:
    if len(text) >= 8 and text[4] == "-":
        time = parse_time(text)
        if time is not None:
            return time
    plain = text.replace("_", "")
    if re.fullmatch(_INT, plain):
        number = _integer(plain)
        if INT_MIN <= number <= INT_MAX:
            return number
        if plain[0] not in "+-" and number < 2**64:
            raise EncryptTreeError(
                "an integer beyond 64 bits with sign, which sops can't hold", hint="write it in quotes"
            )
    if re.fullmatch(_FLOAT, plain) and _finite(plain):
        return float(plain)
    return text


def _integer(text: str) -> int:
    digits = text.lstrip("+-")
    if len(digits) > 1 and digits[0] == "0" and digits[1].isdigit():
        return int(text[: len(text) - len(digits)] + digits, 8)  # Go: a leading zero means octal
    return int(text, 0)


def parse_time(text: str) -> Time | None:
    """A timestamp as normalised RFC 3339 text; ``None`` for what go-yaml takes as a string."""
    match = re.fullmatch(_TIME, text)
    if match is None:
        return None
    year, month, day, t, hour, minute, second, fraction, zone, blank, *spaced = match.groups()
    if blank:
        hour, minute, second, fraction = spaced
        zone = "Z"
    if not (t or blank):
        hour, minute, second, zone = "0", "0", "0", "Z"
    if not 1 <= int(month) <= 12 or not 1 <= int(day) <= _DAYS[int(month) - 1]:
        return None
    leap = int(year) % 4 == 0 and (int(year) % 100 != 0 or int(year) % 400 == 0)
    if (int(month), int(day)) == (2, 29) and not leap:
        return None
    if int(hour) > 23 or int(minute) > 59 or int(second) > 59:
        return None
    if zone != "Z":
        hours, minutes = int(zone[1:3]), int(zone[4:6])
        if hours > 24 or minutes > 60:
            return None
        total = hours * 60 + minutes
        zone = f"{zone[0]}{total // 60:02}:{total % 60:02}" if total else "Z"
    digits = (fraction or "")[:9].rstrip("0")
    return Time(
        f"{year}-{int(month):02}-{int(day):02}T{int(hour):02}:{int(minute):02}:{int(second):02}"
        f"{'.' + digits if digits else ''}{zone}"
    )


def tagged(text: str, tag: str, *, plain: bool) -> object:
    """The value of a scalar with an explicit tag; ``ParseError`` where the text does not fit it."""
    name = tag.removeprefix(CORE) if tag.startswith(CORE) else ""
    if name == "str" or (not name and tag != "!"):
        return text
    if not name:
        return resolve(text) if plain else text  # "!" alone: as if there were no tag
    if name == "binary":
        try:
            return a2b_base64("".join(text.split()).encode(), strict_mode=True).decode("utf-8", "surrogateescape")
        except (Base64Error, UnicodeEncodeError):
            raise ParseError("a !!binary value is not base64") from None
    if name not in ("int", "float", "bool", "null", "timestamp"):
        return text
    value = resolve(text)
    if name == "float" and type(value) is int:
        return float(value)
    kinds = {"int": int, "float": float, "bool": bool, "null": type(None), "timestamp": Time}
    if type(value) is not kinds[name]:
        raise ParseError(f"a value does not fit its tag !!{name}")
    return value


def is_string(text: str) -> bool:
    """Whether plain text stands for itself, for every reader that matters."""
    if not text or text == "<<":
        return False
    if text[0] not in _HINT:
        return True
    if text in OLD_BOOL or re.fullmatch(_BASE_60, text):
        return False
    try:
        return type(resolve(text)) is str
    except EncryptTreeError:
        return False


_FIRST = frozenset("#,[]{}&*!|>'\"%@`")
_FLOW = r"[,?\[\]{}]|:(?=[,\[\]{}])"


def plain_fits(text: str, *, flow: bool) -> bool:
    """Whether text may be written without quotes (libyaml's analysis), if it stands for itself."""
    first = text[0]
    if first in _FIRST or text[0] == " " or text[-1] == " " or text.startswith(("---", "...")):
        return False
    if first in "-?:" and (len(text) == 1 or text[1] in " \t"):
        return False
    if ": " in text or ":\t" in text or text[-1] == ":" or " #" in text or "\t#" in text or "\t" in text:
        return False
    if flow and (re.search(_FLOW, text) or first == "-"):
        return False
    return is_printable(text)


def is_printable(text: str) -> bool:
    """Whether text needs no escapes: one line of characters that YAML allows everywhere."""
    if text.isascii():
        return text.isprintable()
    return not re.search(_SPECIAL, text)


# also what libyaml takes for a line break (NEL, LS, PS), the byte order mark, and lone surrogates
# (named one by one: a set of everything else takes Python twenty times as long to compile)
_SPECIAL = "[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]"
_SPECIAL_IN_BLOCK = "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]"
_ESCAPES = {
    "\0": "\\0", "\a": "\\a", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\v": "\\v", "\f": "\\f", "\r": "\\r",
    "\x1b": "\\e", '"': '\\"', "\\": "\\\\", "\x85": "\\N", "\u2028": "\\L", "\u2029": "\\P",
}  # fmt: skip
_TO_ESCAPE = '["\\\\]|' + _SPECIAL


def block_fits(text: str) -> bool:
    """Whether text can be the body of a block scalar."""
    return not re.search(_SPECIAL_IN_BLOCK, text)


def double(text: str) -> str:
    """Text in double quotes, with as few escapes as possible."""
    return '"' + re.sub(_TO_ESCAPE, _escape, text) + '"'


def _escape(match: re.Match[str]) -> str:
    char = match.group()
    known = _ESCAPES.get(char)
    if known:
        return known
    code = ord(char)
    return f"\\x{code:02X}" if code < 0x100 else f"\\u{code:04X}"


def single(text: str) -> str:
    """Printable text in single quotes."""
    return "'" + text.replace("'", "''") + "'"


def quote(text: str, *, flow: bool = False) -> str:
    """Text as go-yaml writes a string on one line: plain where it stands for itself, otherwise in quotes."""
    if not is_string(text):
        return double(text)
    if plain_fits(text, flow=flow):
        return text
    return single(text) if is_printable(text) else double(text)


def scalar(value: object) -> str:
    """A value that is no string, as plain text that reads back with its type."""
    if isinstance(value, Time):
        return value.removesuffix("T00:00:00Z")  # a date was almost certainly typed as a date
    return plain_text(value, number=repr)


def plain_text(value: object, *, number: Callable[[float], str]) -> str:
    """A value that is no string; ``number`` prints finite floats."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        if value != value:
            return ".nan"
        if value in (float("inf"), float("-inf")):
            return ".inf" if value > 0 else "-.inf"
        return number(value)
    return str(value)
