"""JSON documents: leaves, refusals, and splicing that touches nothing else."""

from __future__ import annotations

import pytest

from kubectl_sops.core.document import Token
from kubectl_sops.core.metadata import Metadata
from kubectl_sops.core.values import EMPTY_LIST, EMPTY_MAP, Comment, Sealed, Time
from kubectl_sops.errors import (
    DumpError,
    InvalidPathError,
    KeyPathNotFoundError,
    MetadataError,
    ParseError,
)
from kubectl_sops.formats.json import parse
from tests.support.sealed import decrypt, encrypt

AGE = [{"enc": "x\n", "recipient": "age1a"}]
TREE: dict[str, object] = {"age": AGE, "lastmodified": "t", "mac": "m", "version": "3.13.3"}


def leaves(text):
    return [(leaf.path, leaf.value) for leaf in parse(text.encode()).leaves]


def value(text):
    found = parse(b'{"k": ' + text + b"}").leaves[0].value
    return type(found), found


def test_leaves_come_in_document_order_with_their_paths():
    """Scalars and empty containers are leaves; list elements count from zero."""
    assert leaves('{"a": {"b": [1, {"c": true}, []], "d": {}}, "e": null}') == [
        (("a", "b", 0), 1),
        (("a", "b", 1, "c"), True),
        (("a", "b", 2), EMPTY_LIST),
        (("a", "d"), EMPTY_MAP),
        (("e",), None),
    ]


def test_containers_are_listed():
    """The paths of all maps and lists are known, the root first."""
    assert parse(b'{"a": {"b": [1]}}').containers == [(), ("a",), ("a", "b")]


def test_keys_that_occur_twice_stay_in_order():
    """Duplicate keys are kept, as sops keeps them."""
    assert leaves('{"a": 1, "b": 2, "a": 3}') == [(("a",), 1), (("b",), 2), (("a",), 3)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"0", (int, 0)),
        (b"-0", (int, 0)),
        (b"9223372036854775807", (int, 2**63 - 1)),
        (b"-9223372036854775808", (int, -(2**63))),
        (b"9223372036854775808", (float, 2.0**63)),
        (b"-9223372036854775809", (float, -(2.0**63))),
        (b"100000000000000000000000000000", (float, 1e29)),
        (b"1.0", (float, 1.0)),
        (b"1e3", (float, 1000.0)),
        (b"-1.5E-3", (float, -0.0015)),
        (b"1e-400", (float, 0.0)),
    ],
)
def test_numbers_are_typed_as_by_sops(text, expected):
    """Integer syntax that fits 64 bits is an int, everything else a float."""
    assert value(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b'"a\\u00e9\\n\\"\\\\\\/\\b\\f\\r\\t"', 'aé\n"\\/\b\f\r\t'),
        (b'"\\ud83d\\ude00"', "\U0001f600"),
        (b'"\\ud83d"', "\ufffd"),
        (b'"\\ud83d\\u0041"', "\ufffdA"),
        (b'"\\ude00\\ud83d"', "\ufffd\ufffd"),
        (b'"\\ud83d\\ud83d\\ude00"', "\ufffd\U0001f600"),
        (b'"\xff\xc3\xa9\xed\xa0\x80"', "\ufffdé\ufffd\ufffd\ufffd"),
        (b'"\\u0000\x7f"', "\0\x7f"),
    ],
)
def test_strings_are_decoded_as_by_go(text, expected):
    """Escapes are resolved; lone surrogates and bytes that are not UTF-8 become U+FFFD."""
    assert value(text) == (str, expected)


