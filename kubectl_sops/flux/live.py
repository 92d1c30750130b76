"""What is in the cluster, and what applying a build would change there."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any

from kubectl_sops.cluster.client import SECRETS, Resource
from kubectl_sops.cluster.failure import InvalidObjectError, NamespaceNotFoundError, ObjectNotFoundError
from kubectl_sops.errors import SopsError
from kubectl_sops.flux import diff, drift
from kubectl_sops.flux.catalog import data_of
from kubectl_sops.flux.manifest import annotation, key_of, label, metadata_of, name_of
from kubectl_sops.flux.spec import GROUP, Kustomization

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Protocol

    from kubectl_sops.cluster.client import Client
    from kubectl_sops.flux.manifest import Key

    Object = dict[str, Any]
    Show = Callable[[Object], Object]

    class Masking(Protocol):
        """Masks an object as a built one is masked."""

        def __call__(self, manifest: Object, *, like: Object) -> Object: ...


MANAGER = "kustomize-controller"
CONFIG_MAPS = Resource("/api/v1", "configmaps", "configmap")
KUSTOMIZATIONS = Resource(f"/apis/{GROUP}/v1", "kustomizations", "kustomization")

_SERVER_FIELDS = ("managedFields", "resourceVersion", "generation", "creationTimestamp", "uid", "selfLink")


def lookup(client: Client, kind: str, namespace: str, name: str) -> Mapping[str, bytes] | None:
    """The data of a live ConfigMap or Secret; ``None`` where there is none."""
    try:
        found = client.get(SECRETS if kind == "Secret" else CONFIG_MAPS, name, namespace)
    except ObjectNotFoundError:
        return None
    return data_of({**found, "kind": kind})


def find_kustomization(client: Client, namespace: str, name: str) -> Kustomization | None:
    """A live Flux Kustomization; ``None`` where there is none."""
    try:
        found = client.get(KUSTOMIZATIONS, name, namespace)
    except ObjectNotFoundError:
        return None
    return Kustomization({**found, "apiVersion": f"{GROUP}/v1", "kind": "Kustomization"})


CREATED, CONFIGURED, UNCHANGED, SKIPPED = "created", "configured", "unchanged", "skipped"

_PATIENCE = 60.0
"""Seconds for the API server to serve a kind whose definition was applied just before."""


class Live:
    """Compares builds with the cluster, by server-side apply without effect, and applies them, as Flux would."""

    def __init__(self, client: Client, sleep: Callable[[float], None] = time.sleep) -> None:
        self._client = client
        self._sleep = sleep
        self._known: dict[str, dict[str, tuple[Resource, bool]]] = {}

    def compare(self, kustomization: Kustomization, objects: Iterable[Object], show: Masking) -> list[diff.Change]:
        """What applying ``objects`` would change, and what pruning would delete.

        Args:
            show: masks an object of the cluster; ``like`` is the built one that it comes from.
        """
        changes: list[diff.Change] = []
        built: set[Key] = set()
        for manifest in objects:
            built.add(key_of(manifest))
            change = self._compare(kustomization, manifest, partial(show, like=manifest))
            if change is not None:
                changes.append(change)
        return changes + self._prune(kustomization, built)

    def apply(self, manifest: Object, *, dry_run: bool) -> str:
        """Apply one object; what came of it.

        Raises:
            ClusterError: the API server refused.
        """
        if _is_excluded(manifest):
            return SKIPPED
        resource = self._resource(manifest) or self._await(manifest, 0.0 if dry_run else _PATIENCE)
        if resource is None:
            if dry_run:
                return CREATED  # by a definition that would be applied before
            raise SopsError(f"{name_of(manifest)}: the cluster has no such kind", hint="install its definition first")
        live = self._get(resource, manifest)
        if live is not None and _is_set(manifest, "ssa", "ifnotpresent"):
            return SKIPPED
        try:
            applied = self._apply(resource, manifest, dry_run=dry_run)
        except NamespaceNotFoundError:
            if not dry_run:
                raise
            return CREATED  # in a namespace that would be applied before
        except InvalidObjectError as error:
            raise SopsError(f"{name_of(manifest)}: {error.message}", hint="delete the object first") from None
        if live is None:
            return CREATED
        return UNCHANGED if _clean(live) == _clean(applied) else CONFIGURED

    def _await(self, manifest: Object, seconds: float) -> tuple[Resource, bool] | None:
        """Where objects of a kind are that the server may be about to serve."""
        found = None
        while found is None and seconds > 0:
            self._sleep(0.5)
            seconds -= 0.5
            self._known.pop(str(manifest.get("apiVersion")), None)
            found = self._resource(manifest)
        return found

    def _compare(self, kustomization: Kustomization, manifest: Object, show: Show) -> diff.Change | None:
        if _is_excluded(manifest):
            return diff.Change(diff.SKIPPED, None, show(manifest), "excluded by an annotation")
        resource = self._resource(manifest)
        if resource is None:
            return diff.Change(diff.CREATED, None, show(manifest), "its kind is not known to the cluster yet")
        live = self._get(resource, manifest)
        if live is not None and _is_set(manifest, "ssa", "ifnotpresent"):
            return diff.Change(diff.SKIPPED, None, show(manifest), "it exists") if live != manifest else None
        try:
            applied = self._apply(resource, manifest)
        except NamespaceNotFoundError:
            return diff.Change(diff.CREATED, None, show(manifest), "its namespace is not there yet")
        except InvalidObjectError as error:
            forced = kustomization.flag("force") or _is_set(manifest, "force", "enabled")
            if live is None or not error.immutable or not forced:
                raise SopsError(f"{name_of(manifest)}: {error.message}", hint=_invalid_hint(error)) from None
            return diff.Change(diff.RECREATED, show(_clean(live)), show(manifest), "an immutable field changes")
        before, after = live and _clean(live), _clean(applied)
        if before is not None:
            after = drift.without(after, before, drift.ignored(kustomization, manifest))
        if before == after:
            return None
        return diff.Change(diff.CHANGED if before else diff.CREATED, show(before) if before else None, show(after))

    def _get(self, resource: tuple[Resource, bool], manifest: Object) -> Object | None:
        _, _, namespace, name = key_of(manifest)
        try:
            found = self._client.get(resource[0], name, namespace if resource[1] else None)
        except ObjectNotFoundError:
            return None
        return {"apiVersion": manifest.get("apiVersion"), "kind": manifest.get("kind"), **found}

    def _apply(self, resource: tuple[Resource, bool], manifest: Object, *, dry_run: bool = True) -> Object:
        _, _, namespace, name = key_of(manifest)
        return self._client.apply(
            resource[0], name, manifest, namespace if resource[1] else None, manager=MANAGER, dry_run=dry_run
        )

    def _resource(self, manifest: Object) -> tuple[Resource, bool] | None:
        """Where objects of this kind are, and whether in namespaces; ``None`` for a kind the server does not have."""
        version = str(manifest.get("apiVersion"))
        if version not in self._known:
            api = f"/api/{version}" if "/" not in version else f"/apis/{version}"
            self._known[version] = {
                str(entry["kind"]): (Resource(api, entry["name"], entry["singularName"] or entry["name"]),
                                     bool(entry["namespaced"]))
                for entry in self._client.discover(api)
                if "/" not in entry["name"]
            }  # fmt: skip
        return self._known[version].get(str(manifest.get("kind")))

    def _prune(self, kustomization: Kustomization, built: set[Key]) -> list[diff.Change]:
        live = find_kustomization(self._client, kustomization.namespace, kustomization.name)
        if live is None or not kustomization.flag("prune"):
            return []
        changes: list[diff.Change] = []
        inventory = (live.object.get("status") or {}).get("inventory") or {}
        entries = inventory.get("entries") or []
        for entry in entries:
            namespace, name, group, kind = str(entry.get("id")).split("_")
            if (group, kind, namespace, name) in built:
                continue
            version = str(entry.get("v"))
            stub = {
                "apiVersion": f"{group}/{version}" if group else version, "kind": kind,
                "metadata": {"name": name, "namespace": namespace},
            }  # fmt: skip
            resource = self._resource(stub)
            found = self._get(resource, stub) if resource else None
            if found is None:
                continue
            if _is_set(found, "prune", "disabled"):
                changes.append(diff.Change(diff.SKIPPED, stub, None, "kept: prune is disabled for it"))
            else:
                # only its name: which of its values were secret is not known any more
                changes.append(diff.Change(diff.DELETED, stub, None))
        return changes


def _is_set(manifest: Object, name: str, value: str) -> bool:
    """Whether a label or annotation of Flux has a value."""
    key = f"{GROUP}/{name}"
    return value in ((label(manifest, key) or "").lower(), (annotation(manifest, key) or "").lower())


def _is_excluded(manifest: Object) -> bool:
    """Whether Flux does not touch the object."""
    return _is_set(manifest, "reconcile", "disabled") or _is_set(manifest, "ssa", "ignore")


def _clean(manifest: Object) -> Object:
    """An object without what the server keeps for itself."""
    out = {key: value for key, value in manifest.items() if key != "status"}
    out["metadata"] = {key: value for key, value in metadata_of(manifest).items() if key not in _SERVER_FIELDS}
    return out


def _invalid_hint(error: InvalidObjectError) -> str | None:
    return "spec.force or the annotation force: enabled recreates the object" if error.immutable else None
