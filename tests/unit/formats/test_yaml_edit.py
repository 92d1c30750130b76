"""Setting and removing values of a YAML document: the data that results, and the text that stays."""

from __future__ import annotations

import copy

import pytest

from kubectl_sops.errors import InvalidPathError, KeyPathNotFoundError
from kubectl_sops.formats.yaml import parse
from kubectl_sops.formats.yaml_load import load_all

TEXT = """\
# top
a: 1 # one
b:
  # inner
  c: "x"   # cc
  d: [1, {e: 2}]
l:
- x
# mid
- k: v
  w: 2
-
  - deep
n:
m: {}
t: |
  text

# tail
"""
VALUES = [
    "new", 5, None, True, 1.5, "multi\nline\n", {"x": 1, "y": {"z": [1, "q"]}}, [1, {"a": "b"}], {}, [], " lead",
    "a: b",
]  # fmt: skip
PATHS = [
    ("a",), ("b",), ("b", "c"), ("b", "d"), ("b", "d", 0), ("b", "d", 1), ("b", "d", 1, "e"), ("b", "d", 1, "new"),
    ("b", "d", 2), ("b", "z"), ("l",), ("l", 0), ("l", 1), ("l", 1, "k"), ("l", 1, "w"), ("l", 1, "n"), ("l", 2),
    ("l", 2, 0), ("l", 2, 1), ("l", 3), ("n",), ("n", "x"), ("m",), ("m", "q"), ("t",), ("zz",), ("zz", "y", 0),
    ("a", "sub"), ("l", 0, "sub"),
]  # fmt: skip
TEXTS = {"lf": TEXT, "no final newline": TEXT.rstrip("\n"), "crlf": TEXT.replace("\n", "\r\n")}


def put(tree, path, value):
    node = tree
    for part, following in zip(path, [*path[1:], None], strict=True):
        present = part in node if isinstance(node, dict) else part < len(node)
        child = node[part] if present else None
        if following is None:
            child = value
        elif not isinstance(child, dict | list):
            child = [] if isinstance(following, int) else {}
        if isinstance(node, list) and part == len(node):
            node.append(child)
        else:
            node[part] = child
        node = child
    return tree


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("path", PATHS, ids=str)
def test_setting_any_value_anywhere(name, path):
    """The document holds the value and everything else; comments outside what was replaced stay."""
    text = TEXTS[name]
    for value in VALUES:
        wanted = put(load_all(text)[0], path, copy.deepcopy(value))
        result = parse(text.encode()).put(path, value).decode()
        assert load_all(result)[0] == wanted, (value, result)
        assert "# top" in result
        assert "# tail" in result
        assert ("\r\n" in result) == (name == "crlf")


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("path", [p for p in PATHS if p[-1] not in ("new", "z", "n", "q", "zz", "x", "sub")], ids=str)
def test_removing_anything(name, path):
    """What was there is gone, everything else is as it was."""
    wanted = load_all(TEXTS[name])[0]
    node = wanted
    try:
        for part in path[:-1]:
            node = node[part]
        del node[path[-1]]
    except (KeyError, IndexError, TypeError):
        with pytest.raises(KeyPathNotFoundError):
            parse(TEXTS[name].encode()).remove(path)
        return
    result = parse(TEXTS[name].encode()).remove(path).decode()
    assert load_all(result)[0] == wanted, result
    assert "# tail" in result


def test_one_line_changes():
    """Setting a value touches its own line; inserting adds one; removing takes one away."""
    lines = TEXT.splitlines()
    changed = parse(TEXT.encode()).put(("b", "c"), "y").decode().splitlines()
    assert [i for i, (x, y) in enumerate(zip(lines, changed, strict=True)) if x != y] == [4]
    assert changed[4] == "  c: y   # cc" or changed[4] == '  c: "y"   # cc'
    assert parse(TEXT.encode()).put(("b", "z"), 1).decode().splitlines() == [*lines[:6], "  z: 1", *lines[6:]]
    assert parse(TEXT.encode()).remove(("b", "d")).decode().splitlines() == [*lines[:5], *lines[6:]]


@pytest.mark.parametrize("path", [("l", "k"), ("b", 0), ("l", 9), ("l", 0, 3)], ids=str)
def test_paths_that_do_not_fit(path):
    """A key into a list, an index into a map and an index beyond the end are refused."""
    with pytest.raises(InvalidPathError):
        parse(TEXT.encode()).put(path, 1)


def test_the_first_document_is_meant():
    """Other documents of a stream stay byte for byte."""
    stream = "a: 1\n---\na: 2 # two\n...\n"
    assert parse(stream.encode()).put(("a",), "x") == b"a: x\n---\na: 2 # two\n...\n"
    assert parse(stream.encode()).put(("b",), "x") == b"a: 1\nb: x\n---\na: 2 # two\n...\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{}\n", "data:\n    k: x\n"),
        ("---\n{}\n", "---\ndata:\n    k: x\n"),
        ("--- {} # why\n", "--- # why\ndata:\n    k: x\n"),
        ("# top\n{}", "# top\ndata:\n    k: x"),
        ("data: {} # why\nx: 1\n", "data: # why\n    k: x\nx: 1\n"),
        ("data: {}\r\n", "data:\r\n    k: x\r\n"),
        ("data: &a {}\nb: *a\n", 'data: &a {"k": "x"}\nb: *a\n'),
        ("{a: {}}\n", '{a: {}, "data": {"k": "x"}}\n'),
    ],
)
def test_an_empty_map_becomes_a_block(text, expected):
    """As a person would write it; not inside a flow collection, nor behind an anchor."""
    assert parse(text.encode()).put(("data", "k"), "x").decode() == expected