REFUSED = {
    "empty": (b" \n", None),
    "a list": (b"[1]", 1),
    "a scalar": (b'"a"', 1),
    "truncated after a colon": (b'{"a": ', 1),
    "truncated in a list": (b'{"a": 1,\n "b": [1', 2),
    "truncated object": (b'{"a": 1', 1),
    "truncated string": (b'{"a": "x', 1),
    "trailing comma in an object": (b'{"a": 1,}', 1),
    "trailing comma in a list": (b'{"a": [1,\n]}', 2),
    "no comma": (b'{"a": 1 "b": 2}', 1),
    "no colon": (b'{"a" 1}', 1),
    "wrong bracket": (b'{"a": [1}', 1),
    "wrong bracket at the end": (b'{"a": 1]', 1),
    "key without quotes": (b"{a: 1}", 1),
    "single quotes": (b"{'a': 1}", 1),
    "tab in a string": (b'{"a": "\t"}', 1),
    "line break in a string": (b'{\n"a": "\n"}', 2),
    "leading zero": (b'{"a": 01}', 1),
    "number without fraction": (b'{"a": 1.}', 1),
    "plus sign": (b'{"a": +1}', 1),
    "NaN": (b'{"a": NaN}', 1),
    "beyond floats": (b'{"a": 1e400}', 1),
    "unknown escape": (b'{"a": "\\x"}', 1),
    "comment": (b'{"a": 1} // c', 1),
    "a second document": (b'{"a": 1}\n{"b": 2}', 2),
    "byte order mark": (b"\xef\xbb\xbf{}", 1),
    "UTF-16": (b"\xff\xfe{\0}\0", 1),
    "sops is broken": (b'{"sops": {"a": }}', 1),
    "too deep": (b'{"a":' + b"[" * 600 + b"]" * 600 + b"}", 1),
    "too deep in sops": (b'{"sops": {"a":' + b"[" * 600 + b"]" * 600 + b"}}", 1),
}


@pytest.mark.parametrize(("data", "line"), REFUSED.values(), ids=REFUSED)
def test_what_is_not_one_object_is_refused(data, line):
    """Everything but one complete object is refused with its line, and without quoting the text."""
    with pytest.raises(ParseError) as error:
        parse(data)
    assert error.value.line == line


def test_errors_quote_nothing():
    """A parse error holds no part of the document."""
    with pytest.raises(ParseError) as error:
        parse(b'{"CANARY": "CANARY" CANARY}')
    assert "CANARY" not in str(error.value) + str(error.value.hint)


def test_the_sops_entry_becomes_metadata():
    """The root's ``sops`` member is no leaf; one further down is."""
    document = parse(b'{"sops": {"mac": "m", "x": [1, {"y": null}]}, "a": {"sops": 1}}')
    assert document.metadata is not None
    assert document.metadata.tree == {"mac": "m", "x": [1, {"y": None}]}
    assert [leaf.path for leaf in document.leaves] == [("a", "sops")]


@pytest.mark.parametrize("text", [b'{"sops": 1}', b'{"sops": []}', b'{"sops": {}, "sops": {}}'])
def test_a_malformed_sops_entry_is_an_error(text):
    """The entry must be one mapping."""
    with pytest.raises(MetadataError):
        parse(text)


def test_text_after_an_encrypted_document_stays():
    """sops ignores text after the object; in an encrypted file it is kept."""
    document = parse(b'{"a": 1, "sops": {"mac": ""}} trailing')
    assert document.splice({}, None) == b'{"a": 1} trailing'


# --- splicing

LAYOUTS = {
    "one line": b'{"a": 1, "b": [1, 2]}',
    "one line, compact": b'{"a":1,"b":2}',
    "one line, one member": b'{"a": 1}',
    "compact, one member": b'{"a":1}',
    "empty": b"{}",
    "empty with blanks": b" { }\n",
    "empty on lines": b"{\n}\n",
    "two blanks": b'{\n  "a": 1,\n  "b": {\n    "c": 2\n  }\n}\n',
    "tabs, no final newline": b'{\n\t"a": 1\n}',
    "CRLF": b'{\r\n  "a": 1,\r\n  "b": 2\r\n}\r\n',
    "blank lines": b'\n{\n\n  "a": 1,\n\n  "b": 2\n\n}\n\n',
    "comma first": b'{ "a": 1\n, "b": 2\n}\n',
    "no indentation": b'{\n"a": 1,\n"b": 2\n}\n',
    "indented root": b'  {\n    "a": 1\n  }\n',
    "brace on the first line": b'{"a": 1,\n "b": 2}\n',
    "blank before colon": b'{"a" : 1 , "b" : 2 }',
}


