"""INI documents: read as go-ini reads them, spliced without touching anything else."""

from __future__ import annotations

import pytest

from kubectl_sops.core.document import Token
from kubectl_sops.core.metadata import Metadata
from kubectl_sops.core.values import EMPTY_MAP, Comment, Sealed
from kubectl_sops.errors import DumpError, InvalidPathError, KeyPathNotFoundError, MetadataError, ParseError
from kubectl_sops.formats import ini_text
from kubectl_sops.formats.ini import parse
from tests.support.sealed import decrypt, encrypt

TREE = {"age": [{"enc": "x\ny\n", "recipient": "age1a"}], "mac": "m", "version": "3"}
BLOCK = (
    b"[sops]\nage__list_0__map_enc       = x\\ny\\n\nage__list_0__map_recipient = age1a\n"
    b"mac                        = m\nversion                    = 3\n"
)


def leaves(data):
    return [(leaf.path, leaf.value) for leaf in parse(data).leaves if leaf.value is not EMPTY_MAP]


def value(text):
    """The value and comment of one key."""
    found = leaves(b"k" + text)
    assert found[0][0] == ("DEFAULT", "k")
    return (found[0][1], *(str(comment) for _, comment in found[1:]))


def test_keys_belong_to_sections():
    """Keys before any header are in DEFAULT; names are case-sensitive; a header may come twice."""
    data = b"a=1\n[s one]\nb : 2\n[default]\n c = 3\n[s one]\nb=4\n[DEFAULT]\na=5\n"
    assert leaves(data) == [
        (("DEFAULT", "a"), "1"), (("s one", "b"), "2"), (("default", "c"), "3"), (("s one", "b"), "4"),
        (("DEFAULT", "a"), "5"),
    ]  # fmt: skip


def test_empty_sections_are_there():
    """A section without keys and comments is an empty map, DEFAULT too."""
    assert [(leaf.path, leaf.value) for leaf in parse(b"[s]\n").leaves] == [
        (("DEFAULT",), EMPTY_MAP), (("s",), EMPTY_MAP)
    ]  # fmt: skip


VALUES = {
    "plain": (b" = a b ", ("a b",)),
    "colon": (b": a=b", ("a=b",)),
    "empty": (b" =", ("",)),
    "empty with comment": (b" = ; c", ("", "c")),
    "comment without a blank": (b" = http://h/#frag", ("http://h/", "frag")),
    "comment marks are stripped": (b" = v ;; # c", ("v", "# c")),
    "double quotes": (b' = " a "', (" a ",)),
    "single quotes": (b" = ' a '", (" a ",)),
    "quote inside": (b' = "a"b"', ('"a"b"',)),
    "comment inside quotes": (b' = "a;b"', ('"a', 'b"')),
    "backquotes": (b" = `a ; b # \\` ; c", ("a ; b # \\", "c")),
    "backquotes inside": (b" = `a`b`", ("a`b",)),
    "triple quotes": (b' = """a "b" ; c"""', ('a "b" ; c',)),
    "several lines": (b' = """a\n  b\r\n\n# c""" ; d', ("a\n  b\r\n\n# c", "d")),
    "several lines in backquotes": (b" = `a\nb` # d", ("a\nb", "d")),
    "continued": (b" = a \\\n  b\\\n c # d", ("a bc # d",)),
    "continued by nothing": (b" = a\\\n\n", ("a",)),
    "blanks of Unicode": (" = \u3000a\x85".encode(), ("a",)),
    "bytes": (b" = \xff", ("\udcff",)),
    "escapes are text": (b" = a\\nb", ("a\\nb",)),
}


@pytest.mark.parametrize(("text", "expected"), VALUES.values(), ids=VALUES)
def test_values_are_read_as_by_go_ini(text, expected):
    """Quotes, comments behind values and continued lines mean what they mean to go-ini."""
    assert value(text) == expected


