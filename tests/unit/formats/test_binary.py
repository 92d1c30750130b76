"""Binary documents: any bytes, and the JSON object that holds them encrypted."""

from __future__ import annotations

import pytest

from kubectl_sops.core.metadata import Metadata
from kubectl_sops.core.values import Sealed
from kubectl_sops.errors import DumpError, InvalidPathError, KeyPathNotFoundError
from kubectl_sops.formats.binary import parse, parse_plain

META = Metadata({"mac": "m", "version": "3"})
SEALED = b'{\n\t"data": "ENC[x]",\n\t"sops": {\n\t\t"mac": "m",\n\t\t"version": "3"\n\t}\n}\n'


@pytest.mark.parametrize(
    "data", [b"", b"\xff\xfe\0", b"text\n", b"{}", b'{"sops": 1}', b'{"sops": {}', b'{"data": "sops"}', b"\xef\xbb\xbf"]
)
def test_anything_is_a_plaintext(data):
    """Bytes that are no encrypted file are one value and come back as they are."""
    document = parse(data)
    assert document.metadata is None
    assert [leaf.path for leaf in document.leaves] == [("data",)]
    assert document.splice({}, None) == data


def test_an_encrypted_file_is_laid_out_as_by_sops():
    """The JSON object has tabs, ``data`` and the ``sops`` entry, and a final line break."""
    assert parse(b"secret").splice({0: Sealed("ENC[x]")}, META) == SEALED


def test_nothing_is_sealed_to_an_empty_text():
    """An empty file has an empty text as its data."""
    assert parse(b"").splice({}, META) == SEALED.replace(b"ENC[x]", b"")


def test_an_encrypted_file_is_recognised():
    """A JSON object with a ``sops`` entry is an encrypted file; its data are bytes."""
    document = parse(SEALED)
    assert document.metadata is not None
    assert document.leaves[0].value == "ENC[x]"
    assert document.token(0) == '"ENC[x]"'
    assert document.splice({0: "\udcff\0"}, None) == b"\xff\0"


def test_only_what_differs_in_the_metadata_is_written():
    """An encrypted file keeps its layout when its metadata change."""
    text = b'{"sops":{"mac":"m","version": "3"}, "data" :"ENC[x]"}'
    assert parse(text).splice({}, META.replace(mac="n")) == text.replace(b'"m"', b'"n"')


def test_an_encrypted_original_is_the_model():
    """The layout of the model serves for new contents."""
    text = b'{"sops":{"mac":"m","version": "3"}, "data" :"ENC[x]"}'
    assert parse(b"new").splice({0: Sealed("ENC[y]")}, META, like=parse(text)) == text.replace(b"[x]", b"[y]")


@pytest.mark.parametrize(
    ("text", "changes"),
    [(b'{"a": "ENC[x]", "sops": {}}', {0: "x"}), (b'{"data": "ENC[x]", "sops": {}}', {0: 1}),
     (b'{"data": {"a": "x"}, "sops": {}}', {})],
)  # fmt: skip
def test_structured_data_are_not_binary(text, changes):
    """A file that holds no bytes can't be printed as binary; the hint says what to do."""
    with pytest.raises(DumpError) as error:
        parse(text).splice(changes, None)
    assert "--output-type" in str(error.value.hint)


def test_an_encrypted_file_can_be_a_plaintext():
    """Where the caller knows better, an encrypted file is taken as bytes."""
    document = parse_plain(SEALED)
    assert document.metadata is None
    assert document.splice({}, None) == SEALED


def test_put_and_remove_know_data_only():
    """The one value can be set to a text; there are no others."""
    document = parse(b"a")
    assert document.put(("data",), "b") == b"b"
    with pytest.raises(DumpError):
        document.put(("data",), 1)
    with pytest.raises(InvalidPathError):
        document.put(("x",), "b")
    with pytest.raises(KeyPathNotFoundError):
        document.remove(("x",))
    with pytest.raises(DumpError):
        document.remove(("data",))
