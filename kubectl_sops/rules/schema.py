"""The JSON Schema of ``.sops.yaml``, made from its reader's own tables; published in ``docs/schemas`` for editors."""

from __future__ import annotations

from typing import Any

from kubectl_sops.core.selectors import FIELDS as SELECTOR_FIELDS
from kubectl_sops.rules.config import STORES
from kubectl_sops.rules.destination import DESTINATION_FIELDS, PLACES
from kubectl_sops.rules.rule import GROUP_KINDS, RULE_FIELDS, TEXT_KINDS

Schema = dict[str, Any]

_TEXT: Schema = {"type": ["string", "null"]}
_TEXTS: Schema = {"type": ["array", "null"], "items": {"type": "string"}}
_LIST_ONLY = "hckms"
"""The one field of recipients in which sops takes no comma list."""

_DESCRIPTIONS = {
    "path_regex": "RE2, searched in the file's path relative to the folder of this file. The first rule that matches "
    "applies; without it a rule matches every file.",
    "age": "age or ssh recipients: a comma list or, since sops 3.11, a YAML list.",
    "key_groups": "Groups of keys for Shamir's secret sharing; the recipients beside it are then ignored.",
    "shamir_threshold": "How many key groups are needed to open a file; 0 means all.",
    "encrypted_regex": "Encrypt only below keys that match; ^(data|stringData)$ for Secrets.",
    "mac_only_encrypted": "Compute the message authentication code over encrypted values only.",
    "recreation_rule": "For whom the file is encrypted again before it is published.",
    "omit_extensions": "Publish without the extension of the file's name.",
}


def schema() -> Schema:
    """The schema, as a tree of JSON."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": ".sops.yaml",
        "type": ["object", "null"],
        "properties": {
            "creation_rules": {"type": ["array", "null"], "items": {"$ref": "#/$defs/rule"}},
            "destination_rules": {"type": ["array", "null"], "items": {"$ref": "#/$defs/destination"}},
            "stores": _closed({name: _closed({s: {"type": "integer"} for s in own}) for name, own in STORES.items()}),
        },
        "$defs": {"rule": _rule(), "group": _group(), "destination": _destination()},
    }


def _closed(properties: Schema) -> Schema:
    for name, description in _DESCRIPTIONS.items():
        if name in properties:
            properties[name] = {**properties[name], "description": description}
    return {"type": ["object", "null"], "properties": properties, "additionalProperties": False}


def _at_most_one(names: tuple[str, ...]) -> Schema:
    pairs = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
    filled = {"type": "string", "minLength": 1}
    both = [{"required": [a, b], "properties": {a: filled, b: filled}} for a, b in pairs]
    return {"not": {"anyOf": both}}


def _rule() -> Schema:
    properties: Schema = dict.fromkeys(sorted(RULE_FIELDS), _TEXT)
    properties |= {name: {"anyOf": [_TEXT, _TEXTS]} for name in TEXT_KINDS if name != _LIST_ONLY}
    properties |= {
        _LIST_ONLY: _TEXTS,
        "key_groups": {"type": ["array", "null"], "items": {"$ref": "#/$defs/group"}},
        "shamir_threshold": {"type": "integer", "minimum": 0},
        "mac_only_encrypted": {"type": "boolean"},
    }
    return _closed(properties) | _at_most_one(SELECTOR_FIELDS)


def _group() -> Schema:
    properties: Schema = {"merge": {"type": ["array", "null"], "items": {"$ref": "#/$defs/group"}}}
    for name, (_, fields) in GROUP_KINDS.items():
        if fields is None:
            properties[name] = _TEXTS
            continue
        entry = _closed(dict.fromkeys(fields, _TEXT))
        if "context" in fields:
            entry["properties"]["context"] = {"type": ["object", "null"], "additionalProperties": _TEXT}
        entry["required"] = [next(iter(fields))]
        properties[name] = {"type": ["array", "null"], "items": entry}
    return _closed(properties)


def _destination() -> Schema:
    properties: Schema = dict.fromkeys(sorted(DESTINATION_FIELDS), _TEXT)
    properties |= {
        "vault_kv_version": {"type": "integer"},
        "omit_extensions": {"type": "boolean"},
        "recreation_rule": {"$ref": "#/$defs/rule"},
    }
    return _closed(properties) | _at_most_one(PLACES)