@pytest.mark.parametrize(
    ("text", "name"),
    [(b'"a=b" = 1', "a=b"), (b"`a:b` : 1", "a:b"), (b'"""a"b""" = 1', 'a"b'), (b"a b =1", "a b"), (b"a#b = 1", "a#b"),
     (b'" a " = 1', "a")],
)  # fmt: skip
def test_keys_may_be_quoted(text, name):
    """A quoted key may hold delimiters."""
    assert leaves(text) == [(("DEFAULT", name), "1")]


def test_comments_stand_where_sops_puts_them():
    """A section's comment comes first in it, a key's comment behind the key; several lines are one comment."""
    data = b"; one\n\n  # two\n[s] ; three\n# four\n;; five\nk = v # six\n"
    assert leaves(data) == [
        (("s",), Comment("one\n# two\n; three")),
        (("s", "k"), "v"),
        (("s",), Comment("four\n;; five\n# six")),
    ]


def test_comments_at_the_end_belong_to_the_root():
    """Comments behind the last key are kept, as comments of the root."""
    assert leaves(b"[s]\nk=v\n# tail\n") == [(("s", "k"), "v"), ((), Comment("tail"))]


REFUSED = {
    "no delimiter": (b"a=1\nCANARY\n", 2),
    "no name": (b"=CANARY", 1),
    "empty quotes": (b'""=1', 1),
    "unclosed key": (b'"CANARY = 1', 1),
    "unclosed section": (b"\n[CANARY", 2),
    "section without a name": (b"[]", 1),
    "unclosed value": (b"a = `CANARY\n", 1),
    "unclosed triple quotes": (b'a = """CANARY\n', 1),
    "quote that go-ini skips": (b'a = """x\ny""" \\\nz"""', 1),
    "numbered key": (b"- = 1", 1),
    "key twice": (b"a=1\n[s]\nb=1\n\nb=CANARY", 5),
    "text behind a quote": (b"a = `x` CANARY", 1),
    "text behind a header": (b"[s] CANARY", 1),
}


@pytest.mark.parametrize(("data", "line"), REFUSED.values(), ids=REFUSED)
def test_what_can_not_be_read_or_would_be_dropped_is_refused(data, line):
    """go-ini's errors, and what it silently drops, are errors with a line; nothing is quoted."""
    with pytest.raises(ParseError) as error:
        parse(data)
    assert error.value.line == line
    assert "CANARY" not in str(error.value) + str(error.value.hint)


def test_the_sops_section_becomes_metadata():
    """The section ``sops`` is no data; line breaks in it may be escaped once or twice."""
    for enc in (b"x\\ny\\n", b'"""x\ny\n"""', b"`x\\ny\\n`"):
        document = parse(b"a=1\n" + BLOCK.replace(b"x\\ny\\n", enc))
        assert document.metadata is not None
        assert document.metadata.tree == TREE
        assert [leaf.path for leaf in document.leaves] == [("DEFAULT", "a")]


@pytest.mark.parametrize("text", [b"[sops]\na=1\n[sops]\n", b"[sops]\na__list_1=1\n"])
def test_malformed_metadata_are_refused(text):
    """Two such sections, and names that contradict each other, are errors."""
    with pytest.raises(MetadataError):
        parse(text)


LAYOUTS = {
    "nothing": b"",
    "a line break": b"\n",
    "usual": b"a = 1\n\n[s]\nb = 2\n",
    "no final line break": b"a = 1",
    "blank lines at the end": b"a = 1\n\n\n",
    "CRLF": b"a = 1\r\n\r\n[s]\r\nb = 2\r\n",
    "CRLF, no final line break": b"a = 1\r\n[s]",
    "mixed": b"a = 1\r\n[s]\n",
    "carriage return at the end": b"a = 1\r",
    "byte order mark": b"\xef\xbb\xbfa = 1\n",
    "only a byte order mark": b"\xef\xbb\xbf",
    "comment at the end": b"a = 1\n# tail",
    "blanks at the end": b"a = 1\n  ",
}


