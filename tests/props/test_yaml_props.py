"""Properties of the YAML format over generated documents."""

from __future__ import annotations

import re
from random import Random

from hypothesis import assume, given
from hypothesis import strategies as st

from kubectl_sops.core.values import EMPTY_LIST, EMPTY_MAP
from kubectl_sops.errors import SopsError
from kubectl_sops.files.decrypt import decrypt, open_document, parse_encrypted
from kubectl_sops.files.encrypt import Recipe, encrypt, parse_plain, seal, stash_of
from kubectl_sops.keys import age
from kubectl_sops.keys.keyring import Keyring
from tests.support.yaml_documents import Documents

IDENTITY, RECIPIENT = age.generate()
KEYRING = Keyring({}, identities=[IDENTITY])
NOW = "2026-01-01T00:00:00Z"
documents = st.builds(lambda seed: Documents(Random(seed)).stream(), st.integers(0, 2**32))


def recipe():
    return Recipe([age.parse_recipients(RECIPIENT)])


def sealed(text):
    try:
        return encrypt(text, "yaml", recipe(), KEYRING, now=NOW)
    except SopsError as error:  # what sops refuses too; that the two agree is tested against sops
        assume(False)
        raise AssertionError from error


def without_mac(data):
    data = re.sub(rb'"?mac"?: "?ENC\[[^\]]*\]', b"mac", data)
    return re.sub(rb'"?lastmodified"?: "[^"]*"', b"lastmodified", data)


@given(documents)
def test_what_comes_back(text):
    """Decryption gives the bytes that were encrypted, or says beforehand that only the data is the same."""
    written = sealed(text)
    back = decrypt(written.data, "yaml", KEYRING)
    assert (back == text) is written.exact
    again = encrypt(back, "yaml", recipe(), KEYRING, now=NOW)
    assert decrypt(again.data, "yaml", KEYRING) == back  # the second round trip is exact
    if not written.exact:
        lines = zip(text.splitlines(), back.splitlines(), strict=False)
        allowed = re.compile(rb"\\u|\|[+]?|\\x")  # escapes spelt in another way; `|` at the very end of the text
        assert all(a == b or allowed.search(a) for a, b in lines)


@given(documents)
def test_an_edit_without_a_change_gives_the_same_file(text):
    """Sealing what decryption showed differs in the MAC and its time only."""
    before = sealed(text).data
    document, metadata = parse_encrypted(before, "yaml")
    opened, key = open_document(document, metadata, KEYRING)
    shown = document.splice(opened.changes, None)
    stash = stash_of(document, opened, shown)
    plain = parse_plain(shown, "yaml")
    after = seal(plain, shown, metadata, key, now="2027-01-01T00:00:00Z", stash=stash, like=document)
    assert without_mac(after.data) == without_mac(before)


@given(documents)
def test_nothing_selected_stays_readable(text):
    """Every selected leaf and comment of the encrypted file is a ciphertext, unless it is empty or null."""
    document, metadata = parse_encrypted(sealed(text).data, "yaml")
    for leaf, selected in zip(document.leaves, metadata.selector.select(document.leaves), strict=True):
        if selected and leaf.value not in (None, "", EMPTY_MAP, EMPTY_LIST):
            assert str(leaf.value).startswith("ENC[")
