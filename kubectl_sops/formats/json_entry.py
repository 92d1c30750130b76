"""The ``sops`` member of a JSON object: where it stands, and where and how a new one is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_sops.formats import json_text
from kubectl_sops.formats.json_nodes import MEMBER, Node, revise, skip
from kubectl_sops.formats.json_text import Layout

if TYPE_CHECKING:
    from kubectl_sops.core.metadata import Metadata
    from kubectl_sops.formats.json import JsonDocument

    Edit = tuple[int, int, str]

METADATA_KEY = "sops"


class SopsEntry:
    """Where the ``sops`` member stands.

    Attributes:
        key, start: positions of its key and of its value.
        previous: the end of the member before it, or the position after the opening brace.
        following: the key of the member after it, or ``None``.
    """

    __slots__ = ("following", "key", "node", "previous", "previous_key", "start")

    def __init__(self, key: int, node: Node, previous: int, previous_key: str | None) -> None:
        self.key = key
        self.node = node
        self.start = node.start
        self.previous = previous
        self.previous_key = previous_key
        self.following: int | None = None


def layout_of(document: JsonDocument) -> Layout:
    """How a document is laid out, taken from its root."""
    text, members = document.text, document.members
    inside = document.root + 1
    if not members:
        newline = _newline(text[inside : skip(text, inside)])
        return Layout(newline, "\t" if newline else "")
    first, last = members[0][1], members[-1][1]
    lead = text[inside:first]
    gap = text[members[-2][2] : last] if len(members) > 1 else ""
    newline = _newline(lead) or _newline(gap)
    key_gap = _key_gap(text, last)
    if not newline:
        item_gap = "," + gap.partition(",")[2] if gap else "," if key_gap == ":" else ", "
        return Layout("", "", item_gap, key_gap)
    shown = lead if "\n" in lead else text[:last]
    indent = shown[shown.rindex("\n") + 1 :]
    return Layout(newline, "\t" if indent.strip(" \t") else indent, ", ", key_gap)


def _newline(blank: str) -> str:
    return "\r\n" if "\r\n" in blank else "\n" if "\n" in blank else ""


def _key_gap(text: str, key: int) -> str:
    match = MEMBER.match(text, key)
    if match is None:
        return ": "
    return text[match.end(1) : max(match.start(group) for group in range(2, 6))]


def metadata_edits(document: JsonDocument, metadata: Metadata | None, like: JsonDocument | None) -> list[Edit]:
    """The edits that make the ``sops`` member hold ``metadata``, or take it out."""
    entry = document.entry
    if entry is not None:
        if metadata is None:
            return [_removal(entry)]
        layout = layout_of(document)
        written = revise(document.text, entry.node, metadata.tree, layout, layout.unit)
        return [(entry.start, entry.node.end, written)]
    if metadata is None:
        return []
    if like is not None and like.entry is not None:
        modelled = _modelled(document, like, like.entry, metadata)
        if modelled is not None:
            return [modelled]
    layout = layout_of(document)
    written = json_text.member(METADATA_KEY, metadata.tree, layout, layout.unit)
    if not document.members:
        lead = layout.newline + layout.unit if layout.newline else ""
        return [(document.root + 1, document.root + 1, lead + written)]
    _, start, end = document.members[-1]
    gap = document.text[document.members[-2][2] : start] if len(document.members) > 1 else ""
    if not gap or _newline(gap) != layout.newline or gap.count("\n") > 1:
        gap = f",{layout.newline}{layout.unit}" if layout.newline else layout.item_gap
    return [(end, end, gap + written)]


def _removal(entry: SopsEntry) -> Edit:
    if entry.previous_key is None and entry.following is not None:
        return entry.key, entry.following, ""
    return entry.previous, entry.node.end, ""


def _modelled(document: JsonDocument, like: JsonDocument, entry: SopsEntry, metadata: Metadata) -> Edit | None:
    """The entry in the place and layout that it has in ``like``; undoes ``_removal``."""
    layout = layout_of(like)
    key = like.text[entry.key : entry.start]
    written = key + revise(like.text, entry.node, metadata.tree, layout, layout.unit)
    lead = like.text[entry.previous : entry.key]
    if entry.previous_key is not None:
        for name, _, end in reversed(document.members):
            if name == entry.previous_key:
                return end, end, lead + written
    elif entry.following is None and not document.members:
        return document.root + 1, document.root + 1, lead + written
    elif entry.following is not None and document.members:
        start = document.members[0][1]
        return start, start, written + like.text[entry.node.end : entry.following]
    return None
