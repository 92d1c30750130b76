"""What a repository says about Flux: its Kustomizations and sources, and the objects that they refer to."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

from kubectl_sops.errors import InputNotFoundError, ParseError, SopsError
from kubectl_sops.files import decrypt as files
from kubectl_sops.flux import resources, spec
from kubectl_sops.flux.manifest import key_of, load_documents

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from kubectl_sops.files.decrypt import DataKeys
    from kubectl_sops.flux.source import Artifact

    Object = dict[str, Any]

_FLUX = re.compile(rb"(?:kustomize|source)\.toolkit\.fluxcd\.io/")
_DATA = re.compile(rb"""kind["']?:\s*["']?(?:Secret|ConfigMap)\b""")

SOURCE_GROUP = "source.toolkit.fluxcd.io"


class Catalog:
    """The manifests of one source, looked at without building anything.

    Attributes:
        kustomizations: every Flux Kustomization, in the order of files.
        sources: ``(kind, namespace, name)`` → manifest of a GitRepository, OCIRepository or Bucket.
    """

    def __init__(self, artifact: Artifact) -> None:
        self.artifact = artifact
        self.kustomizations: list[spec.Kustomization] = []
        self.sources: dict[tuple[str, str, str], Object] = {}
        self._data_files: list[str] = []
        self._objects: dict[tuple[str, str], list[tuple[str, Object, bytes]]] | None = None
        for path in artifact.files:
            if not path.endswith((".yaml", ".yml")):
                continue
            data = self._read(path)
            if _DATA.search(data):
                self._data_files.append(path)
            if _FLUX.search(data):
                self._add(path, data)

    def _read(self, path: str) -> bytes:
        with open(os.path.join(self.artifact.root, path), "rb") as file:
            return file.read()

    def _add(self, path: str, data: bytes) -> None:
        try:
            documents = load_documents(data, path)
        except ParseError:
            return  # templates and the like; a build that needs the file complains
        for document in documents:
            if not isinstance(document, dict):
                continue
            group = str(document.get("apiVersion") or "").partition("/")[0]
            if spec.is_kustomization(document):
                # a patch of a Kustomization has no source
                if isinstance(document.get("spec"), dict) and document["spec"].get("sourceRef"):
                    self.kustomizations.append(spec.Kustomization(document, path))
            elif group == SOURCE_GROUP:
                _, kind, namespace, name = key_of(document)
                self.sources[kind, namespace or spec.DEFAULT_NAMESPACE, name] = document

    def find(self, name: str) -> spec.Kustomization:
        """The Kustomization of a name (``NAME`` or ``NAMESPACE/NAME``).

        Raises:
            InputNotFoundError: there is none.
            SpecError: there are several.
        """
        return spec.choose(self.kustomizations, name, self.artifact.root)

    def for_path(self, path: str) -> list[spec.Kustomization]:
        """The Kustomizations that apply a folder, given relative to the root."""
        return [k for k in self.kustomizations if k.path == path]

    def ignore_of(self, kustomization: spec.Kustomization) -> str:
        """``spec.ignore`` of the source, where its manifest is here."""
        source = self.sources.get(kustomization.source)
        fields = source.get("spec") if source else None
        ignore = fields.get("ignore") if isinstance(fields, dict) else None
        return ignore if isinstance(ignore, str) else ""

    def data_of(self, kind: str, namespace: str, name: str, keys: DataKeys) -> Mapping[str, bytes] | None:
        """The data of a ConfigMap or Secret whose manifest is in the repository, decrypted; ``None`` without one.

        A manifest without namespace counts: a kustomization may set it.
        """
        if self._objects is None:
            self._objects = self._index()
        found = self._objects.get((kind, name), [])
        best = [entry for entry in found if key_of(entry[1])[2] == namespace] or [
            entry for entry in found if not key_of(entry[1])[2]
        ]
        if not best:
            return None
        path, manifest, data = best[0]
        if resources.is_encrypted(manifest):
            manifest = self._decrypted(path, data, keys, kind, name)
        return data_of(manifest)

    def _index(self) -> dict[tuple[str, str], list[tuple[str, Object, bytes]]]:
        found: dict[tuple[str, str], list[tuple[str, Object, bytes]]] = {}
        for path in self._data_files:
            data = self._read(path)
            try:
                documents = load_documents(data, path)
            except ParseError:
                continue
            for document in documents:
                if isinstance(document, dict) and document.get("kind") in ("Secret", "ConfigMap"):
                    _, kind, _, name = key_of(document)
                    found.setdefault((kind, name), []).append((path, document, data))
        return found

    def _decrypted(self, path: str, data: bytes, keys: DataKeys, kind: str, name: str) -> Object:
        try:
            plain = files.decrypt(data, "yaml", keys, ignore_mac=True)
        except SopsError as error:
            raise error.at(path) from None
        for document in load_documents(plain, path):
            if isinstance(document, dict) and key_of(document)[1::2] == (kind, name):
                return document
        raise InputNotFoundError(f"no {kind} {name} any more after decryption", file=path)


def data_of(manifest: Object) -> dict[str, bytes]:
    """What a ConfigMap or Secret holds; ``stringData`` wins."""
    secret = manifest.get("kind") == "Secret"
    out: dict[str, bytes] = {}
    data, texts = (value if isinstance(value, dict) else {} for value in map(manifest.get, ("data", "stringData")))
    for key, value in data.items():
        if secret:
            decoded = resources.decode_base64(value)
            if decoded is not None:
                out[key] = decoded
        elif isinstance(value, str):
            out[key] = value.encode("utf-8", "surrogateescape")
    for key, value in texts.items() if secret else ():
        if isinstance(value, str):
            out[key] = value.encode("utf-8", "surrogateescape")
    return out


def by_dependency(kustomizations: Iterable[spec.Kustomization]) -> Iterator[spec.Kustomization]:
    """Each Kustomization after those that it depends on; a cycle is broken where it closes.

    Those outside of the given ones don't count.
    """
    waiting = {(k.namespace, k.name): k for k in kustomizations}
    visiting: set[tuple[str, str]] = set()

    def visit(key: tuple[str, str]) -> Iterator[spec.Kustomization]:
        kustomization = waiting.get(key)
        if kustomization is None or key in visiting:
            return
        visiting.add(key)
        for dependency in kustomization.depends_on:
            yield from visit(dependency)
        if waiting.pop(key, None) is not None:
            yield kustomization

    for key in list(waiting):
        yield from visit(key)
