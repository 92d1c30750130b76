"""Sealing the ciphertexts of a text again under another data key.

What opening and sealing do one after the other, in one pass and half the time: between the two nothing is decoded that
would be encoded again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_sops.core import mac
from kubectl_sops.core.cipher import NONCE_SIZE, PREFIX, Cipher
from kubectl_sops.core.leaf import HEAD, aad
from kubectl_sops.core.values import Comment, decode, encode, type_name
from kubectl_sops.errors import ValueAuthError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kubectl_sops.core.leaf import Leaf, Path
    from kubectl_sops.core.metadata import Metadata
    from kubectl_sops.core.selectors import Selector


IN_A_ROW = 200
"""Comments without a value among them; each looks for the values around it."""


def reseal(
    parts: Sequence[str],
    leaves: Sequence[Leaf],
    metadata: Metadata,
    data_key: bytes,
    fresh_key: bytes,
    *,
    random_bytes: Callable[[int], bytes],
) -> tuple[str, str]:
    """The text under ``fresh_key``, and the MAC of its values.

    That text and leaves belong together is proved by every single value and by the MAC: they would not authenticate.

    Args:
        parts: the text taken apart: what comes before the first ciphertext, then for each its data, nonce, tag and type
            as they are written, and what comes behind it.
        leaves: what the text holds, in order. A value or comment that starts as a ciphertext does is one. Where a
            comment belongs need not be known exactly.

    Raises:
        ValueAuthError: a ciphertext does not authenticate at the place of its leaf, or there are more or fewer.
        MacMissingError, MacMismatchError: other values than those that were encrypted.
    """
    old, new = Cipher(data_key), Cipher(fresh_key)
    only_encrypted = metadata.mac_only_encrypted
    nonces = random_bytes(NONCE_SIZE * len(leaves))
    covered: list[bytes] = []
    text = [parts[0]]
    fields = iter(parts[1:])
    ciphertexts = zip(fields, fields, fields, fields, fields, strict=True)
    for number, (leaf, selected) in enumerate(zip(leaves, metadata.selector.select(leaves), strict=True)):
        value = leaf.value
        if value is None or value == "":
            continue
        start = NONCE_SIZE * number
        nonce = nonces[start : start + NONCE_SIZE]
        if isinstance(value, Comment):
            if value.startswith(PREFIX):
                text += _comment(
                    next(ciphertexts, None), [aad(p).encode() for p in near(leaves, number)], old, new, nonce
                )
            elif is_selected_near(metadata.selector, leaves, number):
                raise ValueAuthError("a comment that is not encrypted", path=leaf.path)
            continue
        if not selected:
            if not only_encrypted:
                covered.append(encode(value))
            continue
        ciphertext = next(ciphertexts, None)
        if ciphertext is None or not isinstance(value, str) or not value.startswith(PREFIX):
            raise ValueAuthError("a value that is not encrypted", path=leaf.path)
        data, iv, tag, kind, behind = ciphertext
        place = aad(leaf.path).encode()
        plain = old.open_bytes(data, iv, tag, place)
        if kind != "str":  # some spellings are accepted that are not written
            value = decode(plain, kind)
            if value.__class__ is Comment:
                raise ValueAuthError("a comment in the place of a value", path=leaf.path)
            plain, kind = encode(value), type_name(value)
        covered.append(plain)
        text += (new.seal_bytes(plain, kind, place, nonce), behind)
    if next(ciphertexts, None) is not None:
        raise ValueAuthError("a ciphertext that no rule of the file selects")
    computed = mac.compute_bytes(covered, only_encrypted=only_encrypted)
    mac.check(old, metadata, computed)
    return "".join(text), computed


def near(leaves: Sequence[Leaf], index: int) -> list[Path]:
    """Where a comment may belong: the collections around it, around the value before it, and around the one behind.

    Of more comments in a row than anybody writes, those in the middle are given their own collection alone.
    """
    found: dict[Path, None] = {leaves[index].path: None}
    for step in (1, -1):
        at = index + step
        while 0 <= at < len(leaves) and leaves[at].is_comment and abs(at - index) < IN_A_ROW:
            at += step
        if 0 <= at < len(leaves) and not leaves[at].is_comment:
            path = leaves[at].path
            found.update((path[:length], None) for length in range(len(path) - 1, -1, -1))
    return list(found)


def is_selected_near(selector: Selector, leaves: Sequence[Leaf], index: int) -> bool:
    """Whether a comment is to be encrypted, or may be."""
    leaf = leaves[index]
    return any(map(selector.select_path, [leaf.path] if leaf.style is HEAD else near(leaves, index)))


def _comment(
    ciphertext: tuple[str, ...] | None, places: Sequence[bytes], old: Cipher, new: Cipher, nonce: bytes
) -> tuple[str, str]:
    """A comment sealed again where it belongs, which its authentication tells, and the text behind it."""
    if ciphertext is None:
        raise ValueAuthError("a comment that is not encrypted")
    data, iv, tag, kind, behind = ciphertext
    for place in places:
        try:
            plain = old.open_bytes(data, iv, tag, place)
        except ValueAuthError:
            continue
        return new.seal_bytes(plain, kind, place, nonce), behind
    raise ValueAuthError("a comment that does not authenticate where it stands")
