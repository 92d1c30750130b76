"""`kustomization.yaml`: its names, its fields, and what it refers to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kubectl_sops.errors import ParseError, SopsError
from kubectl_sops.flux import go_yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

    Fields = dict[str, Any]

NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
"""In the order in which Flux looks for them."""

API_VERSION, KIND = "kustomize.config.k8s.io/v1beta1", "Kustomization"

# The types of kustomize's own structs: a dict is a struct, a list holds the type of the elements, "*" is anything.
_MAP: dict[str, Any] = {}
_GVK = {"group": "", "version": "", "kind": ""}
_RES_ID = {**_GVK, "name": "", "namespace": ""}
_SELECTOR = {**_RES_ID, "annotationSelector": "", "labelSelector": ""}
_PATCH = {
    "path": "", "patch": "", "target": _SELECTOR,
    "options": {"allowNameChange": False, "allowKindChange": False},
}  # fmt: skip
_GENERATOR_OPTIONS = {"labels": _MAP, "annotations": _MAP, "disableNameSuffixHash": False, "immutable": False}
_GENERATOR = {
    "namespace": "", "name": "", "behavior": "", "literals": [""], "files": [""], "envs": [""], "env": "",
    "options": _GENERATOR_OPTIONS,
}  # fmt: skip
_FIELD_OPTIONS = {"delimiter": "", "index": 0, "encoding": "", "create": False}
_IMAGE = {"name": "", "newName": "", "tagSuffix": "", "newTag": "", "digest": ""}
_HELM_CHART = dict.fromkeys(
    ("name", "version", "repo", "releaseName", "namespace", "additionalValuesFiles", "valuesFile", "valuesInline",
     "valuesMerge", "includeCRDs", "skipHooks", "apiVersions", "kubeVersion", "nameTemplate", "skipTests", "debug",
     "devel"), "*",
)  # fmt: skip
_HELM_ARGS = dict.fromkeys(
    ("chartName", "chartVersion", "chartRepoUrl", "chartHome", "chartRepoName", "helmBin", "helmHome", "values",
     "valuesLocal", "valuesMerge", "releaseName", "releaseNamespace", "extraArgs"), "*",
)  # fmt: skip
_FIELDS: Fields = {
    "kind": "", "apiVersion": "",
    "metadata": {"name": "", "namespace": "", "labels": _MAP, "annotations": _MAP},
    "openapi": _MAP, "namePrefix": "", "nameSuffix": "", "namespace": "",
    "commonLabels": _MAP, "commonAnnotations": _MAP,
    "labels": [
        {
            "pairs": _MAP, "includeSelectors": False, "includeTemplates": False,
            "fields": [{**_GVK, "path": "", "create": False}],
        }
    ],
    "patchesStrategicMerge": [""], "patchesJson6902": [_PATCH], "patches": [_PATCH],
    "images": [_IMAGE], "imageTags": [_IMAGE],
    "replacements": [
        {
            "path": "", "source": {**_RES_ID, "fieldPath": "", "options": _FIELD_OPTIONS}, "sourceValue": "*",
            "targets": [
                {"select": _SELECTOR, "reject": [_SELECTOR], "fieldPaths": [""], "options": _FIELD_OPTIONS}
            ],
        }
    ],
    "replicas": [{"name": "", "count": 0}],
    "vars": [
        {
            "name": "", "objref": {"apiVersion": "", **_RES_ID}, "fieldref": {"fieldpath": "", "fieldPath": ""},
        }
    ],
    "sortOptions": {"order": "", "legacySortOptions": {"orderFirst": [""], "orderLast": [""]}},
    "resources": [""], "components": [""], "crds": [""], "bases": [""],
    "configMapGenerator": [_GENERATOR], "secretGenerator": [{**_GENERATOR, "type": ""}],
    "helmGlobals": {"chartHome": "", "configHome": ""},
    "helmCharts": [_HELM_CHART], "helmChartInflationGenerator": [_HELM_ARGS],
    "generatorOptions": _GENERATOR_OPTIONS,
    "configurations": [""], "generators": [""], "transformers": [""], "validators": [""], "buildMetadata": [""],
}  # fmt: skip


class KustomizationError(SopsError):
    """A kustomization that the controller refuses."""


def read(data: bytes, file: str) -> tuple[Fields, list[str]]:
    """The fields of a kustomization file as the controller's loose reader sees them, and the keys that it drops.

    Raises:
        ParseError: not YAML.
        KustomizationError: a field of the wrong type.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ParseError("not UTF-8", file=file) from None
    try:
        value = go_yaml.load(text)
    except go_yaml.NotYamlError as error:
        raise ParseError(f"not YAML: {error.message}", file=file, line=error.line) from None
    if value is None:
        return {}, []
    dropped: list[str] = []
    fields = _convert(value, _FIELDS, (), dropped, file)
    return {k: v for k, v in fields.items() if v is not None}, dropped