@pytest.mark.parametrize("text", LAYOUTS.values(), ids=LAYOUTS)
def test_the_sops_section_comes_and_goes_without_a_trace(text):
    """Adding the section and taking it out gives the same bytes; modelled on itself it comes back the same."""
    sealed = parse(text).splice({}, Metadata(TREE))
    document = parse(sealed)
    assert document.metadata is not None
    assert document.metadata.tree == TREE
    assert document.splice({}, None) == text
    assert parse(text).splice({}, Metadata(TREE), like=document) == sealed


def test_metadata_are_written_as_by_sops():
    """A blank line, the header, keys padded to the longest, line breaks escaped."""
    assert parse(b"a = 1\n").splice({}, Metadata(TREE)) == b"a = 1\n\n" + BLOCK


def test_only_what_differs_in_the_metadata_is_written():
    """Lines keep their order and spacing; a changed field changes its value only."""
    text = b"a=1\n\n[sops]\nversion=3\n mac  = 'm'\nage__list_0__map_recipient=r\nage__list_0__map_enc : `e`\n\n[t]\n"
    document = parse(text)
    assert document.metadata is not None
    assert document.splice({}, document.metadata) == text
    assert document.splice({}, document.metadata.replace(mac="n")) == text.replace(b"'m'", b"n")
    assert document.splice({}, None) == b"a=1\n\n[t]\n"


@pytest.mark.parametrize("end", [b"\n", b""])
def test_fields_come_and_go_in_the_metadata(end):
    """A new field stands behind its neighbour, aligned; one that is gone takes its line with it."""
    base = b"a=1" + end
    text = parse(base).splice({}, Metadata(TREE))
    document = parse(text)
    assert document.metadata is not None
    more = document.splice({}, Metadata({"age": TREE["age"], "mac": "m", "new": True, "version": "3", "zone": "z"}))
    longer = text.removesuffix(b"\n").replace(b"version", b"new                        = true\nversion")
    assert more == longer + b"\nzone                       = z" + end
    again = parse(more)
    assert again.splice({}, Metadata(TREE)) == text
    assert again.splice({}, None) == base


def test_metadata_values_are_quoted_where_needed():
    """A recipient with a ``#`` needs quotes, a context with a ``=`` in its name too."""
    tree = {"kms": [{"arn": "a#b", "context": {"k=v": "x"}}], "mac": " m"}
    text = parse(b"").splice({}, Metadata(tree))
    assert b"= `a#b`\n" in text
    assert b"`kms__list_0__map_context__map_k=v` = x\n" in text
    document = parse(text)
    assert document.metadata is not None
    assert document.metadata.tree == tree


def test_values_replace_their_text_only():
    """Ciphertexts keep the quotes of what they replace; tokens are copied; typed values are spelt out."""
    document = parse(b'a = \'x\' ; c\nb="""y\nz"""\nc: \\\n v\nd =\ne = 1\nf = 2\n')
    keys = [i for i, leaf in enumerate(document.leaves) if not leaf.is_comment]
    new = [Sealed("ENC[a]"), Sealed("ENC[b]"), Sealed("ENC[c]"), Token('"t"'), 1.0, None]
    text = document.splice(dict(zip(keys, new, strict=True)), None)
    assert text == b'a = \'ENC[a]\' ; c\nb="""ENC[b]"""\nc: ENC[c]\nd ="t"\ne = 1.0\nf = <nil>\n'
    assert document.token(keys[0]) == "'x'"


