"""Leaves as YAML text: ciphertexts that carry the quoting of what they replace, and values that take it back. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_sops.core.cipher import PREFIX
from kubectl_sops.core.values import Time
from kubectl_sops.formats import yaml_blocks as blocks
from kubectl_sops.formats.yaml_scalars import double, is_printable, is_string, plain_fits, quote, scalar, single

if TYPE_CHECKING:
    from kubectl_sops.core.leaf import Leaf
    from kubectl_sops.formats.yaml_scan import Style

# In flow collections a ciphertext must be quoted, for its commas. Three spellings keep the three styles of a plaintext
# apart; the escaped bracket is what single quotes become.
_ESCAPED_BRACKET = "\\x5D"


def sealed_flow(sealed: str, mark: str) -> str:
    """A ciphertext inside a flow collection."""
    if mark == "":
        return f"'{sealed}'"
    if mark == "'":
        return f'"{sealed[:-1]}{_ESCAPED_BRACKET}"'
    return f'"{sealed}"'


def sealed_block(sealed: str, mark: str) -> str:
    """A ciphertext of a one-line scalar in block context."""
    return f"{mark}{sealed}{mark}"


def plain_mark(token: str, mark: str, *, flow: bool) -> str:
    """The quoting that the plaintext of a token had, or has."""
    if not flow or PREFIX not in token:
        return mark
    if mark == "'":
        return ""
    return "'" if token.endswith(_ESCAPED_BRACKET + '"') else '"'


def value_token(value: object, mark: str, *, flow: bool) -> str:
    """A plain value on one line, in the given quoting where that holds it, otherwise in the least that does."""
    if not isinstance(value, str) or isinstance(value, Time):
        return scalar(value)
    text = str(value)
    if mark == '"':
        return double(text)
    if mark == "'" and is_printable(text):
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
