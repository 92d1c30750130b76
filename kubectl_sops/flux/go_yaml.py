"""YAML as sigs.k8s.io/yaml (go-yaml v2) prints and reads it.

The controller substitutes variables in the text that it prints, not in the files. Which values are quoted there, and
what an unquoted value means, decides whether a number stays a string.
"""

from __future__ import annotations

import functools
import io
import re
from typing import TYPE_CHECKING, Any

import yaml

from kubectl_sops.errors import SopsError

if TYPE_CHECKING:
    from collections.abc import Iterator

_TRUE = frozenset(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"))
_FALSE = frozenset(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"))
_NULL = frozenset(("", "~", "null", "Null", "NULL"))
_FLOAT_WORDS = frozenset(sign + word for word in (".inf", ".Inf", ".INF") for sign in ("", "+", "-")) | {
    ".nan", ".NaN", ".NAN",
}  # fmt: skip
_DECIMAL = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_DOT_FLOAT = re.compile(r"\.[0-9]+(?:_[0-9]+)*(?:[eE][-+]?[0-9]+)?")
_INTEGER = re.compile(r"([-+]?)(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|0|[1-9][0-9]*)")
_BASE60 = re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?")
_TIMESTAMP = re.compile(
    r"[0-9]{4}-(?:1[0-2]|0?[1-9])-([0-9]{1,2})"
    r"(?:[Tt]([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?:[.,][0-9]+)?(?:Z|[+-][0-9]{2}:[0-9]{2})"
    r"| ([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?:[.,][0-9]+)?)?"
)
_INT64, _UINT64 = 1 << 63, 1 << 64

_TAG = "tag:yaml.org,2002:"


class NotYamlError(SopsError):
    """A text that go-yaml v2 refuses; the message never quotes it."""


def dump(value: object) -> str:
    """``value`` (maps with string keys, lists, scalars) as the controller prints it: keys sorted, 80 columns."""
    out = io.StringIO()
    yaml.emit(_events(value), out, Dumper=yaml.CDumper, allow_unicode=True)
    # libyaml closes a text that ends in blank lines, go-yaml does not
    text = out.getvalue()
    return text.removesuffix("...\n") if text.endswith("\n...\n") else text


def _events(value: object) -> Iterator[yaml.Event]:
    yield yaml.StreamStartEvent()
    yield yaml.DocumentStartEvent(explicit=False)
    yield from _node(value)
    yield yaml.DocumentEndEvent(explicit=False)
    yield yaml.StreamEndEvent()


def _node(value: object) -> Iterator[yaml.Event]:
    if isinstance(value, dict):
        yield yaml.MappingStartEvent(None, None, True, flow_style=False)
        # the order of letters alone is the usual one
        for key in sorted(value) if "".join(value).isalpha() else sorted(value, key=_BY_KEY):
            yield _scalar(key)
            yield from _node(value[key])
        yield yaml.MappingEndEvent()
    elif isinstance(value, list):
        yield yaml.SequenceStartEvent(None, None, True, flow_style=False)
        for item in value:
            yield from _node(item)
        yield yaml.SequenceEndEvent()
    else:
        yield _scalar(value)


def _scalar(value: object) -> yaml.Event:
    style: str | None = None
    if isinstance(value, str):
        text = value
        if "\n" in value:
            # trailing blanks of a line can't be shown in a block
            style = "|"
        elif resolve(value) != "str" or _BASE60.fullmatch(value):
            style = '"'
    elif value is None:
        text = "null"
    elif isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, float):
        text = format_float(value)
    else:
        text = str(value)
    return yaml.ScalarEvent(None, None, (True, True), text, style=style)


def format_float(value: float) -> str:
    """Go's ``FormatFloat(value, 'g', -1, 64)``."""
    mantissa, _, exponent = f"{value:e}".partition("e")
    digits = repr(value)
    if -4 <= int(exponent) < 6 and "e" not in digits:
        return digits.removesuffix(".0")
    # the shortest digits that read back, in exponent form
    from decimal import Decimal

    sign, numbers, _ = Decimal(digits).as_tuple()
    text = "".join(map(str, numbers)).rstrip("0") or "0"
    power = Decimal(digits).adjusted()
    mantissa = text[0] + ("." + text[1:] if len(text) > 1 else "")
    return f"{'-' if sign else ''}{mantissa}e{'-' if power < 0 else '+'}{abs(power):02d}"


def _compare(a: str, b: str) -> int:
    """go-yaml's order of keys: letters after other characters, runs of digits by their value."""
    for index, (left, right) in enumerate(zip(a, b, strict=False)):
        if left == right:
            continue
        letters = left.isalpha(), right.isalpha()
        if all(letters):
            return -1 if left < right else 1
        if any(letters):
            return -1 if letters[1] else 1
        start = 0
        if "0" in (left, right):
            before = re.search(r"\d*\Z", a[:index])
            start = 1 if before and before[0].strip("0") else 0
        runs = [re.match(r"\d*", text[index:]) for text in (a, b)]
        digits = [run[0] if run else "" for run in runs]
        values = [int(f"{start}{run}") if run else start for run in digits]
        if values[0] != values[1]:
            return -1 if values[0] < values[1] else 1
        if len(digits[0]) != len(digits[1]):
            return -1 if len(digits[0]) < len(digits[1]) else 1
        return -1 if left < right else 1
    return len(a) - len(b)


_BY_KEY = functools.cmp_to_key(_compare)


def resolve(text: str) -> str:
    """The type that an unquoted ``text`` has: ``str``, ``bool``, ``null``, ``int``, ``float`` or ``timestamp``."""
    return _resolve(text)[0]


def _resolve(text: str) -> tuple[str, object]:
    if text in _NULL:
        return "null", None
    first = text[0]
    if first in "yYnNtTfFoO~":
        if text in _TRUE:
            return "bool", True
        if text in _FALSE:
            return "bool", False
        return "str", text
    if first == ".":
        if text in _FLOAT_WORDS:
            return "float", float(text.replace(".", "", 1))
        # the whole of Go's float syntax is read here, underscores not
        return ("float", float(text)) if _DOT_FLOAT.fullmatch(text) and _finite(text) else ("str", text)
    if first in "+-0123456789":
        return _number(text)
    return "str", text


def _number(text: str) -> tuple[str, object]:
    if text in _FLOAT_WORDS:
        return "float", float(text.replace(".", "", 1))
    if _is_timestamp(text):
        return "timestamp", text
    plain = text.replace("_", "")
    match = _INTEGER.fullmatch(plain)
    if match:
        number = _integer(match[1], match[2])
        if -_INT64 <= number < _INT64 or (not match[1] and number < _UINT64):
            return "int", number
    if _DECIMAL.fullmatch(plain) and _finite(plain):
        return "float", float(plain)
    return "str", text


def _integer(sign: str, digits: str) -> int:
    lower = digits.lower()
    if lower.startswith("0x"):
        number = int(lower, 16)
    elif lower.startswith("0b"):
        number = int(lower, 2)
    elif len(lower) > 1 and lower.startswith("0"):
        number = int(lower.removeprefix("0o"), 8)
    else:
        number = int(lower)
    return -number if sign == "-" else number


def _finite(text: str) -> bool:
    return abs(float(text)) != float("inf")  # Go's parser reports a range error


def _is_timestamp(text: str) -> bool:
    match = _TIMESTAMP.fullmatch(text)
    if match is None:
        return False
    year, month, day = int(text[:4]), int(text.split("-")[1]), int(match[1])
    clock = [int(part) for part in match.groups()[1:] if part] or [0, 0, 0]
    longest = 31 if month in (1, 3, 5, 7, 8, 10, 12) else 30
    if month == 2:
        longest = 29 if year % 4 == 0 and (year % 100 or year % 400 == 0) else 28
    return 1 <= day <= longest and clock[0] < 24 and clock[1] < 60 and clock[2] < 60


def load(text: str) -> Any:  # whatever the document holds
    """The JSON value of the first document, as ``YAMLToJSON`` makes it.

    Raises:
        NotYamlError: the text can't be read, or holds what JSON can't.
    """
    try:
        loader = yaml.CLoader(text)
    except yaml.YAMLError as error:
        raise _refused(error) from None
    try:
        return _Reader(loader).document()
    except yaml.YAMLError as error:
        raise _refused(error) from None
    except RecursionError:
        raise NotYamlError("nested too deeply") from None
    except UnicodeEncodeError:
        raise NotYamlError("invalid UTF-8") from None


def _refused(error: yaml.YAMLError) -> NotYamlError:
    problem = str(getattr(error, "problem", None) or "invalid text")
    # libyaml's fixed words; whatever it quotes is cut out
    problem = re.sub(r"\s*'[^']*'", "", problem)
    mark: Any = getattr(error, "problem_mark", None)
    return NotYamlError(problem, line=mark.line + 1 if mark else None)


class _Reader:
    def __init__(self, parser: Any) -> None:  # CParser has no types
        self._parser = parser
        self._anchors: dict[str, object] = {}

    def document(self) -> object:
        event = self._next()  # the start of the stream
        event = self._next()
        if isinstance(event, yaml.StreamEndEvent):
            return None
        value = self._value(self._next())
        self._next()  # errors behind the value, up to the end of the document
        return value

    def _next(self) -> Any:
        return self._parser.get_event()

    def _value(self, event: Any) -> object:
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in self._anchors:
                raise NotYamlError("unknown anchor referenced", line=line)
            return self._anchors[event.anchor]
        value: object
        if isinstance(event, yaml.ScalarEvent):
            value = _value_of(event)
        elif isinstance(event, yaml.SequenceStartEvent):
            items: list[object] = []
            value = items
            self._keep(event, value)
            while not isinstance(event := self._next(), yaml.SequenceEndEvent):
                items.append(self._value(event))
            return value
        else:
            return self._map(event)
        self._keep(event, value)
        return value

    def _keep(self, event: Any, value: object) -> None:
        if event.anchor:
            self._anchors[event.anchor] = value

    def _map(self, event: Any) -> dict[str, object]:
        out: dict[str, object] = {}
        self._keep(event, out)
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            line = event.start_mark.line + 1
            merge = isinstance(event, yaml.ScalarEvent) and event.value == "<<" and event.implicit[0]
            key = None if merge else _key(self._value(event), line)
            value = self._value(self._next())
            if key is not None:
                out[key] = value
                continue
            for source in reversed(value) if isinstance(value, list) else [value]:
                if not isinstance(source, dict):
                    raise NotYamlError("map merge requires map or sequence of maps as the value", line=line)
                out.update(source)
        return out


def _key(value: object, line: int) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return format_float(value)
    raise NotYamlError("a key that JSON has no form for", line=line)


def _value_of(event: Any) -> object:
    line = event.start_mark.line + 1
    tag: str = event.tag or ""
    if tag == "!" or (not tag and not event.implicit[0]):
        return event.value  # quoted
    if tag.startswith(_TAG):
        return _tagged(tag.removeprefix(_TAG), event.value, line)
    if tag:
        return event.value  # a tag of somebody else's
    return _json(_resolve(event.value), line)


def _tagged(kind: str, text: str, line: int) -> object:
    if kind == "str":
        return text
    if kind == "binary":
        import base64

        try:
            return base64.b64decode(text, validate=False).decode("utf-8", "replace")
        except ValueError:
            raise NotYamlError("!!binary value contains invalid base64 data", line=line) from None
    if kind not in ("bool", "int", "float", "null", "timestamp"):
        return text
    found, value = _resolve(text)
    if kind == "float" and found == "int" and isinstance(value, int):
        return _json(("float", float(value)), line)
    if found != kind:
        raise NotYamlError(f"a value that is no {kind}, as its tag says", line=line)
    return _json((found, value), line)


def _json(resolved: tuple[str, object], line: int) -> object:
    value = resolved[1]
    if isinstance(value, float):
        if value != value or abs(value) == float("inf"):
            raise NotYamlError("an infinite number or NaN, which JSON has no form for", line=line)
        return json_number(value)
    return value


def json_number(value: float) -> int | float:
    """A float after a way through JSON, where a whole number has no fraction: an integer, if it fits into one."""
    return int(value) if value.is_integer() and abs(value) < _INT64 else value
