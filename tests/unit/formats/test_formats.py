"""Choosing a format."""

from __future__ import annotations

import pytest

from kubectl_sops import formats
from kubectl_sops.errors import UsageError


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a.yaml", "yaml"), ("a.yml", "yaml"), ("a.json", "json"), ("a.env", "dotenv"), (".env", "dotenv"),
        ("a.ini", "ini"), ("a.YAML", "binary"), ("yaml", "binary"), ("a.json.txt", "binary"), ("dir.json/a", "binary"),
        ("", "binary"),
    ],
)  # fmt: skip
def test_a_suffix_decides(path, expected):
    """The format is chosen by suffix, case-sensitive, as sops does; anything else is binary."""
    assert formats.format_of(path) == expected


@pytest.mark.parametrize("name", formats.FORMATS)
def test_each_format_has_a_parser(name):
    """Each listed format parses a small document and says its own name."""
    data = {"yaml": b"a: b\n", "json": b"{}", "dotenv": b"A=b\n", "ini": b"a = b\n", "binary": b"\xff"}[name]
    assert formats.parse(data, name).format == name


def test_an_unknown_format_is_a_usage_error():
    """A format that does not exist is reported as a mistake in the call."""
    with pytest.raises(UsageError):
        formats.parse(b"", "toml")
