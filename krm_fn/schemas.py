"""Configurations of our own kinds, as JSON Schemas: one definition for checking, for editors and for the documentation.

Only the words that ``config.check`` knows are used here.
"""

from __future__ import annotations

from typing import Any

GROUP = "kubectl-sops.dev"
API_VERSION = f"{GROUP}/v1"

Schema = dict[str, Any]

_STRING: Schema = {"type": "string", "minLength": 1}
_STRINGS: Schema = {"type": "array", "items": _STRING}
_TEXT_MAP: Schema = {"type": "object", "additionalProperties": {"type": "string"}}
_ENCODE: Schema = {
    "enum": ["data", "stringData"],
    "description": "Where values go: base64 in data (default), or text in stringData.",
}


def _object(description: str, required: list[str], **properties: Schema) -> Schema:
    return {
        "type": "object",
        "description": description,
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def _described(description: str, schema: Schema) -> Schema:
    return {**schema, "description": description}


_SECRET = _object(
    "One Secret, made of encrypted files.",
    ["metadata"],
    metadata=_object(
        "Of the Secret.", ["name"], name=_STRING, namespace=_STRING, labels=_TEXT_MAP, annotations=_TEXT_MAP
    ),
    type=_described("Type of the Secret.", _STRING),
    immutable={"type": "boolean", "description": "Whether the Secret is immutable."},
    behavior={"enum": ["create", "merge", "replace"], "description": "What to do where the Secret exists already."},
    needsHash={"type": "boolean", "description": "Append a hash of the content to the name, references included."},
    encode=_ENCODE,
    files=_described("Encrypted files: 'path', 'key=path' or a pattern. Each becomes one value.", _STRINGS),
    binaryFiles=_described("As files, always in data.", _STRINGS),
    envs=_described("Encrypted dotenv, YAML or JSON files; each of their variables becomes a value.", _STRINGS),
    literals=_described("Values that are not secret, as 'key=value'.", _STRINGS),
)

_SELECTOR = _object(
    "Resources; every field given must match. Names are regular expressions that match as a whole.",
    [],
    group=_STRING,
    version=_STRING,
    kind=_STRING,
    name=_STRING,
    namespace=_STRING,
    labelSelector=_STRING,
    annotationSelector=_STRING,
)

_READER: dict[str, Schema] = {
    "selectors": {
        "type": "array",
        "items": _SELECTOR,
        "description": "Only resources that one of these selects; all of them by default.",
    },
    "requireMac": {
        "enum": ["error", "warn", "off"],
        "description": "What to do where the MAC can't be verified after kustomize changed the resource.",
    },
    "allowPatched": {
        "type": "boolean",
        "description": "Accept encrypted values that a patch replaced by plain ones.",
    },
    "detachAnnotations": _described(
        "Further annotations, as patterns, that were added after encryption and take no part in the MAC.", _STRINGS
    ),
}


def _kind(name: str, description: str, properties: dict[str, Schema]) -> Schema:
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"https://{GROUP}/schemas/{name.lower()}.json",
        "title": name,
        "type": "object",
        "description": description,
        "properties": {
            "apiVersion": {"enum": [API_VERSION]},
            "kind": {"enum": [name]},
            "metadata": {"type": "object"},
            **properties,
            # kustomize turns these into arguments of a legacy plugin
            "argsOneLiner": {"type": "string"},
            "argsFromFile": {"type": "string"},
        },
        "required": ["apiVersion", "kind", "metadata"],
        "additionalProperties": False,
    }


SCHEMAS: dict[str, Schema] = {
    "SopsGenerator": _kind(
        "SopsGenerator",
        "Adds the resources of encrypted manifests, and Secrets made of encrypted files.",
        {
            "files": _described("Encrypted manifests; patterns may be used.", _STRINGS),
            "secretFrom": {"type": "array", "items": _SECRET},
            "encode": _ENCODE,
        },
    ),
    "SopsTransformer": _kind("SopsTransformer", "Decrypts the resources of the kustomization.", _READER),
    "SopsValidator": _kind(
        "SopsValidator",
        "Checks that every encrypted resource opens and is what was encrypted; changes nothing.",
        _READER,
    ),
}
