"""Secrets: where values go."""

from __future__ import annotations

from typing import Any

import pytest

from krm_fn import checks, secret
from krm_fn.problems import ResourceError

SECRET: dict[str, Any] = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}}


def test_values_are_sorted_and_encoded() -> None:
    """Text that kustomize can't pass on goes to ``data`` in any case."""
    values = {"b": b"2", "a": b"\xff", "c": "\u0085".encode(), "d": b""}
    made = secret.build({"name": "s"}, values, kind="t", immutable=False, encode="stringData")
    assert made == SECRET | {
        "type": "t", "immutable": False, "data": {"a": "/w==", "c": "woU="}, "stringData": {"b": "2", "d": ""},
    }  # fmt: skip
    assert list(secret.build({"name": "s"}, values)["data"]) == ["a", "b", "c", "d"]  # type: ignore[call-overload]


def test_folding_keeps_the_place_and_what_is_no_value() -> None:
    """``stringData`` wins; a Secret without it stays the same object."""
    folded = secret.fold_string_data(
        SECRET | {"stringData": {"a": "x"}, "type": "t", "data": {"a": "b2xk", "b": "Yg=="}}
    )
    assert folded == SECRET | {"data": {"a": "eA==", "b": "Yg=="}, "type": "t"}
    assert secret.fold_string_data(SECRET | {"stringData": {}}) == SECRET
    plain = SECRET | {"data": {}}
    assert secret.fold_string_data(plain) is plain


@pytest.mark.parametrize("value", [1, True, None, ["x"]])
def test_only_text_is_folded(value: object) -> None:
    """The API server would refuse it, without a file name."""
    with pytest.raises(ResourceError, match=r"Secret s: stringData\.a: the values of a Secret are text"):
        secret.fold_string_data(SECRET | {"stringData": {"a": value}})


@pytest.mark.parametrize("text", ["YQ==", "Y Q\n==\n", ""])
def test_base64_with_breaks_is_base64(text: str) -> None:
    """Kubernetes reads it."""
    assert secret.decode_base64(text) == (b"a" if text else b"")


@pytest.mark.parametrize("text", ["YQ", "Y-Q=", "YQ===", "ä", "YQ==YQ=="])
def test_anything_else_is_not(text: str) -> None:
    """Kubernetes does not read it."""
    assert secret.decode_base64(text) is None


def test_unreadable_text_is_moved() -> None:
    """And ``stringData`` goes where it is empty then."""
    item = SECRET | {"stringData": {"a": "x\x7f"}}
    checks.prepare(item)
    assert item == SECRET | {"data": {"a": "eH8="}}


@pytest.mark.parametrize(
    ("item", "words"),
    [
        (SECRET | {"data": {"a": "hunter2!"}}, "Secret s: data.a: the decrypted value is not base64"),
        (SECRET | {"metadata": {"name": "s", "annotations": {"a": "hunter2\x9f"}}}, "in metadata.annotations.a"),
        (
            {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "c"}, "data": {"a": "hunter2\udcff"}},
            "in data.a",
        ),
        (
            SECRET | {"metadata": {"name": "s", "annotations": {"config.kubernetes.io/local-config": "true"}}},
            "kustomize would drop it silently",
        ),
    ],
)
def test_what_cannot_be_handed_over_is_named(item: dict[str, Any], words: str) -> None:
    """Without its value."""
    with pytest.raises(ResourceError) as caught:
        checks.prepare(item)
    assert words in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_duplicates_are_those_of_group_kind_namespace_and_name() -> None:
    """Another version is the same object."""

    def item(version: str, name: str, namespace: str = "") -> dict[str, Any]:
        return {"apiVersion": version, "kind": "K", "metadata": {"name": name, "namespace": namespace}}

    items = [item("a/v1", "x"), item("a/v2", "x"), item("b/v1", "x"), item("a/v1", "x", "ns"), item("a/v1", "y")]
    assert [problem.resource for problem in checks.duplicates(items)] == [items[1]]
