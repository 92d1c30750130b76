"""Patterns that are lists of names are not compiled, and mean the same."""

from __future__ import annotations

import sys

import pytest
import re2

from kubectl_sops.core.selectors import compile_regex

NAMES = [
    "data",
    "stringData",
    "Data",
    "data\n",
    "xdata",
    "datax",
    "",
    "a|b",
    "a",
    "b",
    "dat",
    "d.ta",
    "data|stringData",
]
PATTERNS = [
    "^(data|stringData)$",
    "^(a)$",
    "^(a|b)$",
    "^()$",
    "^(a|)$",
    "^(d.ta)$",
    "^(a|b)$|c",
    "^(a)b(c)$",
    "^(?i)(a)$",
]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_list_of_names_matches_as_the_pattern_does(pattern: str) -> None:
    """RE2 decides what it means."""
    search = compile_regex(pattern)
    assert [search(name) for name in NAMES] == [re2.search(pattern, name) is not None for name in NAMES]


def test_the_usual_pattern_needs_no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loading it would be felt at every start."""
    monkeypatch.setitem(sys.modules, "re2", None)
    assert compile_regex("^(data|stringData)$")("stringData")
    with pytest.raises(ImportError):
        compile_regex("^(data|stringData_.*)$")
