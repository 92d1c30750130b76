"""Objects to text that every YAML reader agrees on: JSON, with what go-yaml can't read escaped.

A YAML dumper would not do: PyYAML leaves the strings ``1e3`` and ``0o14`` unquoted, which kustomize reads as numbers.
"""

from __future__ import annotations

# the C function behind json.dumps(ensure_ascii=False); importing the json package would cost start-up time
from _json import encode_basestring
from typing import TYPE_CHECKING

from kubectl_sops.errors import DumpError, format_path

if TYPE_CHECKING:
    from kubectl_sops.core.leaf import Path

# Read back wrongly, or not at all, when they stand for themselves: DEL, C1 (U+0085 among them), the two line
# separators, BOM and the non-characters. An escape of a character outside the BMP would be a surrogate pair, which
# go-yaml refuses, so those stand for themselves.
_ESCAPES = {code: f"\\u{code:04x}" for code in (*range(0x7F, 0xA0), 0x2028, 0x2029, 0xFEFF, 0xFFFE, 0xFFFF)}

UNREADABLE = frozenset(map(chr, (*range(0x7F, 0xA0), 0xFFFE, 0xFFFF)))
"""Characters that kustomize can't pass on even when they are escaped: it writes them out raw and reads them again.

All but U+0085 make it fail with the whole object in its message; U+0085 becomes a blank.
"""

_INFINITE = (float("inf"), float("-inf"))


def text(value: object) -> str:
    """``value`` (maps, lists and scalars) on one line.

    Raises:
        DumpError: a value that JSON has no form for; the error names its path.
    """
    pieces: list[str] = []
    try:
        _write(value, pieces)
    except UnicodeEncodeError:
        raise DumpError("text that is not UTF-8") from None
    except RecursionError:
        raise DumpError("nested too deeply") from None
    return "".join(pieces)


def _string(value: str) -> str:
    quoted = encode_basestring(value)
    if quoted.isascii():
        return quoted if "\x7f" not in quoted else quoted.translate(_ESCAPES)
    quoted.encode()  # a lone surrogate stands for a byte that is not UTF-8
    return quoted.translate(_ESCAPES)


def _write(value: object, pieces: list[str]) -> None:
    if isinstance(value, str):
        pieces.append(_string(value))
    elif isinstance(value, dict):
        mark = "{"
        for key, item in value.items():
            # a key that is not text stays what it is: this is read as YAML
            pieces.append(mark + (_string(key) if isinstance(key, str) else _scalar(key)) + ": ")
            _write(item, pieces)
            mark = ", "
        pieces.append("}" if value else "{}")
    elif isinstance(value, list):
        mark = "["
        for item in value:
            pieces.append(mark)
            _write(item, pieces)
            mark = ", "
        pieces.append("]" if value else "[]")
    else:
        pieces.append(_scalar(value))


def _scalar(value: object) -> str:
    if value is None:
        return "null"
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float) and value == value and value not in _INFINITE:
        return repr(value)
    raise DumpError(f"a {type(value).__name__} that JSON has no form for")


def unreadable(value: object, path: Path = ()) -> list[Path]:
    """Where ``value`` holds text that kustomize can't pass on, keys of maps included."""
    if isinstance(value, str):
        return [] if readable(value) else [path]
    found: list[Path] = []
    if isinstance(value, dict):
        for key, item in value.items():
            found += [] if not isinstance(key, str) or readable(key) else [path]
            found += unreadable(item, (*path, str(key)))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            found += unreadable(item, (*path, index))
    return found


def readable(value: str) -> bool:
    """Whether kustomize passes this text on as it is."""
    if value.isascii():
        return "\x7f" not in value
    return UNREADABLE.isdisjoint(value) and not any("\ud800" <= char <= "\udfff" for char in value)


def describe(paths: list[Path]) -> str:
    """Key paths for a message, the first few of them."""
    names = [format_path(path) for path in paths[:5]]
    return ", ".join(names) + (f" and {len(paths) - 5} more" if len(paths) > 5 else "")
