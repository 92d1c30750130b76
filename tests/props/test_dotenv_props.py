"""dotenv and binary: what encryption and decryption leave alone, over generated documents."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kubectl_sops import formats
from kubectl_sops.core.metadata import Metadata
from tests.support.sealed import decrypt, encrypt

LINES = st.one_of(
    st.just(b""),
    st.binary(max_size=10).filter(lambda line: b"\n" not in line).map(lambda line: b"#" + line),
    st.builds(
        lambda key, value: key + b"=" + value,
        st.sampled_from([b"A", b"B_unencrypted", b"", b" x y", b"\xff", b"sops"]),
        st.binary(max_size=10).filter(lambda line: b"\n" not in line) | st.just(b"a\\nb\\\\n"),
    ),
)
DOCUMENTS = st.builds(
    lambda lines, end: b"\n".join(lines) + end, st.lists(LINES, max_size=8), st.sampled_from([b"", b"\n"])
)
NAMES = st.sampled_from(["a", "b", "c", "l__list_0", "l__list_1", "m__map_x"])


@given(DOCUMENTS)
def test_decrypt_gives_the_bytes_back(text):
    """Decrypting an encrypted document gives the same bytes."""
    assert decrypt(encrypt(text, "dotenv"), "dotenv") == text


@given(DOCUMENTS)
def test_a_model_gives_the_same_layout(text):
    """Encrypting again on the model of an encrypted file changes nothing but ciphertexts."""
    first = encrypt(text, "dotenv")
    second = encrypt(decrypt(first, "dotenv"), "dotenv", like=first)
    shown = [
        formats.parse(data, "dotenv").splice(
            {i: "x" for i, leaf in enumerate(formats.parse(data, "dotenv").leaves)}, Metadata({"mac": "m"})
        )
        for data in (first, second)
    ]
    assert shown[0] == shown[1]


@given(DOCUMENTS, st.dictionaries(NAMES, st.text(max_size=3)), st.dictionaries(NAMES, st.text(max_size=3)))
def test_metadata_can_become_any_other(text, before, after):
    """Revising the lines in place gives the new metadata, and the plaintext is still the same."""
    for fields in (before, after):
        fields.setdefault("v", "1")
        if "l__list_1" in fields:
            fields.setdefault("l__list_0", "")
    from kubectl_sops.formats import flat

    old = formats.parse(formats.parse(text, "dotenv").splice({}, Metadata(flat.unflatten(before.items()))), "dotenv")
    tree = flat.unflatten(after.items())
    new = formats.parse(old.splice({}, Metadata(tree)), "dotenv")
    assert new.metadata.tree == flat.unflatten((k, v.replace("\\n", "\n")) for k, v in after.items())
    assert new.splice({}, None) == text


@given(st.binary(max_size=200))
def test_any_bytes_come_back_from_binary(data):
    """Decrypting an encrypted blob gives the same bytes."""
    assert decrypt(encrypt(data, "binary"), "binary") == data
