"""The message authentication code over all values of a file.

SHA-512 over the byte forms in document order, without separators, as 128 upper-case hexadecimal digits. Keys,
comments, nulls and empty containers take no part (sops ``sops.go``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_sops.core.values import encode

if TYPE_CHECKING:
    from collections.abc import Iterable
    from hashlib import sha512
else:
    # Python's own function: hashlib would load OpenSSL's hashes too, which takes 2 ms of every start
    try:
        from _sha2 import sha512
    except ImportError:
        try:
            from _sha512 import sha512  # its name before Python 3.12
        except ImportError:
            from hashlib import sha512

__all__ = ["ONLY_ENCRYPTED_SEED", "compute", "sha512"]

# SHA-256 of b"sops": sops starts the hash with it when only encrypted values are covered, so that a file can't be
# moved between the two modes.
ONLY_ENCRYPTED_SEED = bytes.fromhex("8a3fd2ad54ce66527b1034f3d147be0b0b975b3bf44f72c6fdadec8176f27d69")


def compute(values: Iterable[object], *, only_encrypted: bool) -> str:
    """The MAC of ``values`` (no comments, nulls or empty containers among them), in document order."""
    chunks = [ONLY_ENCRYPTED_SEED] if only_encrypted else []
    chunks += [encode(value) for value in values]
    return sha512(b"".join(chunks)).hexdigest().upper()
