"""Key paths, extraction, and what a new file starts with."""

from __future__ import annotations

import pytest

from kubectl_sops.core.document import Opened
from kubectl_sops.errors import InvalidExtractPathError, InvalidPathError, KeyPathNotFoundError
from kubectl_sops.files.convert import extract
from kubectl_sops.files.index_path import parse
from kubectl_sops.files.scaffold import guess_name, guess_namespace, scaffold
from kubectl_sops.formats import parse as parse_document

GOOD = {
    '["a"]': ("a",),
    '["a"]["b c"][0]': ("a", "b c", 0),
    "['a'][\"b\"]": ("a", "b"),
    '["a.b"]': ("a.b",),
    "a": ("a",),
    "a.b.c": ("a", "b", "c"),
    "a[0].b": ("a", 0, "b"),
    'a["x.y"].z': ("a", "x.y", "z"),
    'stringData["tls.key"]': ("stringData", "tls.key"),
}


@pytest.mark.parametrize("text", GOOD)
def test_both_ways_to_write_a_path(text):
    """sops' brackets and dots mean the same."""
    assert parse(text) == GOOD[text]


@pytest.mark.parametrize("text", ["", '["a"', "[a]", "[-1]", "a..b", "a[x]", "[", "a[", r"a\.b"])
def test_broken_paths(text):
    """The error has a hint with a good path."""
    with pytest.raises(InvalidPathError) as caught:
        parse(text)
    assert "data.password" in caught.value.hint or 'data["tls.crt"]' in caught.value.hint


DOCUMENT = parse_document(b"a: x\nb: {c: 1, d: [t, {e: true}]}\nn: null\nm: |\n  two\n  lines\nz: {}\n", "yaml")


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ('["a"]', b"x"),
        ('["b"]["c"]', b"1\n"),
        ('["b"]["d"][0]', b"t"),
        ('["b"]["d"][1]["e"]', b"true\n"),
        ("n", b"null\n"),
        ("m", b"two\nlines\n"),
        ('["b"]["d"]', b"- t\n- e: true\n"),
        ('["b"]', b"c: 1\nd:\n    - t\n    - e: true\n"),
        ("z", b"{}\n"),
    ],
)
def test_extracting(path, text):
    """A string comes raw, everything else as sops prints it."""
    assert extract(DOCUMENT, Opened(), path, "yaml") == text


def test_extracting_what_is_not_there():
    """A name that is nearly right is suggested; names are not secret, values are."""
    with pytest.raises(KeyPathNotFoundError) as caught:
        extract(DOCUMENT, Opened(), "b.cc", "yaml")
    assert caught.value.hint == "did you mean c?"
    with pytest.raises(InvalidExtractPathError):
        extract(DOCUMENT, Opened(), "[", "yaml")


@pytest.mark.parametrize(
    ("path", "name"),
    [("apps/db.yaml", "db"), ("db.enc.yaml", "db"), ("db.sops.yaml", "db"), ("db-secret.yaml", "db"),
     ("shop/secret.yaml", "shop"), ("My File.yaml", "my-file")],
)  # fmt: skip
def test_names_by_path(tmp_path, path, name):
    """A Secret's name is guessed from its file, or from the folder of a nameless one."""
    assert guess_name(str(tmp_path / path)) == name


@pytest.mark.parametrize("name", ["values.yaml", "values-prod.yml", "app.values.yaml", "prod-values.yaml"])
def test_values_of_helm_are_no_manifest(tmp_path, name):
    """A Secret there would be wrong."""
    assert scaffold(str(tmp_path / name), "yaml") == b"password: change-me\n"
    assert b"kind: Secret" in scaffold(str(tmp_path / "my-valuesx.yaml"), "yaml")


def test_the_namespace_of_the_neighbours(tmp_path):
    """Where all manifests of a folder are in one namespace, a new one is, too; what is encrypted does not count."""
    head = "kind: Secret\nmetadata:\n  name: a\n  labels:\n    x: y\n    namespace: label\n  namespace: "
    (tmp_path / "a.yaml").write_text(f"{head}shop\n---\nkind: ConfigMap\nmetadata: {{name: x}}\n")
    assert guess_namespace(str(tmp_path / "new.yaml")) == "shop"
    (tmp_path / "b.yaml").write_text(f"{head}ENC[AES256_GCM,data:x]\n")
    (tmp_path / "c.yaml").write_bytes(b"\xff")
    assert guess_namespace(str(tmp_path / "new.yaml")) == "shop"
    (tmp_path / "d.yaml").write_text(f"{head}other\n")
    assert guess_namespace(str(tmp_path / "new.yaml")) is None


def test_the_namespace_of_the_kustomization(tmp_path):
    """The namespace beside the file is taken, and every scaffold can be read."""
    assert guess_namespace(str(tmp_path / "a.yaml")) is None
    (tmp_path / "kustomization.yaml").write_text("resources: [a.yaml]\nnamespace: shop\n")
    assert guess_namespace(str(tmp_path / "a.yaml")) == "shop"
    for kind, name in (("yaml", "a.yaml"), ("json", "a.json"), ("dotenv", "a.env"), ("ini", "a.ini")):
        text = scaffold(str(tmp_path / name), kind)
        assert parse_document(text, kind).leaves
        assert (b"shop" in text) == (kind in ("yaml", "json"))
    assert scaffold("x.bin", "binary") == b""


def test_hostile_neighbours_take_no_time(tmp_path):
    """A regular expression that could read blanks in many ways would not come back."""
    (tmp_path / "a.yaml").write_text("metadata:\n" + "          x\n" * 5000 + "y\n")
    assert guess_namespace(str(tmp_path / "new.yaml")) is None
