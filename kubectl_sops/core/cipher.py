"""Sealing and opening one value with the data key.

AES-256-GCM with a nonce of 32 bytes, not 12, and the tag stored beside the ciphertext (sops ``aes/cipher.go``).
"""

from __future__ import annotations

import re
from binascii import Error as Base64Error
from binascii import a2b_base64, b2a_base64
from functools import partial

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from kubectl_sops.core.values import Comment, Sealed, decode, encode, type_name
from kubectl_sops.errors import ValueAuthError

NONCE_SIZE = 32
"""Bytes; GCM's path for nonces other than 96 bits. Random per value."""

TAG_SIZE = 16
KEY_SIZE = 32

PREFIX = "ENC[AES256_GCM,"

_USUAL = re.compile(r"ENC\[AES256_GCM,data:([^,\n]+),iv:([^,\n]+),tag:([^,\n]+),type:([a-z]+)\]")
# What sops accepts: anchored at the start only, each field greedy, trailing text allowed. It takes four times as long.
_ACCEPTED = re.compile(r"ENC\[AES256_GCM,data:(.+),iv:(.+),tag:(.+),type:(.+)\]")


def is_sealed(value: object) -> bool:
    """Whether a value looks like a ciphertext."""
    return isinstance(value, str) and value.startswith(PREFIX)


_decode_base64 = partial(a2b_base64, strict_mode=True)


class Cipher:
    """Seals and opens values under one data key.

    Args:
        data_key: 32 bytes.
    """

    __slots__ = ("_aead",)

    def __init__(self, data_key: bytes) -> None:
        if len(data_key) != KEY_SIZE:
            raise ValueAuthError(f"the data key has {len(data_key)} bytes, expected {KEY_SIZE}")
        self._aead = AESGCM(data_key)

    def seal(self, value: object, aad: str, nonce: bytes) -> Sealed:
        """The ciphertext of ``value`` at the place ``aad``; ``nonce`` has 32 random bytes."""
        data = encode(value)
        if not data:
            return Sealed("")  # empty text is never encrypted
        return Sealed(self.seal_bytes(data, type_name(value), aad.encode("utf-8", "surrogateescape"), nonce))

    def seal_bytes(self, data: bytes, kind: str, aad: bytes, nonce: bytes) -> str:
        """The ciphertext of the byte form of a value of type ``kind``."""
        box = self._aead.encrypt(nonce, data, aad)
        text = b2a_base64(box[:-TAG_SIZE], newline=False).decode()
        iv = b2a_base64(nonce, newline=False).decode()
        tag = b2a_base64(box[-TAG_SIZE:], newline=False).decode()
        return f"ENC[AES256_GCM,data:{text},iv:{iv},tag:{tag},type:{kind}]"

    def open(self, text: str, aad: str) -> object:
        """The value of a ciphertext that stands at the place ``aad``.

        Raises:
            ValueAuthError: not a ciphertext, damaged, moved from another place, or sealed under another data key.
        """
        if not text:
            return ""
        match = _USUAL.fullmatch(text) or _ACCEPTED.match(text)
        if match is None:
            raise ValueAuthError("the value is not encrypted, but a rule of this file says it is", hint=PLAIN_HINT)
        data, nonce, tag, kind = match.groups()
        return decode(self.open_bytes(data, nonce, tag, aad.encode("utf-8", "surrogateescape")), kind)

    def open_bytes(self, data: str, nonce: str, tag: str, aad: bytes) -> bytes:
        """The byte form of a value from the three fields of its ciphertext, each in base64.

        Raises:
            ValueAuthError: damaged, moved from another place, or sealed under another data key.
        """
        try:
            box = _decode_base64(data) + _decode_base64(tag)
            return self._aead.decrypt(_decode_base64(nonce), box, aad)
        except (InvalidTag, ValueError) as error:
            if "\r" in data + nonce + tag:  # Go's decoder skips line breaks
                return self.open_bytes(data.replace("\r", ""), nonce.replace("\r", ""), tag.replace("\r", ""), aad)
            if isinstance(error, Base64Error) or not (data + nonce + tag).isascii():
                raise ValueAuthError("the encrypted value is damaged: not base64", hint=_DAMAGE_HINT) from None
            raise ValueAuthError(
                "the encrypted value does not authenticate: it was changed, or moved from another key",
                hint=_DAMAGE_HINT,
            ) from None

    def open_comment(self, text: str, aad: str) -> Comment | None:
        """The text of an encrypted comment, or ``None`` where it does not open at this place."""
        try:
            value = self.open(text, aad)
        except ValueAuthError:
            return None
        return Comment(value) if isinstance(value, str) else None


PLAIN_HINT = "`encrypt -i --if-needed FILE` encrypts it; with --ignore-mac where it took the place of another value"
_DAMAGE_HINT = "restore the value from Git history, or set it again with `edit`"