@pytest.mark.parametrize("text", LAYOUTS.values(), ids=LAYOUTS)
def test_the_sops_entry_comes_and_goes_without_a_trace(text):
    """Adding the entry and taking it out gives the same bytes; modelled on itself it comes back the same."""
    sealed = parse(text).splice({}, Metadata(TREE))
    document = parse(sealed)
    assert document.metadata is not None
    assert document.metadata.tree == TREE
    assert (b"\n" in sealed.strip()) == (b"\n" in text.strip())
    plain = document.splice({}, None)
    assert plain == text
    assert parse(plain).splice({}, Metadata(TREE), like=document) == sealed


def test_the_entry_takes_over_indentation():
    """The entry is laid out in the style of the document."""
    sealed = parse(b'{\n  "a": 1\n}\n').splice({}, Metadata({"age": AGE, "mac": "<m>"}))
    assert sealed.decode() == (
        '{\n  "a": 1,\n  "sops": {\n    "age": [\n      {\n        "enc": "x\\n",\n        "recipient": "age1a"\n'
        '      }\n    ],\n    "mac": "\\u003cm\\u003e"\n  }\n}\n'
    )


MODELS = {
    "at the end": b'{\n    "a": 1,\n    "b": 2,\n    "sops" : {"mac": "m"}\n}\n',
    "first": b'{"sops": { "mac": "m" },\n "a": 1, "b": 2}',
    "between": b'{"a": 1,\n\n "sops": {"mac":"m"} , "b": 2}',
    "alone": b'{\n\t"sops": {"mac": "m"}\n}\n',
}


@pytest.mark.parametrize("text", MODELS.values(), ids=MODELS)
def test_an_encrypted_original_is_the_model(text):
    """The entry comes back where and as it was in the document that serves as a model."""
    model = parse(text)
    assert model.metadata is not None
    plain = model.splice({}, None)
    assert b"sops" not in plain
    parse(plain)
    assert parse(plain).splice({}, model.metadata, like=model) == text
    changed = parse(plain).splice({}, model.metadata.replace(mac="other"), like=model)
    assert changed == text.replace(b'"m"', b'"other"')


def test_a_model_that_does_not_fit_is_followed_as_far_as_it_goes():
    """Where the neighbour of the entry is gone, the entry goes to the end."""
    model = parse(MODELS["between"])
    sealed = parse(b'{"b": 2}').splice({}, model.metadata, like=model)
    assert sealed == b'{"b": 2, "sops": {"mac": "m"}}'


def test_only_what_differs_in_the_entry_is_written():
    """Changing one field of the metadata leaves the text of the others alone, odd spacing included."""
    text = b'{"a": 1, "sops": {"age" :[ {"enc":"x\\u000a",  "recipient": "age1a"} ],"mac":"m" , "version": "3"}}'
    document = parse(text)
    assert document.metadata is not None
    assert document.splice({}, document.metadata.replace(mac="n")) == text.replace(b'"m"', b'"n"')


