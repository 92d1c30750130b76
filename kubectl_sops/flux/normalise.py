"""What the controller makes of built objects before it applies them: normalised, labelled, ordered.

Source: fluxcd/pkg ``ssa`` (``normalize``, ``utils``, ``sort``) and kustomize-controller ``apply``.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from kubectl_sops.flux.manifest import group_of, key_of
from kubectl_sops.flux.resources import decode_base64
from kubectl_sops.flux.spec import GROUP

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kubectl_sops.flux.spec import Kustomization

    Object = dict[str, Any]

FIRST = (
    "CustomResourceDefinition", "Namespace", "ClusterRole", "ClusterClass", "RuntimeClass", "PriorityClass",
    "StorageClass", "VolumeSnapshotClass", "IngressClass", "GatewayClass", "ClusterRoleBinding", "ResourceQuota",
    "ServiceAccount", "Role", "RoleBinding", "ConfigMap", "Secret", "Service", "LimitRange", "Deployment",
    "StatefulSet", "CronJob", "PodDisruptionBudget",
)  # fmt: skip
LAST = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")
_RANK = {kind: index - len(FIRST) for index, kind in enumerate(FIRST)} | {k: i + 1 for i, k in enumerate(LAST)}
_BEFORE_ALL = ("CustomResourceDefinition", "Namespace", "ClusterRole")

OWNER_LABELS = (f"{GROUP}/name", f"{GROUP}/namespace")

_TEMPLATES = {
    ("v1", "Pod"): ("spec",),
    ("apps/v1", "Deployment"): ("spec", "template", "spec"),
    ("apps/v1", "StatefulSet"): ("spec", "template", "spec"),
    ("apps/v1", "DaemonSet"): ("spec", "template", "spec"),
    ("apps/v1", "ReplicaSet"): ("spec", "template", "spec"),
    ("batch/v1", "Job"): ("spec", "template", "spec"),
    ("batch/v1", "CronJob"): ("spec", "jobTemplate", "spec", "template", "spec"),
}
"""Where the pod is whose ports get a protocol."""

_DATA_FIELDS = {
    "Secret": ("data", "stringData", "immutable", "type"),
    "ConfigMap": ("data", "binaryData", "immutable"),
}
_METADATA_FIELDS = (
    "name", "generateName", "namespace", "selfLink", "uid", "resourceVersion", "generation", "creationTimestamp",
    "deletionTimestamp", "deletionGracePeriodSeconds", "labels", "annotations", "ownerReferences", "finalizers",
    "managedFields",
)  # fmt: skip


def flatten(objects: Iterable[Object]) -> list[Object]:
    """Lists replaced by their items; kustomizations of kustomize itself, which are no objects, left out."""
    found: list[Object] = []
    for manifest in objects:
        items = manifest.get("items")
        if str(manifest.get("kind", "")).endswith("List") and isinstance(items, list):
            found += flatten(item for item in items if isinstance(item, dict))
        elif not (group_of(manifest) == "kustomize.config.k8s.io" and manifest.get("kind") == "Kustomization"):
            found.append(manifest)
    return found


def add_owner(manifest: Object, kustomization: Kustomization) -> None:
    """Set the labels that say which Kustomization an object belongs to."""
    _put(manifest, "labels", dict(zip(OWNER_LABELS, (kustomization.name, kustomization.namespace), strict=True)))


def add_common_metadata(manifest: Object, kustomization: Kustomization) -> None:
    """Set ``spec.commonMetadata``, over what is there."""
    common = kustomization.spec.get("commonMetadata")
    if isinstance(common, dict):
        for field in ("labels", "annotations"):
            if isinstance(common.get(field), dict):
                _put(manifest, field, common[field])


def _put(manifest: Object, field: str, values: dict[str, Any]) -> None:
    if not values:
        return
    metadata = manifest.setdefault("metadata", {})
    if isinstance(metadata, dict):
        metadata[field] = {**(metadata.get(field) or {}), **values}


def normalise(manifest: Object) -> Object:
    """The object as it is after a way through its Go type, where the controller knows that.

    Done for what changes the outcome: unknown fields of Secrets and ConfigMaps, ``stringData``, the protocol of ports,
    ``status``. Empty structs that Go prints are left out; the API server treats them alike.
    """
    kind, version = manifest.get("kind"), manifest.get("apiVersion")
    out = dict(manifest)
    if version == "rbac.authorization.k8s.io/v1" and kind in ("Role", "ClusterRole"):
        return out
    if version == "v1" and kind == "Secret":
        out = _secret(out)
    elif version == "v1" and kind == "ConfigMap":
        out = _config_map(out)
    elif version == "v1" and kind == "Service":
        _default_protocol(out, ("spec",))
    elif (str(version), str(kind)) in _TEMPLATES:
        _default_protocols(out, _TEMPLATES[str(version), str(kind)])
    metadata = out.get("metadata")
    if isinstance(metadata, dict):
        out["metadata"] = {key: value for key, value in metadata.items() if key != "creationTimestamp"}
    if not (group_of(out) == "apiextensions.k8s.io" and kind == "CustomResourceDefinition"):
        out.pop("status", None)
    return out


def _known(manifest: Object, fields: tuple[str, ...]) -> Object:
    out = {key: value for key, value in manifest.items() if key in ("apiVersion", "kind", "metadata", *fields)}
    metadata = out.get("metadata")
    if isinstance(metadata, dict):
        out["metadata"] = {key: value for key, value in metadata.items() if key in _METADATA_FIELDS}
    return out


def _is_text_map(value: object) -> bool:
    return value is None or (isinstance(value, dict) and all(v is None or isinstance(v, str) for v in value.values()))


def _fits_metadata(manifest: Object) -> bool:
    metadata = manifest.get("metadata")
    return isinstance(metadata, dict) and all(_is_text_map(metadata.get(name)) for name in ("labels", "annotations"))


def _secret(manifest: Object) -> Object:
    """A Secret with ``stringData`` in ``data``; untouched where its fields don't fit the type."""
    data, texts = manifest.get("data"), manifest.get("stringData")
    if not (_is_text_map(data) and _is_text_map(texts) and _fits_metadata(manifest) and _fits_immutable(manifest)):
        return manifest
    if not isinstance(manifest.get("type", ""), str):
        return manifest
    decoded: Object = {}
    for key, value in (data or {}).items():
        raw = None if value is None else decode_base64(value)
        if raw is None and value is not None:
            return manifest
        decoded[key] = raw
    for key, value in (texts or {}).items():
        decoded[key] = (value or "").encode("utf-8", "surrogateescape")
    out = _known(manifest, _DATA_FIELDS["Secret"])
    out.pop("stringData", None)
    out.pop("data", None)
    if decoded:
        out["data"] = {k: None if raw is None else base64.b64encode(raw).decode() for k, raw in decoded.items()}
    return out


