"""From a source and a Flux Kustomization to the objects that the controller would apply: its steps, in its order."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from kubectl_sops.errors import SopsError
from kubectl_sops.flux import advice_objects, advice_sources, ciphertext, mask, normalise, resources, substitute
from kubectl_sops.flux import build as kustomize
from kubectl_sops.flux.advice_failures import UnsetError, explain_decryption, explain_expression, unset_in
from kubectl_sops.flux.decrypt_sources import SourceDecrypter
from kubectl_sops.flux.envsubst import ExpressionError, UnsetVariablesError
from kubectl_sops.flux.graph import Graph
from kubectl_sops.flux.opening import Decrypted, Opener
from kubectl_sops.flux.profile import Profile
from kubectl_sops.flux.remark import Remarks
from kubectl_sops.flux.rewrite import Rewritten, rewrite

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kubectl_sops.flux.spec import Kustomization, Reference
    from kubectl_sops.flux.tree import Tree
    from kubectl_sops.repo.policy import Policy

    Object = dict[str, Any]
    Lookup = Callable[[str, str, str], Mapping[str, bytes] | None]


class Result:
    """One object as it would be applied, and what of it must not be shown."""

    __slots__ = ("object", "sensitive")

    def __init__(self, manifest: Object) -> None:
        self.object = manifest
        self.sensitive = mask.Sensitive()


class Build:
    """What became of one Kustomization.

    Attributes:
        kustomization: what was built.
        results: the objects, in the order in which they are applied.
        remarks: what there is to say about it.
        decrypted: path → plaintext of the files that were decrypted before the build.
        rewritten: what became of the kustomization.yaml.
        hidden: decrypted values of those files.
        error: why it failed.
        files: paths that its kustomizations name.
    """

    __slots__ = ("decrypted", "error", "files", "hidden", "kustomization", "remarks", "results", "rewritten")

    def __init__(self, kustomization: Kustomization) -> None:
        self.kustomization = kustomization
        self.results: list[Result] = []
        self.remarks = Remarks(f"{kustomization.namespace}/{kustomization.name}")
        self.decrypted: dict[str, Decrypted] = {}
        self.rewritten: Rewritten | None = None
        self.hidden: frozenset[str] = frozenset()
        self.error: SopsError | None = None
        self.files: list[str] = []

    @property
    def objects(self) -> list[Object]:
        return [result.object for result in self.results]

    def masked(self, masker: mask.Masker) -> list[Object]:
        """The objects with everything secret masked."""
        return [mask.apply(r.object, r.sensitive, self.hidden, masker) for r in self.results]

    def masking(self, masker: mask.Masker) -> Callable[..., Object]:
        """Masks live objects as the built ones (``like``) are masked."""
        sensitive = {id(result.object): result.sensitive for result in self.results}

        def apply(manifest: Object, *, like: Object) -> Object:
            known = sensitive.get(id(like), mask.Sensitive())
            return mask.apply(manifest, known if manifest is like else known.beside(manifest), self.hidden, masker)

        return apply


class Builder:
    """Builds Kustomizations of one source.

    Args:
        opener: decrypts.
        lookup: gives the data of a ConfigMap or Secret by kind, namespace and name, for ``substituteFrom``.
        strict: overrides whether a variable without value fails the build.
        masker: masks what secret variables put into texts.
        secret: gives the entries of the decryption Secret where it can be seen, for remarks.
        policy: says which plaintext files should be encrypted, for remarks.
    """

    def __init__(
        self,
        tree: Tree,
        opener: Opener,
        lookup: Lookup,
        *,
        profile: Profile | None = None,
        strict: bool | None = None,
        environ: Mapping[str, str] | None = None,
        masker: mask.Masker | None = None,
        secret: Callable[[], Mapping[str, bytes] | None] | None = None,
        policy: Policy | None = None,
    ) -> None:
        self.tree = tree
        self.opener = opener
        self._lookup = lookup
        self.profile = profile or Profile()
        self._strict = self.profile.strict if strict is None else strict
        self._environ = os.environ if environ is None else environ
        self._masker = masker or mask.Masker()
        self._secret = secret
        self._policy = policy

    def build(self, kustomization: Kustomization, *, out: Build | None = None, final: bool = True) -> Build:
        """Everything up to what is sent to the API server.

        Args:
            out: takes the result; its remarks are there also when the build fails.
            final: normalised, labelled and in order; otherwise as the build step leaves them.

        Raises:
            SopsError: where the controller would report a failure.
        """
        out = Build(kustomization) if out is None else out
        self.tree.reset()
        out.rewritten = rewrite(self.tree, kustomization, self.profile)
        if kustomization.decrypts:
            SourceDecrypter(self.tree, self.opener, self.profile, out.decrypted.__setitem__).run(kustomization.path)
        graph = Graph(self.tree, kustomization.path)
        out.files = list(graph.files)
        values = [value for plain in out.decrypted.values() for value in (*plain.values, _text(plain.data))]
        out.hidden = mask.hidden_values(values)
        built = kustomize.run(self.tree, kustomization.path, self._environ, out.hidden)
        self._advise(out, graph)
        variables = self.variables(kustomization) if "postBuild" in kustomization.spec else None
        self._decrypt(out, built, graph)
        if variables is not None and (variables.values or _always(kustomization, self.profile)):
            self._substitute_all(out, variables)
        if final:
            self._finish(out)
            advice_objects.remark_final(out)
        return out

    def _advise(self, out: Build, graph: Graph) -> None:
        advice_sources.remark(out, graph, self.tree, self.profile)
        if out.kustomization.flag("suspend"):
            out.remarks.add("suspended", "suspended: Flux applies none of this", where=str(out.kustomization))
        if self._policy is not None:
            advice_sources.remark_plain(out, graph, self.tree, self._policy)
        entries = self._secret() if out.kustomization.decrypts and self._secret is not None else None
        if entries is not None:
            advice_sources.remark_secret(out, entries, [*graph.files], self.tree)

    def variables(self, kustomization: Kustomization) -> substitute.Variables:
        """The variables of a Kustomization; those written in it win.

        Raises:
            SubstitutionError: an object that is not there and not optional, or a name that can't be one.
        """
        variables = substitute.Variables()
        for reference in kustomization.substitute_from:
            found = self._lookup(reference.kind, kustomization.namespace, reference.name)
            if found is None:
                if reference.optional:
                    continue
                raise _missing(reference, kustomization)
            for name, data in found.items():
                value = data.decode("utf-8", "surrogateescape")
                variables.add(name, value, str(reference), secret=reference.kind == "Secret")
        for name, value in kustomization.substitute.items():
            variables.add(name, value, "spec.postBuild.substitute", secret=False)
        return variables

    def _decrypt(self, out: Build, built: list[Object], graph: Graph) -> None:
        unsure = False
        for manifest in built:
            for field in ("kind", "apiVersion"):
                if not manifest.get(field):
                    raise SopsError(f"failed to decode Kubernetes apiVersion, kind and name: {field} is missing")
            result = Result(manifest)
            out.results.append(result)
            if not out.kustomization.decrypts:
                continue
            try:
                outcome = resources.decrypt(manifest, self.opener)
            except SopsError as error:
                error = explain_decryption(error, manifest, graph, out.kustomization)
                raise _within(error, f"decryption failed for '{resources.title(manifest)}'") from None
            result.object = outcome.object
            result.sensitive.paths |= outcome.secret_paths
            unsure = unsure or outcome.mac_matches is not True
        if unsure:
            advice_sources.verify(out, graph, self.tree, self.opener)

    def _substitute_all(self, out: Build, variables: substitute.Variables) -> None:
        concerned = [result for result in out.results if not substitute.is_disabled(result.object)]
        if concerned:
            variables.require_names()
        missing = unset_in((result.object for result in concerned), variables.values)
        for result in concerned:
            before = result.object
            title = resources.title(before)
            try:
                outcome = substitute.apply(before, variables, strict=self._strict)
            except UnsetVariablesError as error:
                raise _within(UnsetError(error, missing), f"post build failed for '{title}'") from None
            except ExpressionError as error:
                raise _within(explain_expression(error, before), f"post build failed for '{title}'") from None
            except SopsError as error:
                raise _within(error, f"post build failed for '{title}'") from None
            advice_objects.remark_substitution(out.remarks, result, outcome.object, variables)
            result.object = outcome.object
            for path, text in outcome.masked.items():
                if text is None:
                    result.sensitive.paths.add(path)
                else:
                    filled = mask.fill(text, outcome.tokens, self._masker)
                    result.sensitive.texts[path] = _at(result.object, path), filled
        if not self._strict:
            for name, names in missing:
                out.remarks.add("unset", f"variables without a value: {', '.join(names)}", where=name)

    def _finish(self, out: Build) -> None:
        flat: list[Result] = []
        for result in out.results:
            parts = normalise.flatten([result.object])
            if len(parts) == 1 and parts[0] is result.object:
                flat.append(result)
            else:
                flat += [Result(part) for part in parts]
        for result in flat:
            normalise.add_owner(result.object, out.kustomization)
            result.object, lost = normalise.normalise(result.object)
            advice_objects.remark_lost(out.remarks, result.object, lost)
            normalise.add_common_metadata(result.object, out.kustomization)
        for result in flat:
            ciphertext.refuse(result.object, out.kustomization)
        by_object = {id(result.object): result for result in flat}
        out.results = [by_object[id(manifest)] for manifest in normalise.in_order(r.object for r in flat)]


def _at(manifest: Any, path: tuple[str | int, ...]) -> object:
    for part in path:
        manifest = manifest[part]
    return manifest


def _always(kustomization: Kustomization, profile: Profile) -> bool:
    return profile.strategy and kustomization.text("postBuild", "substituteStrategy") == "Always"


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _missing(reference: Reference, kustomization: Kustomization) -> SopsError:
    return substitute.SubstitutionError(
        f"substitute from '{reference}' error: not found in namespace {kustomization.namespace}",
        hint="add its manifest to the repository, use --from-cluster, or set optional: true",
    )


def _within(error: SopsError, what: str) -> SopsError:
    """The same error, saying which object it is about."""
    place = error.file is None
    error.message = f"{what}: {error.message}"
    error.args = (error.message,)
    if place:
        error.file = None
    return error
