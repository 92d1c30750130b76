"""dotenv documents: lines taken verbatim, metadata lines that come and go."""

from __future__ import annotations

import pytest

from kubectl_sops.core.document import Token
from kubectl_sops.core.metadata import Metadata
from kubectl_sops.core.values import Comment, Sealed
from kubectl_sops.errors import DumpError, InvalidPathError, KeyPathNotFoundError, MetadataError, ParseError
from kubectl_sops.formats.dotenv import parse

TREE = {"age": [{"enc": "x\ny\n", "recipient": "age1a"}], "mac": "m", "version": "3"}
BLOCK = (
    b"sops_age__list_0__map_enc=x\\ny\\n\nsops_age__list_0__map_recipient=age1a\nsops_mac=m\nsops_version=3\n"
)  # fmt: skip


def leaves(data):
    return [(leaf.path, leaf.value) for leaf in parse(data).leaves]


def test_lines_are_taken_verbatim():
    """Nothing is trimmed or unquoted; the first ``=`` ends the name; ``\\r`` belongs to the value."""
    assert leaves(b'A=1\n export B = "x" #y\r\n\nC==\n=e\n') == [
        (("A",), "1"),
        ((" export B ",), ' "x" #y\r'),
        (("C",), "="),
        (("",), "e"),
    ]


def test_comments_start_in_the_first_column():
    """A ``#`` at the start makes a comment of the root; elsewhere it is text."""
    assert leaves(b"# a = b\n#\n #c=d") == [((), Comment(" a = b")), ((), Comment("")), ((" #c",), "d")]


def test_backslash_n_is_a_line_break():
    """Every ``\\n`` in a value is a line break, even behind another backslash; there are no other escapes."""
    assert leaves(rb"A=a\nb\\nc\t\x") == [(("A",), "a\nb\\\nc\\t\\x")]


def test_bytes_that_are_not_utf8_survive():
    """Values are bytes; those that are not UTF-8 come back."""
    assert parse(b"A=\xff\n").splice({}, None) == b"A=\xff\n"


def test_names_may_occur_twice():
    """Every line is a leaf of its own."""
    assert leaves(b"A=1\nA=2\n") == [(("A",), "1"), (("A",), "2")]


@pytest.mark.parametrize(("data", "line"), [(b"A=1\nCANARY\n", 2), (b" \n", 1), (b"\n\r\n", 2)])
def test_a_line_without_equals_is_refused(data, line):
    """Such a line is an error with its number, and is not quoted."""
    with pytest.raises(ParseError) as error:
        parse(data)
    assert error.value.line == line
    assert "CANARY" not in str(error.value)


def test_metadata_lines_become_metadata():
    """Lines whose name starts with ``sops_`` are no leaves, wherever they stand."""
    document = parse(b"sops_mac=m\nA=1\n" + BLOCK.replace(b"sops_mac=m\n", b""))
    assert document.metadata is not None
    assert document.metadata.tree == {"mac": "m", "age": TREE["age"], "version": "3"}
    assert [leaf.path for leaf in document.leaves] == [("A",)]
    assert document.splice({}, None) == b"A=1\n"


def test_metadata_that_contradicts_itself_is_refused():
    """The same metadata name twice is an error."""
    with pytest.raises(MetadataError):
        parse(b"sops_mac=1\nsops_mac=2\n")


@pytest.mark.parametrize("text", [b"A=1\n", b"A=1", b"", b"\n", b"\n\nA=1\n\n\n", b"# c", b"A=\r\n"])
def test_the_metadata_comes_and_goes_without_a_trace(text):
    """Adding the lines and taking them out gives the same bytes, and again the same lines."""
    sealed = parse(text).splice({}, Metadata(TREE))
    document = parse(sealed)
    assert document.metadata is not None
    assert document.metadata.tree == TREE
    assert document.splice({}, None) == text
    assert parse(text).splice({}, Metadata(TREE), like=document) == sealed


def test_metadata_is_written_as_by_sops():
    """Its lines follow the data, with line breaks escaped."""
    assert parse(b"A=1\n").splice({}, Metadata(TREE)) == b"A=1\n" + BLOCK


