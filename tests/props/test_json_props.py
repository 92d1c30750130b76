"""JSON: what encryption and decryption leave alone, over generated documents."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from kubectl_sops import formats
from kubectl_sops.formats import json_text
from kubectl_sops.formats.json_nodes import parse_node
from tests.support.sealed import decrypt, encrypt, opened

CHARS = st.characters(exclude_categories=("Cs",))
STRINGS = st.text(CHARS, max_size=12)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-(2**63), 2**63 - 1), FLOATS, STRINGS)
KEYS = st.text(CHARS, max_size=6).filter(lambda key: key != "sops") | st.sampled_from(["a", "b_unencrypted"])
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=20
)
OBJECTS = st.dictionaries(KEYS, VALUES, max_size=5)


@st.composite
def documents(draw):
    """JSON text with odd spacing; strings and numbers in the spelling that decryption gives."""
    blank = st.sampled_from(["", "", " ", "\n", "\n  ", "\r\n\t", " \n\n "])

    def text(value):
        if isinstance(value, dict):
            return (
                "{"
                + items([f"{json_text.string(k)}{draw(blank)}:{draw(blank)}{text(v)}" for k, v in value.items()])
                + "}"
            )
        if isinstance(value, list):
            return "[" + items([text(item) for item in value]) + "]"
        return json_text.scalar(value)

    def items(parts):
        return draw(blank) + f"{draw(blank)},{draw(blank)}".join(parts) + (draw(blank) if parts else "")

    return (draw(blank) + text(draw(OBJECTS)) + draw(blank)).encode()


@given(documents())
def test_decrypt_gives_the_bytes_back(text):
    """Decrypting an encrypted document gives the same bytes."""
    assert decrypt(encrypt(text, "json"), "json") == text


@given(documents())
def test_a_model_gives_the_same_layout(text):
    """Encrypting again on the model of an encrypted file changes nothing but ciphertexts."""
    first = encrypt(text, "json")
    second = encrypt(decrypt(first, "json"), "json", like=first)
    one, two = formats.parse(first, "json"), formats.parse(second, "json")
    assert one.splice(dict.fromkeys(range(len(one.leaves)), 0), one.metadata) == two.splice(
        dict.fromkeys(range(len(two.leaves)), 0), one.metadata
    )


@given(documents())
def test_no_value_stays_readable(text):
    """In an encrypted document every selected scalar is a ciphertext, null and empty text apart."""
    for leaf in formats.parse(encrypt(text, "json"), "json").leaves:
        if isinstance(leaf.value, str | int | float) and leaf.value != "":
            assert str(leaf.value).startswith("ENC[") or any(str(key).endswith("_unencrypted") for key in leaf.path)


@given(documents())
def test_the_standard_library_reads_the_same_data(text):
    """Our scanners and the standard library agree on generated documents."""
    found = json.loads(text, parse_int=lambda digits: int(digits) if -(2**63) <= int(digits) < 2**63 else float(digits))
    assert repr(parse_node(text.decode(), 0).value) == repr(found)
    expected = []

    def walk(path, value):
        if isinstance(value, dict | list) and value:
            for key, item in value.items() if isinstance(value, dict) else enumerate(value):
                walk((*path, key), item)
        elif path:
            expected.append((path, repr(value)))

    walk((), found)
    assert [(leaf.path, repr(leaf.value)) for leaf in formats.parse(text, "json").leaves] == expected


@given(st.binary(max_size=60) | st.text('{}[]",:\\u0 1e-tfn\n', max_size=60).map(str.encode))
def test_any_bytes_are_a_document_or_a_parse_error(data):
    """No input makes the parser fail in another way than by its own errors."""
    from kubectl_sops.errors import MetadataError, ParseError

    try:
        formats.parse(data, "json")
    except (ParseError, MetadataError):
        pass


@given(OBJECTS, OBJECTS)
def test_metadata_can_become_any_other(before, after):
    """Revising the entry in place gives the new metadata, whatever it was before."""
    from kubectl_sops.core.metadata import Metadata

    text = encrypt(b'{\n  "a": 1\n}\n', "json")
    document = formats.parse(text, "json")
    old = formats.parse(document.splice({}, Metadata(before)), "json")
    assert repr(old.metadata.tree) == repr(before)
    new = formats.parse(old.splice({}, Metadata(after)), "json")
    assert repr(new.metadata.tree) == repr(after)
    assert [leaf.path for leaf in new.leaves] == [("a",)]


def test_the_properties_see_values():
    """The generated documents are not all empty."""
    assert opened(encrypt(b'{"a": [1, "x"]}', "json"), "json")[0].leaves[1].value == "x"
