"""The ``sops`` entry as YAML text, in sops' own form. Pure.

``mac: ENC[`` stands unquoted: Flux finds encrypted files by that text.
"""

from __future__ import annotations

import re

from kubectl_sops.core.values import Time
from kubectl_sops.formats.yaml_scalars import double, quote, resolve, scalar

DEFAULT_INDENT = 4
"""Blanks per level, as in sops."""


def emit(tree: dict[str, object], *, indent: int, column: int, newline: str) -> str:
    """The entry with its key, as lines; ends with a line break."""
    lines: list[str] = [" " * column + "sops:"]
    _mapping(tree, lines, column, indent, first=None)
    return newline.join(lines) + newline


def field(name: str, value: object, column: int, indent: int) -> list[str]:
    """The lines of one field of the entry."""
    lines: list[str] = []
    _value(" " * column + quote(name) + ":", value, lines, column, indent)
    return lines


def item(value: object, column: int, indent: int) -> list[str]:
    """The lines of one item of a list of the entry, whose dash stands at ``column``."""
    lines: list[str] = []
    _item(value, lines, column, indent)
    return lines


def _next(column: int, indent: int) -> int:
    return (column // indent + 1) * indent


def _mapping(tree: dict[str, object], lines: list[str], column: int, indent: int, *, first: str | None) -> None:
    # in a list item the keys stand behind the dash, elsewhere at the next multiple of the indentation
    inner = column + 2 if first is not None else _next(column, indent)
    for name, value in tree.items():
        lead = first if first is not None else " " * inner
        first = None
        _value(lead + quote(name) + ":", value, lines, inner, indent)


def _value(head: str, value: object, lines: list[str], column: int, indent: int) -> None:
    if isinstance(value, dict):
        if not value:
            lines.append(head + " {}")
            return
        lines.append(head)
        _mapping(value, lines, column, indent, first=None)
    elif isinstance(value, list):
        if not value:
            lines.append(head + " []")
            return
        lines.append(head)
        dash = _next(column, indent)
        for entry in value:
            _item(entry, lines, dash, indent)
    else:
        text = text_of(value)
        if isinstance(value, str) and "\n" in value:
            body = _next(column, indent)
            core = value.removesuffix("\n")
            lines.append(head + (" |" if value.endswith("\n") else " |-"))
            lines += [" " * body + line if line else "" for line in core.split("\n")]
        else:
            lines.append(f"{head} {text}")


def _item(value: object, lines: list[str], dash: int, indent: int) -> None:
    if isinstance(value, dict) and value:
        _mapping(value, lines, dash, indent, first=" " * dash + "- ")
    else:
        _value(" " * dash + "-", value, lines, dash, indent)


def text_of(value: object) -> str:
    """A scalar of the entry on one line."""
    if isinstance(value, str):
        # a time is text here, and would be read as a time without quotes
        return double(value) if type(resolve(value)) is Time else quote(value)
    return scalar(value)


def in_flow(tree: object) -> str:
    """The entry's value as one-line JSON, for a root in flow style."""
    import json

    return json.dumps(tree, ensure_ascii=False)


def indent_of(text: str) -> int:
    """The indentation that a document visibly uses: that of its first indented key, otherwise sops' default."""
    match = re.search(r"(?m)^[^\s#-][^\n#]*:[ \t]*(?:\r?\n[ \t]*(?:#[^\n]*)?)*\r?\n( +)[^\s#-]", text)
    if match is None or not 2 <= len(match.group(1)) <= 9:
        return DEFAULT_INDENT
    return len(match.group(1))
