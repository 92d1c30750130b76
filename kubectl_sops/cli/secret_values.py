"""Values of a Secret by key, as ``kubectl create secret`` takes them; those that are not given are asked for."""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING

from kubectl_sops.cli import option_table as table
from kubectl_sops.cli import session
from kubectl_sops.errors import UsageError
from kubectl_sops.files.kube_secret import is_key
from kubectl_sops.files.read import STDIN, read

if TYPE_CHECKING:
    from collections.abc import Iterator

FROM_FILE = table.Option(
    "--from-file",
    many=True,
    help="A value from a file, or one from each file of a folder; KEY=- is standard input.",
    metavar="[KEY=]FILE",
)
OPTIONS = (
    table.Option("--from-literal", many=True, help="A value; asked for without =VALUE.", metavar="KEY[=VALUE]"),
    FROM_FILE,
    table.Option("--from-env-file", many=True, help="Values from lines KEY=VALUE.", metavar="FILE"),
)

# kubectl's: apimachinery, IsEnvVarName
_VARIABLE = re.compile(r"[-._a-zA-Z][-._a-zA-Z0-9]*")


def are_given(values: table.Values) -> bool:
    """Whether there are any."""
    return any(values.get(option.name) for option in OPTIONS)


def collect(values: table.Values, *, key: str = "") -> dict[str, bytes]:
    """Key → value.

    Args:
        key: of a file that is given without one, in place of its name.

    Raises:
        UsageError: a key is given twice, is missing, or a value is missing and nobody can be asked.
    """
    content: dict[str, bytes] = {}
    for path in _many(values, "from_env_file"):
        for name, value in _env_lines(path):
            _add(content, name, value)
    for item in _many(values, "from_file"):
        for name, path in _files(item, key):
            _add(content, name, read(path))
    for item in _many(values, "from_literal"):
        name, equals, given = item.partition("=")
        if not name:
            raise UsageError("a --from-literal has no key", hint="write --from-literal KEY=VALUE")
        _add(content, name, given.encode("utf-8", "surrogateescape") if equals else ask(name))
    return content


def _files(item: str, key: str) -> Iterator[tuple[str, str]]:
    """Keys and paths that one ``--from-file`` means; of a folder the regular files, as kubectl takes them."""
    name, equals, path = item.partition("=")
    if not equals:
        name, path = "", item
    if path == STDIN and not equals:
        raise UsageError("standard input has no name to be a key", hint="write --from-file KEY=-")
    if (equals and not name) or not path:
        raise UsageError(f"--from-file {item} has no {'path' if name else 'key'}", hint="write --from-file KEY=FILE")
    if path != STDIN and os.path.isdir(path):
        if name or key:
            raise UsageError(f"{path} is a folder: its files have keys of their own", hint="name one file of it")
        with os.scandir(path) as entries:
            names = sorted(entry.name for entry in entries if entry.is_file(follow_symlinks=False))
        for name in names:
            if not is_key(name):
                raise UsageError(
                    f"{os.path.join(path, name)} has a name that can't be a key", hint="name the files one by one"
                )
            yield name, os.path.join(path, name)
        return
    yield name or key or os.path.basename(path), path


def _many(values: table.Values, name: str) -> list[str]:
    given = values.get(name)
    return [str(item) for item in given] if isinstance(given, list | tuple) else []


def _add(content: dict[str, bytes], key: str, value: bytes) -> None:
    if key in content:
        raise UsageError(f"the key {key} is given twice")
    if not key.isprintable():  # bytes that are no text are not, either
        raise UsageError(f"the key {key!a} is not text", hint="a key has letters, digits, -, _ and .")
    content[key] = value


def ask(key: str) -> bytes:
    """A value from a person, or the next line of standard input."""
    if session.is_interactive():
        return session.read_passphrase(f"{key}: ").encode()
    line = sys.stdin.buffer.readline()
    if not line:
        raise UsageError(f"no value for {key}", hint="pipe one in, one a line, or write KEY=VALUE")
    return line.removesuffix(b"\n").removesuffix(b"\r")


def _env_lines(path: str) -> list[tuple[str, bytes]]:
    """The lines of an env file as kubectl reads them: blanks before the key go, # starts a comment line.

    Raises:
        UsageError: a line that kubectl refuses, too. It may be part of a value, so it is not shown.
    """
    found = []
    try:
        text = read(path).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not UTF-8", hint="give such a value with --from-file") from None
    for number, raw in enumerate(text.split("\n"), start=1):
        line = raw.removesuffix("\r").lstrip()
        if not line or line.startswith("#"):
            continue
        key, equals, value = line.partition("=")
        if not _VARIABLE.fullmatch(key) or key == "." or key.startswith(".."):
            raise UsageError(
                f"line {number} of {path} does not start with a key that kubectl takes",
                hint="write KEY=VALUE without blanks around =; a key has letters, digits, -, _ and ., no digit first",
            )
        found.append((key, (value if equals else os.environ.get(key, "")).encode("utf-8", "surrogateescape")))
    return found
