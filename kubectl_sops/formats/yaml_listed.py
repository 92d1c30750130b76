"""Comments that sops keeps as list items, ``- ENC[…,type:comment]``: back to comments, and to items where they stay.

A list that held nothing but comments is shown as ``[]`` below them. Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_sops.core.cipher import PREFIX
from kubectl_sops.core.values import EMPTY_LIST, Comment, is_listed_comment
from kubectl_sops.errors import ParseError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kubectl_sops.core.leaf import Leaf
    from kubectl_sops.formats.yaml_scan import Lists

    Edit = tuple[int, int, str]

_BREAKS = "\n\r\x85\u2028\u2029"


def opened(text: str, leaf: Leaf, comment: str, lists: Lists) -> Edit:
    """The edit that puts a comment in the place of its item, dash included.

    Raises:
        ParseError: in a flow list there is no room for a comment.
    """
    if lists.get((leaf.document, leaf.path)) is None:
        raise ParseError(
            "an encrypted comment stands as an item in a list of flow style",
            path=leaf.path,
            line=text.count("\n", 0, leaf.span[0]) + 1,
            hint="write the list in block style, one item a line",
        )
    return item_start(text, leaf), leaf.span[1], "#" + comment


def item_start(text: str, leaf: Leaf) -> int:
    """Where the dash of an item stands."""
    return text.rfind("-", 0, leaf.span[0])


def emptied(text: str, leaves: Sequence[Leaf], changes: Mapping[int, object], newline: str) -> list[Edit]:
    """``[]`` for lists whose items all became comments."""
    edits: list[Edit] = []
    last: tuple[int, Leaf] | None = None
    for index, leaf in enumerate(leaves):
        if is_listed_comment(leaf.value):
            last = index, leaf
        elif leaf.value is EMPTY_LIST and last is not None:
            number, item = last
            if leaf.span == (item.span[1],) * 2 and changes.get(number).__class__ is Comment:
                dash = item_start(text, item)
                pad = " " * (dash - _line_start(text, dash))
                edits.append((*leaf.span, f"{newline}{pad}[]"))
    return edits


def sealed(text: str, leaf: Leaf, token: str, lists: Lists) -> str:
    """The source text of an item for a comment, or a comment of the same ciphertext where no item fits."""
    if not token.startswith("-"):
        return token
    start = leaf.span[0]
    before = text[_line_start(text, start) : start]
    if not before.strip(" -") and lists.get((leaf.document, leaf.path)) == len(before):
        return token
    return "#" + token[token.index(PREFIX) :].rstrip("\"'")


def filled(text: str, leaves: Sequence[Leaf], items: set[tuple[int, tuple[str | int, ...]]]) -> list[Edit]:
    """Removes the line of each ``[]`` whose list has items again."""
    edits: list[Edit] = []
    for leaf in leaves:
        if leaf.value is EMPTY_LIST and (leaf.document, leaf.path) in items:
            start, end = _line_start(text, leaf.span[0]), leaf.span[1]
            edits.append((start - (2 if text[start - 2 : start] == "\r\n" else 1), end, ""))
    return edits


def _line_start(text: str, index: int) -> int:
    while index > 0 and text[index - 1] not in _BREAKS:
        index -= 1
    return index