def test_a_new_recipient_touches_its_own_lines_only():
    """A recipient that is added or removed leaves the other entries as they are."""
    document = parse(parse(b'{\n  "a": 1\n}\n').splice({}, Metadata(TREE)))
    before = document.splice({}, document.metadata).decode()
    assert document.metadata is not None
    added = document.splice({}, document.metadata.replace(age=[*AGE, {"enc": "y", "recipient": "age1b"}])).decode()
    new = '      {\n        "enc": "y",\n        "recipient": "age1b"\n      }'
    old = '        "recipient": "age1a"\n      }'
    assert added == before.replace(old, f"{old},\n{new}")
    again = parse(added.encode())
    assert again.metadata is not None
    assert again.splice({}, again.metadata.replace(age=AGE)).decode() == before
    changed = parse(added.encode()).splice({}, again.metadata.replace(age=[{"enc": "y", "recipient": "age1b"}]))
    assert changed.decode() == before.replace(old, "").replace('      {\n        "enc": "x\\n",\n', new)


def test_fields_come_and_go_in_their_place():
    """A field that appears in the middle gets its own line there."""
    document = parse(b'{\n "a": 1,\n "sops": {\n  "mac": "m",\n  "version": "3"\n }\n}')
    assert document.metadata is not None
    changed = Metadata({"mac": "m", "shamir_threshold": 2, "version": "3"})
    text = document.splice({}, changed)
    assert text == b'{\n "a": 1,\n "sops": {\n  "mac": "m",\n  "shamir_threshold": 2,\n  "version": "3"\n }\n}'
    assert parse(text).splice({}, document.metadata) == document.splice({}, document.metadata)


def test_values_replace_their_tokens_only():
    """Ciphertexts are quoted, tokens copied, typed values spelt out."""
    document = parse(b'{"a" : 1,\n"b": "x" , "c": [null,2]}')
    sealed = document.splice({0: Sealed("ENC[x]"), 1: Token('"\\u0078"'), 3: 2.0}, None)
    assert sealed == b'{"a" : "ENC[x]",\n"b": "\\u0078" , "c": [null,2.0]}'
    assert document.token(1) == '"x"'
    assert isinstance(document.token(1), Token)


@pytest.mark.parametrize(
    ("typed", "text"),
    [
        (5, "5"), (True, "true"), (None, "null"), (1.0, "1.0"), (-0.0, "-0.0"), (0.1, "0.1"), (1e-7, "1e-7"),
        (1.5e300, "1.5e+300"), (1e21, "1e+21"), (1e20, "100000000000000000000"), (1e15, "1000000000000000.0"),
        (2.0**63, "9223372036854776000"), ("é\u2028<\"\\\x01\x7f", '"é\u2028<\\"\\\\\\u0001\x7f"'),
        ("\udcff", '"\\ufffd"'), (Time("2020-01-02T00:00:00Z"), '"2020-01-02T00:00:00Z"'), (EMPTY_MAP, "{}"),
    ],
)  # fmt: skip
def test_decrypted_values_keep_their_type(typed, text):
    """A value is written so that it reads back with the same type, with the fewest escapes."""
    assert parse(b'{"k": 0}').splice({0: typed}, None).decode() == f'{{"k": {text}}}'


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("1e3", "1000.0"), ("1.50", "1.5"), ("-0", "0"), ("1E-7", "1e-7"),
        ("10000000000000000000", "10000000000000000000"),
        ('"\\u00e9"', '"é"'), ('"\\/"', '"/"'), ('"\\ud83d\\ude00"', '"\U0001f600"'), ('"\\ud800"', '"\ufffd"'),
        ('"\\u003c"', '"<"'),
    ],
)  # fmt: skip
def test_spellings_that_are_not_kept(before, after):
    """Exceptions to byte equality: numbers and escapes come back in one spelling, the data are the same."""
    text = f'{{"k": {before}, "k_unencrypted": {before}}}'
    plain = decrypt(encrypt(text.encode(), "json"), "json").decode()
    assert plain == f'{{"k": {after}, "k_unencrypted": {before}}}'
    assert repr(value(before.encode())) == repr(value(after.encode()))


