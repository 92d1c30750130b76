"""What kustomize silently let through: the end of ``kustomize build … | kubectl sops check -``.

kustomize skips KRM functions that it may not run, with exit code 0 and no message: generators vanish, and transformers
leave everything encrypted. A function can't notice, since it is never started; the output shows it.
"""

from __future__ import annotations

import re
from binascii import Error as Base64Error
from binascii import a2b_base64
from typing import TYPE_CHECKING

from kubectl_sops.core.cipher import PREFIX, is_sealed
from kubectl_sops.errors import ParseError
from kubectl_sops.formats.yaml_load import load_all
from kubectl_sops.repo.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_sops.core.leaf import Path

RULE = "rendered"
STREAM = "<stdin>"
"""What findings call the file that has no name."""

_DIVIDER = re.compile(r"^---(?:[ \t].*)?$", re.MULTILINE)
_CONFIGURATIONS = re.compile(r"(?:viaduct\.ai|goabout\.com|kubectl-sops\.dev)/")
_FUNCTION = ("config.kubernetes.io/function", "config.k8s.io/function")

_SKIPPED_HINT = (
    "kustomize skips KRM functions silently without --enable-alpha-plugins --enable-exec, and kubectl kustomize has no"
    " --enable-exec: there leave the function annotation out, run `krm-sops install`, and pass --enable-alpha-plugins"
)
_RESOURCE_HINT = "list it under generators, transformers or validators of the kustomization, not under resources"


def findings(stream: bytes, name: str = STREAM) -> list[Finding]:
    """Everything in a rendered stream that is still encrypted, or was meant to be run; never a value."""
    text = stream.decode("utf-8", "replace").removeprefix("\ufeff")
    found: list[Finding] = []
    empty = True
    for line, document in _documents(text):
        try:
            trees = load_all(document)
        except ParseError as error:
            # half-rendered output still says where ciphertext is
            empty = False
            found += _in_text(document, line, name)
            found.append(Finding(RULE, name, f"not YAML: {error.message}", line + (error.line or 1) - 1))
            continue
        for tree in trees:
            if isinstance(tree, dict):
                empty = False
                for resource in _resources(tree):
                    found += _in_resource(resource, document, line, name)
    if empty:
        found.append(Finding(RULE, name, "nothing was rendered: the stream is empty", hint=_SKIPPED_HINT))
    return found


def _documents(text: str) -> Iterator[tuple[int, str]]:
    """Each document with the number of its first line."""
    start = 0
    for match in _DIVIDER.finditer(text):
        yield text.count("\n", 0, start) + 1, text[start : match.start()]
        start = match.end() + 1
    yield text.count("\n", 0, start) + 1, text[start:]


def _resources(tree: dict[str, object]) -> list[dict[str, object]]:
    items = tree.get("items")
    if isinstance(items, list) and str(tree.get("kind", "")).endswith("List"):
        return [item for item in items if isinstance(item, dict)] + [{k: v for k, v in tree.items() if k != "items"}]
    return [tree]


def _in_resource(resource: dict[str, object], document: str, line: int, name: str) -> Iterator[Finding]:
    who = _identity(resource)
    if _CONFIGURATIONS.match(str(resource.get("apiVersion", ""))):
        annotated = any(mark in document for mark in _FUNCTION)
        yield Finding(
            RULE, name, f"{who} was emitted, not run", line, hint=_SKIPPED_HINT if annotated else _RESOURCE_HINT
        )
        return
    sealed = [path for path, value in _leaves(resource, ()) if is_sealed(value) and path[0] != "sops"]
    if isinstance(resource.get("sops"), dict):
        yield Finding(
            RULE, name, f"{who} was not decrypted: its sops entry is still there", line, ("sops",), _SKIPPED_HINT
        )
    elif sealed:
        at = line + _lines_before(document, PREFIX)
        yield Finding(
            RULE, name, f"{who} was not decrypted, and lost its sops entry", at, sealed[0],
            "kustomize takes a List apart and drops its sops entry: put its resources into documents of their own",
        )  # fmt: skip
    for path in _payloads(resource):
        yield Finding(RULE, name, f"{who} holds an encrypted file", line, path, _SKIPPED_HINT)


def _lines_before(document: str, mark: str) -> int:
    return document.count("\n", 0, max(document.find(mark), 0))


def _identity(resource: dict[str, object]) -> str:
    metadata = resource.get("metadata")
    fields = metadata if isinstance(metadata, dict) else {}
    words = [str(resource.get("kind", "resource")), str(fields.get("name", "(unnamed)"))]
    if fields.get("namespace"):
        words[1] = f"{fields['namespace']}/{words[1]}"
    return " ".join("(encrypted)" if PREFIX in word else word for word in words)


def _leaves(value: object, path: Path) -> Iterator[tuple[Path, object]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves(item, (*path, str(key)))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _leaves(item, (*path, index))
    else:
        yield path, value


def _payloads(resource: dict[str, object]) -> Iterator[Path]:
    """Encrypted files in the data of Secrets and ConfigMaps."""
    if resource.get("kind") not in ("Secret", "ConfigMap") or resource.get("apiVersion") != "v1":
        return
    data = resource.get("data")
    if isinstance(data, dict) and {"sops_mac", "sops_version"} <= set(data):
        yield ("data", "sops_mac")
        return
    for field in ("data", "stringData", "binaryData"):
        values = resource.get(field)
        for key, value in values.items() if isinstance(values, dict) else ():
            if not isinstance(value, str) or is_sealed(value):
                continue
            text = value
            if field == "binaryData" or (field == "data" and resource["kind"] == "Secret"):
                text = _decoded(value)
            if PREFIX in text and "sops" in text:
                yield (field, str(key))


def _decoded(value: str) -> str:
    try:
        return a2b_base64("".join(value.split()).encode()).decode("utf-8", "replace")
    except (Base64Error, UnicodeEncodeError):
        return ""


def _in_text(document: str, line: int, name: str) -> Iterator[Finding]:
    for number, row in enumerate(document.splitlines()):
        if PREFIX in row:
            yield Finding(RULE, name, "a ciphertext", line + number, hint=_SKIPPED_HINT)
            return
