"""One pass from one data key to another gives what opening and sealing give, and proves as much."""

from __future__ import annotations

import os

import pytest

from kubectl_sops.core import mac
from kubectl_sops.core.cipher import Cipher
from kubectl_sops.core.document import open_leaves, seal_leaves
from kubectl_sops.core.leaf import Leaf
from kubectl_sops.core.metadata import new
from kubectl_sops.core.reseal import reseal
from kubectl_sops.core.selectors import Selector
from kubectl_sops.core.values import Time
from kubectl_sops.errors import MacMismatchError, MacMissingError, ValueAuthError
from kubectl_sops.formats.yaml_usual import take_apart

KEY, FRESH = bytes(range(32)), bytes(32)
NOW, LATER = "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"
VALUES = ["text", "", 12, 1.5, True, Time("2020-01-02T00:00:00Z"), None, "\udcff ä", "x" * 5000]


def document(values, *, only_encrypted=False):
    leaves = [Leaf(("name",), "plain"), *(Leaf(("data", f"k{i}"), value) for i, value in enumerate(values))]
    metadata = new([], selector=Selector("encrypted_regex", "^data$"), mac_only_encrypted=only_encrypted)
    changes, metadata = seal_leaves(leaves, metadata, KEY, now=NOW, random_bytes=os.urandom)
    return [Leaf(leaf.path, changes.get(i, leaf.value)) for i, leaf in enumerate(leaves)], metadata


def text_of(leaves):
    return "".join(f"{leaf.path[-1]}: {leaf.value}\n" for leaf in leaves)


def run(leaves, metadata, text=None):
    parts = take_apart(text_of(leaves) if text is None else text)
    result, computed = reseal(parts, leaves, metadata, KEY, FRESH, random_bytes=os.urandom)
    return result, mac.record(Cipher(FRESH), metadata, computed, LATER, os.urandom(32))


@pytest.mark.parametrize("only_encrypted", [False, True])
def test_the_same_values_come_out_under_the_other_key(only_encrypted):
    """All types, and the texts around them; under the old key nothing opens any more."""
    leaves, metadata = document(VALUES, only_encrypted=only_encrypted)
    text, after = run(leaves, metadata)
    lines = [line.split(": ", 1)[1] for line in text.splitlines()]
    again = [Leaf(leaf.path, line if str(leaf.value).startswith("ENC[") else leaf.value)
             for leaf, line in zip(leaves, lines, strict=True)]  # fmt: skip
    opened = open_leaves(again, after, FRESH)
    assert list(opened.changes.values()) == [value for value in VALUES if value is not None]
    assert [type(value) for value in opened.changes.values()] == [type(value) for value in VALUES if value is not None]
    assert after.lastmodified == LATER
    with pytest.raises(ValueAuthError):
        open_leaves(again, after, KEY)


def test_other_spellings_of_a_type_are_written_as_sops_does():
    """sops accepts ``true`` and writes ``True``, over which the MAC is computed."""
    leaves, metadata = document([True])
    sealed = Cipher(KEY).seal_bytes(b"true", "bool", b"data:k0:", os.urandom(32))
    leaves[1] = Leaf(leaves[1].path, sealed)
    text, after = run(leaves, metadata)
    opened = open_leaves([leaves[0], Leaf(leaves[1].path, text.split("k0: ")[1].rstrip("\n"))], after, FRESH)
    assert opened.changes == {1: True}


def test_exchanged_values_do_not_authenticate():
    """A ciphertext opens at its own place only."""
    leaves, metadata = document(["one", "two"])
    leaves[1].value, leaves[2].value = leaves[2].value, leaves[1].value
    with pytest.raises(ValueAuthError):
        run(leaves, metadata)


def test_a_changed_plain_value_does_not_authenticate():
    """The MAC covers it."""
    leaves, metadata = document(["one"])
    leaves[0].value = "other"
    with pytest.raises(MacMismatchError):
        run(leaves, metadata)


def test_a_file_without_a_mac_is_not_trusted():
    """As everywhere."""
    leaves, metadata = document(["one"])
    with pytest.raises(MacMissingError):
        run(leaves, metadata.replace(mac=""))


def test_text_and_leaves_have_to_belong_together():
    """One ciphertext more or less than there are leaves for."""
    leaves, metadata = document(["one", "two"])
    with pytest.raises(ValueAuthError):
        run(leaves[:-1], metadata, text_of(leaves))
    with pytest.raises(ValueAuthError):
        run(leaves, metadata, text_of(leaves[:-1]))
    with pytest.raises(ValueAuthError):
        run(leaves, metadata, text_of([*leaves, Leaf(("other",), leaves[1].value)]))


@pytest.mark.parametrize(
    "tamper",
    [lambda v: v.replace("type:str", "type:comment"), lambda v: "x " + v, lambda v: f'"{v}"', lambda v: "plain"],
)
def test_what_only_looks_like_a_value_is_not_taken_for_one(tamper):
    """A type that takes a value out of the MAC, and text around a ciphertext."""
    leaves, metadata = document(["one", "two"])
    leaves[1].value = tamper(leaves[1].value)
    with pytest.raises(ValueAuthError):
        run(leaves, metadata)


def test_a_ciphertext_within_a_plain_value_does_not_stand_for_another():
    """The second value is plain, and its ciphertext stands in text that is not encrypted: nothing is missing."""
    leaves, metadata = document(["one", "two"], only_encrypted=True)
    leaves[0].value, leaves[1].value = f"x {leaves[1].value}", "plain"
    with pytest.raises(ValueAuthError):
        run(leaves, metadata)
