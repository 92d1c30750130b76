"""Any bytes: a plaintext is one value, ``data``; an encrypted file is a JSON object of that and the ``sops`` entry.

Source: sops ``stores/json`` (``BinaryStore``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_sops.core.document import Document, Token
from kubectl_sops.core.leaf import Leaf
from kubectl_sops.errors import DumpError, InvalidPathError, KeyPathNotFoundError, MetadataError, ParseError
from kubectl_sops.formats import json

if TYPE_CHECKING:
    from kubectl_sops.core.document import Changes
    from kubectl_sops.core.leaf import Path
    from kubectl_sops.core.metadata import Metadata
    from kubectl_sops.formats.json import JsonDocument

DATA: Path = ("data",)

_NOT_BINARY_HINT = "this is likely not an encrypted binary file; name the type it has with --output-type"


class BinaryDocument(Document):
    """Bytes, or the JSON object that holds them encrypted."""

    format = "binary"

    def __init__(self, text: str, sealed: JsonDocument | None) -> None:
        self.text = text
        self.sealed = sealed
        self.metadata = None if sealed is None else sealed.metadata
        self.leaves = [Leaf(DATA, text, (0, len(text)))] if sealed is None else sealed.leaves
        self.containers: list[Path] = [()]

    def token(self, index: int) -> Token:
        return Token(self.text) if self.sealed is None else self.sealed.token(index)

    def splice(self, changes: Changes, metadata: Metadata | None, *, like: Document | None = None) -> bytes:
        if self.sealed is not None:
            if metadata is None:
                return self._data(changes)
            return self.sealed.splice(changes, metadata)
        if metadata is None:
            return _bytes(changes.get(0, self.text))
        value = changes.get(0, self.text)
        model = like.sealed if isinstance(like, BinaryDocument) else None
        if model is None:
            # a model of our own: the layout of sops with nothing in it
            model = json.parse(b'{\n\t"data": ""\n}\n')
        place = next((index for index, leaf in enumerate(model.leaves) if leaf.path == DATA), None)
        return model.splice({} if place is None else {place: value}, metadata)

    def _data(self, changes: Changes) -> bytes:
        for index, leaf in enumerate(self.leaves):
            if leaf.path == DATA:
                return _bytes(changes.get(index, leaf.value))
        raise DumpError("error emitting binary store: no binary data found in tree", hint=_NOT_BINARY_HINT)

    def put(self, path: Path, value: object) -> bytes:
        if path != DATA:
            raise InvalidPathError('a binary file has one value, at ["data"]', path=path)
        return _bytes(value)

    def remove(self, path: Path) -> bytes:
        if path != DATA:
            raise KeyPathNotFoundError('a binary file has one value, at ["data"]', path=path)
        raise DumpError("a binary file can't be without its data", hint="set it to an empty text")


def _bytes(value: object) -> bytes:
    if not isinstance(value, str):
        raise DumpError(
            "error emitting binary store: 'data' key in tree does not have a string value", hint=_NOT_BINARY_HINT
        )
    return value.encode("utf-8", "surrogateescape")


def parse(data: bytes) -> BinaryDocument:
    """The document in ``data``: encrypted where it is a JSON object with a ``sops`` entry, otherwise plaintext."""
    if data.lstrip(b" \t\r\n").startswith(b"{") and b'"sops"' in data:
        try:
            sealed = json.parse(data)
        except (ParseError, MetadataError):
            return parse_plain(data)
        if sealed.metadata is not None:
            return BinaryDocument(sealed.text, sealed)
    return parse_plain(data)


def parse_plain(data: bytes) -> BinaryDocument:
    """``data`` as a plaintext, whatever it looks like."""
    return BinaryDocument(data.decode("utf-8", "surrogateescape"), None)
