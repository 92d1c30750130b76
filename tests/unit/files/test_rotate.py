"""Rotation without writing plaintext gives the same data and the same layout, in every format."""

from __future__ import annotations

import pytest
from pyrage import x25519

from kubectl_sops import formats
from kubectl_sops.core.leaf import Leaf
from kubectl_sops.core.reseal import near
from kubectl_sops.core.selectors import Selector
from kubectl_sops.core.values import Comment
from kubectl_sops.errors import MacMismatchError, ValueAuthError
from kubectl_sops.files import rotate
from kubectl_sops.files.decrypt import decrypt, open_document, parse_encrypted
from kubectl_sops.files.encrypt import Recipe, encrypt
from kubectl_sops.files.reseal import reseal
from kubectl_sops.formats.yaml_usual import take_apart
from kubectl_sops.keys import system
from kubectl_sops.keys.keyring import Keyring

IDENTITY = x25519.Identity.generate()
KEYRING = Keyring({}, identities=[str(IDENTITY)], source="none")
GROUPS = [list(system("age").parse_recipients(str(IDENTITY.to_public())))]
NOW = "2026-01-01T00:00:00Z"

TEXTS = {
    "yaml": ("yaml", b"a: one\nb: 'two'\nc: \"three\"\nd: |\n  four\n  lines\ne: >-\n  five\nf: [1, 'x', \"y\", z]\n"
                     b"g: {h: true, i: null, j: ''}\nk: 1.50\nl: 2020-01-02\nm_unencrypted: plain\nn: []\n"),
    "stream": ("yaml", b"a: 1\n---\nb: 2\n"),
    "json": ("json", b'{"a": "one", "b": [1, 2.50, "x", null, {}], "c_unencrypted": true}\n'),
    "dotenv": ("dotenv", b"A=1\nB=two words\nC=\n"),
    "ini": ("ini", b"[s]\na = 1\nb = two\n"),
    "binary": ("binary", b"\x00\xff"),
}  # fmt: skip


@pytest.mark.parametrize(("kind", "text"), TEXTS.values(), ids=TEXTS)
def test_the_same_text_comes_back(kind, text):
    """Quotes, blocks and flow collections survive, and no ciphertext stays."""
    data = encrypt(text, kind, Recipe(GROUPS, selector=Selector()), KEYRING, now=NOW).data
    rotated = rotate.rotate(data, kind, KEYRING, now="2026-01-02T00:00:00Z")
    assert decrypt(rotated, kind, KEYRING) == decrypt(data, kind, KEYRING)
    before = {str(leaf.value) for leaf in formats.parse(data, kind).leaves if str(leaf.value).startswith("ENC[")}
    after = {str(leaf.value) for leaf in formats.parse(rotated, kind).leaves if str(leaf.value).startswith("ENC[")}
    assert len(after) == len(before)
    assert not before & after


@pytest.mark.parametrize(("kind", "text"), TEXTS.values(), ids=TEXTS)
def test_the_quick_way_is_taken(kind, text):
    """These documents need no second writing; otherwise the quick way would be of no use."""
    data = encrypt(text, kind, Recipe(GROUPS, selector=Selector()), KEYRING, now=NOW).data
    document, metadata = parse_encrypted(data, kind)
    opened, _ = open_document(document, metadata, KEYRING)
    assert reseal(document, opened, metadata, b"k" * 32, now=NOW) is not None


def test_comments_of_a_parsed_document_take_the_long_way():
    """Where there are comments, their place is found out anew."""
    data = encrypt(b"a: one # why\n", "yaml", Recipe(GROUPS, selector=Selector()), KEYRING, now=NOW).data
    document, metadata = parse_encrypted(data, "yaml")
    opened, _ = open_document(document, metadata, KEYRING)
    assert reseal(document, opened, metadata, b"k" * 32, now=NOW) is None
    assert decrypt(rotate.rotate(data, "yaml", KEYRING, now=NOW), "yaml", KEYRING) == b"a: one # why\n"


SECRET = b"apiVersion: v1\nkind: Secret\nmetadata:\n    name: x\nstringData:\n    a: one\n    b: 'two'\n    c: 3\n"
CHOICE = Selector("encrypted_regex", "^(data|stringData)$")


