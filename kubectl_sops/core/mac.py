"""The message authentication code over all values of a file.

SHA-512 over the byte forms in document order, without separators, as 128 upper-case hexadecimal digits. Keys,
comments, nulls and empty containers take no part (sops ``sops.go``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_sops.core.values import encode
from kubectl_sops.errors import MacMismatchError, MacMissingError, ValueAuthError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from hashlib import sha512

    from kubectl_sops.core.cipher import Cipher
    from kubectl_sops.core.metadata import Metadata
else:
    # Python's own function: hashlib would load OpenSSL's hashes too, which takes 2 ms of every start
    try:
        from _sha2 import sha512
    except ImportError:
        try:
            from _sha512 import sha512  # its name before Python 3.12
        except ImportError:
            from hashlib import sha512

__all__ = ["ONLY_ENCRYPTED_SEED", "check", "compute", "compute_bytes", "record", "sha512"]

# SHA-256 of b"sops": sops starts the hash with it when only encrypted values are covered, so that a file can't be
# moved between the two modes.
ONLY_ENCRYPTED_SEED = bytes.fromhex("8a3fd2ad54ce66527b1034f3d147be0b0b975b3bf44f72c6fdadec8176f27d69")


def compute(values: Iterable[object], *, only_encrypted: bool) -> str:
    """The MAC of ``values`` (no comments, nulls or empty containers among them), in document order."""
    return compute_bytes([encode(value) for value in values], only_encrypted=only_encrypted)


def compute_bytes(values: Iterable[bytes], *, only_encrypted: bool) -> str:
    """The MAC of values in their byte form."""
    seed = ONLY_ENCRYPTED_SEED if only_encrypted else b""
    return sha512(seed + b"".join(values)).hexdigest().upper()


def check(cipher: Cipher, metadata: Metadata, computed: str) -> None:
    """Compare the MAC of a file with what its values give.

    Raises:
        MacMissingError, MacMismatchError: it has none, or another one.
    """
    if not metadata.mac:
        raise MacMissingError("the file has no MAC, so its values can't be trusted", hint=_HINT)
    try:
        stored = cipher.open(metadata.mac, metadata.lastmodified)
    except ValueAuthError:
        raise MacMismatchError("the MAC can't be decrypted: mac or lastmodified was changed", hint=_HINT) from None
    if stored != computed:
        raise MacMismatchError("MAC mismatch: a value was changed, added, removed or reordered", hint=_HINT)


_HINT = (
    "compare with Git history; if you made the change yourself, accept it with `decrypt --ignore-mac` and re-encrypt"
)


def record(cipher: Cipher, metadata: Metadata, computed: str, now: str, nonce: bytes) -> Metadata:
    """The metadata with a MAC and the time of the change."""
    return metadata.replace(mac=str(cipher.seal(computed, now, nonce)), lastmodified=now)
