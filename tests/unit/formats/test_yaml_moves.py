"""Edits that move a value or comment: its ciphertext goes along, in the spelling of its new place."""

from __future__ import annotations

import re

import pytest

from kubectl_sops.core.document import open_leaves
from kubectl_sops.core.metadata import KeyEntry, new
from kubectl_sops.errors import ParseError
from kubectl_sops.files.encrypt import seal, stash_of
from kubectl_sops.formats.yaml import parse

KEY = bytes(range(32))
METADATA = new([[KeyEntry("age", {"enc": "wrapped\n", "recipient": "age1a"})]])


def sealed(text, base=None):
    """The encrypted text; of a ``base`` that was decrypted and edited, ciphertexts are kept."""
    stash, metadata, like = None, METADATA, None
    if base is not None:
        like = parse(base)
        opened = open_leaves(like.leaves, like.metadata, KEY, containers=like.containers)
        stash, metadata = stash_of(like, opened, like.splice(opened.changes, None)), like.metadata
    plain = text.encode()
    return seal(parse(plain), plain, metadata, KEY, now="2026-01-01T00:00:00Z", stash=stash, like=like).data


def opened(data):
    document = parse(data)
    found = open_leaves(document.leaves, document.metadata, KEY, containers=document.containers)
    return document.splice(found.changes, None).decode()


def ciphertexts(data):
    return re.findall(r"ENC\[[^\]\\]*", data.decode().partition("sops:\n")[0])


def as_item(data):
    """The encrypted text as sops writes it: comments of a list are items."""
    return re.sub(rb"(?m)^( *)#(ENC.*)$", rb"\1- \2", data)


MOVED = {
    "into a flow list": ("k:\n- ab\n- 'cd'\n- \"ef\"\n", "k: [ab, 'cd', \"ef\"]\n"),
    "out of a flow list": ("k: [ab, 'cd', \"ef\", 12]\n", "k:\n- ab\n- 'cd'\n- \"ef\"\n- 12\n"),
    "block scalar into quotes": ("k: |\n  ab\n", 'k: "ab\\n"\n'),
    "block scalar to another indentation": ("k: |\n  ab\n", "k: |\n    ab\n"),
    "root into flow style": ("k: ab\n", "{k: ab}\n"),
    "list at another indentation": ("k:\n  - ab\n  - cd\n", "k:\n- ab\n- cd\n"),
    "around a comment": ("k: ab # c\n", "# c\nk: ab\n"),
}


@pytest.mark.parametrize("name", MOVED)
def test_moved_values_keep_their_ciphertexts(name):
    """The text that was written comes back, and every ciphertext is still there."""
    before, after = MOVED[name]
    base = sealed(before)
    edited = sealed(after, base)
    assert opened(edited) == after
    assert all(ciphertext in edited.decode() for ciphertext in ciphertexts(base))


LISTED = {
    "edited beside it": ("l:\n    # c\n    - a\n", "l:\n    # c\n    - b\n", "l:\n    - ENC\n    - ENC\n"),
    "behind the value": ("l:\n    # c\n    - a\n", "l:\n    - a # c\n", "l:\n    - ENC #ENC\n"),
    "another indentation": ("l:\n    # c\n    - a\n", "l:\n  # c\n  - a\n", "l:\n  - ENC\n  - ENC\n"),
    "not at the items": ("l:\n    # c\n    - a\n", "l:\n# c\n    - a\n", "l:\n#ENC\n    - ENC\n"),
    "into a flow list": ("l:\n    # c\n    - a\n", "l: [a] # c\n", "l: ['ENC'] #ENC\n"),
    "into a map": ("l:\n    # c\n    - a\n", "l:\n    # c\n    k: a\n", "l:\n    #ENC\n    k: ENC\n"),
    "a list of it alone": ("l:\n    # c\n    []\n", "l:\n    # c\n    []\n", "l:\n    - ENC\n"),
    "an item beside it": ("l:\n    # c\n    []\n", "l:\n    # c\n    - a\n", "l:\n    - ENC\n    - ENC\n"),
    "in a nested list": ("l:\n    - # c\n      - a\n", "l:\n    - # c\n      - a\n", "l:\n    - - ENC\n      - ENC\n"),
}


@pytest.mark.parametrize("name", LISTED)
def test_comments_that_sops_keeps_as_items(name):
    """Where they stay in their list they stay items, so that nothing else changes; elsewhere they become comments."""
    before, after, expected = LISTED[name]
    base = as_item(sealed(before)).replace(b"    []\n", b"")
    if name == "in a nested list":
        base = base.replace(b"- #ENC", b"- - ENC")
    assert opened(base) == before
    edited = sealed(after, base)
    assert re.sub(r"ENC\[[^\]]*\]", "ENC", edited.decode()).startswith(expected + "sops:\n")
    assert opened(edited) == after


def test_an_encrypted_comment_in_a_flow_list():
    """There is no room for a comment; the error says where it stands."""
    base = sealed("l:\n    # c\n    - a\n").decode()
    comment, value = re.findall(r"ENC\[[^\]]*\]", base)[:2]
    flow = base.replace(f"\n    #{comment}\n    - {value}", f' ["{comment}", "{value}"]')
    with pytest.raises(ParseError, match="flow style") as caught:
        opened(flow.encode())
    assert caught.value.path == ("l",)


def test_a_multi_line_value_at_the_very_end():
    """Without a final line break a block would lose the last one of the value."""
    data = sealed('a: &x "x\\n"\nb: *x')
    assert opened(data) == 'a: &x "x\\n"\nb: "x\\n"'
