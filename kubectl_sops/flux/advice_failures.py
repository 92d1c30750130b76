"""What to do about a failed build: the hint that the error itself can't know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kubectl_sops.errors import DumpError, NoMatchingKeyError, ParseError, SopsError, ValueAuthError, format_path
from kubectl_sops.flux import envsubst, resources
from kubectl_sops.flux.manifest import load_documents, name_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from kubectl_sops.core.leaf import Path
    from kubectl_sops.flux.graph import Graph
    from kubectl_sops.flux.spec import Kustomization

    Object = dict[str, Any]


def explain_decryption(error: SopsError, manifest: Object, graph: Graph, kustomization: Kustomization) -> SopsError:
    """The error of an object that did not open, with a hint that fits how it was built."""
    if isinstance(error, ValueAuthError) and error.path is not None and not resources.is_encrypted(manifest):
        return error
    if isinstance(error, ValueAuthError) and error.path is not None:
        path = error.path
        sources = [where for where, data in graph.patches() if _sets(data, path, manifest)]
        brought = f"{sources[0]} sets it" if sources else "a patch or transformer set it"
        error.hint = (
            f"{brought} in an object whose {format_path(path[:1])} is encrypted: "
            "move the value into the encrypted file, or merge it with a secretGenerator"
        )
    elif isinstance(error, DumpError):
        key = str((error.path or ("", "config"))[-1])
        error.hint = f"the key decides the format: use {key}.yaml as key, or encrypt the file as binary"
    elif isinstance(error, NoMatchingKeyError):
        name = kustomization.text("decryption", "secretRef", "name")
        if not name:
            error.hint = f"{kustomization.place} has no spec.decryption.secretRef; {error.hint or ''}".rstrip("; ")
    return error


def _sets(data: bytes, path: Path, manifest: Object) -> bool:
    try:
        documents = load_documents(data, "")
    except ParseError:
        return False
    for document in documents:
        if isinstance(document, list):
            pointer = "/" + "/".join(map(str, path))
            if any(isinstance(step, dict) and str(step.get("path", "")).startswith(pointer) for step in document):
                return True
        elif isinstance(document, dict) and document.get("kind") in (None, manifest.get("kind")):
            value: Any = document
            for part in path:
                value = value.get(part) if isinstance(value, dict) else None
            if value is not None:
                return True
    return False


class UnsetError(SopsError):
    """Variables without value, in all objects of a Kustomization; ``names`` are all of them."""

    def __init__(self, first: SopsError, found: list[tuple[str, list[str]]]) -> None:
        self.names = list(dict.fromkeys(name for _, names in found for name in names))
        listed = "; ".join(f"{where}: {', '.join(names)}" for where, names in found)
        super().__init__(
            f"{first.message} ({listed})",
            hint="set them, give a default with ${VAR:=value}, write $${VAR} for a literal one, or add the annotation "
            "kustomize.toolkit.fluxcd.io/substitute: disabled",
        )


def explain_expression(error: envsubst.ExpressionError, manifest: Object) -> SopsError:
    """The error with the place of the expression, and what is different from a shell."""
    where = next(_unreadable(manifest, ()), None)
    if where is not None:
        error.path = where
    error.hint = (
        "substitution is not bash: write $${…} for what a script expands itself, or add the annotation "
        "kustomize.toolkit.fluxcd.io/substitute: disabled"
    )
    return error


def _unreadable(value: object, path: Path) -> Iterator[Path]:
    if isinstance(value, str):
        try:
            envsubst.parse(value)
        except envsubst.ExpressionError:
            yield path
        return
    entries: Iterable[tuple[str | int, object]] = ()
    if isinstance(value, dict):
        entries = value.items()
    elif isinstance(value, list):
        entries = enumerate(value)
    for key, item in entries:
        yield from _unreadable(item, (*path, key))


def unset_in(objects: Iterable[Object], variables: Iterable[str]) -> list[tuple[str, list[str]]]:
    """Objects with the variables that they need and nobody sets."""
    known = set(variables)
    found = []
    for manifest in objects:
        names = [name for name in _needed(manifest) if name not in known]
        if names:
            found.append((name_of(manifest), list(dict.fromkeys(names))))
    return found


def _needed(value: object) -> Iterator[str]:
    if isinstance(value, str):
        if "${" in value:
            try:
                yield from envsubst.needed(value)
            except envsubst.ExpressionError:
                return
    elif isinstance(value, dict):
        for item in value.values():
            yield from _needed(item)
    elif isinstance(value, list):
        for item in value:
            yield from _needed(item)
