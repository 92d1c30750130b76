"""Sealing and opening one value: constants that real sops decrypts and encrypts identically."""

from __future__ import annotations

import pytest

from kubectl_sops.core.cipher import Cipher, is_sealed
from kubectl_sops.core.values import Comment, Time
from kubectl_sops.errors import ValueAuthError

KEY = bytes(range(32))
NONCE = bytes(range(32, 64))
IV = "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8="
CONSTANTS = [
    ("hello", "foo:", "f6SdJOI=", "a7Cw1Jmj1OK5GGQr16aVEg==", "str"),
    (42, "a:b:", "I/M=", "NKym+LP30Au1j6yBfiH7XA==", "int"),
    (1.5, "a:b:", "Ju/E", "N+5T391DC35eyavXWKV4dg==", "float"),
    (True, ":", "Q7OELQ==", "/EZSFkeyeLDPXNAZoitc1Q==", "bool"),
    (Comment(" comment"), ":", "N6KeJeBquFc=", "xB7emkfyqAiDvCjSINLW4A==", "comment"),
    (Time("2020-01-02T00:00:00Z"), "t:", "JfHDeKA/5w72YzJH1rpRz72hh/4=", "VHR9wMEjrDn59Bh3txoN0g==", "time"),
]


def text(data, tag, kind):
    return f"ENC[AES256_GCM,data:{data},iv:{IV},tag:{tag},type:{kind}]"


@pytest.mark.parametrize(("value", "place", "data", "tag", "kind"), CONSTANTS, ids=[c[4] for c in CONSTANTS])
def test_known_ciphertexts(value, place, data, tag, kind):
    """Key, nonce, place and value give exactly the ciphertext that sops gives, and it opens to the same value."""
    cipher = Cipher(KEY)
    assert cipher.seal(value, place, NONCE) == text(data, tag, kind)
    opened = cipher.open(text(data, tag, kind), place)
    assert opened == value
    assert type(opened) is type(value)


def test_a_moved_value_is_refused():
    """The place is authenticated: the same ciphertext does not open elsewhere."""
    sealed = Cipher(KEY).seal("hello", "foo:", NONCE)
    with pytest.raises(ValueAuthError, match="does not authenticate"):
        Cipher(KEY).open(sealed, "bar:")


@pytest.mark.parametrize("position", [0, 5])
@pytest.mark.parametrize("field", ["data", "iv", "tag"])
def test_a_flipped_bit_is_refused(field, position):
    """Changing any of ciphertext, nonce or tag is noticed."""
    sealed = str(Cipher(KEY).seal("hello world", "foo:", NONCE))
    at = sealed.index(field + ":") + len(field) + 1 + position
    broken = sealed[:at] + ("A" if sealed[at] != "A" else "B") + sealed[at + 1 :]
    with pytest.raises(ValueAuthError):
        Cipher(KEY).open(broken, "foo:")


def test_text_after_the_bracket_is_ignored():
    """sops anchors its pattern at the start only, so a block scalar's newline is no part of the ciphertext."""
    assert Cipher(KEY).open(Cipher(KEY).seal("hello", "foo:", NONCE) + "\n", "foo:") == "hello"


def test_empty_text_is_never_encrypted():
    """An empty string stays empty both ways."""
    assert Cipher(KEY).seal("", "foo:", NONCE) == ""
    assert Cipher(KEY).open("", "foo:") == ""


@pytest.mark.parametrize("plain", ["hunter2", "ENC[AES256_GCM,data:,iv:,tag:,type:str]", "ENC[AES256_GCM,data:hunter2"])
def test_what_is_no_ciphertext_is_not_shown(plain):
    """The error for a plain value does not quote it."""
    with pytest.raises(ValueAuthError) as caught:
        Cipher(KEY).open(plain, "foo:")
    assert "hunter2" not in str(caught.value)


def test_junk_in_base64_is_refused():
    """Only base64 is accepted inside a ciphertext."""
    with pytest.raises(ValueAuthError, match="base64"):
        Cipher(KEY).open("ENC[AES256_GCM,data:f6Sd JOI=,iv:AAAA,tag:AAAA,type:str]", "foo:")


def test_a_data_key_has_32_bytes():
    """A shorter key would be another cipher."""
    with pytest.raises(ValueAuthError, match="16 bytes"):
        Cipher(bytes(16))


def test_recognising_a_ciphertext():
    """Only text with the prefix counts."""
    assert is_sealed(text("x", "y", "str"))
    assert not is_sealed("ENC[other")
    assert not is_sealed(3)


def test_a_comment_opens_only_in_its_container():
    """Opening a comment elsewhere gives nothing instead of an error."""
    sealed = Cipher(KEY).seal(Comment(" x"), "m:", NONCE)
    assert Cipher(KEY).open_comment(sealed, "m:") == " x"
    assert Cipher(KEY).open_comment(sealed, ":") is None
