"""The text of a Secret, from values."""

from __future__ import annotations

from binascii import b2a_base64
from typing import TYPE_CHECKING

from kubectl_sops import formats

if TYPE_CHECKING:
    from collections.abc import Mapping


def secret_text(
    name: str,
    values: Mapping[str, bytes],
    *,
    namespace: str = "",
    type: str = "",  # the field's name
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
    immutable: bool = False,
) -> bytes:
    """A YAML manifest: text goes to ``stringData``, where it can be read and edited, everything else to ``data``."""
    tree: dict[str, object] = {"name": name}
    if namespace:
        tree["namespace"] = namespace
    if labels:
        tree["labels"] = dict(labels)
    if annotations:
        tree["annotations"] = dict(annotations)
    text = b"apiVersion: v1\nkind: Secret\n"
    text = _put(text, "metadata", tree)
    if type:
        text = _put(text, "type", type)
    if immutable:
        text = _put(text, "immutable", True)
    readable = {key: value.decode() for key, value in values.items() if is_text(value)}
    rest = {key: b2a_base64(value, newline=False).decode() for key, value in values.items() if key not in readable}
    if readable:
        text = _put(text, "stringData", readable)
    if rest:
        text = _put(text, "data", rest)
    return text


def _put(text: bytes, field: str, value: object) -> bytes:
    return formats.parse(text, "yaml").put((field,), value)


def is_text(value: bytes) -> bool:
    """Whether a value can stand in YAML as a person would write it."""
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return False
    return all(c.isprintable() or c in "\n\t" for c in text)
