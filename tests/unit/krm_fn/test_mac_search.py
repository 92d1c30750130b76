"""Finding the order that a file had."""

from __future__ import annotations

from hashlib import sha512
from typing import Any

import pytest

from krm_fn import mac_search
from krm_fn.object_leaves import leaves_of
from krm_fn.sealed_group import Group
from kubectl_sops.core.metadata import Metadata
from kubectl_sops.core.values import encode


def group(*resources: dict[str, Any]) -> Group:
    """Resources as if they were decrypted already."""
    made = Group(Metadata({}))
    for resource in resources:
        made.add(resource, ())
        member = made.members[-1]
        member.hashed = {leaf.path: encode(leaf.value) for leaf in member.leaves}
    return made


def digest(*values: str) -> bytes:
    return sha512("".join(values).encode()).digest()


def test_the_order_of_every_map_is_searched() -> None:
    """Top level, metadata, labels and data at once; lists keep their order."""
    received = {
        "apiVersion": "v1", "kind": "Secret",
        "metadata": {"labels": {"a": "la", "b": "lb"}, "name": "n"},
        "stringData": {"a": "1", "b": "2", "c": "3"}, "type": "t", "list": ["x", "y"],
    }  # fmt: skip
    wanted = digest("v1", "Secret", "n", "lb", "la", "t", "x", "y", "3", "1", "2")
    assert mac_search.find(group(received), wanted, b"") is None
    swapped = digest("v1", "Secret", "n", "lb", "la", "t", "y", "x", "3", "1", "2")
    assert mac_search.find(group(received), swapped, b"") is not None


def test_a_changed_value_is_in_no_order() -> None:
    """And the answer says that every order was tried."""
    received = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "n"}, "stringData": {"a": "1", "b": "2"}}
    answer = mac_search.find(group(received), digest("v1", "Secret", "n", "1", "3"), b"")
    assert answer is not None
    assert "a value was changed, added or removed" in answer


def test_eight_keys_are_searched_and_ten_are_not() -> None:
    """The bound is a number of keys and of candidates, never time."""

    def received(count: int) -> dict[str, Any]:
        values = {f"k{number}": f"v{number}" for number in range(count)}
        return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "n"}, "stringData": values}

    backwards = [f"v{number}" for number in reversed(range(8))]
    assert mac_search.find(group(received(8)), digest("v1", "Secret", "n", *backwards), b"") is None
    answer = mac_search.find(group(received(10)), digest("never"), b"")
    assert answer == "the order of more than 8 keys in stringData is too much to search"


def test_renames_are_undone() -> None:
    """By what kustomize notes about earlier names and namespaces; ``default`` stands for none."""
    received = {
        "apiVersion": "v1", "kind": "Secret", "stringData": {"a": "1"},
        "metadata": {
            "name": "pre-n", "namespace": "prod",
            "annotations": {
                "internal.config.kubernetes.io/previousNames": "n,n",
                "internal.config.kubernetes.io/previousNamespaces": "default,prod",
            },
        },
    }  # fmt: skip
    assert mac_search.find(group(received), digest("v1", "Secret", "n", "1"), b"") is None
    received["metadata"]["annotations"]["internal.config.kubernetes.io/previousNamespaces"] = "dev,prod"  # type: ignore[index]
    assert mac_search.find(group(received), digest("v1", "Secret", "n", "dev", "1"), b"") is None


def test_added_labels_are_left_out_but_nothing_encrypted() -> None:
    """Any subset of the plain labels and annotations may be kustomize's."""
    received = {
        "apiVersion": "v1", "kind": "Secret", "stringData": {"a": "1"},
        "metadata": {"name": "n", "labels": {"mine": "m", "team": "t"}, "annotations": {"note": "x"}},
    }  # fmt: skip
    assert mac_search.find(group(received), digest("v1", "Secret", "n", "m", "1"), b"") is None
    made = group(received)
    made.members[0].sealed[("metadata", "labels", "team")] = "ENC[…]"
    assert mac_search.find(made, digest("v1", "Secret", "n", "m", "1"), b"") is not None
    assert mac_search.find(group(received), digest("v1", "Secret", "n", "m", "t", "x"), b"") is not None


def test_documents_of_one_file_are_searched_together() -> None:
    """Each in its own order, the documents as received."""
    one = {"kind": "A", "stringData": {"a": "1", "b": "2"}}
    two = {"kind": "B", "stringData": {"c": "3", "d": "4"}}
    assert mac_search.find(group(one, two), digest("A", "2", "1", "B", "4", "3"), b"") is None
    assert mac_search.find(group(one, two), digest("B", "4", "3", "A", "2", "1"), b"") is not None


@pytest.mark.parametrize(("count", "found"), [(1, True), (9, True), (10, False)])
def test_flat_values(count: int, found: bool) -> None:
    """Variables of a dotenv file; empty ones do not count."""
    hashed: Any = {(f"k{number}",): f"v{number}".encode() for number in range(count)} | {("empty",): b""}
    wanted = digest(*(f"v{number}" for number in reversed(range(count))))
    assert (mac_search.find_flat(hashed, wanted, b"") is None) is found


def test_the_seed_counts() -> None:
    """``mac_only_encrypted`` starts the hash with it."""
    assert mac_search.matches(sha512(b"seed" + b"v").digest(), b"seed", [b"v"])
    assert not mac_search.matches(sha512(b"v").digest(), b"seed", [b"v"])


def test_leaves_of_an_object_know_their_place() -> None:
    """Setting one changes the object."""
    value: dict[str, Any] = {"a": {"b": [1, {"c": "x"}]}, "e": {}, "l": []}
    leaves = leaves_of(value, 3)
    assert [leaf.path for leaf in leaves] == [("a", "b", 0), ("a", "b", 1, "c"), ("e",), ("l",)]
    assert {leaf.document for leaf in leaves} == {3}
    leaves[0].set(2)
    leaves[1].set("y")
    assert value["a"] == {"b": [2, {"c": "y"}]}
