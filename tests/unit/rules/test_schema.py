"""The published JSON Schema says what the reader accepts."""

import json
from pathlib import Path

import pytest
import yaml

from kubectl_sops import rules
from kubectl_sops.errors import RulesError
from kubectl_sops.rules.schema import schema
from tests.support.tools import missing

PUBLISHED = Path(__file__).parents[3] / "docs" / "schemas" / "sopsconfig.json"

CASES = {
    # text, whether it is fine
    "empty": ("", True),
    "typical": ("creation_rules: [{path_regex: a, age: 'age1a,age1b', encrypted_regex: ^data$}]", True),
    "lists": ("creation_rules: [{age: [age1a], pgp: [ABC], hckms: ['r:k']}]", True),
    "nulls": ("creation_rules: [{path_regex: , age: }]", True),
    "own names at the top": ("keys: [&a age1a]\ncreation_rules: [{age: *a}]", True),
    "groups": (
        "creation_rules: [{shamir_threshold: 2, key_groups: [{age: [a]}, {kms: [{arn: a, context: {b: c}}]}]}]",
        True,
    ),
    "merge": ("creation_rules: [{key_groups: [{merge: [{age: [a]}], azure_keyvault: [{vaultUrl: u, key: k}]}]}]", True),
    "stores": ("stores: {yaml: {indent: 2}, dotenv: {}}", True),
    "destination": ("destination_rules: [{s3_bucket: b, s3_prefix: p, recreation_rule: {age: age1a}}]", True),
    "one selector and an empty one": ("creation_rules: [{encrypted_suffix: '', encrypted_regex: a}]", True),
    "unknown in a rule": ("creation_rules: [{path_regx: a}]", False),
    "unknown in a group": ("creation_rules: [{key_groups: [{ag: [a]}]}]", False),
    "unknown in a key": ("creation_rules: [{key_groups: [{kms: [{arn: a, rol: b}]}]}]", False),
    "key without its name": ("creation_rules: [{key_groups: [{gcp_kms: [{}]}]}]", False),
    "two selectors": ("creation_rules: [{encrypted_suffix: b, encrypted_regex: a}]", False),
    "text for a list": ("creation_rules: [{hckms: a}]", False),
    "map for text": ("creation_rules: [{age: {a: b}}]", False),
    "text for a number": ("creation_rules: [{shamir_threshold: two}]", False),
    "two destinations": ("destination_rules: [{s3_bucket: a, vault_path: b}]", False),
    "unknown store": ("stores: {yml: {indent: 2}}", False),
    "rules are a map": ("creation_rules: {}", False),
}


@pytest.mark.parametrize(("text", "fine"), CASES.values(), ids=CASES)
def test_schema_and_reader_agree(text, fine):
    """What the reader refuses, the schema refuses, and the other way round."""
    try:
        import jsonschema
    except ImportError:
        missing("jsonschema")
    assert jsonschema.Draft202012Validator(schema()).is_valid(yaml.safe_load(text)) is fine
    try:
        rules.parse(text.encode())
    except RulesError:
        assert not fine
    else:
        assert fine


def test_published_schema_is_current():
    """The file for editors is the one that the tables give."""
    assert json.loads(PUBLISHED.read_text()) == schema()
