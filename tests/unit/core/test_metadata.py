"""The ``sops`` entry: reading every layout, changing only what changed."""

from __future__ import annotations

import pytest

from kubectl_sops.core import metadata
from kubectl_sops.core.metadata import KeyEntry, Metadata, normalise_time, shuts_out
from kubectl_sops.core.selectors import Selector
from kubectl_sops.errors import MetadataError

AGE = {"recipient": "age1a", "enc": "x\n"}
FULL = {
    "kms": [],
    "age": [AGE],
    "lastmodified": "2026-11-22T03:54:50Z",
    "mac": "ENC[m]",
    "pgp": None,
    "unencrypted_suffix": "_unencrypted",
    "version": "3.11.0",
}


def test_reading():
    """Fields, keys and the selector are found, empty and null key lists are skipped."""
    entry = Metadata(FULL)
    entry.require_readable()
    assert (entry.mac, entry.lastmodified, entry.version) == ("ENC[m]", "2026-11-22T03:54:50Z", "3.11.0")
    assert [[(key.kind, key.id, key.enc) for key in group] for group in entry.groups] == [[("age", "age1a", "x\n")]]
    assert entry.selector.text == "_unencrypted"


def test_names_are_matched_without_regard_to_case():
    """sops 3.13 reads ``MAC:`` and ``Age:``."""
    entry = Metadata({"MAC": "m", "Age": [{"Recipient": "age1a", "ENC": "e"}], "shamir_threshold": "2"})
    assert entry.mac == "m"
    assert entry.groups[0][0].id == "age1a"
    assert entry.shamir_threshold == 2


@pytest.mark.parametrize(("text", "expected"), [("true", True), (True, True), ("1", True), ("", False), (False, False)])
def test_weak_booleans(text, expected):
    """Text from flat formats counts as a boolean."""
    assert Metadata({"mac_only_encrypted": text}).mac_only_encrypted is expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("2026-11-22T03:54:50Z", "2026-11-22T03:54:50Z"),
        ("2026-11-22T03:54:50.123Z", "2026-11-22T03:54:50Z"),
        ("2026-11-22T03:54:50+00:00", "2026-11-22T03:54:50Z"),
        ("2026-11-22T03:54:50+02:00", "2026-11-22T03:54:50+02:00"),
    ],
)
def test_times(given, expected):
    """Fractions are dropped and the offset is kept, as Go prints a parsed time."""
    assert normalise_time(given) == expected


@pytest.mark.parametrize(
    ("tree", "text"),
    [
        ({**FULL, "version": ""}, "version"),
        ({**FULL, "version": "new"}, "version"),
        ({**FULL, "lastmodified": "hunter2"}, "RFC 3339"),
    ],
)
def test_unreadable(tree, text):
    """A missing version or a broken time is refused, without showing it."""
    with pytest.raises(MetadataError, match=text) as caught:
        Metadata(tree).require_readable()
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("tree", "text"),
    [
        ({}, "no keys"),
        ({"age": "x"}, "not a list"),
        ({"age": ["x"]}, "not a mapping"),
        ({"key_groups": [1]}, "not a mapping"),
    ],
)
def test_keys_of_the_wrong_shape(tree, text):
    """Keys that can't be read are an error, not an empty list."""
    with pytest.raises(MetadataError, match=text):
        _ = Metadata(tree).groups


def test_two_selectors_are_refused():
    """A file selects in one way only."""
    with pytest.raises(MetadataError, match="more than one"):
        _ = Metadata({"encrypted_regex": "a", "encrypted_suffix": "b"}).selector


def test_a_threshold_that_is_no_number():
    """The message says which field, not what it holds."""
    with pytest.raises(MetadataError, match="not a number"):
        _ = Metadata({"shamir_threshold": "two"}).shamir_threshold


def test_replacing_keeps_the_order():
    """Changed fields stay where they are, whatever their case, and ``None`` removes."""
    entry = Metadata({"MAC": "old", "lastmodified": "x", "custom": 1}).replace(mac="new", lastmodified=None)
    assert list(entry.tree.items()) == [("MAC", "new"), ("custom", 1)]


