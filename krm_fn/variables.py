"""Decrypted environment files to variables, by the rules of kustomize and by those of godotenv.

No error quotes the text: it is decrypted. (KSOPS prints the rest of the file there.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_sops.core.values import float_text
from kubectl_sops.errors import ParseError

if TYPE_CHECKING:
    import re

_BLANKS = "\t\v\f\r \x85\xa0"
"""What godotenv trims within a line."""


def raw(text: str) -> dict[str, str]:
    """``KEY=value`` lines as kustomize's generators read them: no quotes, no expansion, no trimming of the value.

    Raises:
        ParseError: a line without ``=``.
    """
    found: dict[str, str] = {}
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        line = line.removesuffix("\r").lstrip()
        if not line or line.startswith("#"):
            continue
        key, mark, value = line.partition("=")
        if not mark:
            raise ParseError("expected KEY=value", line=number)
        found[key] = value
    return found


def flat_map(value: object) -> dict[str, str]:
    """A map of scalars, as text: ``true``, ``1``, and nothing for null.

    Raises:
        ParseError: it is not one.
    """
    if not isinstance(value, dict):
        raise ParseError("expected a map of variables")
    found: dict[str, str] = {}
    for key, item in value.items():
        if isinstance(item, dict | list):
            raise ParseError("expected text, found a map or a list", path=(str(key),))
        found[str(key)] = _scalar_text(item)
    return found


def _scalar_text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return float_text(value) if isinstance(value, float) else str(value)


def godotenv(text: str) -> dict[str, str]:
    """Variables by the rules of godotenv 1.5, which KSOPS applies: ``export``, quotes, ``$NAME``, ``KEY: value``.

    Raises:
        ParseError: a name with other characters than letters, digits, ``_`` and ``.``, or a quote that does not end.
    """
    return _Godotenv(text.replace("\r\n", "\n")).read()


class _Godotenv:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._found: dict[str, str] = {}

    def read(self) -> dict[str, str]:
        while self._skip_to_statement():
            key = self._key()
            self._found[key] = self._value()
        return self._found

    def _error(self, message: str) -> ParseError:
        return ParseError(message, line=self._text.count("\n", 0, self._at) + 1)

    def _skip_to_statement(self) -> bool:
        text = self._text
        while self._at < len(text):
            if text[self._at].isspace():
                self._at += 1
            elif text[self._at] == "#":
                self._at = self._line_end()
            else:
                return True
        return False

    def _line_end(self) -> int:
        end = self._text.find("\n", self._at)
        return len(self._text) if end < 0 else end

    def _skip_blanks(self) -> None:
        while self._at < len(self._text) and self._text[self._at] in _BLANKS:
            self._at += 1

    def _key(self) -> str:
        text = self._text
        if text.startswith("export", self._at) and text[self._at + 6 : self._at + 7] in tuple(_BLANKS):
            self._at += 6
            self._skip_blanks()
        start = self._at
        while self._at < len(text) and text[self._at] not in "=:":
            char = text[self._at]
            if not ((char.isascii() and char.isalnum()) or char in "_." or char in _BLANKS):
                raise self._error("a name can only have letters, digits, '_' and '.'")
            self._at += 1
        if self._at == len(text):
            raise self._error("expected KEY=value")
        key = text[start : self._at].rstrip()
        self._at += 1
        self._skip_blanks()
        return key

    def _value(self) -> str:
        quote = self._text[self._at : self._at + 1]
        return self._quoted(quote) if quote in ("'", '"') else self._unquoted()

    def _unquoted(self) -> str:
        end = min(self._line_end(), *(at for at in (self._text.find("\r", self._at),) if at >= 0), len(self._text))
        line = self._text[self._at : end]
        for at in range(len(line) - 1, 0, -1):  # godotenv cuts at the last one
            if line[at] == "#" and line[at - 1] in _BLANKS:
                line = line[:at]
                break
        self._at = end
        return self._expand(line.strip(_BLANKS))

    def _quoted(self, quote: str) -> str:
        start = self._at
        at = start + 1
        while True:
            at = self._text.find(quote, at)
            if at < 0:
                raise self._error("a quoted value does not end")
            if self._text[at - 1] != "\\":
                break
            at += 1
        value = self._text[start:at].strip(quote)
        self._at = at + 1
        return self._expand(_unescape(value)) if quote == '"' else value

    def _expand(self, value: str) -> str:
        if "$" not in value:
            return value
        import re

        def replace(match: re.Match[str]) -> str:
            backslash, name = match.groups()
            if backslash:
                return match[0][1:]
            return self._found.get(name, "") if name else match[0]

        return re.sub(r"(\\)?\$\(?\{?([A-Z0-9_]+)?\}?", replace, value)


def _unescape(value: str) -> str:
    if "\\" not in value:
        return value
    import re

    newlines = {"\\n": "\n", "\\r": "\r"}
    value = re.sub(r"\\.", lambda match: newlines.get(match[0], match[0]), value)
    return re.sub(r"\\([^$])", r"\1", value)
