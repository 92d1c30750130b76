"""Recorded answers of sops: which leaves, and which comments in which container and order, it finds in a YAML text.

``tests/vectors/yaml-trees.jsonl`` was made with the YAML store of sops 3.13.3 from generated documents: a text and its
leaves (document, path, type, value) in the order in which sops walks them, or ``null`` where sops refuses the text.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kubectl_sops.core.values import EMPTY_LIST, EMPTY_MAP, Comment, Time, encode
from kubectl_sops.errors import SopsError
from kubectl_sops.formats.yaml import parse

RECORDED = [
    json.loads(line)
    for line in (Path(__file__).parents[2] / "vectors" / "yaml-trees.jsonl").read_text("utf-8").split("\n")
    if line
]
READ = [case for case in RECORDED if case["leaves"] is not None]
REFUSED = [case["text"] for case in RECORDED if case["leaves"] is None]


def leaf_as_recorded(leaf):
    value = leaf.value
    if value is None:
        kind, text = "null", ""
    elif value is EMPTY_MAP or value is EMPTY_LIST:
        kind, text = repr(value), ""
    elif isinstance(value, bool):
        kind, text = "bool", str(value).lower()
    else:
        kind = {Comment: "comment", Time: "time", str: "str", int: "int", float: "float"}[type(value)]
        text = encode(value).decode()
    return [leaf.document, list(leaf.path), kind, text]


def without_empty(leaves):
    # a comment inside an empty collection has no place before or behind it
    return [leaf for leaf in leaves if leaf[2] not in ("{}", "[]")]


def values(leaves):
    return [leaf for leaf in leaves if leaf[2] != "comment"]


def test_there_are_recorded_answers():
    """An empty file of answers would let every test below pass."""
    assert len(READ) > 400
    assert len(REFUSED) > 50
    assert sum(leaf[2] == "comment" for case in READ for leaf in case["leaves"]) > 500


@pytest.mark.parametrize("case", READ, ids=range(len(READ)))
def test_leaves_are_those_of_sops(case):
    """Same paths, types and values, and each comment in the same container and order."""
    found = [leaf_as_recorded(leaf) for leaf in parse(case["text"].encode()).leaves]
    assert values(found) == values(case["leaves"])
    assert without_empty(found) == without_empty(case["leaves"])


@pytest.mark.parametrize("text", REFUSED, ids=range(len(REFUSED)))
def test_what_sops_refuses_is_refused(text):
    """A text that sops' parser does not read never gives a document."""
    with pytest.raises(SopsError):
        parse(text.encode())
