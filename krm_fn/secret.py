"""Secrets: values to ``data`` and ``stringData``."""

from __future__ import annotations

from binascii import Error as Base64Error
from binascii import a2b_base64, b2a_base64

from krm_fn.emit import readable
from krm_fn.problems import ResourceError

BEHAVIOR = "kustomize.config.k8s.io/behavior"
NEEDS_HASH = "kustomize.config.k8s.io/needs-hash"

_KUSTOMIZE_LINE = 70
"""Characters of base64 per line in Secrets that kustomize generates (kyaml ``encodeBase64``)."""


def is_secret(resource: dict[str, object]) -> bool:
    """Whether a resource is a core Secret."""
    return resource.get("kind") == "Secret" and resource.get("apiVersion") == "v1"


def base64(value: bytes) -> str:
    """Standard base64 on one line."""
    return b2a_base64(value, newline=False).decode()


def base64_as_kustomize(value: bytes) -> str:
    """Base64 in lines, as kustomize's own generators write it: the hash in a name covers the line breaks."""
    text = base64(value)
    if len(text) < _KUSTOMIZE_LINE:
        return text
    return "".join(text[at : at + _KUSTOMIZE_LINE] + "\n" for at in range(0, len(text), _KUSTOMIZE_LINE))


def decode_base64(text: str) -> bytes | None:
    """The bytes of standard base64, blanks and line breaks apart; ``None`` where it is something else."""
    try:
        return a2b_base64("".join(text.split()).encode("ascii"), strict_mode=True)
    except (Base64Error, UnicodeEncodeError):
        return None


def text_of(value: bytes) -> str | None:
    """The text of a value, or ``None`` where it has to go to ``data``: kustomize would not pass it on unharmed."""
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return None
    return text if readable(text) else None


def build(
    metadata: dict[str, object],
    values: dict[str, bytes],
    *,
    kind: str | None = None,
    immutable: bool | None = None,
    encode: str = "data",
) -> dict[str, object]:
    """A ``v1`` Secret with ``values`` in ``data``, or as text in ``stringData`` where they can be text."""
    data: dict[str, object] = {}
    string_data: dict[str, object] = {}
    for key, value in sorted(values.items()):
        text = text_of(value) if encode == "stringData" else None
        if text is None:
            data[key] = base64(value)
        else:
            string_data[key] = text
    secret: dict[str, object] = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata}
    if kind:
        secret["type"] = kind
    if immutable is not None:
        secret["immutable"] = immutable
    if data:
        secret["data"] = data
    if string_data:
        secret["stringData"] = string_data
    return secret


def fold_string_data(secret: dict[str, object]) -> dict[str, object]:
    """The same Secret with ``stringData`` moved into ``data``, as the API server stores it.

    kustomize merges ``data`` only, and server-side apply tracks the two as different fields.
    """
    string_data = secret.get("stringData")
    if not isinstance(string_data, dict):
        return secret
    data = secret.get("data")
    merged: dict[str, object] = dict(data) if isinstance(data, dict) else {}
    for key, value in string_data.items():
        if not isinstance(value, str):
            raise ResourceError(
                "the values of a Secret are text", secret, ("stringData", str(key)), hint="put the value in quotes"
            )
        merged[key] = base64(value.encode("utf-8", "surrogateescape"))
    folded: dict[str, object] = {}
    for key, value in secret.items():
        if key not in ("data", "stringData"):
            folded[key] = value
        elif merged and "data" not in folded:
            folded["data"] = merged
    return folded


def move_unreadable(secret: dict[str, object]) -> None:
    """Move text that kustomize can't pass on from ``stringData`` to ``data``."""
    string_data = secret.get("stringData")
    if not isinstance(string_data, dict):
        return
    moved = {key: value for key, value in string_data.items() if isinstance(value, str) and not readable(value)}
    if not moved:
        return
    data = secret.get("data")
    data = secret["data"] = dict(data) if isinstance(data, dict) else {}
    for key, value in moved.items():
        data[key] = base64(value.encode("utf-8", "surrogateescape"))
        del string_data[key]
    if not string_data:
        del secret["stringData"]
