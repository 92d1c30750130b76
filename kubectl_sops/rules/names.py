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
    comments = [match[1] for match in _COMMENT_LINE.finditer(text)]
    names: dict[str, str] = {}
    for node in scalars:
        recipients = split(node.text)
        for recipient in recipients:
            if recipient not in names:
                name = _behind(text, node) if len(recipients) == 1 else ""
                name = name or _in_comment_line(comments, recipient)
                if not name and len(recipients) == 1 and node.anchor:
                    name = (_behind(text, node.target) if node.target else "") or node.anchor
                if name:
                    names[recipient] = name
    for node in scalars:
        for recipient in split(node.text):
            if recipient not in names and (name := _ssh_comment(recipient)):
                names[recipient] = name
    return names


def _behind(text: str, node: Node) -> str:
    if node.style in ("|", ">") and node.target is None:
        return ""
    match = _BEHIND.match(text, node.end)
    return match[1].strip() if match else ""


def _in_comment_line(comments: list[str], recipient: str) -> str:
    for comment in comments:
        before, found, after = comment.partition(recipient)
        if found and (not after or not after[0].isalnum()):
            parts = (before.strip(_PUNCTUATION), after.strip(_PUNCTUATION))
            return " ".join(part for part in parts if part and part not in _FIELD_NAMES)
    return ""


def _ssh_comment(recipient: str) -> str:
    parts = recipient.split(None, 2)
    return parts[2] if len(parts) == 3 and parts[0].startswith("ssh-") else ""
