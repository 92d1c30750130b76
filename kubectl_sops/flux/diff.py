"""Comparing two sets of objects: which were created, deleted or changed, and how."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Any

from kubectl_sops.flux import go_yaml
from kubectl_sops.flux.manifest import key_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from kubectl_sops.flux.manifest import Key

    Object = dict[str, Any]

CREATED, DELETED, CHANGED, SKIPPED, RECREATED = "created", "deleted", "changed", "skipped", "recreated"

CONTEXT = 3

_HASH = re.compile(r"-[bcdfghkmt24-9]{10}\Z")
"""The suffix that kustomize's generators append."""


class Change:
    """What happens to one object.

    Attributes:
        action: ``CREATED``, ``DELETED``, ``CHANGED``, ``RECREATED`` or ``SKIPPED``.
        before: the object as it was, masked; ``None`` where there was none.
        after: the object as it will be, masked.
        reason: why, where the action alone does not say.
    """

    __slots__ = ("action", "after", "before", "reason")

    def __init__(self, action: str, before: Object | None, after: Object | None, reason: str = "") -> None:
        self.action = action
        self.before = before
        self.after = after
        self.reason = reason

    @property
    def key(self) -> Key:
        return key_of(self.after or self.before or {})

    @property
    def title(self) -> str:
        """``Kind/namespace/name action``, as ``flux diff`` writes it."""
        _, kind, namespace, name = self.key
        shown = "/".join(part for part in (kind, namespace, name) if part)
        reason = f" ({self.reason})" if self.reason else ""
        return f"{shown} {self.action}{reason}"

    def lines(self) -> list[str]:
        """A unified diff of the object as YAML, without file names."""
        before, after = (go_yaml.dump(o).splitlines() if o else [] for o in (self.before, self.after))
        return [line.rstrip("\n") for line in difflib.unified_diff(before, after, n=CONTEXT, lineterm="")][2:]

    def as_dict(self) -> dict[str, Any]:
        group, kind, namespace, name = self.key
        out: dict[str, Any] = {
            "action": self.action, "group": group, "kind": kind, "namespace": namespace, "name": name,
        }  # fmt: skip
        if self.reason:
            out["reason"] = self.reason
        if self.action in (CHANGED, RECREATED):
            out["changes"] = list(_changes(self.before, self.after, ""))
        return out


def compare(before: Iterable[Object], after: Iterable[Object]) -> list[Change]:
    """The changes between two builds, in the order in which the new one is applied; deletions last.

    A generated Secret or ConfigMap whose name has another hash is one change.
    """
    old = {key_of(manifest): manifest for manifest in before}
    new = {key_of(manifest): manifest for manifest in after}
    gone = {key: manifest for key, manifest in old.items() if key not in new}
    changes: list[Change] = []
    for key, manifest in new.items():
        earlier = old.get(key)
        if earlier is not None:
            if earlier != manifest:
                changes.append(Change(CHANGED, earlier, manifest))
            continue
        twin = next((other for other in gone if _is_twin(other, key)), None)
        if twin is None:
            changes.append(Change(CREATED, None, manifest))
        else:
            changes.append(Change(CHANGED, gone.pop(twin), manifest, f"was {twin[3]}"))
    return changes + [Change(DELETED, manifest, None) for manifest in gone.values()]


def _is_twin(one: Key, other: Key) -> bool:
    if one[:3] != other[:3] or one[1] not in ("Secret", "ConfigMap"):
        return False
    names = [_HASH.sub("", key[3]) for key in (one, other)]
    return names[0] == names[1] and names[0] not in (one[3], other[3])


def _changes(before: Any, after: Any, path: str) -> Iterator[dict[str, Any]]:  # JSON values
    if isinstance(before, dict) and isinstance(after, dict):
        for key in [*before, *(key for key in after if key not in before)]:
            place = f"{path}/{str(key).replace('~', '~0').replace('/', '~1')}"
            if key not in after:
                yield {"op": "remove", "path": place, "before": before[key]}
            elif key not in before:
                yield {"op": "add", "path": place, "after": after[key]}
            else:
                yield from _changes(before[key], after[key], place)
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from _changes(one, other, f"{path}/{index}")
    elif before != after or before.__class__ is not after.__class__:
        yield {"op": "replace", "path": path, "before": before, "after": after}
