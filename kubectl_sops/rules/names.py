"""The names that people give to recipients, in comments of ``.sops.yaml``.

Four places, the nearest wins: a comment behind the recipient, a comment line that holds it (the only way beside a
comma list), the anchor it is defined with, and the comment that is part of an ssh key.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kubectl_sops.rules.nodes import Node

_BEHIND = re.compile(r"[ \t]*,?[ \t]+#[ \t]*([^\r\n]*)")
_COMMENT_LINE = re.compile(r"^[ \t]*#+[ \t]*(\S[^\r\n]*)", re.MULTILINE)
_PUNCTUATION = " \t:=-,()"
_FIELD_NAMES = frozenset(("age", "pgp"))
"""What stands before a recipient in a line that was commented out."""


def split(text: str) -> list[str]:
    """The recipients of a comma list, trimmed, without empty ones."""
    return [part for part in (piece.strip() for piece in text.split(",")) if part]


def find_names(text: str, scalars: list[Node]) -> dict[str, str]:
    """Names by recipient, for the recipients in ``scalars``."""
    lines = comment_lines(text)
    names: dict[str, str] = {}
    for node in scalars:
        for recipient in split(node.text):
            if recipient not in names and (place := place_of(text, lines, node, recipient)):
                names[recipient] = name_in(place, recipient)
            elif recipient not in names and node.anchor and len(split(node.text)) == 1:
                names[recipient] = node.anchor
    for node in scalars:
        for recipient in split(node.text):
            if recipient not in names and (name := _ssh_comment(recipient)):
                names[recipient] = name
    return names


def comment_lines(text: str) -> list[re.Match[str]]:
    """The lines that are comments, with their text as group 1."""
    return list(_COMMENT_LINE.finditer(text))


def place_of(text: str, lines: list[re.Match[str]], node: Node, recipient: str) -> re.Match[str] | None:
    """The comment that names a recipient at a scalar, with its text as group 1; ``None`` where there is none."""
    alone = len(split(node.text)) == 1
    places = [
        _behind(text, node) if alone else None,
        next((line for line in lines if _holds(line[1], recipient)), None),
        _behind(text, node.target) if alone and node.target else None,
    ]
    return next((place for place in places if place is not None and name_in(place, recipient)), None)


def name_in(place: re.Match[str], recipient: str) -> str:
    """What a comment calls a recipient; empty where it says nothing but the recipient."""
    before, found, after = place[1].partition(recipient)
    if not found:
        return place[1].strip()
    parts = (plain(before), plain(after))
    return " ".join(part for part in parts if part and part not in _FIELD_NAMES)


def plain(name: str) -> str:
    """A name without the punctuation around it, which a comment line may have beside a recipient."""
    return name.strip(_PUNCTUATION)


def _behind(text: str, node: Node) -> re.Match[str] | None:
    if node.style in ("|", ">") and node.target is None:
        return None
    return _BEHIND.match(text, node.end)


def _holds(comment: str, recipient: str) -> bool:
    _, found, after = comment.partition(recipient)
    return bool(found) and (not after or not after[0].isalnum())


def _ssh_comment(recipient: str) -> str:
    parts = recipient.split(None, 2)
    return parts[2] if len(parts) == 3 and parts[0].startswith("ssh-") else ""
