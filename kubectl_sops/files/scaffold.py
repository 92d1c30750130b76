"""What a new file starts with in the editor."""

from __future__ import annotations

import os
import re

_NAMESPACE = re.compile(r"^namespace:[ \t]*([a-z0-9]([-a-z0-9]*[a-z0-9])?)[ \t]*$", re.MULTILINE)
_NOT_NAME = re.compile(r"[^a-z0-9.-]+")
_SUFFIXES = (".enc", ".sops", ".secret", "-secret")


def scaffold(path: str, format: str) -> bytes:  # the word sops uses
    """A Secret in YAML and JSON, with the name and namespace that its path suggests; a line in the other formats."""
    name, namespace = guess_name(path), guess_namespace(path)
    if format == "yaml":
        place = f"  namespace: {namespace}\n" if namespace else ""
        return (
            f"apiVersion: v1\nkind: Secret\nmetadata:\n  name: {name}\n{place}type: Opaque\n"
            "stringData:\n  username: change-me\n  password: change-me\n"
        ).encode()
    if format == "json":
        place = f',\n\t\t"namespace": "{namespace}"' if namespace else ""
        return (
            '{\n\t"apiVersion": "v1",\n\t"kind": "Secret",\n\t"metadata": {\n'
            f'\t\t"name": "{name}"{place}\n\t}},\n\t"type": "Opaque",\n'
            '\t"stringData": {\n\t\t"username": "change-me",\n\t\t"password": "change-me"\n\t}\n}\n'
        ).encode()
    if format == "dotenv":
        return b"USERNAME=change-me\nPASSWORD=change-me\n"
    if format == "ini":
        return b"[secret]\nusername = change-me\npassword = change-me\n"
    return b""


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
