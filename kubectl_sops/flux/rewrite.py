"""The kustomization.yaml that Flux builds: generated where there is none, rewritten from the Kustomization's spec."""

from __future__ import annotations

import json
import os
import posixpath
from typing import TYPE_CHECKING, Any

from kubectl_sops.errors import InputNotFoundError, SopsError
from kubectl_sops.flux import go_yaml
from kubectl_sops.flux import kustomization_file as kfile
from kubectl_sops.flux.manifest import load_documents

if TYPE_CHECKING:
    from kubectl_sops.flux.profile import Profile
    from kubectl_sops.flux.spec import Kustomization
    from kubectl_sops.flux.tree import Tree

    Fields = dict[str, Any]

_SELECTOR = ("group", "version", "kind", "name", "namespace", "labelSelector", "annotationSelector")


class NotManifestError(SopsError):
    """A YAML file that a generated kustomization takes in, and that is no Kubernetes object."""


class Rewritten:
    """What became of the kustomization.yaml.

    Attributes:
        file: its path, relative to the root.
        dropped: keys that the rewriting lost because kustomize has no such field.
    """

    __slots__ = ("dropped", "file")

    def __init__(self, file: str, dropped: list[str]) -> None:
        self.file = file
        self.dropped = dropped


def rewrite(tree: Tree, kustomization: Kustomization, profile: Profile) -> Rewritten:
    """Put the kustomization.yaml of ``spec.path`` into the tree.

    Raises:
        InputNotFoundError: the path is not in the source.
        NotManifestError: a generated kustomization would take in what is no manifest.
        KustomizationError: a component that is not local.
    """
    folder = kustomization.path
    if not tree.is_folder(folder):
        raise InputNotFoundError(
            f"kustomization path not found: {folder}", file=str(kustomization),
            hint="spec.path is relative to the root of the source",
        )  # fmt: skip
    name = next((name for name in kfile.NAMES if tree.is_file(posixpath.join(folder, name))), None)
    dropped: list[str] = []
    path = posixpath.normpath(posixpath.join(folder, name or kfile.NAMES[0]))
    if name is None:
        fields = _generate(tree, folder)
    else:
        fields, dropped = kfile.read(tree.read(path), path)
        if not fields.get("resources"):
            fields["buildMetadata"] = ["originAnnotations"]
    fields = {"apiVersion": kfile.API_VERSION, "kind": kfile.KIND} | fields
    _apply(fields, kustomization, tree, profile)
    tree.put(path, go_yaml.dump({key: value for key, value in fields.items() if value not in ("", [], {})}).encode())
    return Rewritten(path, dropped)


def _generate(tree: Tree, folder: str) -> Fields:
    resources = [f"./{path}" for path in _scan(tree, folder, "")]
    return {"resources": resources} if resources else {"namespace": "_placeholder"}


def _scan(tree: Tree, base: str, folder: str) -> list[str]:
    """Manifests below a folder in lexical order; a folder with a kustomization of its own is one entry."""
    found: list[str] = []
    here = os.path.join(tree.root, base, folder)
    for entry in sorted(os.scandir(here), key=lambda entry: entry.name):
        path = posixpath.join(folder, entry.name)
        if entry.is_dir():
            inside = os.path.join(here, entry.name)
            if any(os.path.isfile(os.path.join(inside, name)) for name in kfile.NAMES):
                found.append(path)
            else:
                found += _scan(tree, base, path)
        elif _extension(entry.name) in (".yaml", ".yml"):
            _require_manifest(tree, posixpath.normpath(posixpath.join(base, path)))
            found.append(path)
    return found


def _extension(name: str) -> str:
    dot = name.rfind(".")
    return name[dot:] if dot >= 0 else ""


def _require_manifest(tree: Tree, path: str) -> None:
    hint = f"add a kustomization.yaml that leaves it out, or exclude {path} in .sourceignore"
    for document in load_documents(tree.read(path), path):
        if document == {}:
            continue
        missing = _missing(document)
        if missing:
            raise NotManifestError(
                f"failed to decode Kubernetes YAML: missing {missing}, and there is no kustomization.yaml beside it",
                file=path, hint=hint,
            )  # fmt: skip


def _missing(document: object) -> str | None:
    if not isinstance(document, dict):
        return "Resource metadata"
    kind, metadata = document.get("kind"), document.get("metadata")
    if "apiVersion" not in document and "kind" not in document and metadata is None:
        return "Resource metadata"
    if not kind:
        return "kind"
    if str(kind).endswith("List"):
        return None
    return None if isinstance(metadata, dict) and metadata.get("name") else "metadata.name"


def _apply(fields: Fields, kustomization: Kustomization, tree: Tree, profile: Profile) -> None:
    """Write the fields of the spec into the kustomization."""
    for name, field in (("targetNamespace", "namespace"), ("namePrefix", "namePrefix"), ("nameSuffix", "nameSuffix")):
        if isinstance(kustomization.spec.get(name), str):
            fields[field] = kustomization.text(name)
    for patch in kustomization.items("patches"):
        _append(fields, "patches", _patch(patch))
    for component in kustomization.texts("components"):
        if not kfile.is_local(component):
            raise kfile.KustomizationError(
                f"component path '{component}' must be local and relative", file=str(kustomization),
            )  # fmt: skip
        there = posixpath.normpath(posixpath.join(kustomization.path, component))
        if kustomization.flag("ignoreMissingComponents") and not (tree.is_folder(there) or tree.is_file(there)):
            continue
        _append(fields, "components", component)
    for raw in kustomization.items("patchesStrategicMerge"):
        _append(fields, "patchesStrategicMerge", json.dumps(raw))
    for patch in kustomization.items("patchesJson6902"):
        _append(fields, "patchesJson6902", _patch({**patch, "patch": json.dumps(patch.get("patch"))}))
    for image in kustomization.items("images"):
        _merge_image(fields, image, profile)
    metadata = kustomization.texts("buildMetadata")
    if metadata and profile.build_metadata:
        fields["buildMetadata"] = metadata


def _append(fields: Fields, name: str, value: object) -> None:
    fields[name] = [*(fields.get(name) or []), value]


def _patch(patch: Fields) -> Fields:
    out: Fields = {"patch": str(patch.get("patch") or "")}
    target = patch.get("target")
    if isinstance(target, dict):
        out["target"] = {name: str(target[name]) for name in _SELECTOR if target.get(name)}
    return out


def _merge_image(fields: Fields, image: Fields, profile: Profile) -> None:
    given = {name: str(image.get(name) or "") for name in ("name", "newName", "newTag", "digest")}
    images = [dict(entry) for entry in fields.get("images") or []]
    known = next((entry for entry in images if entry.get("name", "") == given["name"]), None)
    if known is None:
        images.append(given)
    elif profile.images_merged:
        if given["newName"]:
            known["newName"] = given["newName"]
        # a tag and a digest choose the version together: a new one of either replaces both
        if given["newTag"] or given["digest"]:
            known |= {"newTag": given["newTag"], "digest": given["digest"]}
    else:
        known |= given
    fields["images"] = [{name: value for name, value in entry.items() if value != ""} for entry in images]
