"""Secrets with the values of ``data`` decoded, for an editor, and back."""

from __future__ import annotations

from binascii import b2a_base64
from typing import TYPE_CHECKING

from kubectl_sops import formats
from kubectl_sops.files.kube_secret import decode
from kubectl_sops.files.manifest import manifests
from kubectl_sops.files.secret_manifest import is_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_sops.core.document import Document, Token
    from kubectl_sops.core.leaf import Path

    Place = tuple[int, Path]


class DecodedView:
    """A text whose base64 values are shown as what they hold, where that is text.

    Binary values are shown as they are, and stay so while nobody changes them; a changed or new value is encoded.
    """

    def __init__(self, format: str) -> None:  # the word sops uses
        self._format = format
        self._texts: dict[Place, tuple[str, Token]] = {}
        self._binary: dict[Place, str] = {}

    def show(self, text: bytes) -> bytes:
        """The text for the editor."""
        if self._format not in ("yaml", "json"):
            return text
        document = formats.parse(text, self._format)
        changes: dict[int, object] = {}
        for index, place, value in _values(document):
            raw = decode(value)
            if raw is not None and is_text(raw):
                changes[index] = raw.decode()
                self._texts[place] = (raw.decode(), document.token(index))
            else:
                self._binary[place] = value
        return document.splice(changes, None) if changes else text

    def save(self, text: bytes) -> bytes:
        """The text that is sealed, for an edited one."""
        if self._format not in ("yaml", "json"):
            return text
        document = formats.parse(text, self._format)
        changes: dict[int, object] = {}
        for index, place, value in _values(document):
            if self._binary.get(place) == value:
                continue
            shown, original = self._texts.get(place, (None, None))
            # the same content as it was written, so that it keeps its ciphertext and its layout
            changes[index] = original if shown == value else _encode(value)
        return document.splice(changes, None) if changes else text


def _values(document: Document) -> Iterator[tuple[int, Place, str]]:
    """The text values below ``data`` of every Secret, with their indexes and places."""
    for manifest in manifests(document.leaves):
        if not manifest.is_secret:
            continue
        for index in manifest.leaves:
            leaf = document.leaves[index]
            inner = leaf.path[len(manifest.prefix) :]
            if len(inner) == 2 and inner[0] == "data" and type(leaf.value) is str:
                yield index, (leaf.document, leaf.path), str(leaf.value)


def _encode(value: str) -> str:
    return b2a_base64(value.encode("utf-8", "surrogateescape"), newline=False).decode()
