"""Files of real sops 3.11.0 and 3.13.3 in every format: opened, printed in other formats, sealed in their layout."""

from __future__ import annotations

import pytest

from kubectl_sops import formats
from kubectl_sops.core.document import difference
from kubectl_sops.files.encrypt import seal, stash_of
from kubectl_sops.formats import emit
from tests.support.tools import need_shared
from tests.support.vectors import FILES, VECTORS, data_key, format_of, identities, name_of, opened


def _is_of_its_own(path):
    # 3.11.0 prints the comments and times of YAML in its own way
    name = path.name.partition(".")[0]
    from_yaml = path.with_name(f"{name}.enc.yaml").exists()
    return path.parent.name == "sops-3.11.0" and from_yaml and path.suffix in (".yaml", ".env")


PRINTED = [path for path in sorted(VECTORS.glob("sops-*/*.as-*")) if not _is_of_its_own(path)]
TEXT_FORMATS = ("json", "dotenv", "ini", "binary")


def data(text, format):
    """The leaves of a document; every number is a float, since sops prints ``1.0`` as ``1``."""
    leaves = formats.parse(text, format).leaves
    for leaf in leaves:
        if type(leaf.value) is int:
            leaf.value = float(leaf.value)
    return leaves


def test_there_are_vectors():
    """The folder holds files of both versions in all formats."""
    assert {(path.parent.name, format_of(path)) for path in FILES} == {
        (f"sops-{version}", name) for version in ("3.11.0", "3.13.3") for name in formats.FORMATS
    }
    assert len(PRINTED) > 30


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_file_of_sops_is_opened(path):
    """The MAC is valid, and the plaintext holds the data that sops prints."""
    document, found, plain = opened(path)
    expected = path.with_name(path.name.replace(".enc.", ".dec.")).read_bytes()
    if document.format in ("dotenv", "ini", "binary"):
        assert plain == expected
    else:
        assert difference(data(plain, document.format), data(expected, document.format)) is None
    assert not found.unopened_comments


@pytest.mark.parametrize("path", PRINTED, ids=name_of)
def test_a_file_is_printed_in_another_format_as_by_sops(path):
    """Conversion gives the bytes that the same version of sops prints, for what both versions agree on."""
    name, _, output = path.stem.rpartition(".as-")
    source = next(path.parent.glob(f"{name}.enc.*"))
    document, found, _ = opened(source)
    assert emit.emit(emit.build(document.leaves, found.changes), output).decode() == path.read_text()


@pytest.mark.parametrize("path", [path for path in FILES if format_of(path) in TEXT_FORMATS], ids=name_of)
def test_a_plaintext_is_sealed_in_the_layout_of_its_original(path):
    """Sealed again on the model of the file, only its MAC and its time differ, whichever version wrote it."""
    original = path.read_bytes()
    model, found, plain = opened(path)
    assert model.metadata is not None
    written = seal(
        formats.parse(plain, model.format),
        plain,
        model.metadata,
        data_key(model.metadata, identities()),
        now="2026-01-01T00:00:00Z",
        stash=stash_of(model, found, plain),
        like=model,
    )
    assert written.exact
    lines = zip(written.data.split(b"\n"), original.split(b"\n"), strict=True)
    changed = [(ours, theirs) for ours, theirs in lines if ours != theirs]
    assert len(changed) == 2
    assert all(b"lastmodified" in ours or b"mac" in ours for ours, _ in changed)


@pytest.mark.parametrize("path", [path for path in FILES if format_of(path) in TEXT_FORMATS], ids=name_of)
def test_writing_the_same_metadata_changes_nothing(path):
    """A file whose metadata did not change comes out as it is."""
    document = formats.parse(path.read_bytes(), format_of(path))
    assert document.splice({}, document.metadata) == path.read_bytes()


def test_the_shared_vectors_are_opened():
    """Files made elsewhere with sops 3.11.0 and 3.13.2: the MAC is valid, the data are those listed."""
    folder = need_shared("sops-vectors")
    known = identities(folder / "keys")
    paths = sorted(folder.glob("v*/*.enc.*"))
    assert len(paths) >= 40
    for path in paths:
        document, _, plain = opened(path, known)
        expected = path.with_name(path.name.replace(".enc.", ".dec.")).read_bytes()
        if document.format in ("yaml", "json"):
            assert difference(data(plain, document.format), data(expected, document.format)) is None, path.name
        else:
            assert plain == expected, path.name
