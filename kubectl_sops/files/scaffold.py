"""What a new file starts with in the editor."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_NAMESPACE = re.compile(r"^namespace:[ \t]*([a-z0-9]([-a-z0-9]*[a-z0-9])?)[ \t]*$", re.MULTILINE)
_METADATA = re.compile(r"^metadata:[ \t]*\n(?P<pad>[ ]+)", re.MULTILINE)
_VALUES = re.compile(r"([-.\w]+[-.])?values([-.][-.\w]+)?\.ya?ml")
_NOT_NAME = re.compile(r"[^a-z0-9.-]+")
_NEIGHBOURS = 50
_SUFFIXES = (".enc", ".sops", ".secret", "-secret")


def scaffold(path: str, format: str) -> bytes:  # the word sops uses
    """A Secret in YAML and JSON, with the name and namespace that its path suggests; otherwise a line.

    Helm's ``values.yaml`` is no manifest.
    """
    if format == "yaml" and _VALUES.fullmatch(os.path.basename(path)):
        return b"password: change-me\n"
    if format == "yaml":
        return _head(path, format) + b"type: Opaque\nstringData:\n  username: change-me\n  password: change-me\n"
    if format == "json":
        values = b'\t"stringData": {\n\t\t"username": "change-me",\n\t\t"password": "change-me"\n\t}\n}\n'
        return _head(path, format) + b',\n\t"type": "Opaque",\n' + values
    if format == "dotenv":
        return b"USERNAME=change-me\nPASSWORD=change-me\n"
    if format == "ini":
        return b"[secret]\nusername = change-me\npassword = change-me\n"
    return b""


def bare(path: str, format: str, *, is_secret: bool) -> bytes:  # the word sops uses
    """A file for values to be put into: a Secret with the name and namespace that its path suggests, or nothing."""
    if format == "yaml":
        return _head(path, format) if is_secret and not _VALUES.fullmatch(os.path.basename(path)) else b"{}\n"
    if format == "json":
        return _head(path, format) + b"\n}\n" if is_secret else b"{}\n"
    return b""


def _head(path: str, format: str) -> bytes:
    name, namespace = guess_name(path), guess_namespace(path)
    if format == "yaml":
        place = f"  namespace: {namespace}\n" if namespace else ""
        return f"apiVersion: v1\nkind: Secret\nmetadata:\n  name: {name}\n{place}".encode()
    place = f',\n\t\t"namespace": "{namespace}"' if namespace else ""
    return (
        f'{{\n\t"apiVersion": "v1",\n\t"kind": "Secret",\n\t"metadata": {{\n\t\t"name": "{name}"{place}\n\t}}'
    ).encode()


def guess_name(path: str) -> str:
    """A Secret's name by its file: ``clusters/prod/db.enc.yaml`` is ``db``."""
    stem = os.path.splitext(os.path.basename(path))[0].lower()
    for suffix in _SUFFIXES:
        stem = stem.removesuffix(suffix) or stem
    if stem in ("secret", "secrets", "sops"):
        stem = os.path.basename(os.path.dirname(os.path.abspath(path))).lower() or stem
    return _NOT_NAME.sub("-", stem).strip("-.") or "secret"


def guess_namespace(path: str) -> str | None:
    """The ``namespace`` of the kustomization beside the file; without one, that of all manifests beside it."""
    folder = os.path.dirname(os.path.abspath(path))
    for name in ("kustomization.yaml", "kustomization.yml", "Kustomization"):
        try:
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                match = _NAMESPACE.search(file.read(1 << 20))
        except (OSError, UnicodeDecodeError):
            continue
        if match:
            return match.group(1)
        break
    found = {name for text in _beside(folder) for name in _namespaces(text)}
    return found.pop() if len(found) == 1 else None


def _namespaces(text: str) -> Iterator[str]:
    """The namespaces that the manifests of a text say they are in."""
    for match in _METADATA.finditer(text):
        pad = match["pad"]
        for line in text[match.start("pad") :].splitlines():
            if not line.startswith(" "):
                break
            named = _NAMESPACE.fullmatch(line.removeprefix(pad))
            if named:
                yield named.group(1)


def _beside(folder: str) -> Iterator[str]:
    """The first bytes of the YAML files of a folder, as many as one looks through in a moment."""
    try:
        names = [name for name in sorted(os.listdir(folder)) if name.endswith((".yaml", ".yml"))]
    except OSError:
        return
    for name in names[:_NEIGHBOURS]:
        try:
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                yield file.read(1 << 16)
        except (OSError, UnicodeDecodeError):
            continue
