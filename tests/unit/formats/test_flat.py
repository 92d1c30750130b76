"""Metadata as flat names, and scalars as text."""

from __future__ import annotations

import pytest

from kubectl_sops.core.values import Time
from kubectl_sops.errors import MetadataError
from kubectl_sops.formats import flat

TREE = {
    "age": [{"enc": "a\n", "recipient": "r"}, {"enc": "b", "recipient": "s"}],
    "key_groups": [{"kms": [{"arn": "x", "context": {"k": "v"}}], "age": []}],
    "mac_only_encrypted": True,
    "shamir_threshold": 2,
    "version": "3",
}
FLAT = {
    "age__list_0__map_enc": "a\n",
    "age__list_0__map_recipient": "r",
    "age__list_1__map_enc": "b",
    "age__list_1__map_recipient": "s",
    "key_groups__list_0__map_kms__list_0__map_arn": "x",
    "key_groups__list_0__map_kms__list_0__map_context__map_k": "v",
    "mac_only_encrypted": "true",
    "shamir_threshold": "2",
    "version": "3",
}


def test_a_tree_is_flattened_in_order():
    """Maps and lists become parts of names; empty containers have no name."""
    assert list(flat.flatten(TREE).items()) == list(FLAT.items())


def test_flat_names_become_the_tree():
    """Unflattening undoes flattening, but for types and empty containers."""
    tree = flat.unflatten(FLAT.items())
    assert list(tree) == list(TREE)
    assert tree["age"] == TREE["age"]
    assert tree["key_groups"] == [{"kms": [{"arn": "x", "context": {"k": "v"}}]}]
    assert tree["shamir_threshold"] == "2"


def test_list_items_may_come_in_any_order():
    """Files of sops 3.11 and before list 10 before 2, or have their lines in random order."""
    names = [(f"l__list_{i}", str(i)) for i in (10, 3, *range(3), *range(4, 10))]
    assert flat.unflatten(names) == {"l": [str(i) for i in range(11)]}


@pytest.mark.parametrize(
    "names",
    [
        ["l__list_0", "l__list_2"],
        ["l__list_1"],
        ["a", "a"],
        ["a", "a__map_b"],
        ["a__map_b", "a"],
        ["a__list_0", "a__map_b"],
        ["a__list_x", "a__list_0"],
    ],
)
def test_names_that_contradict_each_other_are_refused(names):
    """Gaps in lists, the same name twice, and a value where a container is are errors."""
    with pytest.raises(MetadataError):
        flat.unflatten((name, "v") for name in names)


def test_an_index_that_is_no_number_counts_as_0():
    """sops reads such an index as 0."""
    assert flat.unflatten([("a__list_x", "v")]) == {"a": ["v"]}


def test_new_names_join_their_neighbours():
    """Names keep their old order; new ones follow the name that they follow in the new order."""
    assert flat.revised_order(["z", "b", "a"], dict.fromkeys("abcz", "")) == ["z", "b", "c", "a"]
    assert flat.revised_order(["b", "c"], dict.fromkeys("ab", "")) == ["a", "b"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("x", "x"), (5, "5"), (True, "true"), (False, "false"), (None, "<nil>"),
        (1.0, "1.0"), (-0.0, "-0.0"), (0.5, "0.5"), (123456.0, "123456.0"), (1e6, "1E+06"), (1234567.0, "1.234567E+06"),
        (1e21, "1E+21"), (1e-4, "0.0001"), (1e-5, "1E-05"), (1.5e-7, "1.5E-07"), (1e300, "1E+300"),
        (float("inf"), "+Inf"), (float("-inf"), "-Inf"), (float("nan"), "NaN"),
        (Time("2020-01-02T00:00:00.5+02:00"), "2020-01-02T00:00:00+02:00"),
    ],
)  # fmt: skip
def test_scalars_are_printed_as_by_sops(value, text):
    """Floats keep a point or an exponent, times lose their fraction, null is ``<nil>``."""
    assert flat.scalar_text(value) == text