OLD = b"sops_version=3\nA=1\nsops_mac=m\nsops_age__list_0__map_recipient=r\nsops_age__list_0__map_enc=e"


def test_only_what_differs_in_the_metadata_is_written():
    """The lines keep their order and place; a changed field changes its line only."""
    document = parse(OLD)
    assert document.metadata is not None
    assert document.splice({}, document.metadata) == OLD
    assert document.splice({}, document.metadata.replace(mac="n")) == OLD.replace(b"=m", b"=n")


def test_fields_come_and_go_in_the_metadata():
    """A new field stands behind its neighbour; one that is gone takes its line with it."""
    document = parse(OLD)
    assert document.metadata is not None
    age = [{"recipient": "r", "enc": "e"}, {"recipient": "s", "enc": "f"}]
    more = document.splice({}, document.metadata.replace(age=age))
    assert more == OLD + b"\nsops_age__list_1__map_recipient=s\nsops_age__list_1__map_enc=f"
    again = parse(more)
    assert again.splice({}, document.metadata) == OLD
    assert again.splice({}, None) == b"A=1"
    less = document.splice({}, document.metadata.replace(age=None))
    assert less == b"sops_version=3\nA=1\nsops_mac=m"


def test_an_encrypted_original_is_the_model():
    """The lines come back in the order of the model, before the data where they were."""
    model = parse(b"sops_version=3\nsops_mac=m\nA=1\n")
    assert model.metadata is not None
    assert parse(b"A=2\n").splice({}, model.metadata, like=model) == b"sops_version=3\nsops_mac=m\nA=2\n"


def test_values_replace_their_text_only():
    """Ciphertexts, tokens, typed values and comments take the place of the old text."""
    document = parse(b"#c\nA=1\nB=2\nC=3\nD=4\nE=5\n")
    text = document.splice(
        {0: Comment(" x"), 1: Sealed("ENC[x]"), 2: Token("a\\nb"), 3: "a\nb", 4: 1.0, 5: None}, None
    )  # fmt: skip
    assert text == b"# x\nA=ENC[x]\nB=a\\nb\nC=a\\nb\nD=1.0\nE=<nil>\n"
    assert document.token(1) == "1"


def test_a_comment_stays_a_comment():
    """A comment that had several lines in another format gets a mark on each."""
    assert parse(b"#c\n").splice({0: Comment("a\nb\n# c")}, None) == b"#a\n#b\n# c\n"


@pytest.mark.parametrize(
    ("text", "path", "value", "expected"),
    [
        (b"A=1\nB=2\n", ("A",), "x\ny", b"A=x\\ny\nB=2\n"),
        (b"A=1\nB=2\n", ("C",), True, b"A=1\nB=2\nC=true\n"),
        (b"A=1", ("B",), "2", b"A=1\nB=2"),
        (b"", ("B",), "2", b"B=2\n"),
    ],
)
def test_put_changes_one_line(text, path, value, expected):
    """A value is replaced, or added at the end."""
    assert parse(text).put(path, value) == expected


@pytest.mark.parametrize(
    ("path", "value", "error"),
    [
        (("A",), {"b": 1}, DumpError), (("A", "b"), 1, DumpError), ((0,), 1, InvalidPathError),
        (("B=",), 1, InvalidPathError), (("#B",), 1, InvalidPathError), (("sops_B",), 1, InvalidPathError),
        (("B\n",), 1, InvalidPathError), (("",), 1, InvalidPathError),
    ],
)  # fmt: skip
def test_put_refuses_what_dotenv_can_not_hold(path, value, error):
    """Containers, indexes and names that would not read back are errors."""
    with pytest.raises(error):
        parse(b"A=1\n").put(path, value)


@pytest.mark.parametrize(
    ("text", "expected"), [(b"A=1\nB=2\nC=3\n", b"A=1\nC=3\n"), (b"A=1\nB=2", b"A=1"), (b"B=2", b""), (b"B=2\n", b"")]
)
def test_remove_takes_one_line_out(text, expected):
    """A variable goes with its line."""
    assert parse(text).remove(("B",)) == expected


def test_remove_of_nothing_is_an_error():
    """Where there is no such variable, nothing can be removed."""
    with pytest.raises(KeyPathNotFoundError):
        parse(b"A=1\n").remove(("B",))
