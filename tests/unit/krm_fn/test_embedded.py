"""Recognising encrypted files in data, whatever their key is called."""

from __future__ import annotations

from binascii import b2a_base64
from typing import Any

import pytest

from krm_fn import embedded

ENC = "ENC[AES256_GCM,data:AA==,iv:AA==,tag:AA==,type:str]"
FILES = {
    "yaml": f"a: {ENC}\nsops:\n    mac: {ENC}\n",
    "json": f'{{"a": "{ENC}", "sops": {{"mac": "{ENC}"}}}}',
    "binary": f'{{\n\t"data": "{ENC}",\n\t"sops": {{"mac": "{ENC}"}}\n}}\n',
    "dotenv": f"A={ENC}\nsops_mac={ENC}\nsops_version=3.13.3\n",
    "ini": f"[s]\nA = {ENC}\n\n[sops]\nmac = {ENC}\n",
}


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize("key", ["f", "f.txt", "conf"])
def test_the_content_decides(kind: str, key: str) -> None:
    """Generators rename files."""
    assert embedded.kind_of(FILES[kind].encode(), key) == kind


def test_the_name_decides_between_json_and_binary() -> None:
    """A JSON file may have nothing but ``data``."""
    assert embedded.kind_of(FILES["binary"].encode(), "f.json") == "json"


@pytest.mark.parametrize("kind", FILES)
def test_secrets_and_config_maps_hold_them(kind: str) -> None:
    """Base64 in lines, plain text, base64 in ``binaryData``."""
    text = FILES[kind]
    encoded = b2a_base64(text.encode(), newline=False).decode()
    lines = encoded[:10] + "\n" + encoded[10:]
    for made in (
        {"kind": "Secret", "data": {"f": lines}},
        {"kind": "ConfigMap", "data": {"f": text}},
        {"kind": "ConfigMap", "binaryData": {"f": encoded}},
    ):
        assert embedded.has_payload({"apiVersion": "v1", **made})
        assert not embedded.has_payload({"apiVersion": "example.org/v1", **made})


@pytest.mark.parametrize("text", [f"a: {ENC}\n", f"see {ENC} and sops: it\n", "sops: {}\n", "", f'{{"a": "{ENC}"}}'])
def test_a_text_about_ciphertexts_is_none(text: str) -> None:
    """Documentation in a ConfigMap is left alone."""
    resource: dict[str, Any] = {"apiVersion": "v1", "kind": "ConfigMap", "data": {"f": text, "n": 1}}
    assert not embedded.has_payload(resource)
