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
from kubectl_sops.files.readable import tell_readable
from kubectl_sops.files.secret_manifest import is_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from kubectl_sops.core.document import Document
    from kubectl_sops.core.leaf import Path
    from kubectl_sops.core.metadata import Metadata
    from kubectl_sops.core.selectors import Selector
    from kubectl_sops.files.readable import Readable
    from kubectl_sops.keys.keyring import Keyring

    Values = Callable[[Document], Iterable[tuple[int, Path, object]]]
    """What to put where, once the plaintext is known: index of the document in a stream, key path, value."""


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
    readable: Readable | None = None,
) -> bytes:
    """The encrypted file with other values; ``data`` itself where they are there already.

    Args:
        output: another format for the result.
        idempotent: where the values are there already, the format stays too.
        validate: raises ``SopsError`` where the second of two plaintexts must not take the place of the first.
    """

    def put(plain: Document, metadata: Metadata) -> bytes | None:
        before = plain.splice({}, None)
        changed = _put_all(plain, values)
        if validate is not None:
            validate(before, changed)
        if readable is not None:
            tell_readable(plain, changed, metadata.selector, readable)
        return None if idempotent and changed == before else changed

    return _change(data, format, keyring, put, now, output, ignore_mac)


def with_values(plain: bytes, format: str, values: Values, selector: Selector, readable: Readable) -> bytes:
    """A plaintext with other values, to be encrypted by ``selector``."""
    document = formats.parse(plain, format)
    changed = _put_all(document, values)
    tell_readable(document, changed, selector, readable)
    return changed


def _put_all(document: Document, values: Values) -> bytes:
    text = None
    for number, path, value in values(document):
        if text is not None:
            document = formats.parse(text, document.format)
        try:
            if number:
                before, own, behind = document.split(number)
                text = before + formats.parse(own, document.format).put(path, value) + behind
            else:
                text = document.put(path, value)
        except InvalidPathError as error:
            if error.path is None:
                error.path = path
            raise
    return text if text is not None else document.splice({}, None)


def places(document: Document, content: Mapping[str, bytes]) -> list[tuple[int, Path, object]]:
    """Where values of the Secret belong, and how they are written there; in what is no manifest, at its top.

    A key stays in ``stringData`` or ``data``, where it is. New text goes to ``stringData``, other bytes to ``data``.

    Raises:
        InvalidValueError: there are several Secrets, or manifests and no Secret; or bytes that are no text, where only
            text can be.
    """
    objects = [manifest for manifest in manifests(document.leaves) if manifest.kind and manifest.api_version]
    secrets = [manifest for manifest in objects if manifest.is_secret]
    if len(secrets) > 1 or (objects and not secrets):
        what = f"there are {len(secrets)} Secrets" if secrets else f"there is no Secret, but {objects[0].title}"
        raise InvalidValueError(
            f"{what}, so it is not clear where the values belong", hint="name a key path: set FILE KEY-PATH VALUE"
        )
    if not secrets:
        return [(0, (key,), _text_of(key, value)) for key, value in content.items()]
    (secret,) = secrets
    taken = {leaf.path for leaf in document.leaves if leaf.document == secret.document}
    found: list[tuple[int, Path, object]] = []
    for key, value in content.items():
        text, other = (*secret.prefix, "stringData", key), (*secret.prefix, "data", key)
        if text not in taken and (other in taken or not is_text(value)):
            found.append((secret.document, other, b2a_base64(value, newline=False).decode()))
        else:
            found.append((secret.document, text, _text_of(key, value)))
    return found


def _text_of(key: str, value: bytes) -> str:
    if not is_text(value):
        raise InvalidValueError(
            f"the value of {key} is not text",
            hint="in a Secret, data holds other bytes: `unset` the key in stringData first",
        )
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
    guarded: bool = True,
) -> bytes:
    """The encrypted file without the value or subtree at ``path``.

    Args:
        guarded: no encrypted value may become readable.

    Raises:
        KeyPathNotFoundError: there is nothing at it.
    """

    def remove(plain: Document, metadata: Metadata) -> bytes:
        try:
            changed = plain.remove(path)
        except KeyPathNotFoundError as error:
            error.hint = neighbours(plain, path)
            raise
        if guarded:
            tell_readable(plain, changed, metadata.selector, lambda _: None)
        return changed

    return _change(data, format, keyring, remove, now, output, ignore_mac)


def _change(
    data: bytes,
    format: str,
    keyring: Keyring,
    mutate: Callable[[Document, Metadata], bytes | None],
    now: str,
    output: str | None,
    ignore_mac: bool,
) -> bytes:
    document, metadata = parse_encrypted(data, format)
    opened, data_key = open_document(document, metadata, keyring, ignore_mac=ignore_mac)
    plain = document.splice(opened.changes, None)
    changed = mutate(formats.parse(plain, format), metadata)
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
