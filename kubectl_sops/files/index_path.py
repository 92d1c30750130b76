"""Key paths as people type them: ``["data"]["password"]`` as in sops, or ``data.password``.

Indexes count values; comments between list elements are not counted (sops counts them).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kubectl_sops.errors import InvalidPathError

if TYPE_CHECKING:
    from kubectl_sops.core.leaf import Path

_DOTTED = re.compile(r'([^.\[\]"\\]+)|\["((?:[^"\\]|\\.)*)"\]|\[(\d+)\]')


def parse(text: str) -> Path:
    """The path of ``text``.

    Raises:
        InvalidPathError: it can't be read; the hint shows a good one.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidPathError("the key path is not UTF-8", hint=_HINT) from None
    path = _bracketed(text) if text.startswith("[") else _dotted(text)
    if not path:
        raise InvalidPathError("the key path is empty", hint=_HINT)
    return path


def _bracketed(text: str) -> Path:
    # sops splits at every "[", so a key that holds one can only be reached by the dotted form
    parts: list[str | int] = []
    for piece in text.split("["):
        if not piece.strip():
            continue
        piece = piece.rstrip()
        if not piece.endswith("]"):
            raise InvalidPathError("invalid index format: a component of the key path does not end in ]", hint=_HINT)
        inner = piece[:-1]
        if len(inner) >= 2 and inner[0] in "\"'" and inner[-1] == inner[0]:
            parts.append(inner[1:-1])
        elif inner.isdecimal() and inner.isascii():
            parts.append(int(inner))
        else:
            raise InvalidPathError(
                "invalid index format: a component of the key path is neither quoted nor a number", hint=_HINT
            )
    return tuple(parts)


def _dotted(text: str) -> Path:
    parts: list[str | int] = []
    at = 0
    while at < len(text):
        if parts and text[at] == ".":
            at += 1
        match = _DOTTED.match(text, at)
        if match is None:
            hint = _ESCAPED if text[at] == "\\" else _HINT
            raise InvalidPathError("invalid index format: the key path can't be read", hint=hint)
        plain, quoted, index = match.groups()
        if index is not None:
            parts.append(int(index))
        else:
            parts.append(plain if plain is not None else re.sub(r"\\(.)", r"\1", quoted))
        at = match.end()
    return tuple(parts)


_ESCAPED = """a key with a dot, a bracket or a backslash is quoted: write '["data"]["tls.crt"]' or data["tls.crt"]"""
_HINT = """write '["data"]["password"]', '["list"][0]' or data.password"""
