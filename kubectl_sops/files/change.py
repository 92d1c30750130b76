"""Changing an encrypted file without an editor: set, unset, rotate and other keys."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from kubectl_sops import formats
from kubectl_sops.core.cipher import KEY_SIZE
from kubectl_sops.errors import NoRecipientsError
from kubectl_sops.files.decrypt import open_document, parse_encrypted
from kubectl_sops.files.encrypt import parse_plain, seal, seal_as, stash_of
from kubectl_sops.files.reseal import reseal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from kubectl_sops.core.document import Document
    from kubectl_sops.core.leaf import Path
    from kubectl_sops.core.metadata import Group, Metadata
    from kubectl_sops.keys.keyring import Keyring


def set_value(
    data: bytes,
    format: str,
    keyring: Keyring,
    path: Path,
    value: object,
    *,
    now: str,
    output: str | None = None,
    ignore_mac: bool = False,
    idempotent: bool = False,
) -> bytes:
    """The encrypted file with a value put at ``path``; ``data`` itself where it is there already.

    Args:
        value: a scalar, or ``dict``, ``list`` and scalars.
        output: another format for the result.
        idempotent: where the value is there already, the format stays too.
    """

    def put(plain: Document) -> bytes | None:
        changed = plain.put(path, value)
        return None if idempotent and changed == plain.splice({}, None) else changed

    return _change(data, format, keyring, put, now, output, ignore_mac)


def unset_value(
    data: bytes,
    format: str,
    keyring: Keyring,
    path: Path,
    *,
    now: str,
    output: str | None = None,
    ignore_mac: bool = False,
) -> bytes:
    """The encrypted file without the value or subtree at ``path``.

    Raises:
        KeyPathNotFoundError: there is nothing at it.
    """
    return _change(data, format, keyring, lambda plain: plain.remove(path), now, output, ignore_mac)


def _change(
    data: bytes,
    format: str,
    keyring: Keyring,
    mutate: Callable[[Document], bytes | None],
    now: str,
    output: str | None,
    ignore_mac: bool,
) -> bytes:
    document, metadata = parse_encrypted(data, format)
    opened, data_key = open_document(document, metadata, keyring, ignore_mac=ignore_mac)
    plain = document.splice(opened.changes, None)
    changed = mutate(formats.parse(plain, format))
    if changed is None:
        return data
    if output is not None and output != format:
        return seal_as(parse_plain(changed, format), metadata, data_key, output, now=now)
    if changed == plain:
        return data
    stash = stash_of(document, opened, plain)
    return seal(
        parse_plain(changed, format), changed, metadata, data_key, now=now, stash=stash, like=document
    ).data  # fmt: skip


def rotate(
    data: bytes,
    format: str,
    keyring: Keyring,
    *,
    now: str,
    add: Group = (),  # type: ignore[assignment]  # no keys
    remove: Iterable[str] = (),
    ignore_mac: bool = False,
) -> bytes:
    """The same data under a new data key, wrapped for the same recipients plus ``add`` less the ids in ``remove``.

    New keys join the first group, as in sops. Every value gets a new ciphertext.
    """
    document, metadata = parse_encrypted(data, format)
    opened, _ = open_document(document, metadata, keyring, ignore_mac=ignore_mac)
    gone = set(remove)
    groups = [list(group) for group in metadata.groups]
    present = {key.id for key in groups[0]}
    groups[0] += [key for key in add if key.id not in present]
    groups = [[key for key in group if key.id not in gone] for group in groups]
    return rekey(document, opened.changes, metadata, groups, keyring, now=now)


def rekey(
    document: Document,
    changes: dict[int, object],
    metadata: Metadata,
    groups: Sequence[Group],
    keyring: Keyring,
    *,
    now: str,
) -> bytes:
    """An opened document sealed again under a new data key for ``groups``."""
    if not any(groups):
        raise NoRecipientsError("nobody could open the file any more", hint="name at least one recipient that stays")
    data_key = os.urandom(KEY_SIZE)
    wrapped, threshold = keyring.wrap(data_key, groups, metadata.shamir_threshold, os.urandom)
    metadata = metadata.with_groups(wrapped, threshold if len(wrapped) > 1 else metadata.shamir_threshold)
    quick = reseal(document, changes, metadata, data_key, now=now)
    if quick is not None:
        return quick
    plain = document.splice(changes, None)
    return seal(parse_plain(plain, document.format), plain, metadata, data_key, now=now, like=document).data
