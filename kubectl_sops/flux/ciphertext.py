"""Objects that would reach the cluster encrypted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kubectl_sops.core.cipher import PREFIX
from kubectl_sops.errors import SopsError
from kubectl_sops.flux.manifest import name_of
from kubectl_sops.flux.resources import decode_base64, is_disabled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_sops.core.leaf import Path
    from kubectl_sops.flux.spec import Kustomization

    Object = dict[str, Any]

_PREFIX = PREFIX.encode()


class StillEncryptedError(SopsError):
    """Objects of the result hold ciphertext."""


def refuse(manifest: Object, kustomization: Kustomization) -> None:
    """Fail where the controller does: a Secret that kept its SOPS metadata.

    Raises:
        StillEncryptedError: such a Secret.
    """
    secret = manifest.get("kind") == "Secret" and manifest.get("apiVersion") == "v1"
    if secret and "sops" in manifest and not is_disabled(manifest):
        raise StillEncryptedError(
            f"{name_of(manifest)} is SOPS encrypted, "
            "configuring decryption is required for this secret to be reconciled",
            hint=f"add spec.decryption with provider sops to {kustomization.place}",
        )


def places(manifest: Object) -> list[Path]:
    """Where an object holds ciphertext or SOPS metadata."""
    found = [("sops",)] if isinstance(manifest.get("sops"), dict) and manifest["sops"].get("mac") else []
    rest = {key: value for key, value in manifest.items() if key != "sops"}
    found += _walk(rest, (), secret=manifest.get("kind") == "Secret")
    return list(found)


def _walk(value: object, path: Path, *, secret: bool) -> Iterator[Any]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _walk(item, (*path, key), secret=secret)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _walk(item, (*path, index), secret=secret)
    elif isinstance(value, str):
        if PREFIX in value:
            yield path
        elif path[0] == "binaryData" or (secret and path[0] == "data"):
            data = decode_base64(value)
            if data is not None and _PREFIX in data:
                yield path
