"""Sealing, opening and verifying leaves."""

from __future__ import annotations

import itertools

import pytest

from kubectl_sops.core import metadata as metadata_module
from kubectl_sops.core.document import (
    Stash,
    Token,
    difference,
    open_leaves,
    seal_comments,
    seal_leaves,
)
from kubectl_sops.core.leaf import Leaf
from kubectl_sops.core.metadata import KeyEntry
from kubectl_sops.core.selectors import Selector
from kubectl_sops.core.values import EMPTY_LIST, EMPTY_MAP, Comment, Sealed, Time
from kubectl_sops.errors import MacMismatchError, MacMissingError, ValueAuthError

KEY = bytes(range(32))
NOW = "2026-11-22T03:54:50Z"
counter = itertools.count()


def random_bytes(size):
    return next(counter).to_bytes(size, "big")


def entry(**options):
    return metadata_module.new([[KeyEntry("age", {"recipient": "age1a", "enc": "e"})]], **options)


def leaves():
    return [
        Leaf((), Comment(" head")),
        Leaf(("a",), "x"),
        Leaf(("n",), None),
        Leaf(("e",), ""),
        Leaf(("l", 0), 1),
        Leaf(("l", 1), 1.5),
        Leaf(("l", 2), True),
        Leaf(("m",), EMPTY_MAP),
        Leaf(("k",), EMPTY_LIST),
        Leaf(("t",), Time("2020-01-02T00:00:00Z")),
        Leaf(("p_unencrypted",), "plain"),
    ]


def sealed(items, meta, **options):
    changes, meta = seal_leaves(items, meta, KEY, now=NOW, random_bytes=random_bytes, **options)
    result = [Leaf(leaf.path, leaf.value, document=leaf.document) for leaf in items]
    for index, value in changes.items():
        assert type(value) in (Sealed, Token)
        result[index].value = Comment(value) if items[index].is_comment else str(value)
    return result, meta


@pytest.mark.parametrize("only", [False, True])
def test_round_trip(only):
    """Opening gives every value and type back, and what is not selected stays as it is."""
    result, meta = sealed(leaves(), entry(mac_only_encrypted=only))
    assert [leaf.value for leaf in result][2:4] == [None, ""]
    assert result[10].value == "plain"
    opened = open_leaves(result, meta, KEY)
    for index, value in opened.changes.items():
        result[index].value = value
    assert difference(leaves(), result) is None
    assert result[0].value == Comment(" head")
    assert opened.unopened_comments == []


def test_the_mac_covers_plain_values():
    """Changing a value that is not encrypted is noticed, unless the MAC covers encrypted values only."""
    result, meta = sealed(leaves(), entry())
    result[10].value = "changed"
    with pytest.raises(MacMismatchError, match="MAC mismatch"):
        open_leaves(result, meta, KEY)
    assert open_leaves(result, meta, KEY, ignore_mac=True).changes
    result, meta = sealed(leaves(), entry(mac_only_encrypted=True))
    result[10].value = "changed"
    assert open_leaves(result, meta, KEY).changes


def test_an_old_value_put_back_is_noticed():
    """A ciphertext of an earlier version opens, but the MAC does not agree."""
    old, _ = sealed([Leaf(("a",), "old")], entry())
    new, meta = sealed([Leaf(("a",), "new")], entry())
    new[0].value = old[0].value
    with pytest.raises(MacMismatchError):
        open_leaves(new, meta, KEY)


def test_a_missing_or_foreign_mac():
    """No MAC, and a MAC of another time, are refused."""
    result, meta = sealed(leaves(), entry())
    with pytest.raises(MacMissingError):
        open_leaves(result, meta.replace(mac=""), KEY)
    with pytest.raises(MacMismatchError, match="can't be decrypted"):
        open_leaves(result, meta.replace(lastmodified="2026-11-22T03:54:51Z"), KEY)


@pytest.mark.parametrize("value", ["hunter2", 17], ids=["text", "number"])
def test_a_plain_value_where_ciphertext_belongs(value):
    """The error names the key path and not the value."""
    result, meta = sealed(leaves(), entry())
    result[1].value = value
    with pytest.raises(ValueAuthError) as caught:
        open_leaves(result, meta, KEY)
    assert caught.value.path == ("a",)
    assert str(value) not in str(caught.value)


def test_swapped_values_name_the_place():
    """Two ciphertexts that changed places do not authenticate there."""
    result, meta = sealed([Leaf(("a",), "x"), Leaf(("b",), "y")], entry())
    result[0].value, result[1].value = result[1].value, result[0].value
    with pytest.raises(ValueAuthError) as caught:
        open_leaves(result, meta, KEY)
    assert str(caught.value).startswith("a: ")


