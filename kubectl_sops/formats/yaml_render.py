"""Leaves as YAML text: ciphertexts that carry the quoting of what they replace, and values that take it back. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_sops.core.cipher import PREFIX
from kubectl_sops.core.values import Time
from kubectl_sops.errors import EncryptTreeError
from kubectl_sops.formats import yaml_blocks as blocks
from kubectl_sops.formats.yaml_scalars import (
    double,
    is_printable,
    is_string,
    plain_fits,
    quote,
    resolve,
    scalar,
    single,
)

if TYPE_CHECKING:
    from kubectl_sops.core.leaf import Leaf
    from kubectl_sops.formats.yaml_scan import Style

# In flow collections a ciphertext must be quoted, for its commas. Three spellings keep the three styles of a plaintext
# apart; the one with an escaped bracket is what single quotes become. In block context that spelling stands for plain
# text which we would otherwise quote for the sake of older readers, such as `yes`.
_ESCAPED_BRACKET = "\\x5D"


def sealed_token(sealed: str, mark: str, token: str, value: object, *, flow: bool) -> str:
    """A ciphertext that carries the quoting of the token it replaces."""
    if flow:
        if mark == "":
            return f"'{sealed}'"
        return _escaped(sealed) if mark == "'" else f'"{sealed}"'
    if mark == "" and value == token and value_token(value, "", flow=False) != token:
        return _escaped(sealed)
    return f"{mark}{sealed}{mark}"


def kept_token(kept: str, mark: str, token: str, value: object, *, flow: bool) -> str:
    """The source text of a ciphertext for a token that may have moved into a flow collection, or out of one."""
    if PREFIX in token:
        moved = False  # one ciphertext in the place of another
    elif mark in ("|", ">") or type(value) is not str:
        moved = flow and kept.startswith(PREFIX)
    else:
        escaped = kept.endswith(_ESCAPED_BRACKET + '"')
        if flow:
            moved = kept.startswith(PREFIX) or (escaped and mark == "") or (kept[0] == mark == "'")
        else:
            moved = (escaped and mark != "") or (kept[0] == "'" and mark == "")
    if not moved:
        return kept
    sealed = kept.strip("\"'").replace(_ESCAPED_BRACKET, "]")
    return sealed_token(sealed, mark, token, value, flow=flow)


def _escaped(sealed: str) -> str:
    return f'"{sealed[:-1]}{_ESCAPED_BRACKET}"'


def plain_token(value: object, token: str, mark: str, tag: str | None, *, flow: bool) -> str:
    """A value in place of a token, in the quoting that the plaintext of that token had, if it holds the value."""
    if PREFIX in token and type(value) is str:
        escaped = token.endswith(_ESCAPED_BRACKET + '"')
        if flow:
            mark = "" if mark == "'" else "'" if escaped else '"'
        if (mark == "" if flow else escaped) and _stays_plain(value, tag, flow=flow):
            return value
        if escaped and not flow:
            mark = ""
    return value_token(value, mark, flow=flow)


def _stays_plain(text: str, tag: str | None, *, flow: bool) -> bool:
    if not text or not plain_fits(text.replace("\t", " "), flow=flow):
        return False
    try:
        return tag is not None or type(resolve(text)) is str
    except EncryptTreeError:
        return False


def value_token(value: object, mark: str, *, flow: bool) -> str:
    """A plain value on one line, in the given quoting where that holds it, otherwise in the least that does."""
    if not isinstance(value, str) or isinstance(value, Time):
        return scalar(value)
    text = str(value)
    if mark == '"':
        return double(text)
    if mark == "'" and is_printable(text.replace("\t", "")):
        return single(text)
    if mark == "" and text and is_string(text) and plain_fits(text, flow=flow):
        return text
    return quote(text, flow=flow)


def block_token(value: str, leaf: Leaf, text: str, newline: str, indent: int) -> str | None:
    """A literal block for a multi-line value where plain text stood, if the place allows one."""
    style: Style = leaf.style  # type: ignore[assignment]  # every scalar of YAML has one
    _, end = leaf.span
    stop = end
    while stop < len(text) and text[stop] in " \t":
        stop += 1
    if stop < len(text) and text[stop] not in "\r\n":
        return None  # a comment behind it would become part of the text
    column = max(style.column, 0)
    return blocks.literal(value, column + indent, newline) if not _comment_below(text, stop, column) else None


def _comment_below(text: str, at: int, column: int) -> bool:
    rest = text[at:].lstrip("\r\n")
    line = rest.partition("\n")[0]
    stripped = line.lstrip(" ")
    return stripped.startswith("#") and len(line) - len(stripped) > column