def _convert(value: object, wanted: Any, path: tuple[str | int, ...], dropped: list[str], file: str) -> Any:
    if value is None or wanted == "*":
        return value
    if isinstance(wanted, dict):
        if not isinstance(value, dict):
            raise _wrong("map", path, file)
        if wanted is _MAP:
            return {key: _convert(item, "", (*path, key), dropped, file) for key, item in value.items()}
        out: Fields = {}
        names = {name.lower(): name for name in wanted}
        for key, item in value.items():
            # encoding/json prefers the exact name and takes any other case as well
            name = key if key in wanted else names.get(key.lower())
            if name is None:
                dropped.append(".".join(map(str, (*path, key))))
                continue
            out[name] = _convert(item, wanted[name], (*path, name), dropped, file)
        return out
    if isinstance(wanted, list):
        if not isinstance(value, list):
            raise _wrong("list", path, file)
        return [_convert(item, wanted[0], (*path, index), dropped, file) for index, item in enumerate(value)]
    if isinstance(value, dict | list):
        raise _wrong("text" if wanted == "" else "value", path, file)
    if wanted == "" and not isinstance(value, str):
        # sigs.k8s.io/yaml turns scalars into text where the field is text
        return ("true" if value else "false") if isinstance(value, bool) else _number(value)
    if wanted is False and not isinstance(value, bool):
        raise _wrong("true or false", path, file)
    if wanted == 0 and wanted is not False and not isinstance(value, int):
        raise _wrong("whole number", path, file)
    return value


def _number(value: object) -> str:
    return go_yaml.format_float(value) if isinstance(value, float) else str(value)


def _wrong(expected: str, path: tuple[str | int, ...], file: str) -> KustomizationError:
    return KustomizationError(f"expected a {expected}", file=file, path=path)


def is_url(text: str) -> bool:
    """Whether a patch or resource is fetched from elsewhere: it has a scheme and a host."""
    scheme, colon, rest = text.partition("://")
    return bool(colon and scheme and rest and not rest.startswith("/") and scheme.replace("+", "").isalnum())


_REMOTE = ("git::", "gh:", "ssh://", "https://", "http://", "git@", "github.com:", "github.com/")


def is_local(path: str) -> bool:
    """Whether a component is a local, relative path."""
    lower = path.lower()
    if any(len(prefix) < len(path) and lower.startswith(prefix) for prefix in _REMOTE):
        return False
    return not path.startswith("/") and not lower.removeprefix("file://").startswith("/")


def strings(fields: Fields, name: str) -> list[str]:
    """A list of strings in a kustomization."""
    return [item for item in fields.get(name) or () if isinstance(item, str)]


def maps(fields: Fields, name: str) -> list[Fields]:
    """A list of maps in a kustomization."""
    return [item for item in fields.get(name) or () if isinstance(item, dict)]


def file_source(entry: str) -> tuple[str, str]:
    """Key and path of an entry under ``files``. A path without key gives its own name as key."""
    key, equals, path = entry.partition("=")
    return (key, path) if equals else (entry, entry)


def references(fields: Fields) -> Iterator[tuple[str, str]]:
    """Every local path that the build reads for this kustomization: the field, and the path as written."""
    for name in ("resources", "bases", "components", "crds", "configurations", "generators", "transformers",
                 "validators"):  # fmt: skip
        for entry in strings(fields, name):
            if "\n" not in entry and not is_url(entry) and is_local_or_absolute(entry):
                yield name, entry
    for name in ("configMapGenerator", "secretGenerator"):
        for generator in maps(fields, name):
            for entry in strings(generator, "files"):
                yield f"{name}.files", file_source(entry)[1]
            for entry in strings(generator, "envs"):
                yield f"{name}.envs", entry
            if generator.get("env"):
                yield f"{name}.env", generator["env"]
    for name in ("patches", "patchesJson6902", "replacements"):
        for item in maps(fields, name):
            if item.get("path") and not is_url(item["path"]):
                yield name, item["path"]
    for entry in strings(fields, "patchesStrategicMerge"):
        if "\n" not in entry:
            yield "patchesStrategicMerge", entry
    openapi = (fields.get("openapi") or {}).get("path")
    if openapi and not is_url(openapi):
        yield "openapi", openapi


def is_local_or_absolute(path: str) -> bool:
    """Whether a resource is a path of this machine rather than something to clone."""
    return is_local(path) or path.startswith("/")
