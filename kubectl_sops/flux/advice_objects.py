"""Remarks on built objects: what substitution did to them, and what the API server will say."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from kubectl_sops.errors import format_path
from kubectl_sops.flux import substitute
from kubectl_sops.flux.manifest import label, metadata_of, name_of
from kubectl_sops.flux.resources import DECRYPT_ANNOTATION, decode_base64

if TYPE_CHECKING:
    from kubectl_sops.core.leaf import Path
    from kubectl_sops.flux.pipeline import Build, Result
    from kubectl_sops.flux.remark import Remarks
    from kubectl_sops.flux.substitute import Variables

    Object = dict[str, Any]

FLUX_MASKS = (b"**SOPS**", b'{"mask":"**SOPS**"}')
"""What ``flux build`` prints instead of encrypted values."""

_NAMESPACED = frozenset(
    ("ConfigMap", "CronJob", "DaemonSet", "Deployment", "Endpoints", "HorizontalPodAutoscaler", "Ingress", "Job",
     "LimitRange", "NetworkPolicy", "PersistentVolumeClaim", "Pod", "PodDisruptionBudget", "ReplicaSet",
     "ResourceQuota", "Role", "RoleBinding", "Secret", "Service", "ServiceAccount", "StatefulSet")
)  # fmt: skip
_BUILT_IN = re.compile(r"v1|(?:apps|batch|autoscaling|policy|networking\.k8s\.io|rbac\.authorization\.k8s\.io)/.*")
_VARIABLE = re.compile(r"\$\{[_a-zA-Z]")


def remark_substitution(remarks: Remarks, before: Result, after: Object, variables: Variables) -> None:
    """What variables changed that nobody may have wanted.

    Args:
        before: the object before substitution, with the places that were decrypted.
    """
    manifest = before.object
    where = name_of(after)
    for path, _, kind in substitute.retyped(manifest, after):
        remarks.add(
            "retyped", f"{format_path(path)} was text and is {kind} after substitution", where=where,
            hint="put quotes around it with a variable that holds one double quote: ${q}${value}${q}",
        )  # fmt: skip
    for path in sorted(before.sensitive.paths, key=str):
        value = _at(manifest, path)
        if isinstance(value, str) and ("$$" in value or _VARIABLE.search(value)) and path[0] != "data":
            remarks.add(
                "secret-substituted", where=where,
                message=f"the decrypted value of {format_path(path)} contains $$ or ${{…}}: substitution changes it",
                hint="add the annotation kustomize.toolkit.fluxcd.io/substitute: disabled",
            )  # fmt: skip
    data = manifest.get("data")
    if manifest.get("kind") == "Secret" and isinstance(data, dict):
        for key, value in data.items():
            raw = decode_base64(value)
            if raw is not None and any(b"${" + name.encode() + b"}" in raw for name in variables.values):
                remarks.add(
                    "data-not-substituted", f"data.{key} mentions a variable, which is not replaced inside base64",
                    where=where, hint="use stringData, or let the application read the variable",
                )  # fmt: skip


def _at(manifest: Any, path: tuple[str | int, ...]) -> Any:
    for part in path:
        try:
            manifest = manifest[part]
        except (KeyError, IndexError, TypeError):
            return None
    return manifest


def remark_lost(remarks: Remarks, manifest: Object, lost: list[Path]) -> None:
    """Fields that the controller drops because Kubernetes has none of that name."""
    # SOPS metadata that decryption has left is a matter of its own
    names = [format_path(path) for path in lost if path != ("sops",)]
    if names:
        remarks.add(
            "unknown-field", f"Flux drops fields that Kubernetes does not know: {', '.join(names[:5])}",
            where=name_of(manifest), hint="check the spelling",
        )  # fmt: skip


def remark_final(out: Build) -> None:
    """What the API server refuses or Flux treats differently than it looks."""
    remarks = out.remarks
    for result in out.results:
        manifest = result.object
        where = name_of(manifest)
        if _lacks_namespace(manifest):
            remarks.add(
                "no-namespace", "the object has no namespace, and Flux does not choose one", where=where,
                hint="set spec.targetNamespace, or namespace in the kustomization",
            )  # fmt: skip
        if (label(manifest, DECRYPT_ANNOTATION) or "").lower() == "disabled":
            remarks.add(
                "decrypt-label", f"Flux does not look at a label {DECRYPT_ANNOTATION}", where=where,
                hint="make it an annotation",
            )  # fmt: skip
        if manifest.get("kind") == "Secret":
            _secret(remarks, manifest, where)


def _lacks_namespace(manifest: Object) -> bool:
    kind, version = str(manifest.get("kind")), str(manifest.get("apiVersion"))
    return kind in _NAMESPACED and bool(_BUILT_IN.fullmatch(version)) and not metadata_of(manifest).get("namespace")


def _secret(remarks: Remarks, manifest: Object, where: str) -> None:
    texts, data = manifest.get("stringData"), manifest.get("data")
    for key, value in (texts if isinstance(texts, dict) else {}).items():
        if value is not None and not isinstance(value, str):
            remarks.add(
                "string-data-type", where=where, hint="put it in quotes before encrypting",
                message=f"stringData.{key} is {substitute.type_name(value)}; the API server takes only text",
            )  # fmt: skip
    for key, value in (data if isinstance(data, dict) else {}).items():
        raw = decode_base64(value)
        if raw is None and value is not None:
            remarks.add("not-base64", f"data.{key} is not base64", where=where, hint="use stringData for plain text")
        elif raw is not None and raw.strip() in FLUX_MASKS:
            remarks.add(
                "flux-mask", f"data.{key} is the mask that flux build prints, not a value", where=where,
                hint="restore the value from Git history",
            )  # fmt: skip
        elif raw is not None and _is_double(raw):
            remarks.add("double-base64", f"data.{key} is base64 of base64", where=where, hint="encode it once")


def _is_double(raw: bytes) -> bool:
    # long, padded, and text again when decoded: a random token is none of that
    if len(raw) < 12 or not raw.endswith(b"="):
        return False
    inner = decode_base64(raw.decode("ascii", "replace").strip())
    return inner is not None and inner.isascii() and inner.decode("ascii").isprintable()
