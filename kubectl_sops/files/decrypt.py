"""Bytes of an encrypted file and a keyring in, plaintext bytes out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_sops import formats
from kubectl_sops.core.cipher import PREFIX
from kubectl_sops.core.document import open_leaves
from kubectl_sops.errors import MetadataMissingError, NoDocumentError

if TYPE_CHECKING:
    from typing import Protocol

    from kubectl_sops.core.document import Document, Opened
    from kubectl_sops.core.metadata import Metadata

    class DataKeys(Protocol):
        """Whatever finds the data key of a file; the keyring does."""

        def data_key(self, metadata: Metadata) -> bytes: ...


def parse_encrypted(data: bytes, format: str) -> tuple[Document, Metadata]:  # the word sops uses
    """The document of an encrypted file and its metadata.

    Raises:
        MetadataMissingError: the file is not encrypted.
        MetadataError: its ``sops`` entry can't be used.
    """
    try:
        document = formats.parse(data, format)
    except NoDocumentError as error:
        error.hint = "an encrypted file is never empty: restore it, for instance with `git checkout`"
        raise
    metadata = document.metadata
    if metadata is None:
        raise _no_metadata(data)
    metadata.require_readable()
    return document, metadata


def _no_metadata(data: bytes) -> MetadataMissingError:
    if PREFIX.encode() in data:  # the end of the file is missing, or somebody took the entry out
        return MetadataMissingError(
            "sops metadata not found: there are encrypted values, but no `sops` entry with the keys",
            hint="the file is cut off or was changed by hand: restore it, for instance with `git checkout`",
        )
    return MetadataMissingError("sops metadata not found: the file is not encrypted", hint="`encrypt` it first")


def open_document(
    document: Document, metadata: Metadata, keys: DataKeys, *, ignore_mac: bool = False
) -> tuple[Opened, bytes]:
    """The decrypted values of a document, with its data key."""
    data_key = keys.data_key(metadata)
    opened = open_leaves(
        document.leaves, metadata, data_key, containers=document.containers, ignore_mac=ignore_mac
    )  # fmt: skip
    return opened, data_key


def decrypt(data: bytes, format: str, keys: DataKeys, *, ignore_mac: bool = False) -> bytes:
    """The plaintext of a file, its layout kept; returned only after the MAC was checked."""
    document, metadata = parse_encrypted(data, format)
    opened, _ = open_document(document, metadata, keys, ignore_mac=ignore_mac)
    return document.splice(opened.changes, None)
