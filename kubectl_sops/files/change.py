"""Changing an encrypted file without an editor: set, unset, rotate and other keys."""

from __future__ import annotations

import os
from binascii import b2a_base64
from typing import TYPE_CHECKING

from kubectl_sops import formats
from kubectl_sops.core import mac
from kubectl_sops.core import reseal as core_reseal
from kubectl_sops.core.cipher import KEY_SIZE, NONCE_SIZE, Cipher
from kubectl_sops.errors import InvalidValueError, MacMismatchError, NoRecipientsError, ValueAuthError
from kubectl_sops.files.decrypt import open_document, parse_encrypted
from kubectl_sops.files.encrypt import parse_plain, seal, seal_as, stash_of
from kubectl_sops.files.manifest import manifests
from kubectl_sops.files.reseal import reseal
from kubectl_sops.files.secret_manifest import is_text
from kubectl_sops.formats.yaml_outline import outline

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from kubectl_sops.core.document import Document
    from kubectl_sops.core.leaf import Path
    from kubectl_sops.core.metadata import Group, Metadata
    from kubectl_sops.keys.keyring import Keyring

    Values = Callable[[Document], Iterable[tuple[Path, object]]]
    """What to put where, once the plaintext is known."""


def set_values(
    data: bytes,
    format: str,
    keyring: Keyring,
    values: Values,
    *,
    now: str,
    output: str | None = None,
    ignore_mac: bool = False,
    idempotent: bool = False,
    validate: Callable[[bytes, bytes], None] | None = None,
) -> bytes:
    """The encrypted file with other values; ``data`` itself where they are there already.

    Args:
        output: another format for the result.
        idempotent: where the values are there already, the format stays too.
        validate: raises ``SopsError`` where the second of two plaintexts must not take the place of the first.
    """

    def put(plain: Document) -> bytes | None:
        before = plain.splice({}, None)
        changed = _put_all(plain, values)
        if validate is not None:
            validate(before, changed)
        return None if idempotent and changed == before else changed

    return _change(data, format, keyring, put, now, output, ignore_mac)


def with_values(plain: bytes, format: str, values: Values) -> bytes:
    """A plaintext with other values."""
    return _put_all(formats.parse(plain, format), values)


def _put_all(document: Document, values: Values) -> bytes:
    text = None
    for path, value in values(document):
        if text is not None:
            document = formats.parse(text, document.format)
        text = document.put(path, value)
    return text if text is not None else document.splice({}, None)


def places(document: Document, content: Mapping[str, bytes]) -> list[tuple[Path, object]]:
    """Where values of a Secret belong, and how they are written there; of any other document, at its top.

    A key stays in ``stringData`` or ``data``, where it is. New text goes to ``stringData``, other bytes to ``data``.

    Raises:
        InvalidValueError: bytes that are no text, where only text can be.
    """
    first = next(iter(manifests(document.leaves)), None)
    taken = {leaf.path for leaf in document.leaves if leaf.document == 0}
    found: list[tuple[Path, object]] = []
    for key, value in content.items():
        if first is None or not first.is_secret or first.prefix or first.document:
            found.append(((key,), _text_of(key, value)))
        elif ("stringData", key) in taken:
            found.append((("stringData", key), _text_of(key, value)))
        elif ("data", key) in taken or not is_text(value):
            found.append((("data", key), b2a_base64(value, newline=False).decode()))
        else:
            found.append((("stringData", key), value.decode()))
    return found


def _text_of(key: str, value: bytes) -> str:
    if not is_text(value):
        raise InvalidValueError(f"the value of {key} is not text", hint="only data of a Secret holds other bytes")
    return value.decode()


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
    regroup: Callable[[Metadata], tuple[Metadata, Sequence[Group]]],
    *,
    now: str,
    ignore_mac: bool = False,
) -> bytes:
    """The same data under a new data key.

    Args:
        regroup: from the metadata of the file, what else changes in it, and for whom the key is wrapped.
    """
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
    regroup: Callable[[Metadata], tuple[Metadata, Sequence[Group]]],
    now: str,
) -> bytes | None:
    """``rekey`` without a parser; ``None`` where the file is not of the usual form, or damaged."""
    quick = outline(data, format)
    leaves = quick.leaves() if quick is not None else None
    if quick is None or leaves is None or b"#" in quick.body:  # where a comment belongs takes more
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
    regroup: Callable[[Metadata], tuple[Metadata, Sequence[Group]]],
) -> Metadata:
    """The metadata with a new data key, wrapped."""
    metadata, groups = regroup(metadata)
    if not any(groups):
        raise NoRecipientsError("nobody could open the file any more", hint="name at least one recipient that stays")
    wrapped, threshold = keyring.wrap(data_key, groups, metadata.shamir_threshold, os.urandom)
    return metadata.with_groups(wrapped, threshold if len(wrapped) > 1 else metadata.shamir_threshold)