def test_changing_keys_keeps_everything_else():
    """New key lists take the place of the old ones; other fields, unknown ones too, keep theirs."""
    old = Metadata({"kms": [], "age": [AGE], "future": "kept", "mac": "m", "version": "3.11.0"})
    entry = old.with_groups([[KeyEntry("age", AGE), KeyEntry("pgp", {"fp": "F", "enc": "e"})]], 0)
    assert list(entry.tree) == ["age", "future", "mac", "pgp", "version"]
    assert entry.tree["age"] == [AGE]


def test_several_groups():
    """Groups are listed with hc_vault and age even where they are empty, and the threshold is recorded."""
    entry = metadata.new([[KeyEntry("age", AGE)], [KeyEntry("pgp", {"fp": "F", "enc": "e"})]], shamir_threshold=2)
    assert entry.tree["key_groups"] == [
        {"age": [AGE], "hc_vault": []},
        {"age": [], "hc_vault": [], "pgp": [{"fp": "F", "enc": "e"}]},
    ]
    assert entry.shamir_threshold == 2
    assert [[key.kind for key in group] for group in entry.groups] == [["age"], ["pgp"]]
    single = entry.with_groups([[KeyEntry("age", AGE)]], 0)
    assert "key_groups" not in single.tree
    assert "shamir_threshold" not in single.tree


def test_a_new_entry_is_sorted():
    """Fields of a new file stand in the order of sops 3.13, and the selector is always recorded."""
    tree = metadata.new([[KeyEntry("age", AGE)]], mac_only_encrypted=True).tree
    assert list(tree) == ["age", "lastmodified", "mac", "mac_only_encrypted", "unencrypted_suffix", "version"]
    assert "unencrypted_suffix" not in metadata.new([[KeyEntry("age", AGE)]], selector=Selector("", "")).tree


@pytest.mark.parametrize(
    ("kind", "fields", "expected"),
    [
        ("age", AGE, "age1a"),
        ("pgp", {"fp": "ABC"}, "ABC"),
        ("kms", {"arn": "arn:x"}, "arn:x"),
        ("kms", {"arn": "arn:x", "role": "r", "context": {"b": "2", "a": "1"}}, "arn:x+r|a:1,b:2"),
        ("kms", {"arn": "arn:x", "aws_profile": "p"}, "arn:x||p"),
        ("azure_kv", {"vault_url": "https://v", "name": "n", "version": "1"}, "https://v/keys/n/1"),
        ("hc_vault", {"vault_address": "https://v", "engine_path": "t", "key_name": "k"}, "https://v/v1/t/keys/k"),
        ("gcp_kms", {"resource_id": "projects/p"}, "projects/p"),
        ("hckms", {"key_id": "r:1"}, "r:1"),
    ],
)
def test_ids(kind, fields, expected):
    """The text by which sops compares keys."""
    entry = KeyEntry(kind, fields)
    assert entry.id == expected
    assert entry.with_enc("new").enc == "new"
    assert "enc" not in repr(entry)


@pytest.mark.parametrize(
    ("before", "threshold", "after", "new_threshold", "expected"),
    [
        ("AB", 0, "AB", 0, False),
        ("AB", 0, "A", 0, True),
        ("A", 0, "AB", 0, False),
        ("A", 0, "A|B", 0, True),
        ("A|B", 2, "AB", 0, False),
        ("A|B", 2, "A", 0, True),
        ("A|B|C", 2, "A|B|C", 3, True),
        ("A|B|C", 3, "A|B|C", 2, False),
        ("A|B|C", 2, "A|B|CD", 2, False),
        ("A|BC", 2, "AB|C", 2, True),
        ("A|B|C", 2, "AB|C|D", 2, True),
        ("A|A", 2, "A|B", 2, True),
    ],
)
def test_who_is_shut_out(before, threshold, after, new_threshold, expected):
    """People who could open a file, alone or together, and can't afterwards."""
    groups = [
        [[KeyEntry("age", {"recipient": name}) for name in group] for group in text.split("|")]
        for text in (before, after)
    ]
    assert shuts_out(groups[0], threshold, groups[1], new_threshold) is expected
