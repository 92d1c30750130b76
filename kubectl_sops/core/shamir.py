"""Shamir's secret sharing over GF(2^8), as sops and HashiCorp Vault store it.

The field is that of AES (x^8+x^4+x^3+x+1). A share is one byte of y for each byte of the secret, then its x.
Source: sops ``shamir/shamir.go``; sops numbers x from 1 upward.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_sops.errors import SopsError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MAX_SHARES = 255
"""x is one non-zero byte."""


class ShamirError(SopsError):
    """Shares that can't be made or combined."""


def _tables() -> tuple[list[int], list[int]]:
    exp, log = [0] * 510, [0] * 256
    x = 1
    for i in range(255):
        exp[i] = exp[i + 255] = x
        log[x] = i
        x ^= (x << 1) ^ (0x11B if x & 0x80 else 0)  # times the generator 3
        x &= 0xFF
    return exp, log


_EXP, _LOG = _tables()


def multiply(a: int, b: int) -> int:
    """Product in GF(2^8)."""
    return _EXP[_LOG[a] + _LOG[b]] if a and b else 0


def divide(a: int, b: int) -> int:
    """Quotient in GF(2^8); ``b`` is not 0."""
    return _EXP[_LOG[a] - _LOG[b] + 255] if a else 0


def split(secret: bytes, parts: int, threshold: int, random_bytes: Callable[[int], bytes]) -> list[bytes]:
    """Split ``secret`` into ``parts`` shares of which any ``threshold`` restore it.

    ``random_bytes(n)`` returns ``n`` random bytes. Share ``i`` has x = ``i + 1``.
    """
    if threshold < 2:
        raise ShamirError("threshold must be at least 2")
    if parts < threshold:
        raise ShamirError("parts cannot be less than threshold")
    if parts > MAX_SHARES:
        raise ShamirError(f"parts cannot exceed {MAX_SHARES}")
    if not secret:
        raise ShamirError("cannot split an empty secret")
    coefficients = [random_bytes(threshold - 1) for _ in secret]
    shares = []
    for x in range(1, parts + 1):
        share = bytearray()
        for constant, row in zip(secret, coefficients, strict=True):
            y = 0
            for coefficient in reversed(row):
                y = multiply(y ^ coefficient, x)
            share.append(y ^ constant)
        shares.append(bytes(share) + bytes((x,)))
    return shares


def combine(shares: Sequence[bytes]) -> bytes:
    """The secret of ``shares``. Too few or wrong shares give a wrong secret: only its use can tell."""
    if len(shares) < 2:
        raise ShamirError("less than two parts cannot be used to reconstruct the secret")
    if len({len(share) for share in shares}) != 1 or len(shares[0]) < 2:
        raise ShamirError("all parts must be the same length")
    xs = [share[-1] for share in shares]
    if len(set(xs)) != len(xs):
        raise ShamirError("duplicate part detected")
    weights = []
    for i, x in enumerate(xs):
        weight = 1
        for j, other in enumerate(xs):
            if i != j:
                weight = multiply(weight, divide(other, other ^ x))
        weights.append(weight)
    secret = bytearray()
    for position in range(len(shares[0]) - 1):
        byte = 0
        for share, weight in zip(shares, weights, strict=True):
            byte ^= multiply(share[position], weight)
        secret.append(byte)
    return bytes(secret)
