"""Decrypting as the controller does: formats by name and marker, the MAC not enforced, output as sops prints it."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from kubectl_sops import formats
from kubectl_sops.core.document import open_leaves
from kubectl_sops.core.values import Comment
from kubectl_sops.errors import MacMismatchError
from kubectl_sops.files.decrypt import open_document, parse_encrypted
from kubectl_sops.formats import emit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kubectl_sops.core.document import Document, Opened
    from kubectl_sops.core.leaf import Leaf
    from kubectl_sops.core.metadata import Metadata
    from kubectl_sops.files.decrypt import DataKeys

MARKERS = {
    "binary": b'"mac": "ENC[',
    "json": b'"mac": "ENC[',
    "dotenv": b"sops_mac=ENC[",
    "ini": b"[sops]",
    "yaml": b"mac: ENC[",
}
"""What the controller looks for in the bytes before it decrypts anything: spaces and quotes count."""


def format_of(name: str) -> str:
    """The format that the controller chooses for a file, or for a key of a generator."""
    return "json" if name.endswith(".dockerconfigjson") else formats.format_of(name)


def format_by_marker(data: bytes) -> str | None:
    """The format that the marker in a payload stands for, or ``None``."""
    # json and binary share a marker and a reader; what comes out is the key's business
    return next((name for name in ("json", "dotenv", "ini", "yaml") if MARKERS[name] in data), None)


class Decrypted:
    """The plaintext of a file or payload.

    Attributes:
        data: the bytes that the controller would have.
        values: every value that was decrypted, for masking.
        mac_matches: whether sops would accept it too.
    """

    __slots__ = ("data", "mac_matches", "values")

    def __init__(self, data: bytes, values: list[object], *, mac_matches: bool) -> None:
        self.data = data
        self.values = values
        self.mac_matches = mac_matches


class Opener:
    """Decrypts for one build; the same bytes are decrypted once."""

    def __init__(self, keys: DataKeys) -> None:
        self.keys = keys
        self._known: dict[tuple[bytes, str, str], Decrypted] = {}

    def decrypt(self, data: bytes, format: str, output: str) -> Decrypted:
        """The plaintext of encrypted bytes, printed in the format ``output``."""
        key = (sha256(data).digest(), format, output)
        known = self._known.get(key)
        if known is None:
            document, metadata = parse_encrypted(data, format)
            opened, matches = self._open(document, metadata)
            plain = emit.emit(emit.build(document.leaves, opened.changes), output)
            values = [value for value in opened.changes.values() if value.__class__ is not Comment]
            known = self._known[key] = Decrypted(plain, values, mac_matches=matches)
        return known

    def _open(self, document: Document, metadata: Metadata) -> tuple[Opened, bool]:
        try:
            return open_document(document, metadata, self.keys)[0], True
        except MacMismatchError:
            return open_document(document, metadata, self.keys, ignore_mac=True)[0], False

    def verifies(self, data: bytes, format: str) -> bool:
        """Whether the MAC of an encrypted file matches its values."""
        document, metadata = parse_encrypted(data, format)
        return self._open(document, metadata)[1]

    def open_leaves(self, leaves: Sequence[Leaf], metadata: Metadata) -> tuple[dict[int, object], bool]:
        """Decrypted values of leaves by index, and whether the MAC matches in this order."""
        metadata.require_readable()
        data_key = self.keys.data_key(metadata)
        try:
            return open_leaves(leaves, metadata, data_key).changes, True
        except MacMismatchError:
            return open_leaves(leaves, metadata, data_key, ignore_mac=True).changes, False
