"""Values of Secrets, and everything that was decrypted, made unreadable but comparable.

A masked value shows its length and a short digest. The digest is keyed with random bytes of the run, or with a key
that the user keeps, so that a value can't be guessed by trying; equal values look equal within one run.
"""

from __future__ import annotations

import hmac
import os
from typing import TYPE_CHECKING, Any

from kubectl_sops.flux.resources import decode_base64

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from kubectl_sops.core.leaf import Path

    Object = dict[str, Any]

DIGEST = 8
"""Hexadecimal digits shown: enough to tell values of one repository apart."""

_SHORT = 3
_WORDS = frozenset(("true", "false", "null"))
_IDENTITY = frozenset((("apiVersion",), ("kind",), ("metadata", "name"), ("metadata", "namespace")))


class Masker:
    """Masks with one key."""

    def __init__(self, key: bytes | None = None) -> None:
        self._key = key or os.urandom(32)

    def value(self, data: bytes) -> str:
        """What stands for these bytes."""
        digest = hmac.new(self._key, data, "sha256").hexdigest()[:DIGEST]
        return f"*** ({len(data)} byte{'s' * (len(data) != 1)}, {digest})"

    def leaf(self, value: object) -> object:
        """What stands for a decrypted value; empty ones stay."""
        if value is None or value == "":
            return value
        if isinstance(value, dict):
            return {key: self.leaf(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.leaf(item) for item in value]
        return self.value(_bytes(value))


def _bytes(value: object) -> bytes:
    if isinstance(value, bool):
        return b"true" if value else b"false"
    return str(value).encode("utf-8", "surrogateescape")


class Sensitive:
    """What must not be shown of one object.

    Attributes:
        paths: places with decrypted values.
        texts: place → its text, and that text with the secret parts masked.
    """

    __slots__ = ("paths", "texts")

    def __init__(self) -> None:
        self.paths: set[Path] = set()
        self.texts: dict[Path, tuple[object, str]] = {}

    def beside(self, manifest: Object) -> Sensitive:
        """The same for another state of the object: what stands beside a secret value counts as one."""
        out = Sensitive()
        out.texts = self.texts
        out.paths = set(self.paths)
        for path in self.paths:
            holder: Any = manifest
            for part in path[:-1]:
                holder = holder.get(part) if isinstance(holder, dict) else None
            out.paths.update(
                (*path[:-1], key) for key in (holder if isinstance(holder, dict) and len(path) > 1 else ())
            )
        return out


def apply(manifest: Object, sensitive: Sensitive, hidden: frozenset[str], masker: Masker) -> Object:
    """A copy of an object that can be shown.

    Args:
        hidden: decrypted values of files that were put into objects by the build.
    """
    secret = manifest.get("kind") == "Secret"
    masked: Object = _copy(manifest, (), sensitive, hidden, masker)
    if secret:
        for field in ("data", "stringData"):
            values = manifest.get(field)
            if isinstance(values, dict):
                masked[field] = {key: _secret_value(value, field, masker) for key, value in values.items()}
    # the annotation that kubectl apply leaves holds the whole object
    annotations = masked.get("metadata", {}).get("annotations") if isinstance(masked.get("metadata"), dict) else None
    name = "kubectl.kubernetes.io/last-applied-configuration"
    if secret and isinstance(annotations, dict) and name in annotations:
        annotations[name] = masker.leaf(annotations[name])
    return masked


def _secret_value(value: object, field: str, masker: Masker) -> object:
    if value is None or value == "":
        return value
    decoded = decode_base64(value) if field == "data" else None
    return masker.leaf(value) if decoded is None else masker.value(decoded)


def _copy(value: Any, path: Path, sensitive: Sensitive, hidden: frozenset[str], masker: Masker) -> Any:
    known = sensitive.texts.get(path)
    if known is not None:
        return known[1] if known[0] == value else masker.leaf(value)
    if path in sensitive.paths and path not in _IDENTITY:
        return masker.leaf(value)
    if isinstance(value, dict):
        return {key: _copy(item, (*path, key), sensitive, hidden, masker) for key, item in value.items()}
    if isinstance(value, list):
        return [_copy(item, (*path, index), sensitive, hidden, masker) for index, item in enumerate(value)]
    if hidden and value is not None and str(value) in hidden and path not in _IDENTITY:
        return masker.leaf(value)
    return value


def hidden_values(values: Iterable[object]) -> frozenset[str]:
    """Decrypted values that are looked for in objects: what is too short or too common to be told apart is not."""
    texts = {value if isinstance(value, str) else str(value) for value in values}
    return frozenset(text for text in texts if len(text) >= _SHORT and text.lower() not in _WORDS)


def fill(text: str, tokens: Mapping[str, str], masker: Masker) -> str:
    """A text with the tokens of secret variables replaced by masks of their values."""
    for token, value in tokens.items():
        text = text.replace(token, masker.value(_bytes(value)))
    return text
