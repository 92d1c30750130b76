"""Values of a Secret by key, as ``kubectl create secret`` takes them; those that are not given are asked for."""

from __future__ import annotations

import os
import sys

from kubectl_sops.cli import option_table as table
from kubectl_sops.cli import session
from kubectl_sops.errors import UsageError
from kubectl_sops.files.read import read

OPTIONS = (
    table.Option("--from-literal", many=True, help="A value; asked for without =VALUE.", metavar="KEY[=VALUE]"),
    table.Option("--from-file", many=True, help="A value from a file; - is standard input.", metavar="[KEY=]FILE"),
    table.Option("--from-env-file", many=True, help="Values from lines KEY=VALUE.", metavar="FILE"),
)


def are_given(values: table.Values) -> bool:
    """Whether there are any."""
    return any(values.get(option.name) for option in OPTIONS)


def collect(values: table.Values) -> dict[str, bytes]:
    """Key → value.

    Raises:
        UsageError: a key is given twice, or a value is missing and nobody can be asked.
    """
    content: dict[str, bytes] = {}
    for path in _many(values, "from_env_file"):
        for key, value in _env_lines(path):
            _add(content, key, value)
    for item in _many(values, "from_file"):
        key, equals, path = item.partition("=")
        if not equals:
            key, path = os.path.basename(item), item
        _add(content, key, read(path))
    for item in _many(values, "from_literal"):
        key, equals, given = item.partition("=")
        _add(content, key, given.encode() if equals else ask(key))
    return content


def _many(values: table.Values, name: str) -> list[str]:
    given = values.get(name)
    return [str(item) for item in given] if isinstance(given, list | tuple) else []


def _add(content: dict[str, bytes], key: str, value: bytes) -> None:
    if key in content:
        raise UsageError(f"the key {key} is given twice")
    content[key] = value


def ask(key: str) -> bytes:
    """A value from a person, or the next line of standard input."""
    if session.is_interactive():
        return session.read_passphrase(f"{key}: ").encode()
    line = sys.stdin.readline()
    if not line:
        raise UsageError(f"no value for {key}", hint="pipe one in, one a line, or write KEY=VALUE")
    return line.removesuffix("\n").encode()


def _env_lines(path: str) -> list[tuple[str, bytes]]:
    """The lines of an env file as kubectl reads them: blanks before the key go, # starts a comment line."""
    found = []
    for number, raw in enumerate(read(path).decode("utf-8-sig", "surrogateescape").split("\n"), start=1):
        line = raw.removesuffix("\r").lstrip()
        if not line or line.startswith("#"):
            continue
        key, equals, value = line.partition("=")
        if not equals:
            value = os.environ.get(key, "")
        if not key.strip():
            raise UsageError(f"line {number} of {path} has no key")
        found.append((key.strip(), value.encode("utf-8", "surrogateescape")))
    return found
