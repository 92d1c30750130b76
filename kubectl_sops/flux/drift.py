"""Fields that a Kustomization leaves to others: ``spec.ignore``."""

from __future__ import annotations

import copy
import re
from typing import TYPE_CHECKING, Any

from kubectl_sops.flux.manifest import key_of, metadata_of

if TYPE_CHECKING:
    from kubectl_sops.flux.spec import Kustomization

    Object = dict[str, Any]

_NAMES = ("group", "kind", "namespace", "name")
_REQUIREMENT = re.compile(r"\s*(!?)\s*([\w./-]+)\s*(?:(!=|==?)\s*([\w.-]*))?\s*")


def ignored(kustomization: Kustomization, manifest: Object) -> list[str]:
    """The JSON pointers that are not compared for an object."""
    found: list[str] = []
    for rule in kustomization.items("ignore"):
        target = rule.get("target")
        if not isinstance(target, dict) or _selects(target, manifest):
            found += [path for path in rule.get("paths") or () if isinstance(path, str)]
    return found


def _selects(target: Object, manifest: Object) -> bool:
    values = dict(zip(_NAMES, key_of(manifest), strict=True))
    values["version"] = str(manifest.get("apiVersion") or "").rpartition("/")[2]
    for name, value in values.items():
        pattern = target.get(name)
        if pattern and not re.fullmatch(str(pattern), value):
            return False
    metadata = metadata_of(manifest)
    return all(
        _fits(str(target.get(f"{kind}Selector") or ""), metadata.get(f"{kind}s") or {})
        for kind in ("label", "annotation")
    )


def _fits(selector: str, values: Object) -> bool:
    for part in selector.split(",") if selector else ():
        match = _REQUIREMENT.fullmatch(part)
        if match is None:
            return False
        absent, key, operator, wanted = match.groups()
        if operator is None:
            fits = (key in values) is not bool(absent)
        else:
            fits = (values.get(key) == wanted) is (operator != "!=")
        if not fits:
            return False
    return True


def without(after: Object, before: Object, pointers: list[str]) -> Object:
    """``after`` with what the pointers name as it was before."""
    if not pointers:
        return after
    out = copy.deepcopy(after)
    for pointer in pointers:
        parts = [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]
        if not parts:
            continue
        holder, old = _walk(out, parts[:-1]), _walk(before, parts)
        if isinstance(holder, dict):
            holder.pop(parts[-1], None)
            if old is not _NOTHING:
                holder[parts[-1]] = old
        elif isinstance(holder, list) and parts[-1].isdigit() and int(parts[-1]) < len(holder) and old is not _NOTHING:
            holder[int(parts[-1])] = old
    return out


_NOTHING = object()


def _walk(value: Any, parts: list[str]) -> Any:
    for part in parts:
        if isinstance(value, dict) and part in value:
            value = value[part]
        elif isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        else:
            return _NOTHING
    return value
