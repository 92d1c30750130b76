"""Encrypting what was left readable in an encrypted file, for instance a value that somebody added by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_sops.core.cipher import is_sealed
from kubectl_sops.core.document import open_leaves
from kubectl_sops.core.values import EMPTY_LIST, EMPTY_MAP
from kubectl_sops.errors import MacMismatchError, MetadataError
from kubectl_sops.files.decrypt import parse_encrypted
from kubectl_sops.files.encrypt import parse_plain, seal, stash_of

if TYPE_CHECKING:
    from kubectl_sops.core.document import Opened
    from kubectl_sops.core.leaf import Leaf
    from kubectl_sops.keys.keyring import Keyring


def heal(data: bytes, format: str, keyring: Keyring, *, now: str, ignore_mac: bool = False) -> bytes:
    """The file with every selected value encrypted; ``data`` itself where that is so already.

    The MAC has to be that of the values without those that are still readable, and without documents of a stream that
    have no metadata: then nothing but them was added.

    Raises:
        MacMismatchError: a value was replaced, so that nobody can tell what else was; ``ignore_mac`` accepts it.
    """
    document, metadata = parse_encrypted(data, format)
    if metadata.selector.uses_comments:
        raise MetadataError(
            "which values are selected depends on comments, so a value in the clear may be meant",
            hint="decrypt the file, and encrypt it again",
        )
    for leaf in document.leaves:
        if leaf.document in document.unsealed and is_sealed(leaf.value):
            raise MetadataError(
                f"document {leaf.document + 1} of the stream holds ciphertexts, but no `sops` entry",
                path=leaf.path,
                hint="restore its entry from Git history, or put its plaintext there",
            )
    selected = metadata.selector.select(document.leaves)
    readable = {
        index
        for index, (leaf, wanted) in enumerate(zip(document.leaves, selected, strict=True))
        if wanted and _is_readable(leaf)
    }
    data_key = keyring.data_key(metadata)
    kept = [
        index
        for index, leaf in enumerate(document.leaves)
        if index not in readable and leaf.document not in document.unsealed
    ]
    try:
        opened = open_leaves(
            [document.leaves[index] for index in kept],
            metadata,
            data_key,
            containers=document.containers,
            ignore_mac=ignore_mac,
        )
    except MacMismatchError as error:
        if readable:
            error.hint = (
                "an encrypted value was replaced, or something else changed: look at `git diff`, and if everything in"
                " it is meant, accept it with --ignore-mac"
            )
        raise
    if not readable and not document.unsealed:
        return data
    _renumber(opened, kept)
    plain = document.splice(opened.changes, None)
    stash = stash_of(document, opened, plain)
    return seal(
        parse_plain(plain, format), plain, metadata, data_key, now=now, stash=stash, like=document
    ).data  # fmt: skip


def _is_readable(leaf: Leaf) -> bool:
    value = leaf.value
    if leaf.is_comment or value is None or value is EMPTY_MAP or value is EMPTY_LIST or value == "":
        return False
    return not is_sealed(value)


def _renumber(opened: Opened, kept: list[int]) -> None:
    """Indexes of the leaves that were opened, made indexes of all leaves."""
    opened.changes = {kept[index]: value for index, value in opened.changes.items()}
    opened.unopened_comments = [kept[index] for index in opened.unopened_comments]
