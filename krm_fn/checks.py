"""What is wrong with our own output, found before kustomize finds it: its errors print whole objects, decrypted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from krm_fn.build_annotations import LOCAL_CONFIG
from krm_fn.emit import describe, unreadable
from krm_fn.problems import ResourceError
from krm_fn.secret import decode_base64, is_secret, move_unreadable
from kubectl_sops.errors import SopsError

if TYPE_CHECKING:
    from collections.abc import Iterable


def resource(value: object, source: str) -> dict[str, object]:
    """A document of a decrypted manifest, as a resource.

    Raises:
        SopsError: it is not one; ``source`` says where it comes from.
    """
    if not isinstance(value, dict):
        raise SopsError("not a Kubernetes resource: the decrypted file is not a map", file=source, hint=_RESOURCE_HINT)
    for name in ("apiVersion", "kind"):
        if not isinstance(value.get(name), str) or not value[name]:
            raise SopsError(f"not a Kubernetes resource: {name} is missing", file=source, hint=_RESOURCE_HINT)
    metadata = value.get("metadata")
    named = metadata.get("name") if isinstance(metadata, dict) else None
    if not (isinstance(named, str) and named) and not isinstance(value.get("items"), list):
        raise SopsError("not a Kubernetes resource: metadata.name is missing", file=source, hint=_RESOURCE_HINT)
    return value


def prepare(item: dict[str, object]) -> None:
    """Make a decrypted resource safe to hand over.

    Raises:
        ResourceError: it can't be.
    """
    if is_secret(item):
        move_unreadable(item)
        data = item.get("data")
        for key, value in data.items() if isinstance(data, dict) else ():
            if isinstance(value, str) and decode_base64(value) is None:
                raise ResourceError(
                    "the decrypted value is not base64", item, ("data", str(key)), hint="move it to stringData"
                )
    where = unreadable(item)
    if where:
        raise ResourceError(
            f"characters that kustomize can't pass on (DEL, C1 controls, or not UTF-8) in {describe(where)}", item
        )
    metadata = item.get("metadata")
    annotations = metadata.get("annotations") if isinstance(metadata, dict) else None
    if isinstance(annotations, dict) and str(annotations.get(LOCAL_CONFIG)).lower() == "true":
        raise ResourceError(
            "kustomize would drop it silently", item, ("metadata", "annotations", LOCAL_CONFIG), hint="remove it"
        )


def duplicates(items: Iterable[dict[str, object]]) -> list[ResourceError]:
    """Resources that stand for the same object."""
    seen: set[tuple[str, ...]] = set()
    found = []
    for item in items:
        metadata = item.get("metadata")
        fields = metadata if isinstance(metadata, dict) else {}
        group = str(item.get("apiVersion")).rpartition("/")[0]
        key = (group, str(item.get("kind")), str(fields.get("namespace") or ""), str(fields.get("name")))
        if fields.get("name") and key in seen:
            found.append(ResourceError("generated twice", item, hint="give one of them another name"))
        seen.add(key)
    return found


_RESOURCE_HINT = "list files that are not manifests under secretFrom"
