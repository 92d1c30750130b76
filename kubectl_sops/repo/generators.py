"""Checks of kustomizations and of the generators they name: Secrets come from encrypted files."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import yaml

from kubectl_sops.formats import format_of
from kubectl_sops.repo.find import looks_encrypted
from kubectl_sops.repo.finding import Finding
from kubectl_sops.repo.plain import KUSTOMIZATION_NAMES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Read = Callable[[str], bytes | None]

KINDS = {
    ("viaduct.ai", "ksops"),
    ("goabout.com", "SopsSecretGenerator"),
    ("goabout.com", "SopsSecret"),
    ("kubectl-sops.dev", "SopsGenerator"),
}
"""API group and kind of the generators that decrypt SOPS files."""

MANY = 4
"""Generators of one kustomization from which on merging them is worth a word: each costs about 50 ms."""

_GENERATOR = re.compile(rb"viaduct\.ai/|goabout\.com/|kubectl-sops\.dev/")
_REFERENCE = re.compile(r"\$\{[^{}]*\}")


def check(file: str, data: bytes, read: Read) -> Iterator[Finding]:
    """Whatever is wrong with a kustomization, or with the configuration of a generator.

    Args:
        read: the bytes of a file by its path, ``None`` where there is none.
    """
    if os.path.basename(file) in KUSTOMIZATION_NAMES:
        for tree in _documents(data):
            yield from _check_kustomization(file, tree, read)
    elif _GENERATOR.search(data):
        for tree in _documents(data):
            if kind_of(tree) in KINDS:
                for path in _inputs(tree):
                    yield from _check_input(
                        file, path, read, f"{tree.get('kind')} reads {path}, which is not encrypted"
                    )


def kind_of(tree: dict[str, object]) -> tuple[str, str]:
    """API group (without the version) and kind."""
    return str(tree.get("apiVersion", "")).partition("/")[0], str(tree.get("kind", ""))


def _documents(data: bytes) -> list[dict[str, object]]:
    try:
        return [tree for tree in yaml.load_all(data, Loader=yaml.CSafeLoader) if isinstance(tree, dict)]
    except (yaml.YAMLError, ValueError):
        return []


def _check_kustomization(file: str, tree: dict[str, object], read: Read) -> Iterator[Finding]:
    for generator in _dicts(tree.get("secretGenerator")):
        name = generator.get("name", "")
        values = [text.partition("=")[2] for text in _texts(generator.get("literals"))]
        if any(value.strip() and _REFERENCE.fullmatch(value.strip("'\"")) is None for value in values):
            yield Finding("generator-literal", file, f"secretGenerator {name} holds literal values")
        files = [text.rpartition("=")[2] for text in _texts(generator.get("files"))]
        for path in [*files, *_texts(generator.get("envs")), *_texts([generator.get("env")])]:
            yield from _check_input(file, path, read, f"secretGenerator {name} reads {path}, which is not encrypted")
    processes = _processes(file, tree, read)
    if processes >= MANY:
        yield Finding("many-generators", file, f"{processes} generators start a process each, one after the other")
    for path in _texts(tree.get("resources")):
        if "://" in path or not path.endswith((".yaml", ".yml", ".json")):
            continue
        data = read(os.path.join(os.path.dirname(file), path))
        if data is not None and _GENERATOR.search(data):
            for resource in _documents(data):
                if kind_of(resource) in KINDS:
                    yield Finding("generator-resource", file, f"{path} is a {resource.get('kind')} among the resources")


def _processes(file: str, tree: dict[str, object], read: Read) -> int:
    """How many configurations for generators that decrypt the kustomization lists."""
    count = 0
    for path in _texts(tree.get("generators")):
        data = read(os.path.join(os.path.dirname(file), path)) if "://" not in path else None
        if data is not None and _GENERATOR.search(data):
            count += sum(kind_of(config) in KINDS for config in _documents(data))
    return count


def _check_input(file: str, path: str, read: Read, message: str) -> Iterator[Finding]:
    place = os.path.normpath(os.path.join(os.path.dirname(file), path))
    data = read(place)
    if data is not None and data.strip() and not looks_encrypted(data, format_of(place)):
        yield Finding("generator-plain", file, message)


def _inputs(tree: dict[str, object]) -> list[str]:
    """The files that a generator's configuration names."""
    sources = [tree, *_dicts(tree.get("secretFrom"))]
    paths: list[str] = []
    for source in sources:
        for field in ("files", "binaryFiles", "envs"):
            paths += [text.rpartition("=")[2] for text in _texts(source.get(field))]
    return paths


def _dicts(value: object) -> list[dict[str, object]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _texts(value: object) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
