"""Whether Flux could use an entry of its decryption Secret, found out before it is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from kubectl_sops.errors import KeyParseError
from kubectl_sops.keys.flux_secret import AWS, AZURE, PGP_SUFFIX, VAULT_TOKEN

if TYPE_CHECKING:
    from collections.abc import Mapping

_PRIVATE_BLOCK = b"-----BEGIN PGP PRIVATE KEY BLOCK-----"
_AZURE_SETS = (
    ("tenantId", "clientId", "clientSecret"),
    ("tenantId", "clientId", "clientCertificate"),
    ("tenant", "appId", "password"),
    ("clientId",),
)


def check(name: str, data: bytes) -> None:
    """Look at the content of an entry, one of ``flux_secret.NAMED`` or a PGP key; the name says what it has to be.

    Raises:
        KeyParseError: Flux would fail on it.
    """
    if name.endswith(PGP_SUFFIX):
        if _PRIVATE_BLOCK not in data:
            raise KeyParseError(
                "not a private PGP key as text", hint="export it with `gpg --export-secret-keys --armor FINGERPRINT`"
            )
    elif name == VAULT_TOKEN:
        if len(data.split()) != 1:
            raise KeyParseError("not a token: it is one word", hint="create one with `vault token create`")
    elif name == AWS:
        _require(_mapping(data), (("aws_access_key_id", "aws_secret_access_key"),), "AWS credentials")
    elif name == AZURE:
        encoding = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
        _require(_mapping(data, encoding), _AZURE_SETS, "Azure credentials")
    else:
        _require(_mapping(data), (("type",),), "Google credentials")


def _mapping(data: bytes, encoding: str = "utf-8") -> Mapping[str, object]:
    try:
        found = yaml.safe_load(data.decode(encoding))
    except (yaml.YAMLError, UnicodeDecodeError):
        found = None
    return found if isinstance(found, dict) else {}


def _require(found: Mapping[str, object], sets: tuple[tuple[str, ...], ...], what: str) -> None:
    if not any(all(found.get(name) for name in names) for names in sets):
        fields = "; or ".join(", ".join(names) for names in sets)
        raise KeyParseError(f"no {what}", hint=f"the file has the fields {fields}")