@pytest.mark.parametrize(
    ("quote", "plain", "text"),
    [
        ("", "a", "a"), ("'", "a", "'a'"), ('"', "a'b", '"a\'b"'), ("'", "a'b", "a'b"), ("`", "a", "`a`"),
        ("", " a", '" a"'), ("", "a;b", "`a;b`"), ("", "a\nb", '"""a\nb"""'), ("'", "a#b", "`a#b`"),
        ("", "a`b", "a`b"), ("`", "a`b", "`a`b`"), ("", "'a'", "\"'a'\""), ("", "a\\", '"a\\"'),
        ("", "`a`", '"""`a`"""'), ('"""', 'a"', '"""a""""'), ("", "", ""), ("\\", "a b", "a b"),
        ("", '"""', "'\"\"\"'"), ("`", "a\n`\nb", '"""a\n`\nb"""'),
    ],
)  # fmt: skip
def test_a_value_is_quoted_so_that_it_reads_back(quote, plain, text):
    """The former quotes are kept where they do, otherwise those of go-ini, otherwise any that do."""
    assert ini_text.write(plain, quote) == text


def test_a_value_that_nothing_can_hold_is_refused():
    """Where no quotes read back, the output fails and names the key, not the value."""
    with pytest.raises(DumpError) as error:
        parse(b"k = x\n").splice({0: 'CANARY`\n"""\n'}, None)
    assert error.value.path == ("DEFAULT", "k")
    assert "CANARY" not in str(error.value)


# --- comments

COMMENTS = {
    "above": b"# c\nk = v\n",
    "above, no blank": b";c\nk = v\n",
    "above, many marks": b";;;  c\nk = v\n",
    "compact lines": b"  # one\n  # two\n  # three\nk = v\n",
    "compact lines, CRLF": b"# one\r\n# two\r\nk = v\r\n",
    "blank line between": b"# one\n# two\n\n# three\nk = v\n",
    "indented differently": b"# one\n  ; two\n# three\nk = v\n",
    "bare line first": b"#\n# one\nk = v\n",
    "bare lines": b"# one\n#\n# two\n#\nk = v\n",
    "only bare lines": b"#\n#\nk = v\n",
    "only one bare line": b"#\nk = v\n",
    "behind a value": b"k = v ; c\n",
    "above and behind a value": b"# one\nk = v ; two\n",
    "behind a quoted value": b"k = `v` ; c\n",
    "behind several lines": b'k = """a\nb""" # c\n',
    "behind nothing": b"k = ; c\n",
    "behind a header": b"[s] # c\nk = v\n",
    "behind a header, CRLF": b"[s] # c\r\nk = v\r\n",
    "above and behind a header": b"# one\n\n[s] # two\nk = v\n",
    "bare above a header": b"#\n[s] # two\nk = v\n",
    "at the end": b"k = v\n\n# one\n\n  ; two\n",
    "at the end, no line break": b"k = v\n# one\n# two",
    "only comments": b"# one\n\n; two\n",
    "trailing blanks": b"# one  \n# two\t\nk = v\n",
    "byte order mark": b"\xef\xbb\xbf# one\n# two\nk = v\n",
}


@pytest.mark.parametrize("text", COMMENTS.values(), ids=COMMENTS)
def test_comments_come_back_where_they_were(text):
    """Every comment is encrypted, none of its text stays, and decryption restores it to the byte."""
    sealed = encrypt(text, "ini")
    head = sealed.partition(b"[sops]")[0]
    for word in (b"one", b"two", b"three", b"# c", b";c"):
        assert word not in head
    assert decrypt(sealed, "ini") == text


def test_a_comment_of_sops_gets_its_lines_back():
    """sops writes a comment of several lines as one ciphertext; its lines get their marks."""
    document = parse(b"; ENC[AES256_GCM,x]\nk = v\n")
    assert document.splice({1: Comment("one\n# two\nthree")}, None) == b"; one\n# two\n; three\nk = v\n"


