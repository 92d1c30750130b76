"""Values made unreadable but comparable, and differences of what is left."""

from __future__ import annotations

import base64

from kubectl_sops.flux import mask
from kubectl_sops.flux.diff import Change, compare
from kubectl_sops.flux.mask import Masker, Sensitive

NOTHING: frozenset[str] = frozenset()


def secret(**data: str) -> dict:
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": encoded}


def test_length_is_that_of_the_value() -> None:
    """Not that of its base64, and one byte is not "bytes"."""
    shown = mask.apply(secret(a="x", b="four"), Sensitive(), NOTHING, Masker())["data"]
    assert shown["a"].startswith("*** (1 byte, ")
    assert shown["b"].startswith("*** (4 bytes, ")


def test_base64_spelling_does_not_matter() -> None:
    """The same value broken into lines has the same mask."""
    masker = Masker()
    long = secret(a="x" * 100)
    broken = {**long, "data": {"a": long["data"]["a"][:70] + "\n" + long["data"]["a"][70:]}}
    assert mask.apply(long, Sensitive(), NOTHING, masker) == mask.apply(broken, Sensitive(), NOTHING, masker)


def test_invalid_base64_is_masked_too() -> None:
    """It may be a password that was put into the wrong field."""
    wrong = {**secret(), "data": {"a": "pass word!"}}
    assert "pass" not in str(mask.apply(wrong, Sensitive(), NOTHING, Masker()))


def test_decrypted_places_of_other_kinds() -> None:
    """Names stay readable even where the whole file was encrypted."""
    manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"a": "x", "n": [1]}}
    sensitive = Sensitive()
    sensitive.paths = {("kind",), ("metadata", "name"), ("data", "a"), ("data", "n", 0)}
    shown = mask.apply(manifest, sensitive, NOTHING, Masker())
    assert (shown["kind"], shown["metadata"]["name"]) == ("ConfigMap", "c")
    assert shown["data"]["a"].startswith("***")
    assert shown["data"]["n"][0].startswith("***")


def test_decrypted_file_in_another_object() -> None:
    """A file that a secretGenerator had decrypted is masked in a ConfigMap as well."""
    manifest = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "c"},
        "data": {"f": "a: secret\n", "g": "80"},
    }
    shown = mask.apply(manifest, Sensitive(), mask.hidden_values(["a: secret\n", 80, True]), Masker())
    assert shown["data"]["f"].startswith("***")
    assert shown["data"]["g"] == "80"


def test_neighbours_of_secrets_in_live_objects() -> None:
    """A key that only the cluster has, beside decrypted ones, may have been secret before."""
    sensitive = Sensitive()
    sensitive.paths = {("data", "new")}
    live = {"kind": "ConfigMap", "data": {"new": "a", "old": "b"}, "metadata": {"labels": {"x": "y"}}}
    shown = mask.apply(live, sensitive.beside(live), NOTHING, Masker())
    assert shown["data"]["old"].startswith("***")
    assert shown["metadata"]["labels"] == {"x": "y"}


def test_last_applied_annotation() -> None:
    """kubectl keeps the whole Secret in an annotation."""
    manifest = secret(a="x")
    manifest["metadata"]["annotations"] = {"kubectl.kubernetes.io/last-applied-configuration": '{"data":{"a":"eA=="}}'}
    assert "eA==" not in str(mask.apply(manifest, Sensitive(), NOTHING, Masker()))


def test_order_of_changes() -> None:
    """In the order of the new objects; deleted ones last."""
    a, b, c = ({"kind": "ConfigMap", "metadata": {"name": name}} for name in "abc")
    changed = {**b, "data": {"x": "y"}}
    titles = [change.title for change in compare([a, b], [changed, c])]
    assert titles == ["ConfigMap/b changed", "ConfigMap/c created", "ConfigMap/a deleted"]


def test_hash_suffixes_are_paired_for_generated_kinds_only() -> None:
    """A Deployment whose name ends like a hash is another object."""

    def named(kind: str, name: str) -> dict:
        return {"kind": kind, "metadata": {"name": name}}

    before = [named("Secret", "s-2bcdfghkmt"), named("Deployment", "d-2bcdfghkmt")]
    after = [named("Secret", "s-9bcdfghkmt"), named("Deployment", "d-9bcdfghkmt")]
    assert [change.action for change in compare(before, after)] == ["changed", "created", "deleted"]


def test_paths_of_changes_are_json_pointers() -> None:
    """With ``/`` and ``~`` escaped."""
    change = Change("changed", {"a": {"x/y~z": 1}}, {"a": {"x/y~z": 2, "n": 3}})
    assert change.as_dict()["changes"] == [
        {"op": "replace", "path": "/a/x~1y~0z", "before": 1, "after": 2},
        {"op": "add", "path": "/a/n", "after": 3},
    ]
