"""HashiCorp Vault and OpenBao: keys of a transit engine."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from kubectl_sops.core.metadata import KeyEntry
from kubectl_sops.errors import KeyParseError
from kubectl_sops.keys import UnwrapError, failed_to_wrap, stamped

if TYPE_CHECKING:
    from kubectl_sops.keys.context import Context

_HINT = "write it like https://vault.example.com:8200/v1/transit/keys/name"
_PATH = re.compile(r"/v\d+/(.+)/[^/]+/([^/]+)/?")


def parse_recipients(text: str) -> list[KeyEntry]:
    """Key URIs separated by commas."""
    return [_parse(part.strip()) for part in text.split(",") if part.strip()]


def _parse(uri: str) -> KeyEntry:
    parts = urlsplit(uri)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise KeyParseError("a Vault key has no scheme or host", hint=_HINT)
    if "@" in parts.netloc:
        raise KeyParseError("a Vault key holds credentials", hint="log in instead: the URI is written into files")
    match = _PATH.fullmatch(parts.path)
    if match is None or parts.query:
        raise KeyParseError("the path of a Vault key is not formatted correctly", hint=_HINT)
    fields: dict[str, object] = {
        "vault_address": f"{parts.scheme}://{parts.netloc}",
        "engine_path": match[1],
        "key_name": match[2],
    }
    return KeyEntry("hc_vault", fields)


def service(entry: KeyEntry) -> str:
    """The server that holds a key."""
    return f"Vault {entry.get('vault_address')}"


def wrap(entry: KeyEntry, part: bytes, context: Context) -> KeyEntry:
    """The key with ``part`` encrypted by the server."""
    from kubectl_sops.keys.vault_client import connect

    try:
        client = connect(entry.get("vault_address"), context)
        answer = client.call("PUT", _operation(entry, "encrypt"), {"plaintext": b64encode(part).decode()})
    except UnwrapError as error:
        raise failed_to_wrap(entry, error) from None
    enc = answer.get("ciphertext")
    if not isinstance(enc, str) or not enc:
        raise failed_to_wrap(entry, UnwrapError("the answer holds no ciphertext"))
    return stamped(entry, enc)


def unwrap(entry: KeyEntry, context: Context) -> bytes:
    """The part, decrypted by the server; any version of the key that it still has."""
    from kubectl_sops.keys.vault_client import connect

    client = connect(entry.get("vault_address"), context)
    answer = client.call("PUT", _operation(entry, "decrypt"), {"ciphertext": entry.enc})
    try:
        return b64decode(str(answer.get("plaintext") or ""), validate=True)
    except Base64Error:
        raise UnwrapError("the answer is not base64") from None


def _operation(entry: KeyEntry, name: str) -> str:
    return f"{entry.get('engine_path')}/{name}/{entry.get('key_name')}"