def _config_map(manifest: Object) -> Object:
    binary = manifest.get("binaryData")
    fits = _is_text_map(manifest.get("data")) and _is_text_map(binary)
    if not fits or not _fits_metadata(manifest) or not _fits_immutable(manifest):
        return manifest
    if any(value is not None and decode_base64(value) is None for value in (binary or {}).values()):
        return manifest
    return _known(manifest, _DATA_FIELDS["ConfigMap"])


def _fits_immutable(manifest: Object) -> bool:
    return manifest.get("immutable") is None or isinstance(manifest["immutable"], bool)


def _default_protocols(manifest: Object, path: tuple[str, ...]) -> None:
    spec: object = manifest
    for part in path:
        spec = spec.get(part) if isinstance(spec, dict) else None
    containers = spec.get("containers") if isinstance(spec, dict) else None
    for container in containers if isinstance(containers, list) else ():
        if isinstance(container, dict):
            _default_protocol(container, ())


def _default_protocol(holder: Object, path: tuple[str, ...]) -> None:
    place: object = holder
    for part in path:
        place = place.get(part) if isinstance(place, dict) else None
    ports = place.get("ports") if isinstance(place, dict) else None
    for port in ports if isinstance(ports, list) else ():
        if isinstance(port, dict) and not port.get("protocol"):
            port["protocol"] = "TCP"


def in_order(objects: Iterable[Object]) -> list[Object]:
    """Objects in the order in which they are applied: by stage, then by kind, group, namespace and name."""
    return sorted(objects, key=_order)


def _order(manifest: Object) -> tuple[int, int, str, str, str, str]:
    group, kind, namespace, name = key_of(manifest)
    stage = 0 if kind in _BEFORE_ALL else 1 if kind.endswith("Class") else 2
    return stage, _RANK.get(kind, 0), group, kind, namespace, name
