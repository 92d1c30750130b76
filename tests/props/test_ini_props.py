"""INI: what encryption and decryption leave alone, over generated documents."""

from __future__ import annotations

from hypothesis import assume, given
from hypothesis import strategies as st

from kubectl_sops import formats
from kubectl_sops.core.values import EMPTY_MAP, Comment
from kubectl_sops.errors import MetadataError, ParseError
from kubectl_sops.formats import ini_text
from tests.support.sealed import decrypt, encrypt

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\n\r\v\f\x85\u2028\u2029"), max_size=8)
PLAIN = st.text("ab x=:é\"'[]", min_size=1, max_size=6).map(str.strip)
BLANK = st.sampled_from(["", "", " ", "\t", "  "])
MARK = st.sampled_from(["#", ";", "# ", "; ", ";;", "#  "])


def value_token(value, quote):
    written = quote + value + quote
    found = ini_text.read(written + "\n", 0)
    assume(found.text == value and found.token == (0, len(written)))
    return written


@st.composite
def values(draw):
    quote = draw(st.sampled_from(["", "", "'", '"', "`", '"""']))
    inner = draw(TEXT if quote in ("`", '"""') else PLAIN)
    if quote == '"""':
        inner += draw(st.sampled_from(["", "\n", "\n\n x", "\n# y\n;"]))
    try:
        return value_token(inner, quote)
    except ini_text.UnclosedError:
        return ""


@st.composite
def documents(draw):
    """INI text: sections, keys in all quotings, comments everywhere, blank lines and indentation."""
    newline = draw(st.sampled_from(["\n", "\n", "\r\n"]))
    lines: list[str] = []
    names = iter(f"k{i}" for i in range(100))
    for _ in range(draw(st.integers(0, 8))):
        kind = draw(st.sampled_from(["key", "key", "key", "comment", "comment", "section", "blank"]))
        indent = draw(BLANK)
        tail = f"{draw(BLANK)}{draw(MARK)}{draw(PLAIN)}" if draw(st.integers(0, 3)) == 0 else ""
        if kind == "key":
            name = draw(st.sampled_from(["{}", "`{}=x`", "{} y_unencrypted"])).format(next(names))
            lines.append(f"{indent}{name}{draw(BLANK)}{draw(st.sampled_from('=:'))}{draw(BLANK)}{draw(values())}{tail}")
        elif kind == "comment":
            lines.append(f"{indent}{draw(MARK)}{draw(TEXT)}")
        elif kind == "section":
            tail = "" if "]" in tail or tail.lstrip()[1:2] in ("#", ";") else tail
            lines.append(f"{indent}[{draw(st.sampled_from(['s', 's t', 'DEFAULT', 'x_unencrypted']))}]{tail}")
        else:
            lines.append(indent)
    text = newline.join(lines) + draw(st.sampled_from(["", newline]))
    try:
        formats.parse(text.encode(), "ini")
    except ParseError:
        assume(False)
    return text.encode()


@given(documents())
def test_decrypt_gives_the_bytes_back(text):
    """Decrypting an encrypted document gives the same bytes."""
    assert decrypt(encrypt(text, "ini"), "ini") == text


@given(documents())
def test_nothing_selected_stays_readable(text):
    """Every selected value and comment of an encrypted document is a ciphertext or empty."""
    for leaf in formats.parse(encrypt(text, "ini"), "ini").leaves:
        if not any(str(key).endswith("_unencrypted") for key in leaf.path) and leaf.value is not EMPTY_MAP:
            assert leaf.value == "" or str(leaf.value).startswith("ENC[AES256_GCM,")


@given(documents())
def test_a_model_gives_the_same_layout(text):
    """Encrypting again on the model of an encrypted file changes nothing but ciphertexts."""
    first = encrypt(text, "ini")
    second = encrypt(decrypt(first, "ini"), "ini", like=first)
    one, two = formats.parse(first, "ini"), formats.parse(second, "ini")
    assert one.metadata is not None

    def blanked(document):
        changes = {
            index: Comment("x") if leaf.is_comment else "x"
            for index, leaf in enumerate(document.leaves)
            if str(leaf.value).startswith("ENC[")
        }
        return document.splice(changes, one.metadata)

    assert blanked(one) == blanked(two)


@given(st.binary(max_size=60) | st.text("[]a=:#;\"'`\\\n \r-", max_size=60).map(str.encode))
def test_any_bytes_are_a_document_or_an_error(data):
    """No input makes the parser fail in another way than by its own errors; what it reads comes back."""
    try:
        document = formats.parse(data, "ini")
    except (ParseError, MetadataError):
        return
    if document.metadata is None:
        assert document.splice({}, None) == data


@given(st.text(max_size=12), st.sampled_from(["", "'", '"', "`", '"""']))
def test_written_values_read_back(value, quote):
    """A value is written so that it reads back, or not at all."""
    from kubectl_sops.errors import DumpError

    try:
        written = ini_text.write(value, quote)
    except DumpError:
        return
    assert ini_text.read(f"{written}\nother", 0).text == value
