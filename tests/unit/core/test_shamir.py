"""Shamir's secret sharing, with the figures of sops' own implementation."""

from __future__ import annotations

import itertools
import os

import pytest

from kubectl_sops.core.shamir import ShamirError, combine, divide, multiply, split

COEFFICIENTS = [bytes.fromhex(row) for row in ("1122", "a55a", "ff01", "0080")]
SHARES = [bytes.fromhex(share) for share in ("33fefc8301", "aa23e33502", "99dc1db503", "5274c3db04", "618b3d5b05")]


def test_field_arithmetic():
    """Products and quotients are those of the AES field."""
    assert multiply(0x57, 0x83) == 0xC1
    assert multiply(2, 0x80) == 0x1B
    assert divide(1, 0x53) == 0xCA
    assert divide(1, 2) == 0x8D
    assert multiply(0, 7) == divide(0, 7) == 0
    assert all(divide(multiply(a, 29), 29) == a for a in range(256))


def test_known_shares():
    """The shares of a known polynomial are those that sops computes."""
    rows = iter(COEFFICIENTS)
    assert split(bytes.fromhex("00010203"), 5, 3, lambda _: next(rows)) == SHARES


@pytest.mark.parametrize("chosen", [*itertools.combinations(SHARES, 3), tuple(SHARES)])
def test_any_sufficient_set_restores_the_secret(chosen):
    """Any three shares, and all five, give the secret back."""
    assert combine(chosen) == bytes.fromhex("00010203")


def test_too_few_shares_give_something_else():
    """Two shares of three give the wrong secret, silently: GCM notices later."""
    assert combine(SHARES[:2]) == bytes.fromhex("44b50018")


def test_round_trip_of_a_data_key():
    """Random keys survive splitting and combining in any order."""
    key = os.urandom(32)
    shares = split(key, 4, 2, os.urandom)
    assert [share[-1] for share in shares] == [1, 2, 3, 4]
    assert combine([shares[3], shares[1]]) == key


@pytest.mark.parametrize(
    ("parts", "threshold", "text"),
    [(3, 1, "at least 2"), (2, 3, "less than threshold"), (256, 2, "exceed 255")],
)
def test_impossible_splits(parts, threshold, text):
    """Parameters that make no sense are refused in sops' words."""
    with pytest.raises(ShamirError, match=text):
        split(b"secret", parts, threshold, os.urandom)


def test_an_empty_secret_can_not_be_split():
    """There is nothing to share."""
    with pytest.raises(ShamirError, match="empty"):
        split(b"", 2, 2, os.urandom)


@pytest.mark.parametrize(
    ("shares", "text"),
    [(SHARES[:1], "less than two"), ([SHARES[0], SHARES[1][1:]], "same length"), ([SHARES[0]] * 2, "duplicate")],
)
def test_shares_that_do_not_fit(shares, text):
    """Too few, uneven or repeated shares are refused."""
    with pytest.raises(ShamirError, match=text):
        combine(shares)
