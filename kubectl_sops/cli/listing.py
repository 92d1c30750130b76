"""Listings in kubectl's forms: a table, or ``-o json|yaml|name|wide``."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

from kubectl_sops.cli import option_table as table
from kubectl_sops.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Row = Mapping[str, object]

FORMS = ("json", "yaml", "name", "wide")
FORM = table.Option("-o", "--output", help="Form of the listing.", metavar="|".join(FORMS))
"""``-o`` of every listing."""


class Column:
    """One column of a table.

    Attributes:
        title: its heading.
        field: the field of a row that it shows; lists are joined by commas.
        wide: shown with ``-o wide`` only.
        show: turns the field into text.
    """

    __slots__ = ("field", "show", "title", "wide")

    def __init__(
        self, title: str, field: str, *, wide: bool = False, show: Callable[[object], str] | None = None
    ) -> None:
        self.title = title
        self.field = field
        self.wide = wide
        self.show = show or _text


def _text(value: object) -> str:
    if value is None or value == "" or value == []:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ",".join(map(str, value))
    return str(value)


def form(values: Mapping[str, object]) -> str | None:
    """The value of ``-o``.

    Raises:
        UsageError: it is unknown.
    """
    given = values.get("output")
    if given is None or given == "":
        return None
    if given not in FORMS:
        raise UsageError(f"unknown output form {given}", hint=f"use -o {'|'.join(FORMS)}")
    return str(given)


def write(rows: Sequence[Row], columns: Sequence[Column], output: str | None, *, name: str) -> None:
    """Print rows on stdout.

    Args:
        output: ``-o``; a table where it is ``None``.
        name: the field that ``-o name`` prints.
    """
    sys.stdout.write(render(rows, columns, output, name=name))


def render(rows: Sequence[Row], columns: Sequence[Column], output: str | None, *, name: str) -> str:
    """The text that ``write`` prints."""
    if output == "json":
        import json

        text = json.dumps({"items": list(rows)}, indent=2, ensure_ascii=False) + "\n"
        # a file's name may hold bytes that are no text, and JSON is text
        return re.sub("[\ud800-\udfff]", lambda found: ascii(found[0])[1:-1], text)
    if output == "yaml":
        import yaml

        return yaml.dump({"items": [dict(row) for row in rows]}, sort_keys=False, allow_unicode=True)
    if output == "name":
        return "".join(f"{row[name]}\n" for row in rows)
    shown = [column for column in columns if output == "wide" or not column.wide]
    lines = [[column.title for column in shown]]
    lines += [[column.show(row.get(column.field)) for column in shown] for row in rows]
    widths = [max((len(line[i]) for line in lines), default=0) for i in range(len(shown))]
    return "".join(
        "   ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() + "\n"
        for line in lines
    )
