"""Choosing a format."""

from __future__ import annotations

import pytest
from pyrage import x25519

from kubectl_sops import formats
from kubectl_sops.errors import UsageError
from kubectl_sops.files.encrypt import Recipe, encrypt
from kubectl_sops.formats.guess import format_with, guess
from kubectl_sops.keys import system
from kubectl_sops.keys.keyring import Keyring

IDENTITY = x25519.Identity.generate()
KEYRING = Keyring({}, identities=[str(IDENTITY)], source="none")
GROUPS = [list(system("age").parse_recipients(str(IDENTITY.to_public())))]
NOW = "2026-01-01T00:00:00Z"


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


@pytest.mark.parametrize("kind", ["yaml", "json", "dotenv", "ini"])
def test_the_format_of_an_encrypted_text_can_be_guessed(kind):
    """For standard input and names that say nothing; text about sops is no encrypted text, nor is a binary file."""
    text = {"yaml": b"a: 1\n", "json": b'{"a": 1}', "dotenv": b"A=1\n", "ini": b"[a]\nb = 1\n"}[kind]
    data = encrypt(text, kind, Recipe(GROUPS), KEYRING, now=NOW).data
    assert guess(data) == kind
    assert format_with("-", data) == format_with("x.tpl", data) == kind
    assert format_with("x.json", data) == "json"
    assert guess(text) is None
    assert format_with("-", text) == "binary"
    assert guess(b"A file looks so:\n\n    " + data.replace(b"\n", b"\n    ")) is None


def test_a_binary_file_stays_one():
    """Its form is JSON with one value; a JSON file whose values are named otherwise is none."""
    assert guess(encrypt(b"\x00", "binary", Recipe(GROUPS), KEYRING, now=NOW).data) is None
    assert guess(encrypt(b'{"data": {"a": "b"}}', "json", Recipe(GROUPS), KEYRING, now=NOW).data) == "json"
