"""Output that every YAML reader takes for the same."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krm_fn import emit
from kubectl_sops.core.values import Time
from kubectl_sops.errors import DumpError
from kubectl_sops.formats.yaml_load import load_all

_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | _TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXT, inner, max_size=4),
    max_leaves=12,
)


@given(_VALUES)
def test_it_reads_back(value: Any) -> None:
    """As YAML and as JSON."""
    text = emit.text(value)
    assert json.loads(text) == value
    assert load_all(text) == [value]


@pytest.mark.parametrize(
    "text", ["1e3", "0o14", "012", "yes", "null", "~", "=", "<<", "1:30", "2020-01-01", "", " ", "#", "- a"]
)
def test_text_stays_text(text: str) -> None:
    """Whatever it looks like."""
    assert emit.text(text) == f'"{text}"'


def test_what_go_yaml_misreads_is_escaped() -> None:
    """And what lies beyond the BMP is not: as a pair of surrogates it would be refused."""
    assert emit.text('\x7f\x80\x85\x9f\u2028\u2029\ufeff\ufffe\uffff\x00\n\t"\\ä\U0001f600') == (
        '"\\u007f\\u0080\\u0085\\u009f\\u2028\\u2029\\ufeff\\ufffe\\uffff\\u0000\\n\\t\\"\\\\ä\U0001f600"'
    )


def test_a_time_is_text_and_other_keys_stay() -> None:
    """kustomize does the same to unquoted dates; a number as a key is still one."""
    assert emit.text({2: Time("2020-01-01T00:00:00Z"), True: None}) == '{2: "2020-01-01T00:00:00Z", true: null}'


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\udcff", b"x", {"a": ["\udcff"]}])
def test_what_has_no_form_is_refused(value: object) -> None:
    """Without showing it."""
    with pytest.raises(DumpError):
        emit.text(value)


def test_deep_nesting_is_refused() -> None:
    """Rather than crashing."""
    value: Any = "x"
    for _ in range(100_000):
        value = [value]
    with pytest.raises(DumpError, match="nested too deeply"):
        emit.text(value)


def test_unreadable_places_are_found() -> None:
    """Keys count, too."""
    value = {"a": ["ok", "x\x7f"], "b": {"c\x80": 1}, "d": "\udcff", "e": "ä\U0001f600"}
    assert emit.unreadable(value) == [("a", 1), ("b",), ("d",)]
    assert emit.describe([("a", 1), ("b",), ("c",), ("d",), ("e",), ("f",)]) == "a[1], b, c, d, e and 1 more"