@pytest.mark.parametrize("number", [float("inf"), float("-inf"), float("nan")])
def test_json_has_no_infinity(number):
    """Numbers that JSON can't hold are an error of the output."""
    with pytest.raises(DumpError):
        parse(b'{"k": 0}').splice({0: number}, None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[0, 1, 2]", "[1, 2]"), ("[1, 0, 2]", "[1, 2]"), ("[1, 2, 0]", "[1, 2]"), ("[0, 1, 0]", "[1]"),
        ("[1, 0, 0]", "[1]"), ("[0, 0]", "[]"), ("[ 0 ]", "[]"), ("[0, 1, 0, 0, 2, 0]", "[1, 2]"),
        ("[[0], 0]", "[[]]"),
    ],
)  # fmt: skip
def test_encrypted_comments_leave_a_list(text, expected):
    """A list item that decrypts to a comment disappears, with one comma: JSON has no comments."""
    document = parse(f'{{"l": {text}}}'.encode())
    gone = {index: Comment(" c") for index, leaf in enumerate(document.leaves) if leaf.value == 0}
    assert document.splice(gone, None).decode() == f'{{"l": {expected}}}'


# --- set and unset

EDITED = '{\n  "a": {\n    "b": 1\n  },\n  "l": [1, {"x": 2}],\n  "e": {}\n}\n'


@pytest.mark.parametrize(
    ("path", "new", "old", "text"),
    [
        (("a", "b"), "x", '"b": 1', '"b": "x"'),
        (("a", "c"), True, '"b": 1', '"b": 1,\n    "c": true'),
        (("a",), 5, '{\n    "b": 1\n  }', "5"),
        (("a",), {"n": [1]}, '{\n    "b": 1\n  }', '{\n    "n": [\n      1\n    ]\n  }'),
        (("n", "m"), 1.0, '"e": {}', '"e": {},\n  "n": {\n    "m": 1.0\n  }'),
        (("n", 0), 1, '"e": {}', '"e": {},\n  "n": [\n    1\n  ]'),
        (("l", 0), 9, "[1, ", "[9, "),
        (("l", 2), {"y": [], "z": None}, '{"x": 2}', '{"x": 2}, {"y": [], "z": null}'),
        (("l", 1, "y"), "<", '{"x": 2}', '{"x": 2, "y": "<"}'),
        (("l", 0, "k"), 1, "[1,", '[{\n    "k": 1\n  },'),
        (("e", "k"), 1, "{}", '{\n    "k": 1\n  }'),
    ],
)
def test_put_changes_one_place(path, new, old, text):
    """A value is replaced, added or created where it belongs, in the document's layout."""
    assert old in EDITED
    assert parse(EDITED.encode()).put(path, new).decode() == EDITED.replace(old, text)


@pytest.mark.parametrize("path", [("l", "x"), ("a", 0), ("l", 3), ("n", 1)])
def test_put_refuses_paths_that_do_not_fit(path):
    """An index into a map, a key into a list and a gap in a list are errors."""
    with pytest.raises(InvalidPathError):
        parse(EDITED.encode()).put(path, 1)


@pytest.mark.parametrize(
    ("path", "old", "text"),
    [
        (("a", "b"), '{\n    "b": 1\n  }', "{}"),
        (("a",), '"a": {\n    "b": 1\n  },\n  ', ""),
        (("e",), ',\n  "e": {}', ""),
        (("l", 0), "[1, ", "["),
        (("l", 1), ', {"x": 2}', ""),
        (("l", 1, "x"), '{"x": 2}', "{}"),
    ],
)
def test_remove_takes_one_place_out(path, old, text):
    """A value or subtree goes, with its key and one comma."""
    assert old in EDITED
    assert parse(EDITED.encode()).remove(path).decode() == EDITED.replace(old, text)


@pytest.mark.parametrize("path", [("x",), ("a", "x"), ("l", 2), ("a", "b", "c")])
def test_remove_of_nothing_is_an_error(path):
    """Where there is nothing, nothing can be removed."""
    with pytest.raises(KeyPathNotFoundError):
        parse(EDITED.encode()).remove(path)
