"""The data of an encrypted file under another data key, for the same recipients or for others.

Three ways, the first that fits: a file of the usual form needs no parser, a document without comments needs no
plaintext text, and any other is decrypted and encrypted. What is wrong with a file is for the second to say.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from kubectl_sops.core import mac
from kubectl_sops.core import reseal as core_reseal
from kubectl_sops.core.cipher import KEY_SIZE, NONCE_SIZE, Cipher
from kubectl_sops.errors import MacMismatchError, NoRecipientsError, ValueAuthError
from kubectl_sops.files.decrypt import open_document, parse_encrypted
from kubectl_sops.files.encrypt import parse_plain, seal
from kubectl_sops.files.reseal import reseal
from kubectl_sops.formats.yaml_outline import outline

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from kubectl_sops.core.metadata import Group, Metadata
    from kubectl_sops.keys.keyring import Keyring

    Regroup = Callable[[Metadata], tuple[Metadata, Sequence[Group]]]
    """From the metadata of the file, what else changes in it, and for whom the key is wrapped."""


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
    gone = set(remove)

    def regroup(metadata: Metadata) -> tuple[Metadata, list[Group]]:
        groups = [list(group) for group in metadata.groups]
        present = {key.id for key in groups[0]}
        groups[0] += [key for key in add if key.id not in present]
        return metadata, [[key for key in group if key.id not in gone] for group in groups]

    return rekey(data, format, keyring, regroup, now=now, ignore_mac=ignore_mac)


def rekey(
    data: bytes,
    format: str,
    keyring: Keyring,
    regroup: Regroup,
    *,
    now: str,
    ignore_mac: bool = False,
) -> bytes:
    """The same data under a new data key."""
    if not ignore_mac:  # which proves that the lines were understood
        resealed = _reseal_lines(data, format, keyring, regroup, now)
        if resealed is not None:
            return resealed
    document, metadata = parse_encrypted(data, format)
    opened, _ = open_document(document, metadata, keyring, ignore_mac=ignore_mac)
    data_key = os.urandom(KEY_SIZE)
    metadata = _wrapped(metadata, data_key, keyring, regroup)
    resealed = reseal(document, opened, metadata, data_key, now=now)
    if resealed is not None:
        return resealed
    plain = document.splice(opened.changes, None)
    return seal(parse_plain(plain, format), plain, metadata, data_key, now=now, like=document).data


def _reseal_lines(
    data: bytes,
    format: str,
    keyring: Keyring,
    regroup: Regroup,
    now: str,
) -> bytes | None:
    """``rekey`` without a parser; ``None`` where the file is not of the usual form, or damaged."""
    quick = outline(data, format)
    leaves = quick.leaves() if quick is not None else None
    if quick is None or leaves is None or quick.metadata.selector.uses_comments:
        return None
    before, data_key, fresh_key = quick.metadata, keyring.data_key(quick.metadata), os.urandom(KEY_SIZE)
    try:
        text, computed = core_reseal.reseal(quick.parts(), leaves, before, data_key, fresh_key, random_bytes=os.urandom)
    except (ValueAuthError, MacMismatchError):
        return None  # what is wrong is for the careful way to say
    metadata = _wrapped(before, fresh_key, keyring, regroup)
    metadata = mac.record(Cipher(fresh_key), metadata, computed, now, os.urandom(NONCE_SIZE))
    return quick.with_body(text.encode(), metadata)


def _wrapped(
    metadata: Metadata,
    data_key: bytes,
    keyring: Keyring,
    regroup: Regroup,
) -> Metadata:
    """The metadata with a new data key, wrapped."""
    metadata, groups = regroup(metadata)
    if not any(groups):
        raise NoRecipientsError("nobody could open the file any more", hint="name at least one recipient that stays")
    wrapped, threshold = keyring.wrap(data_key, groups, metadata.shamir_threshold, os.urandom)
    return metadata.with_groups(wrapped, threshold if len(wrapped) > 1 else metadata.shamir_threshold)
