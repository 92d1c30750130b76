"""HuaweiCloud KMS keys: kept through every operation, and explained where nothing else opens the file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kubectl_sops.errors import KeyParseError, NoMatchingKeyError, WrapError
from kubectl_sops.files.change import set_values
from kubectl_sops.keys import huawei
from kubectl_sops.keys.keyring import Keyring
from tests.support.sealing import NOW, PLAIN, entry, of_sops, opened, opened_by_sops, ours
from tests.support.team import people

if TYPE_CHECKING:
    from pathlib import Path

ENTRY = """\
    hckms:
        - created_at: "2026-11-26T02:19:43Z"
          enc: "0200ABCD"
          key_id: tr-west-1:abcd-0123
"""
KEYS = {"created_at": "2026-11-26T02:19:43Z", "enc": "0200ABCD", "key_id": "tr-west-1:abcd-0123"}


@pytest.fixture
def env() -> dict[str, str]:
    """Somebody who has an age key of the file."""
    return {"SOPS_AGE_KEY": (person := people("ann")[0]).identity, "RECIPIENT": person.recipient}


@pytest.fixture
def sealed(tmp_path: Path, env: dict[str, str]) -> bytes:
    """A file of sops with a HuaweiCloud key besides."""
    data = of_sops(tmp_path, ["--age", env["RECIPIENT"]], env)
    return data.replace(b"    lastmodified:", ENTRY.encode() + b"    lastmodified:")


def test_another_key_opens_the_file(sealed: bytes, tmp_path: Path, env: dict[str, str]) -> None:
    """The key is no obstacle, for us and for sops."""
    assert opened_by_sops(tmp_path, sealed, env) == opened(sealed, env) == PLAIN


def test_key_is_kept(sealed: bytes, tmp_path: Path, env: dict[str, str]) -> None:
    """A change of the file leaves the key as it is, and sops still reads it."""
    changed = set_values(sealed, "yaml", Keyring(env), lambda _: [(0, ("password",), "other")], now=NOW)
    assert entry(changed, "hckms") == KEYS
    assert opened_by_sops(tmp_path, changed, env) == b"password: other\n"


def test_nobody_else(sealed: bytes) -> None:
    """Without another key the error says who can open the file."""
    start, end = sealed.index(b"    age:"), sealed.index(b"    hckms:")
    with pytest.raises(NoMatchingKeyError) as caught:
        opened(sealed[:start] + sealed[end:], {})
    assert "HuaweiCloud KMS is not supported" in "".join(caught.value.tried)
    assert "or with sops" in str(caught.value.hint)


def test_encrypting_for_it_is_refused() -> None:
    """A recipient is never left out in silence."""
    with pytest.raises(WrapError, match="HuaweiCloud KMS is not supported"):
        ours("hckms", "tr-west-1:abcd-0123", {})


@pytest.mark.parametrize("text", ["abcd", "tr-west-1:", ":abcd", "tr-west-1:a,b"])
def test_not_a_key(text: str) -> None:
    """A key has a region and an id."""
    with pytest.raises(KeyParseError):
        huawei.parse_recipients(text)
