"""kustomization.yaml as Flux reads it."""

from __future__ import annotations

import pytest

from kubectl_sops.errors import SopsError
from kubectl_sops.flux import kustomization_file as kfile
from kubectl_sops.flux.decrypt_sources import secure_join
from kubectl_sops.flux.profile import parse


def test_unknown_keys_are_dropped() -> None:
    """At every level, and told."""
    fields, dropped = kfile.read(b"resource: [a]\nsecretGenerator:\n- name: x\n  file: [a]\n", "k.yaml")
    assert fields == {"secretGenerator": [{"name": "x"}]}
    assert dropped == ["resource", "secretGenerator.0.file"]


def test_case_of_keys_does_not_matter() -> None:
    """As encoding/json reads structs."""
    fields, dropped = kfile.read(b"NamePrefix: p\nRESOURCES: [a]\n", "k.yaml")
    assert fields == {"namePrefix": "p", "resources": ["a"]}
    assert dropped == []


def test_scalars_become_text_where_text_is_expected() -> None:
    """As sigs.k8s.io/yaml reads into strings."""
    fields, _ = kfile.read(b"commonLabels: {a: 1, b: true}\nimages: [{name: x, newTag: 1.10}]\n", "k.yaml")
    assert fields["commonLabels"] == {"a": "1", "b": "true"}
    assert fields["images"] == [{"name": "x", "newTag": "1.1"}]


@pytest.mark.parametrize(
    "text", ["resources: a.yaml\n", "secretGenerator: {}\n", "namePrefix: [a]\n", "a: [\n", "- a\n"]
)
def test_wrong_types_are_refused(text: str) -> None:
    """With the file, and nothing of its text."""
    with pytest.raises(SopsError) as failure:
        kfile.read(text.encode(), "k.yaml")
    assert failure.value.file == "k.yaml"


@pytest.mark.parametrize(
    ("path", "local"),
    [("../c", True), ("c", True), ("https://x/y", False), ("git@x:y", False), ("GITHUB.com/a/b", False),
     ("/abs", False), ("file:///abs", False), ("github.com", True), ("ssh://a", False), ("git::x", False)],
)  # fmt: skip
def test_local_components(path: str, *, local: bool) -> None:
    """What a component of the spec may be."""
    assert kfile.is_local(path) is local


@pytest.mark.parametrize(
    ("parts", "joined"),
    [(("a", "b"), "a/b"), (("a", "../../b"), "b"), (("a", "/b"), "a/b"), ((".", "."), "."), (("a/b", "../../.."), ".")],
)
def test_secure_join(parts: tuple[str, str], joined: str) -> None:
    """A path never leaves the root."""
    assert secure_join(*parts) == joined


def test_profiles() -> None:
    """What changed between versions of Flux."""
    old, middle, new = parse("2.4"), parse("v2.8.1"), parse(None)
    assert [p.patches_decrypted for p in (old, middle, new)] == [False, True, True]
    assert [p.strict for p in (old, middle, new)] == [False, False, True]
    with pytest.raises(SopsError):
        parse("latest")
