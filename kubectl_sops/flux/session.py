"""Building Kustomizations of a repository, in the order of their dependencies, one tree for all of them."""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Self

from kubectl_sops.errors import ClusterError, NoMatchingKeyError, SopsError, format_path
from kubectl_sops.files.memory import termination_as_exception
from kubectl_sops.flux import ciphertext, source, spec
from kubectl_sops.flux.catalog import Catalog, by_dependency, data_of
from kubectl_sops.flux.keys import BuildKeys
from kubectl_sops.flux.manifest import key_of, name_of
from kubectl_sops.flux.opening import Opener
from kubectl_sops.flux.pipeline import Build, Builder
from kubectl_sops.flux.tree import Tree
from kubectl_sops.repo.policy import Policy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import TracebackType

    from kubectl_sops.files.decrypt import DataKeys
    from kubectl_sops.flux.manifest import Key
    from kubectl_sops.flux.mask import Masker
    from kubectl_sops.flux.profile import Profile

    Object = dict[str, Any]
    Remote = Callable[[str, str, str], Mapping[str, bytes] | None]


class Session:
    """One source and everything that its builds share; a context manager.

    Args:
        root: the folder that stands for the source.
        keys: the keys of this machine.
        remote: looks up data of a ConfigMap or Secret in the cluster, where that is wanted.
    """

    def __init__(
        self,
        root: str,
        keys: DataKeys,
        *,
        profile: Profile,
        masker: Masker,
        remote: Remote | None = None,
        strict: bool | None = None,
        environ: Mapping[str, str] | None = None,
        allow_disk: bool = False,
        allow_encrypted: bool = False,
    ) -> None:
        self._environ = os.environ if environ is None else environ
        self._keys = keys
        self._profile = profile
        self._masker = masker
        self._remote = remote
        self._strict = strict
        self._allow_disk = allow_disk
        self._allow_encrypted = allow_encrypted
        self.root = os.path.realpath(root)
        self.catalog = Catalog(source.read_folder(self.root))
        self._cleanup = ExitStack()
        self._trees: dict[str, Tree] = {}
        self._secrets: dict[tuple[str, str], Mapping[str, bytes] | None] = {}
        self._openers: dict[tuple[str, str], Opener] = {}
        self._policy = Policy()
        self._owners: dict[Key, spec.Kustomization] = {}
        self._built: dict[tuple[str, str, str], Object] = {}

    def __enter__(self) -> Self:
        self._cleanup.enter_context(termination_as_exception())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return self._cleanup.__exit__(kind, error, trace)

    @property
    def asks_cluster(self) -> bool:
        return self._remote is not None

    def _tree(self, kustomization: spec.Kustomization) -> Tree:
        ignore = self.catalog.ignore_of(kustomization)
        tree = self._trees.get(ignore)
        if tree is None:
            artifact = source.read_folder(self.root, ignore) if ignore else self.catalog.artifact
            tree = self._cleanup.enter_context(Tree(artifact, self._environ, allow_disk=self._allow_disk))
            self._trees[ignore] = tree
        return tree

    def _opener(self, kustomization: spec.Kustomization) -> Opener:
        name = kustomization.text("decryption", "secretRef", "name")
        key = kustomization.namespace, name
        opener = self._openers.get(key)
        if opener is None:
            opener = self._openers[key] = Opener(BuildKeys(self._keys, lambda: self.decryption_secret(*key)))
        return opener

    def decryption_secret(self, namespace: str, name: str) -> Mapping[str, bytes] | None:
        """The entries of a decryption Secret: from its manifest, or from the cluster; ``None`` where neither tells."""
        if not name:
            return None
        if (namespace, name) not in self._secrets:
            try:
                found = self._lookup_with(self._keys, "Secret", namespace, name)
            except (NoMatchingKeyError, ClusterError):
                found = None  # encrypted for others, or not ours to read: the local keys may do
            self._secrets[namespace, name] = found
        return self._secrets[namespace, name]

    def build(self, kustomization: spec.Kustomization, out: Build | None = None) -> Build:
        """Build one Kustomization; its objects can then be used by ``substituteFrom`` of others.

        Raises:
            SopsError: where the controller would report a failure.
        """
        opener = self._opener(kustomization)
        builder = Builder(
            self._tree(kustomization),
            opener,
            lambda kind, namespace, name: self._lookup_with(opener.keys, kind, namespace, name),
            profile=self._profile,
            strict=self._strict,
            environ=self._environ,
            masker=self._masker,
            secret=lambda: self.decryption_secret(
                kustomization.namespace, kustomization.text("decryption", "secretRef", "name")
            ),
            policy=self._policy,
        )
        out = builder.build(kustomization, out=out)
        for manifest in out.objects:
            _, kind, namespace, name = key_of(manifest)
            if kind in ("Secret", "ConfigMap"):
                self._built[kind, namespace, name] = manifest
            other = self._owners.setdefault(key_of(manifest), kustomization)
            if other is not kustomization:
                out.remarks.add(
                    "two-owners", f"also built by {other}: they take turns, or delete it from each other",
                    where=name_of(manifest), hint="leave it to one of them",
                )  # fmt: skip
        return out

    def try_build(self, kustomization: spec.Kustomization) -> Build:
        """Build one Kustomization; a failure, also that of an object left encrypted, is in ``error``."""
        out = Build(kustomization)
        if self._is_elsewhere(kustomization):
            kind, namespace, name = kustomization.source
            out.remarks.add(
                "other-source", where=str(kustomization), hint="build it in the repository that it names",
                message=f"not built: {kind}/{namespace}/{name} is not this repository",
            )  # fmt: skip
            return out
        try:
            self.build(kustomization, out)
        except SopsError as error:
            out.results = []
            out.error = error
            error.message = f"{kustomization}: {error.message}"
            return out
        left = [(name_of(manifest), ciphertext.places(manifest)) for manifest in out.objects]
        for name, places in left:
            if places:
                shown = ", ".join(map(format_path, places[:5]))
                out.remarks.add("encrypted", f"would reach the cluster encrypted: {shown}", where=name)
        names = [name for name, places in left if places]
        if names and not self._allow_encrypted:
            out.error = ciphertext.StillEncryptedError(
                f"{kustomization}: {len(names)} object{'s' * (len(names) != 1)} would reach the cluster encrypted: "
                + ", ".join(names),
                hint="--allow-encrypted prints them nevertheless",
            )
        return out

    def _is_elsewhere(self, kustomization: spec.Kustomization) -> bool:
        """Whether its folder is missing here, and its source is one that nothing of this repository has."""
        folders = self.catalog.artifact.folders
        here = {k.source for k in self.catalog.kustomizations if k.path in folders}
        return kustomization.path not in (".", *folders) and bool(here) and kustomization.source not in here

    def _lookup_with(self, keys: DataKeys, kind: str, namespace: str, name: str) -> Mapping[str, bytes] | None:
        """An object as it will be when it is needed: built before, in the cluster if that was asked for, a manifest."""
        built = self._built.get((kind, namespace, name))
        if built is not None:
            return data_of(built)
        if self._remote is not None:
            found = self._remote(kind, namespace, name)
            if found is not None:
                return found
        return self.catalog.data_of(kind, namespace, name, keys)

    def build_all(self, start: list[spec.Kustomization], *, recursive: bool) -> Iterator[Build]:
        """Build Kustomizations in the order of their dependencies.

        Args:
            recursive: also those that are among the built objects.
        """
        seen: set[tuple[str, str]] = set()
        waiting = list(start)
        while waiting:
            batch = [k for k in by_dependency(waiting) if (k.namespace, k.name) not in seen]
            seen.update((k.namespace, k.name) for k in batch)
            waiting = []
            for kustomization in batch:
                out = self.try_build(kustomization)
                yield out
                if recursive:
                    waiting += [self._placed(k) for k in spec.kustomizations_of(out.objects, "")]

    def _placed(self, kustomization: spec.Kustomization) -> spec.Kustomization:
        """A built Kustomization, with the file that its manifest is in, for messages."""
        name = kustomization.namespace, kustomization.name
        same = (k for k in self.catalog.kustomizations if (k.namespace, k.name) == name)
        kustomization.file = next((k.file for k in same), "")
        return kustomization
