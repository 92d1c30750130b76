"""INI files between real sops and this program."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume, given, settings

from kubectl_sops import formats
from kubectl_sops.core.selectors import Selector
from kubectl_sops.core.values import EMPTY_MAP
from tests.props.test_ini_props import documents
from tests.support.sealed import decrypt, encrypt, sops_decrypt, sops_encrypt
from tests.support.tools import need


@pytest.fixture(autouse=True)
def _sops():
    need("sops")


def values(text):
    return [
        (leaf.path, leaf.value)
        for leaf in formats.parse(text, "ini").leaves
        if not leaf.is_comment and leaf.value is not EMPTY_MAP
    ]


def comments(text):
    """The words of all comments: sops trims blanks and may change marks."""
    found = [str(leaf.value) for leaf in formats.parse(text, "ini").leaves if leaf.is_comment]
    return re.sub(r"[#;\s]+", " ", " ".join(found)).split()


@given(documents())
@settings(max_examples=30)
def test_ini_both_ways(text):
    """sops opens our file and we open its file: the same values."""
    # go-ini panics on a comment whose first line is empty; ours then starts with the mark of its second line
    assume(not any(str(leaf.value).startswith(("#", ";")) for leaf in formats.parse(text, "ini").leaves))
    assert values(sops_decrypt(encrypt(text, "ini"), "ini")) == values(text)
    theirs = sops_encrypt(text, "ini")
    plain = decrypt(theirs, "ini")
    assert values(plain) == values(text)
    again = encrypt(plain, "ini", like=theirs)
    assert [line.split(b"=")[0] for line in again.split(b"\n") if b"ENC[" not in line.split(b"=")[0]] == [
        line.split(b"=")[0] for line in theirs.split(b"\n") if b"ENC[" not in line.split(b"=")[0]
    ]


COMMENTED = b"# one\n\n# two\n  ; three\na = 1 ; four\n\n[s] # five\n; six\n; seven\nb = `2`\n"


def test_sops_finds_our_comments():
    """A comment of several lines, blank lines between them or not, reaches sops whole."""
    assert comments(sops_decrypt(encrypt(COMMENTED, "ini"), "ini")) == comments(COMMENTED)


def test_we_find_the_comments_of_sops():
    """Comments in a file of sops are opened."""
    assert comments(decrypt(sops_encrypt(COMMENTED, "ini"), "ini")) == comments(COMMENTED)


@pytest.mark.parametrize("mac_only_encrypted", [False, True])
@pytest.mark.parametrize(
    "selector",
    [
        Selector("unencrypted_suffix", "_pub"),
        Selector("encrypted_suffix", "_enc"),
        Selector("unencrypted_regex", "^a"),
        Selector("encrypted_regex", "^(a|s_)"),
        Selector("unencrypted_comment_regex", "plain"),
        Selector("encrypted_comment_regex", "secret"),
    ],
    ids=lambda selector: selector.field,
)
def test_all_selectors_work_both_ways(selector, mac_only_encrypted):
    """With each selector sops opens our file, and we open the one of sops; both encrypt the same values."""
    text = b"; secret\na_enc = 1\n; plain\nb_pub = 2\nc = 3\n\n; plain\n[s_pub]\n; secret\nd = 4\ne_enc = 5\n"
    options = {"selector": selector, "mac_only_encrypted": mac_only_encrypted}
    ours, theirs = encrypt(text, "ini", **options), sops_encrypt(text, "ini", **options)
    assert [line.count(b"ENC[") for line in ours.split(b"[sops]")[0].splitlines() if line] == [
        line.count(b"ENC[") for line in theirs.split(b"[sops]")[0].splitlines() if line
    ]
    assert values(sops_decrypt(ours, "ini")) == values(text)
    assert values(decrypt(theirs, "ini")) == values(text)
