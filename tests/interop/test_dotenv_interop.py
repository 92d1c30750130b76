"""dotenv and binary files between real sops and this program."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubectl_sops.core.selectors import Selector
from tests.props.test_dotenv_props import DOCUMENTS
from tests.support.sealed import decrypt, encrypt, sops_decrypt, sops_encrypt
from tests.support.tools import need


@pytest.fixture(autouse=True)
def _sops():
    need("sops")


def as_sops_prints(text):
    return b"".join(line + b"\n" for line in text.split(b"\n") if line)


def names(text):
    return [line.partition(b"=")[0] for line in text.split(b"\n") if not line.startswith(b"#")]


@given(DOCUMENTS)
@settings(max_examples=25)
def test_dotenv_both_ways(text):
    """sops opens our file and we open its file: the same lines, of which sops drops the empty ones."""
    expected = as_sops_prints(text)
    assert sops_decrypt(encrypt(text, "dotenv"), "dotenv") == expected
    theirs = sops_encrypt(text, "dotenv")
    assert decrypt(theirs, "dotenv") == expected
    again = encrypt(expected, "dotenv", like=theirs)
    assert names(again) == names(theirs)


@given(st.binary(max_size=200))
@settings(max_examples=15)
def test_binary_both_ways(data):
    """sops opens our file and we open its file: the same bytes."""
    assert sops_decrypt(encrypt(data, "binary"), "binary") == data
    assert decrypt(sops_encrypt(data, "binary"), "binary") == data


@pytest.mark.parametrize("mac_only_encrypted", [False, True])
@pytest.mark.parametrize(
    "selector",
    [
        Selector("unencrypted_suffix", "_PUB"),
        Selector("encrypted_suffix", "_ENC"),
        Selector("unencrypted_regex", "^A"),
        Selector("encrypted_regex", "^A"),
        Selector("unencrypted_comment_regex", "plain"),
        Selector("encrypted_comment_regex", "secret"),
    ],
    ids=lambda selector: selector.field,
)
def test_all_selectors_work_both_ways(selector, mac_only_encrypted):
    """With each selector sops opens our file, and we open the one of sops."""
    text = b"# plain\nA_ENC=1\n# secret\nA_PUB=2\nB_ENC=3\nB_PUB=4\n"
    options = {"selector": selector, "mac_only_encrypted": mac_only_encrypted}
    ours, theirs = encrypt(text, "dotenv", **options), sops_encrypt(text, "dotenv", **options)
    assert [b"ENC[" in line for line in ours.splitlines()][:6] == [b"ENC[" in line for line in theirs.splitlines()][:6]
    assert sops_decrypt(ours, "dotenv") == text
    assert decrypt(theirs, "dotenv") == text
