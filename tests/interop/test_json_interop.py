"""JSON files between real sops and this program."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings

from kubectl_sops import formats
from kubectl_sops.core.selectors import Selector
from tests.props.test_json_props import OBJECTS, documents
from tests.support.sealed import decrypt, encrypt, opened, sops_decrypt, sops_encrypt
from tests.support.tools import need


@pytest.fixture(autouse=True)
def _sops():
    need("sops")


def numeric(tree):
    """The same tree with every number a float: sops prints ``1.0`` as ``1``."""
    if isinstance(tree, dict):
        return {key: numeric(value) for key, value in tree.items()}
    if isinstance(tree, list):
        return [numeric(value) for value in tree]
    return float(tree) if type(tree) is int else tree


def same(one, other):
    return numeric(json.loads(one)) == numeric(json.loads(other))


@given(documents())
@settings(max_examples=25)
def test_sops_opens_what_we_seal(text):
    """Real sops verifies the MAC of our files and finds the same data."""
    assert same(sops_decrypt(encrypt(text, "json"), "json"), text)


@given(OBJECTS)
@settings(max_examples=25)
def test_we_open_what_sops_seals(tree):
    """We verify the MAC of files of real sops and find the same data, with the types of selected values."""
    # sops itself can't read a negative zero that it left in clear: it writes -0 and reads an int
    text = json.dumps(tree).replace("-0.0", "0.0").encode()
    document, plain = opened(sops_encrypt(text, "json"), "json")
    assert same(plain, text)
    for ours, given_leaf in zip(document.leaves, formats.parse(text, "json").leaves, strict=True):
        assert ours.path == given_leaf.path
        if not any(str(key).endswith("_unencrypted") for key in ours.path):
            assert (type(ours.value), ours.value) == (type(given_leaf.value), given_leaf.value)


TREE = b'{\n  "a_enc": {"x": "s", "y_pub": [1, 2.5]},\n  "b_unencrypted": "p",\n  "c": true, "d": null, "e": ""\n}\n'


@pytest.mark.parametrize("mac_only_encrypted", [False, True])
@pytest.mark.parametrize(
    "selector",
    [
        None,
        Selector("unencrypted_suffix", "_pub"),
        Selector("encrypted_suffix", "_enc"),
        Selector("unencrypted_regex", "^(a|x)"),
        Selector("encrypted_regex", "^(c|x|y)"),
    ],
    ids=lambda selector: selector.field if selector else "none",
)
def test_all_selectors_work_both_ways(selector, mac_only_encrypted):
    """With each selector sops opens our file, and we open the one of sops."""
    text = TREE
    ours = encrypt(text, "json", selector=selector, mac_only_encrypted=mac_only_encrypted)
    assert same(sops_decrypt(ours, "json"), text)
    theirs = sops_encrypt(text, "json", selector=selector, mac_only_encrypted=mac_only_encrypted)
    assert same(decrypt(theirs, "json"), text)


def test_a_file_of_sops_comes_back_in_its_own_layout():
    """Sealing the plaintext of a sops file on its model changes ciphertexts and times only."""
    theirs = sops_encrypt(TREE, "json")
    ours = encrypt(decrypt(theirs, "json"), "json", like=theirs)
    before, after = theirs.decode().splitlines(), ours.decode().splitlines()
    assert len(before) == len(after)
    assert all(a == b or "ENC[" in a or "lastmodified" in a for a, b in zip(before, after, strict=True))
