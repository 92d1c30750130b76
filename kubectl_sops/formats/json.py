"""JSON: one object in, its leaves with their places out; only what changed is written anew.

Sources: sops ``stores/json``, Go ``encoding/json``. Read as sops reads it, except that truncated documents are refused:
sops silently loses their end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_sops.core.document import Document, Token
from kubectl_sops.core.leaf import Leaf
from kubectl_sops.core.metadata import Metadata
from kubectl_sops.core.values import EMPTY_LIST, EMPTY_MAP, Comment, Sealed
from kubectl_sops.errors import MetadataError, ParseError
from kubectl_sops.formats import json_text
from kubectl_sops.formats.json_entry import METADATA_KEY, SopsEntry, layout_of, metadata_edits
from kubectl_sops.formats.json_nodes import (
    CLOSING,
    ITEM,
    MAX_DEPTH,
    MEMBER,
    SEPARATOR,
    WORDS,
    fail,
    number,
    parse_node,
    skip,
    unquote,
)

if TYPE_CHECKING:
    import re

    from kubectl_sops.core.document import Changes
    from kubectl_sops.core.leaf import Path

BOM = b"\xef\xbb\xbf"

_WRAP_HINT = 'wrap it in an object, for instance {"data": [...]}'


class JsonDocument(Document):
    """A JSON object. Keys that occur twice are kept, as sops keeps them."""

    format = "json"

    def __init__(self, text: str) -> None:
        self.text = text
        self.leaves: list[Leaf] = []
        self.containers: list[Path] = [()]
        self.metadata: Metadata | None = None
        self.entry: SopsEntry | None = None
        # members of the root, without the sops entry: key, position of the key, end of the value
        self.members: list[tuple[str, int, int]] = []
        self.root = 0

    def token(self, index: int) -> Token:
        start, end = self.leaves[index].span
        return Token(self.text[start:end])

    def splice(self, changes: Changes, metadata: Metadata | None, *, like: Document | None = None) -> bytes:
        edits: list[tuple[int, int, str]] = []
        for index, value in changes.items():
            leaf = self.leaves[index]
            if value.__class__ is Token:
                replacement = str(value)
            elif value.__class__ is Sealed:
                replacement = f'"{value}"'
            elif value.__class__ is Comment and isinstance(leaf.path[-1], int):
                edits.append(self._without_item(index, changes))
                continue
            else:
                replacement = json_text.scalar(value)
            edits.append((*leaf.span, replacement))
        edits += metadata_edits(self, metadata, like if isinstance(like, JsonDocument) else None)
        edits.sort()
        pieces = []
        at = 0
        for start, end, replacement in edits:
            if start > at:
                pieces.append(self.text[at:start])
            pieces.append(replacement)
            at = max(at, end)
        pieces.append(self.text[at:])
        return "".join(pieces).encode("utf-8", "surrogateescape")

    def put(self, path: Path, value: object) -> bytes:
        from kubectl_sops.formats import json_edit

        return json_edit.put(self.text, self.root, layout_of(self), path, value)

    def remove(self, path: Path) -> bytes:
        from kubectl_sops.formats import json_edit

        return json_edit.remove(self.text, self.root, path)

    def _without_item(self, index: int, changes: Changes) -> tuple[int, int, str]:
        """Removes a list item and one comma; it was an encrypted comment of a YAML list, and JSON has no comments."""
        start, end = self.leaves[index].span
        following = SEPARATOR.match(self.text, end)
        if following is not None and following.group(1) == ",":
            return start, skip(self.text, following.end()), ""
        # the last items of a list: the comma before the first of them goes too
        text = self.text
        while (before := _skip_back(text, start)) and text[before - 1] == ",":
            index -= 1
            previous = self.leaves[index].span
            if previous[1] != _skip_back(text, before - 1) or changes.get(index).__class__ is not Comment:
                return before - 1, end, ""
            start = previous[0]
        return before, skip(text, end), ""


def _skip_back(text: str, at: int) -> int:
    while text[at - 1] in " \t\r\n":
        at -= 1
    return at


def parse(data: bytes) -> JsonDocument:
    """The document in ``data``.

    Raises:
        ParseError: it is not one JSON object.
        MetadataError: its ``sops`` entry is not an object, or there are two.
    """
    if data.startswith(BOM):
        raise ParseError("a JSON document can't start with a byte order mark", hint="remove it", line=1)
    text = data.decode("utf-8", "surrogateescape")
    root = skip(text, 0)
    if text[root : root + 1] != "{":
        if root == len(text):
            raise ParseError("the JSON document is empty", hint="put {} into it")
        raise ParseError("only JSON documents that are an object can be encrypted", hint=_WRAP_HINT, line=1)
    document = JsonDocument(text)
    document.root = root
    end = _scan(document, text.isascii())
    if document.metadata is None and skip(text, end) != len(text):
        # sops ignores what follows the object; here it would stay readable in an encrypted file
        raise fail(text, skip(text, end), "there is more after the end of the JSON object")
    return document


def _scan(document: JsonDocument, is_ascii: bool) -> int:
    """Find all leaves; the end of the root object."""
    text = document.text
    leaves, containers, members = document.leaves, document.containers, document.members
    add = leaves.append
    match_member, match_item = MEMBER.match, ITEM.match
    stack: list[tuple[Path, bool, int, str, int]] = []
    path: Path = ()
    is_map, index = True, 0
    root_key, root_start = "", 0
    previous, previous_key = document.root + 1, None
    at = document.root + 1
    match = CLOSING.match(text, at)
    while True:
        if match is not None:  # the end of a container
            if (match.group(1) == "}") is not is_map:
                raise fail(text, match.start(1))
            at = match.end()
            if not stack:
                return at
            path, is_map, index, root_key, root_start = stack.pop()
            separator = SEPARATOR.match(text, at)
            if separator is None:
                raise fail(text, at)
            if not stack:
                members.append((root_key, root_start, at))
                previous, previous_key = at, root_key
            at = separator.end()
            match = separator if separator.group(1) != "," else None
            continue
        if is_map:
            item = match_member(text, at)
            if item is None:
                raise fail(text, at)
            key, token, digits, word, opening, follows = item.groups()
            name = key[1:-1] if is_ascii and "\\" not in key else unquote(key)
            if not stack:
                if document.entry is not None and document.entry.following is None:
                    document.entry.following = item.start(1)
                if name == METADATA_KEY:
                    at, match = _sops_entry(document, item, previous, previous_key)
                    continue
                root_key, root_start = name, item.start(1)
            where: Path = (*path, name)
            group = 2
        else:
            item = match_item(text, at)
            if item is None:
                raise fail(text, at)
            token, digits, word, opening, follows = item.groups()
            where = (*path, index)
            index += 1
            group = 1
        if token is not None:
            value: object = token[1:-1] if is_ascii and "\\" not in token else unquote(token)
            span = item.span(group)
        elif digits is not None:
            value = number(digits)
            if value is None:
                raise fail(text, item.start(group + 1), "a number is beyond the range of 64-bit floats")
            span = item.span(group + 1)
        elif word is not None:
            value = WORDS[word]
            span = item.span(group + 2)
        else:
            start = item.start(group + 3)
            at = item.end(group + 3)
            if len(stack) + 1 >= MAX_DEPTH:
                raise fail(text, start, f"nested more than {MAX_DEPTH} levels deep")
            containers.append(where)
            stack.append((path, is_map, index, root_key, root_start))
            path, is_map, index = where, opening == "{", 0
            match = CLOSING.match(text, at)
            if match is not None:
                add(Leaf(where, EMPTY_MAP if is_map else EMPTY_LIST, (start, match.end())))
            continue
        add(Leaf(where, value, span))
        if follows is None:
            raise fail(text, span[1])
        if not stack:
            members.append((root_key, root_start, span[1]))
            previous, previous_key = span[1], root_key
        at = item.end()
        if follows != ",":
            match = SEPARATOR.match(text, span[1])


def _sops_entry(
    document: JsonDocument, item: re.Match[str], previous: int, previous_key: str | None
) -> tuple[int, re.Match[str] | None]:
    text = document.text
    if document.entry is not None:
        raise MetadataError("the document has two entries named `sops`", line=text.count("\n", 0, item.start(1)) + 1)
    if item.group(5) != "{":
        raise MetadataError("the entry named `sops` is not a mapping")
    node = parse_node(text, item.start(5), 1)
    document.entry = SopsEntry(item.start(1), node, previous, previous_key)
    document.metadata = Metadata(dict(node.value))  # type: ignore[call-overload]  # an object's value is a dict
    separator = SEPARATOR.match(text, node.end)
    if separator is None:
        raise fail(text, node.end)
    return separator.end(), separator if separator.group(1) != "," else None
