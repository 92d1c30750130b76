"""What a new file starts with in the editor."""

from __future__ import annotations

import os
import re

_NAMESPACE = re.compile(r"^namespace:[ \t]*([a-z0-9]([-a-z0-9]*[a-z0-9])?)[ \t]*$", re.MULTILINE)
_NOT_NAME = re.compile(r"[^a-z0-9.-]+")
_SUFFIXES = (".enc", ".sops", ".secret", "-secret")


def scaffold(path: str, format: str) -> bytes:  # the word sops uses
    """A Secret in YAML and JSON, with the name and namespace that its path suggests; a line in the other formats."""
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
        return _head(path, format) if is_secret else b"{}\n"
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
    """The ``namespace`` of the kustomization beside the file, if it sets one."""
    folder = os.path.dirname(os.path.abspath(path))
    for name in ("kustomization.yaml", "kustomization.yml", "Kustomization"):
        try:
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                match = _NAMESPACE.search(file.read(1 << 20))
        except (OSError, UnicodeDecodeError):
            continue
        return match.group(1) if match else None
    return None