def _secret() -> bytes:
    return encrypt(SECRET, "yaml", Recipe(GROUPS, selector=CHOICE), KEYRING, now=NOW).data


def test_a_secret_needs_no_parser(monkeypatch):
    """Of a file of the usual form only the metadata is parsed, and everything around the ciphertexts stays."""
    data = _secret()
    monkeypatch.setattr(rotate, "parse_encrypted", None)
    rotated = rotate.rotate(data, "yaml", KEYRING, now="2026-01-02T00:00:00Z")
    assert decrypt(rotated, "yaml", KEYRING) == SECRET
    before, after = (take_apart(text.partition(b"\nsops:")[0].decode()) for text in (data, rotated))
    assert before[::5] == after[::5]
    assert all(old != new for old, new in zip(before[2::5], after[2::5], strict=True))  # the nonces


COMMENTED = b"""\
# of the file
apiVersion: v1
kind: Secret
metadata:
    # of the name
    name: x
stringData:
    # one
    a: one

    # two
    # more
    b: |
        lines
    c:
        # inner
        d: x
        # last
"""


@pytest.mark.parametrize("selector", [CHOICE, Selector()], ids=["data", "everything"])
def test_comments_are_sealed_where_they_stand(selector, monkeypatch):
    """A file with comments needs no parser, either; every comment gets a new ciphertext and opens."""
    data = encrypt(COMMENTED, "yaml", Recipe(GROUPS, selector=selector), KEYRING, now=NOW).data
    with monkeypatch.context() as patch:
        patch.setattr(rotate, "parse_encrypted", None)
        rotated = rotate.rotate(data, "yaml", KEYRING, now="2026-01-02T00:00:00Z")
    assert decrypt(rotated, "yaml", KEYRING) == COMMENTED
    ciphertexts = [{line for line in text.splitlines() if b"#ENC[" in line} for text in (data, rotated)]
    assert len(ciphertexts[0]) == len(ciphertexts[1]) > 4
    assert not ciphertexts[0] & ciphertexts[1]


def test_a_comment_that_somebody_added_is_encrypted():
    """In the clear among selected values it is for the long way, which encrypts it."""
    data = _secret().replace(b"    a: ENC", b"    # CANARY\n    a: ENC")
    rotated = rotate.rotate(data, "yaml", KEYRING, now=NOW)
    assert b"CANARY" not in rotated
    assert b"    # CANARY\n    a: one\n" in decrypt(rotated, "yaml", KEYRING)


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        (b"    a: ENC", b"    x: ENC", ("stringData", "x")),
        (b"name: x", b"name: y", None),
        (b"data:", b"data:AAAA", ("stringData", "a")),
        (b"type:str", b"type:comment", None),
        (b"a: ENC", b"a: x ENC", ("stringData", "a")),
    ],
    ids=["moved", "plain value", "damaged", "another type", "text before"],
)
def test_a_damaged_secret_is_refused_with_its_place(old, new, path):
    """The quick way leaves it to the careful one to say what is wrong."""
    data = _secret()
    at = data.index(old, data.index(b"stringData") if old not in (b"name: x",) else 0)
    broken = data[:at] + new + data[at + len(old) :]
    with pytest.raises((ValueAuthError, MacMismatchError)) as caught:
        rotate.rotate(broken, "yaml", KEYRING, now=NOW)
    assert (caught.value.path or None) == path
    if old == b"name: x":
        assert rotate.rotate(broken, "yaml", KEYRING, now=NOW, ignore_mac=True)


def test_no_key_is_asked_for_a_damaged_file(monkeypatch):
    """A service would have to wrap a data key that is thrown away, and its error would hide what is wrong."""
    broken = _secret().replace(b"name: x", b"name: y")
    monkeypatch.setattr(Keyring, "wrap", None)
    with pytest.raises(MacMismatchError):
        rotate.rotate(broken, "yaml", KEYRING, now=NOW)


def test_thousands_of_comments_in_a_row_take_no_time():
    """Looking for the values around each would take the square of that."""
    leaves = [Leaf(("data", "a"), "x"), *(Leaf(("data",), Comment("c")) for _ in range(200_000))]
    assert near(leaves, 100_000) == [("data",)]
    assert near(leaves, 5) == [("data",), ()]
    assert sum(len(near(leaves, index)) for index in range(1, 200_000, 100)) > 0
