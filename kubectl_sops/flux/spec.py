"""A Flux `Kustomization`: the fields that decide what is applied."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from kubectl_sops.errors import InputNotFoundError, SopsError
from kubectl_sops.files.read import read
from kubectl_sops.flux.manifest import load_documents

if TYPE_CHECKING:
    from collections.abc import Iterable

    Object = dict[str, Any]

GROUP = "kustomize.toolkit.fluxcd.io"
KIND = "Kustomization"
DEFAULT_NAMESPACE = "flux-system"


class SpecError(SopsError):
    """A Flux Kustomization that can't be used."""


class Reference:
    """One entry of ``substituteFrom``."""

    __slots__ = ("kind", "name", "optional")

    def __init__(self, kind: str, name: str, *, optional: bool) -> None:
        self.kind, self.name, self.optional = kind, name, optional

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


class Kustomization:
    """A Flux Kustomization as its manifest has it.

    Attributes:
        object: the manifest.
        file: where it was found; empty where it came from a cluster or a build.
        path: ``spec.path`` relative to the source's root, ``.`` for the root.
    """

    __slots__ = ("file", "name", "namespace", "object", "path", "spec")

    def __init__(self, manifest: Object, file: str = "") -> None:
        metadata = _map(manifest, "metadata")
        name = metadata.get("name")
        if not isinstance(name, str) or not name:
            raise SpecError("the Flux Kustomization has no metadata.name", file=file or None)
        self.object = manifest
        self.file = file
        self.name = name
        self.namespace = str(metadata.get("namespace") or DEFAULT_NAMESPACE)
        self.spec: Object = _map(manifest, "spec")
        path = str(self.spec.get("path") or "./")
        # an absolute path and `..` at the top are clamped to the root, as a secure join does
        self.path = os.path.normpath("/" + path).lstrip("/") or "."

    def __str__(self) -> str:
        return f"Kustomization/{self.namespace}/{self.name}"

    @property
    def place(self) -> str:
        """Itself and its file, for messages."""
        return f"{self} in {self.file}" if self.file else str(self)

    @property
    def decrypts(self) -> bool:
        """Whether ``spec.decryption`` turns SOPS on."""
        return self.text("decryption", "provider") == "sops"

    @property
    def source(self) -> tuple[str, str, str]:
        """Kind, namespace and name of its source."""
        reference = _map(self.spec, "sourceRef")
        namespace = str(reference.get("namespace") or self.namespace)
        return str(reference.get("kind") or ""), namespace, str(reference.get("name") or "")

    @property
    def depends_on(self) -> list[tuple[str, str]]:
        """Namespace and name of every Kustomization in ``dependsOn``."""
        entries = self.items("dependsOn")
        return [(str(entry.get("namespace") or self.namespace), str(entry.get("name") or "")) for entry in entries]

    @property
    def substitute_from(self) -> list[Reference]:
        entries = _map(self.spec, "postBuild").get("substituteFrom")
        return [
            Reference(str(e.get("kind")), str(e.get("name")), optional=e.get("optional") is True)
            for e in (entries if isinstance(entries, list) else ())
            if isinstance(e, dict)
        ]

    @property
    def substitute(self) -> dict[str, str]:
        """The variables written in the Kustomization itself."""
        values = _map(_map(self.spec, "postBuild"), "substitute")
        for key, value in values.items():
            if not isinstance(value, str):
                raise SpecError(
                    "variables must be text", file=self.file or None, path=("spec", "postBuild", "substitute", key),
                    hint="put the value in quotes",
                )  # fmt: skip
        return values

    def text(self, *path: str) -> str:
        """A string field of the spec, empty where it is not set."""
        value: object = self.spec
        for part in path:
            value = value.get(part) if isinstance(value, dict) else None
        return value if isinstance(value, str) else ""

    def flag(self, name: str) -> bool:
        return self.spec.get(name) is True

    def items(self, name: str) -> list[Object]:
        """A list of maps in the spec."""
        value = self.spec.get(name)
        return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []

    def texts(self, name: str) -> list[str]:
        """A list of strings in the spec."""
        value = self.spec.get(name)
        return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _map(holder: Object, key: str) -> Object:
    value = holder.get(key)
    return value if isinstance(value, dict) else {}


def is_kustomization(manifest: object) -> bool:
    """Whether a manifest is a Flux Kustomization."""
    return (
        isinstance(manifest, dict)
        and manifest.get("kind") == KIND
        and str(manifest.get("apiVersion", "")).startswith(GROUP + "/")
    )


def read_kustomizations(path: str) -> list[Kustomization]:
    """The Flux Kustomizations of a file."""
    return kustomizations_of(load_documents(read(path), path), path)


def kustomizations_of(documents: Iterable[object], path: str) -> list[Kustomization]:
    """The Flux Kustomizations among the documents of a file."""
    return [Kustomization(doc, path) for doc in documents if is_kustomization(doc) and isinstance(doc, dict)]


def choose(found: list[Kustomization], name: str | None, file: str) -> Kustomization:
    """The one of ``name`` (``NAME`` or ``NAMESPACE/NAME``), or the only one.

    Raises:
        InputNotFoundError: there is none.
        SpecError: there are several.
    """
    if name:
        namespace, _, short = name.rpartition("/")
        found = [k for k in found if k.name == short and namespace in ("", k.namespace)]
    if not found:
        what = f"Flux Kustomization {name}" if name else "Flux Kustomization"
        raise InputNotFoundError(f"no {what}", file=file, hint=f"expected kind Kustomization of {GROUP}")
    if len(found) > 1:
        names = ", ".join(f"{k.namespace}/{k.name}" for k in found)
        raise SpecError(f"there are several Flux Kustomizations: {names}", file=file, hint="name the one you mean")
    return found[0]