def test_plain_comments_beside_encrypted_ones_stay():
    """A comment that somebody added to an encrypted file is one of its own."""
    data = b"# note\n; ENC[AES256_GCM,x]\n#\n# other\nk = v\n"
    assert [str(value) for _, value in leaves(data)[1:]] == ["note", "ENC[AES256_GCM,x]", "other"]
    document = parse(data)
    assert document.splice({2: Comment("one\n# two")}, None) == b"# note\n; one\n# two\n# other\nk = v\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"k = a \\\n  b\n", b"k = a b\n"),
        (b"k = a \\\n  b;c\n", b"k = `a b;c`\n"),
        (b"k = a\\\n\nl = 1\n", b"k = a\n\nl = 1\n"),
        (b"[s] ;; c\n", b"[s] ; ; c\n"),
        (b'k = """', b'k = \'"""\''),
    ],
)
def test_spellings_that_are_not_kept(before, after):
    """Exceptions to byte equality: continued lines are joined, and two oddities; the data are the same."""
    assert decrypt(encrypt(before, "ini"), "ini") == after
    assert [leaf for leaf in leaves(before) if type(leaf[1]) is str] == [
        leaf for leaf in leaves(after) if type(leaf[1]) is str
    ]


# --- set and unset

EDITED = b"a = 1 ; one\n\n[s]\nkey   = `2`\nother = 3\n# tail\n"


@pytest.mark.parametrize(
    ("path", "new", "old", "text"),
    [
        (("DEFAULT", "a"), "x", b"a = 1", b"a = x"),
        (("DEFAULT", "a"), "x;y", b"a = 1", b"a = `x;y`"),
        (("DEFAULT", "b"), True, b"a = 1 ; one\n", b"a = 1 ; one\nb = true\n"),
        (("s", "key"), "4", b"`2`", b"`4`"),
        (("s", "k=2"), "4", b"other = 3\n", b"other = 3\n`k=2` = 4\n"),
        (("s", "k"), "4", b"other = 3\n", b"other = 3\nk     = 4\n"),
        (("t", "k"), 1.0, b"# tail\n", b"# tail\n\n[t]\nk = 1.0\n"),
        (("s",), {"key": "9", "n": "8"}, b"`2`\nother = 3\n", b"`9`\nn     = 8\n"),
    ],
)
def test_put_changes_one_place(path, new, old, text):
    """A value is replaced, or added behind the last key of its section in the spacing of that."""
    assert old in EDITED
    assert parse(EDITED).put(path, new) == EDITED.replace(old, text)


@pytest.mark.parametrize(("text", "expected"), [(b"", b"\n[s]\nk = v\n"), (b"a=1", b"a=1\n\n[s]\nk = v")])
def test_put_adds_a_section(text, expected):
    """A new section goes to the end."""
    assert parse(text).put(("s", "k"), "v") == expected.lstrip(b"\n")


@pytest.mark.parametrize(
    ("path", "new", "error"),
    [
        (("s",), 1, DumpError), (("s", "k", "x"), 1, DumpError), (("s", "k"), [1], DumpError),
        (("s", 0), 1, InvalidPathError), (("s", "-"), 1, ParseError), (("s", "#k"), 1, InvalidPathError),
        (("s\n", "k"), 1, ParseError), (("s", "a\nb"), 1, ParseError),
    ],
)  # fmt: skip
def test_put_refuses_what_ini_can_not_hold(path, new, error):
    """Containers, indexes and names that would not read back are errors."""
    with pytest.raises(error):
        parse(EDITED).put(path, new)


@pytest.mark.parametrize(
    ("path", "old"),
    [
        (("DEFAULT", "a"), b"a = 1 ; one\n"),
        (("s", "key"), b"key   = `2`\n"),
        (("s",), b"[s]\nkey   = `2`\nother = 3\n"),
    ],
)
def test_remove_takes_one_place_out(path, old):
    """A key goes with its line, a section with its keys."""
    assert parse(EDITED).remove(path) == EDITED.replace(old, b"")


def test_remove_of_nothing_is_an_error():
    """Where there is no such key, nothing can be removed."""
    with pytest.raises(KeyPathNotFoundError):
        parse(EDITED).remove(("s", "x"))
