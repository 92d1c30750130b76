"""Kubernetes objects in files: reading them, and the names that messages and comparisons use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kubectl_sops.errors import ParseError
from kubectl_sops.formats.yaml_load import load_all

if TYPE_CHECKING:
    Object = dict[str, Any]
    Key = tuple[str, str, str, str]


def load_documents(data: bytes, file: str) -> list[Any]:
    """The non-empty documents of a YAML (or JSON) file.

    Raises:
        ParseError: it can't be read; names the file and line.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ParseError("not UTF-8", file=file) from None
    try:
        return [document for document in load_all(text) if document is not None]
    except ParseError as error:
        raise error.at(file) from None


def group_of(manifest: Object) -> str:
    """The API group; empty for the core group."""
    group, _, _ = str(manifest.get("apiVersion") or "").rpartition("/")
    return group


def metadata_of(manifest: Object) -> Object:
    """``metadata``, an empty map where there is none."""
    metadata = manifest.get("metadata")
    return metadata if isinstance(metadata, dict) else {}


def key_of(manifest: Object) -> Key:
    """Group, kind, namespace and name: what makes an object the same one in another build."""
    metadata = metadata_of(manifest)
    kind = str(manifest.get("kind") or "")
    return group_of(manifest), kind, str(metadata.get("namespace") or ""), str(metadata.get("name") or "")


def name_of(manifest: Object) -> str:
    """``Kind/namespace/name`` for messages."""
    _, kind, namespace, name = key_of(manifest)
    return "/".join(part for part in (kind, namespace, name) if part)


def annotation(manifest: Object, name: str) -> str | None:
    """An annotation's value, or ``None``."""
    return _entry(manifest, "annotations", name)


def label(manifest: Object, name: str) -> str | None:
    """A label's value, or ``None``."""
    return _entry(manifest, "labels", name)


def _entry(manifest: Object, field: str, name: str) -> str | None:
    entries = metadata_of(manifest).get(field)
    value = entries.get(name) if isinstance(entries, dict) else None
    return value if isinstance(value, str) else None
