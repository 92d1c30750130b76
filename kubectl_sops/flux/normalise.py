"""What the controller makes of built objects before it applies them: normalised, labelled, ordered.

Source: fluxcd/pkg ``ssa`` (``normalize``, ``utils``, ``sort``) and kustomize-controller ``apply``.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from kubectl_sops.flux import kinds
from kubectl_sops.flux.manifest import group_of, key_of
from kubectl_sops.flux.resources import decode_base64
from kubectl_sops.flux.spec import GROUP

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kubectl_sops.core.leaf import Path
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
        before = metadata.get(field)
        metadata[field] = {**(before if isinstance(before, dict) else {}), **values}


def normalise(manifest: Object) -> tuple[Object, list[Path]]:
    """The object as it is after a way through its Go type, and the places of fields that got lost on it.

    Objects of other kinds, and those that do not fit their type, stay. Empty structs that Go would print are left
    out; the API server treats them alike.
    """
    kind, version = manifest.get("kind"), manifest.get("apiVersion")
    if version == "rbac.authorization.k8s.io/v1" and kind in ("Role", "ClusterRole"):
        return manifest, []
    fitted = kinds.fit(manifest)
    out, lost = fitted or (dict(manifest), [])
    if fitted is not None:
        if version == "v1" and kind == "Secret":
            _merge_texts(out)
        elif version == "v1" and kind == "Service":
            _default_protocol(out, ("spec",))
        elif (str(version), str(kind)) in _TEMPLATES:
            _default_protocols(out, _TEMPLATES[str(version), str(kind)])
    metadata = out.get("metadata")
    if isinstance(metadata, dict):
        out["metadata"] = {key: value for key, value in metadata.items() if key != "creationTimestamp"}
    if not (group_of(out) == "apiextensions.k8s.io" and kind == "CustomResourceDefinition"):
        out.pop("status", None)
    return out, lost


def _merge_texts(secret: Object) -> None:
    """Put ``stringData`` into ``data``, over what is there."""
    data = secret.pop("data", None) or {}
    raw = {key: None if value is None else decode_base64(value) for key, value in data.items()}
    for key, value in (secret.pop("stringData", None) or {}).items():
        raw[key] = value.encode("utf-8", "surrogateescape")
    if raw:
        secret["data"] = {k: None if v is None else base64.b64encode(v).decode() for k, v in raw.items()}


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
