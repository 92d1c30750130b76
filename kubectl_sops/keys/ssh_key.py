"""ssh private keys as age identities: their public half, and opening those that a passphrase protects."""

from __future__ import annotations

from binascii import Error as Base64Error
from binascii import a2b_base64, b2a_base64
from typing import TYPE_CHECKING, NamedTuple

from kubectl_sops.errors import KeyParseError

if TYPE_CHECKING:
    from collections.abc import Callable

PREFIXES = ("ssh-ed25519 ", "ssh-rsa ")

_LINE = 80  # characters; every X25519 recipient is shorter
_MAGIC = b"openssh-key-v1\x00"
_BEGIN, _END = b"-----BEGIN OPENSSH PRIVATE KEY-----", b"-----END"


class Protected(NamedTuple):
    """A key behind a passphrase. Its representation says nothing.

    Attributes:
        recipient: its public half; empty where that is behind the passphrase too.
        data: the key as it is stored.
        open: gives the key without its protection, or raises ``KeyParseError``.
    """

    recipient: str
    data: bytes
    open: Callable[[str], bytes]

    def __repr__(self) -> str:
        return f"Protected({self.recipient!r})"


def normalise(recipient: str) -> str:
    """A recipient without the comment that an ssh key may have."""
    return " ".join(recipient.split()[:2]) if recipient.startswith(PREFIXES) else recipient


def short(recipient: str) -> str:
    """A recipient for messages: of a long one its start and its end, which is what differs."""
    return recipient if len(recipient) <= _LINE else f"{recipient[:20]}…{recipient[-20:]}"


def recipient_of(private: bytes, public: bytes = b"") -> str:
    """The public half of an ssh key, from itself or from its ``.pub`` file; empty where neither tells."""
    header = _openssh(private)
    if header is not None:
        blob = header[1]
        kind = blob[4 : 4 + int.from_bytes(blob[:4], "big")]
        return f"{kind.decode('ascii', 'replace')} {b2a_base64(blob, newline=False).decode()}"
    text = public.decode("ascii", "replace")
    return normalise(text.strip()) if text.startswith(PREFIXES) else ""


def protected(private: bytes, public: bytes = b"") -> Protected | None:
    """The key as one to be opened with a passphrase, ``None`` where it needs none."""
    header = _openssh(private)
    is_protected = header[0] != b"none" if header is not None else b"Proc-Type: 4,ENCRYPTED" in private
    if not is_protected:
        return None
    return Protected(recipient_of(private, public), private, lambda passphrase: _open(private, passphrase))


def _open(private: bytes, passphrase: str) -> bytes:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization as form

    load = form.load_ssh_private_key if _openssh(private) is not None else form.load_pem_private_key
    try:
        key = load(private, passphrase.encode())
    except (ValueError, TypeError):
        raise KeyParseError("incorrect passphrase") from None
    except UnsupportedAlgorithm:
        raise KeyParseError("the ssh key is protected in a way that is not supported here") from None
    return key.private_bytes(form.Encoding.PEM, form.PrivateFormat.OpenSSH, form.NoEncryption())


def _openssh(private: bytes) -> tuple[bytes, bytes] | None:
    """Cipher and public key in the header of an OpenSSH private key (OpenSSH ``PROTOCOL.key``)."""
    _, begin, rest = private.partition(_BEGIN)
    if not begin:
        return None
    try:
        data = a2b_base64(rest.partition(_END)[0])
    except Base64Error:
        return None
    if not data.startswith(_MAGIC):
        return None
    fields, position = [], len(_MAGIC)
    for index in range(4):  # cipher, kdf, kdf options; then, behind the number of keys, the public key
        position += 4 if index == 3 else 0
        size = int.from_bytes(data[position : position + 4], "big")
        fields.append(data[position + 4 : position + 4 + size])
        position += 4 + size
    return (fields[0], fields[3]) if position <= len(data) else None