def test_list_comments_take_no_part_in_the_mac():
    """An encrypted comment that sops stored as a list item becomes a comment and is not hashed."""
    items = [Leaf(("l", 0), "x")]
    result, meta = sealed(items, entry())
    comment, _ = seal_leaves([Leaf(("l",), Comment(" c"))], entry(), KEY, now=NOW, random_bytes=random_bytes)
    result.insert(0, Leaf(("l", 0), str(comment[0])))
    opened = open_leaves(result, meta, KEY)
    assert opened.changes[0] == Comment(" c")
    assert type(opened.changes[0]) is Comment


def test_a_comment_is_tried_in_every_container():
    """A comment whose container was guessed wrong still opens; a plain or foreign one is reported, not refused."""
    comment, _ = seal_leaves([Leaf(("m",), Comment(" c"))], entry(), KEY, now=NOW, random_bytes=random_bytes)
    result, meta = sealed([Leaf(("m", "a"), "x")], entry())
    result.append(Leaf((), Comment(comment[0])))
    opened = open_leaves(result, meta, KEY, containers=[(), ("m",)])
    assert opened.changes[1] == " c"
    result.append(Leaf((), Comment("plain")))
    assert open_leaves(result, meta, KEY).unopened_comments == [1, 2]


def test_unchanged_values_keep_their_ciphertext():
    """With a stash, equal values at equal places are written as before, list elements in order."""
    items = [Leaf(("a",), "x"), Leaf(("l", 0), "same"), Leaf(("l", 1), "same"), Leaf(("b",), "old")]
    before, meta = sealed(items, entry())
    stash = Stash()
    for index, value in open_leaves(before, meta, KEY).changes.items():
        stash.add(before[index].path, value, before[index].value, token=Token("T"), plain_token=Token("P"))
    items[3].value = "new"
    tokens = {0: "P", 1: "other", 2: "other", 3: "P"}
    after, _ = sealed(items, meta, stash=stash, token=lambda index: Token(tokens[index]))
    assert after[0].value == "T"
    assert [leaf.value for leaf in after][1:3] == [leaf.value for leaf in before][1:3]
    assert after[3].value not in ("T", before[3].value)


def test_types_do_not_share_a_stash_entry():
    """The int 5 and the text 5 are different values."""
    stash = Stash()
    stash.add(("a",), 5, "ENC[five]")
    assert stash.take("a:", "5", lambda: Token("")) is None
    assert stash.take("a:", 5, lambda: Token("")) == "ENC[five]"


def test_comments_in_a_second_pass():
    """Comments can be left for later, and are then sealed where they stand."""
    items = [Leaf((), Comment(" c")), Leaf(("a",), "x"), Leaf((), Comment(""))]
    result, meta = sealed(items, entry(), comments=False)
    assert result[0].value == " c"
    changes = seal_comments(result, meta, KEY, random_bytes=random_bytes)
    assert list(changes) == [0]
    result[0].value = Comment(changes[0])
    assert open_leaves(result, meta, KEY).changes[0] == " c"
    assert seal_comments(result, meta, KEY, random_bytes=random_bytes) == {}


def test_a_blob_records_no_selector():
    """The empty selector is for the binary format, whose one value is always sealed."""
    result, meta = sealed([Leaf(("data",), "x")], entry(selector=Selector("", "")))
    assert str(result[0].value).startswith("ENC[")
    assert "unencrypted_suffix" not in meta.tree


@pytest.mark.parametrize(
    ("after", "where"),
    [
        ([Leaf(("a",), 1), Leaf(("b",), 2)], None),
        ([Leaf(("a",), 1)], "b"),
        ([Leaf(("a",), 1), Leaf(("b",), 2), Leaf(("c",), 3)], "c"),
        ([Leaf(("a",), 1), Leaf(("b",), 2.0)], "b"),
        ([Leaf(("a",), 1), Leaf(("b",), 2, document=1)], "b"),
        ([Leaf(("a",), True), Leaf(("b",), 2)], "a"),
    ],
)
def test_difference_names_the_first_place(after, where):
    """Values, types, places and documents are compared; comments are not."""
    assert difference([Leaf(("a",), 1), Leaf((), Comment("c")), Leaf(("b",), 2)], after) == where


def test_nan_equals_itself():
    """NaN is the same data as NaN."""
    assert difference([Leaf(("a",), float("nan"))], [Leaf(("a",), float("nan"))]) is None
