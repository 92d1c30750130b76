"""Changing values of an encrypted file without an editor: set and unset."""

from __future__ import annotations

from binascii import b2a_base64
from typing import TYPE_CHECKING

from kubectl_sops import formats
from kubectl_sops.errors import InvalidPathError, InvalidValueError, KeyPathNotFoundError
from kubectl_sops.files.decrypt import open_document, parse_encrypted
from kubectl_sops.files.encrypt import parse_plain, seal, seal_as, stash_of
from kubectl_sops.files.manifest import manifests
from kubectl_sops.files.neighbours import neighbours
from kubectl_sops.files.secret_manifest import is_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from kubectl_sops.core.document import Document
    from kubectl_sops.core.leaf import Path
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
        try:
            text = document.put(path, value)
        except InvalidPathError as error:
            if error.path is None:
                error.path = path
            raise
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

    def remove(plain: Document) -> bytes:
        try:
            return plain.remove(path)
        except KeyPathNotFoundError as error:
            error.hint = neighbours(plain, path)
            raise

    return _change(data, format, keyring, remove, now, output, ignore_mac)


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
