"""age files with a passphrase that open at once: the work factor of real ones takes seconds by design."""

from __future__ import annotations

import os
from base64 import b64encode

from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

_WORK = 10  # log2 of scrypt's N; age's own is 18


def _base64(data: bytes) -> str:
    return b64encode(data).decode().rstrip("=")


def _derive(key: bytes, salt: bytes, info: bytes) -> bytes:
    return HKDF(SHA256(), 32, salt, info).derive(key)


def encrypt(text: str, passphrase: str, *, armored: bool = False) -> bytes:
    """An age file (format: C2SP ``age``) with a little text."""
    file_key, salt, nonce = os.urandom(16), os.urandom(16), os.urandom(16)
    key = Scrypt(b"age-encryption.org/v1/scrypt" + salt, 32, 2**_WORK, 8, 1).derive(passphrase.encode())
    body = ChaCha20Poly1305(key).encrypt(bytes(12), file_key, None)
    header = f"age-encryption.org/v1\n-> scrypt {_base64(salt)} {_WORK}\n{_base64(body)}\n---".encode()
    mac = HMAC(_derive(file_key, b"", b"header"), SHA256())
    mac.update(header)
    payload = ChaCha20Poly1305(_derive(file_key, nonce, b"payload")).encrypt(bytes(11) + b"\x01", text.encode(), None)
    data = header + f" {_base64(mac.finalize())}\n".encode() + nonce + payload
    if not armored:
        return data
    text64 = b64encode(data).decode()
    lines = [text64[i : i + 64] for i in range(0, len(text64), 64)]
    return "\n".join(["-----BEGIN AGE ENCRYPTED FILE-----", *lines, "-----END AGE ENCRYPTED FILE-----", ""]).encode()
