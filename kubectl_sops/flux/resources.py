"""Decrypting an object after kustomize built it.

Source: kustomize-controller ``internal/decryptor`` (``DecryptResource``).
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any

from kubectl_sops.core.leaf import Leaf
from kubectl_sops.core.metadata import Metadata
from kubectl_sops.core.values import EMPTY_LIST, EMPTY_MAP, Comment, Time
from kubectl_sops.errors import SopsError
from kubectl_sops.flux.go_yaml import json_number
from kubectl_sops.flux.manifest import annotation, key_of
from kubectl_sops.flux.opening import format_by_marker, format_of
from kubectl_sops.flux.spec import GROUP

if TYPE_CHECKING:
    from kubectl_sops.core.leaf import Path
    from kubectl_sops.flux.opening import Opener

    Object = dict[str, Any]

DISABLED = "disabled"
DECRYPT_ANNOTATION = f"{GROUP}/decrypt"


class Outcome:
    """What decryption did to an object.

    Attributes:
        object: the object as it is applied.
        secret_paths: the places that hold decrypted values.
        mac_matches: ``None`` where the order of the built object does not tell.
    """

    __slots__ = ("mac_matches", "object", "secret_paths")

    def __init__(self, object: Object, secret_paths: set[Path], mac_matches: bool | None = True) -> None:
        self.object = object
        self.secret_paths = secret_paths
        self.mac_matches = mac_matches


def is_disabled(manifest: Object) -> bool:
    """Whether an annotation keeps the object from being decrypted; a label of that name does not."""
    return (annotation(manifest, DECRYPT_ANNOTATION) or "").lower() == DISABLED


def is_encrypted(manifest: Object) -> bool:
    """Whether the object as a whole was encrypted: it has metadata with a MAC."""
    metadata = manifest.get("sops")
    return isinstance(metadata, dict) and bool(metadata.get("mac"))


def decrypt(manifest: Object, opener: Opener) -> Outcome:
    """The object with everything decrypted that the controller decrypts.

    Raises:
        SopsError: what does not open; the error names the key path.
    """
    if is_disabled(manifest):
        return Outcome(manifest, set())
    if is_encrypted(manifest):
        return _decrypt_object(manifest, opener)
    if manifest.get("kind") == "Secret":
        return _decrypt_payloads(manifest, opener)
    return Outcome(manifest, set())


def _decrypt_object(manifest: Object, opener: Opener) -> Outcome:
    tree = {key: value for key, value in manifest.items() if key != "sops"}
    leaves: list[Leaf] = []
    holders: list[tuple[Any, str | int]] = []
    _collect(tree, (), leaves, holders)
    changes, matches = opener.open_leaves(leaves, Metadata(manifest["sops"]))
    for index in sorted(changes, reverse=True):
        holder, key = holders[index]
        value = changes[index]
        if value.__class__ is Comment:
            del holder[key]  # an encrypted comment of a list: JSON has none
        elif isinstance(value, Time):
            holder[key] = str(value)
        else:
            holder[key] = json_number(value) if isinstance(value, float) else value
    return Outcome(tree, {leaves[index].path for index in changes}, matches or None)


def _collect(holder: Any, path: Path, leaves: list[Leaf], holders: list[tuple[Any, str | int]]) -> None:
    for key, value in list(holder.items() if isinstance(holder, dict) else enumerate(holder)):
        place = (*path, key)
        if isinstance(value, dict | list) and value:
            _collect(value, place, leaves, holders)
            continue
        if isinstance(value, dict | list):
            value = EMPTY_MAP if isinstance(value, dict) else EMPTY_LIST
        leaves.append(Leaf(place, value))
        holders.append((holder, key))


def _decrypt_payloads(manifest: Object, opener: Opener) -> Outcome:
    data = manifest.get("data")
    if not isinstance(data, dict):
        return Outcome(manifest, set())
    paths: set[Path] = set()
    matches = True
    out: Object = {}
    for key in sorted(data):
        out[key] = data[key]
        raw = decode_base64(data[key])
        format = format_by_marker(raw) if raw is not None else None
        if raw is None or format is None:
            continue
        try:
            plain = opener.decrypt(raw, format, format_of(key))
        except SopsError as error:
            error.path = ("data", key, *(error.path or ()))
            raise
        matches = matches and plain.mac_matches
        out[key] = base64.b64encode(plain.data).decode()
        paths.add(("data", key))
    changed = {**manifest, "data": out}
    if not out:
        del changed["data"]
    return Outcome(changed, paths, matches)


def decode_base64(text: object) -> bytes | None:
    """The bytes of standard base64 with line breaks anywhere, as Go reads it; ``None`` for anything else."""
    if not isinstance(text, str):
        return None
    try:
        return base64.b64decode(text.replace("\n", "").replace("\r", "").encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        return None


def title(manifest: Object) -> str:
    """The object as the controller names it in errors: ``Secret.v1.[noGrp]/name``."""
    group, kind, _, name = key_of(manifest)
    version = str(manifest.get("apiVersion") or "").rpartition("/")[2]
    return f"{kind}.{version or '[noVer]'}.{group or '[noGrp]'}/{name}"
