"""The same ``.sops.yaml`` and file for real sops and for us: the same rule, recipients, selector, or refusal."""

import json
import os

import pyrage
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kubectl_sops import rules
from kubectl_sops.core.selectors import FIELDS
from kubectl_sops.errors import NoMatchingRuleError, SopsError
from kubectl_sops.rules import edit
from tests.support.tools import need, run

A, B, C, D = (str(pyrage.x25519.Identity.generate().to_public()) for _ in range(4))
SSH = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHsKLqeplhpW+uObz5dvMgjz1OxfM/XXUB+VHtZ6isGN alice@laptop"
NO_MATCH, NO_CONFIG, REFUSED = "no match", "no config", "refused"


def theirs(folder, config, path):
    """What real sops makes of a file: its metadata, or how it refuses."""
    target = folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text('{"password": "x", "data": "y"}')
    (folder / ".sops.yaml").write_bytes(config)
    done = run([need("sops"), "encrypt", "--input-type", "json", "--output-type", "json", path], cwd=folder)
    if done.returncode:
        text = done.stderr.decode()
        if "no matching creation rules found" in text:
            return NO_MATCH
        return NO_CONFIG if "config file not found" in text else REFUSED
    metadata = json.loads(done.stdout)["sops"]
    groups = metadata.get("key_groups") or [metadata]
    selector = next(((name, metadata[name]) for name in FIELDS if name in metadata), None)
    return (
        [[entry["recipient"] for entry in group.get("age") or []] for group in groups],
        selector if selector != ("unencrypted_suffix", "_unencrypted") else None,
        metadata.get("shamir_threshold", 0),
        metadata.get("mac_only_encrypted", False),
    )


def ours(folder, config, path):
    """The same of us."""
    try:
        rule = rules.parse(config, str(folder / ".sops.yaml")).match(str(folder / path))
        if rule is None:
            return NO_CONFIG
        groups = [[entry.get("recipient") for entry in group] for group in rule.groups]
    except NoMatchingRuleError:
        return NO_MATCH
    except SopsError:
        return REFUSED
    if not any(groups):
        return REFUSED
    threshold = rule.shamir_threshold or (len(groups) if len(groups) > 1 else 0)
    selector = rule.selector and (rule.selector.field, rule.selector.text)
    return groups, selector, threshold if len(groups) > 1 else rule.shamir_threshold, rule.mac_only_encrypted


CONFIGS = {
    "plain": f"creation_rules: [{{age: {A}}}]",
    "comma list": f"creation_rules: [{{age: '{A}, {B},'}}]",
    "folded": f"creation_rules:\n  - age: >-\n      {A},\n      {B}\n",
    "literal": f"creation_rules:\n  - age: |\n      {A},\n      {B},\n",
    "yaml list": f"creation_rules: [{{age: [{A}, '{B},{C}']}}]",
    "duplicates stay": f"creation_rules: [{{age: '{A},{A}'}}]",
    "duplicates go": f"creation_rules: [{{key_groups: [{{age: [{A}, {A}, '{B},{A}']}}]}}]",
    "ssh": f"creation_rules: [{{age: '{SSH}'}}]",
    "merge": "creation_rules: [{key_groups: "
    f"[{{merge: [{{age: [{B}]}}, {{merge: [{{age: [{C}]}}]}}], age: [{A}, {B}]}}]}}]",
    "anchors": f"x: &x {A}\ncreation_rules: [{{age: [*x, {B}]}}]",
    "merge keys": f"x: &x {{age: {A}, encrypted_regex: ^d}}\ncreation_rules: [{{<<: *x, age: {B}}}]",
    "several merge keys": f"x: &x {{age: {A}}}\ny: &y {{age: {B}, encrypted_suffix: a}}\n"
    "creation_rules: [{<<: [*x, *y]}]",
    "groups": f"creation_rules: [{{key_groups: [{{age: [{A}]}}, {{age: [{B}]}}]}}]",
    "threshold": "creation_rules: "
    f"[{{shamir_threshold: 2, key_groups: [{{age: [{A}]}}, {{age: [{B}]}}, {{age: [{C}]}}]}}]",
    "shorthand is ignored": f"creation_rules: [{{age: {D}, key_groups: [{{age: [{A}]}}]}}]",
    "empty groups": f"creation_rules: [{{age: {A}, key_groups: []}}]",
    "mac only": f"creation_rules: [{{age: {A}, mac_only_encrypted: yes}}]",
    "regex": f"creation_rules: [{{age: {A}, encrypted_regex: '^(data|stringData)$'}}]",
    "null selector": f"creation_rules: [{{age: {A}, encrypted_regex: , encrypted_suffix: a}}]",
    "two selectors": f"creation_rules: [{{age: {A}, encrypted_regex: a, encrypted_suffix: a}}]",
    "bad recipient": "creation_rules: [{age: age1nonsense}]",
    "number": "creation_rules: [{age: 12}]",
    "map": "creation_rules: [{age: {a: b}}]",
    "rules are a map": "creation_rules: {}",
    "no rules": "stores: {}",
    "null rules": "creation_rules:",
    "empty file": "",
    "empty list": "creation_rules: []",
    "null rule": "creation_rules: [null]",
    "no keys": "creation_rules: [{path_regex: x}]",
    "duplicate key": f"creation_rules: [{{age: {A}, age: {B}}}]",
    "not yaml": "creation_rules: [",
    "second document": f"creation_rules: [{{age: {A}}}]\n---\ncreation_rules: [{{age: {B}}}]\n",
    "text threshold": f"creation_rules: [{{age: {A}, shamir_threshold: '2'}}]",
    "hexadecimal threshold": "creation_rules: "
    f"[{{shamir_threshold: 0x2, key_groups: [{{age: [{A}]}}, {{age: [{B}]}}]}}]",
    "number as suffix": f"creation_rules: [{{age: {A}, encrypted_suffix: 12}}]",
    "byte order mark": f"\ufeffcreation_rules: [{{age: {A}}}]",
}


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_a_rule_means_the_same(tmp_path, config):
    """Recipients, groups, selector, threshold and MAC setting, in sops' order, or a refusal of the same kind."""
    data = config.encode()
    assert ours(tmp_path, data, "x.json") == theirs(tmp_path, data, "x.json")


ROUTES = f"""\
creation_rules:
  - path_regex: ^dev/
    age: {A}
  - path_regex: (?i)LOCAL/[^/]+\\.ya?ml$
    age: {B}
  - path_regex: '\\pL\\d{{2}}$'
    age: {C}
  - path_regex: ^/
    age: {D}
"""


@pytest.mark.parametrize(
    "path", ["dev/x", "adev/x", "overlays/local/x.yml", "overlays/local/a/x.yaml", "é12", "e123", "dev12/y", "x"]
)
def test_a_file_is_routed_the_same(tmp_path, path):
    """First match of an unanchored RE2 search in the path below the config's folder."""
    data = ROUTES.encode()
    assert ours(tmp_path, data, path) == theirs(tmp_path, data, path)


def test_a_file_outside_is_routed_the_same(tmp_path):
    """A file that is not below the folder of the config is matched by its absolute path."""
    inner = tmp_path / "inner"
    inner.mkdir()
    data = ROUTES.encode()
    assert theirs(inner, data, "../x") == ours(inner, data, "../x") == ([[D]], None, 0, False)


PIECES = (
    "^",
    "$",
    "dev",
    "/",
    ".",
    ".*",
    "[a-z]+",
    "(prod|dev)",
    "\\.",
    "yaml",
    "ya?ml",
    "\\d",
    "x{1,2}",
    "(?i)",
    "\\b",
)
PATHS = ("dev/a.yaml", "prod/x1.yml", "a/dev/X.YAML", "x")


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(regexes=st.lists(st.lists(st.sampled_from(PIECES), min_size=1, max_size=4).map("".join), min_size=1, max_size=4))
def test_generated_regexes_choose_the_same_rule(tmp_path, regexes):
    """Whatever the regular expressions, the same rule is chosen, or the same one is refused."""
    recipients = [A, B, C, D]
    listed = [{"path_regex": regex, "age": recipients[i]} for i, regex in enumerate(regexes)]
    data = json.dumps({"creation_rules": listed}).encode()
    for path in PATHS[:2]:
        assert ours(tmp_path, data, path) == theirs(tmp_path, data, path)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        f"creation_rules:\n  - age: {A}\n".encode(),
        f"creation_rules:\n  - age: >-\n      {A},\n      {B}\n".encode(),
        f"creation_rules: [{{age: [{A}]}}]".encode(),
        f"creation_rules:\n  - key_groups:\n      - age:\n          - {A} # a\n".encode(),
    ],
)
def test_what_edits_write_sops_reads(tmp_path, data):
    """After recipients and a rule were added, sops encrypts for them."""
    if data:
        data = edit.add_recipient(data, 0, SSH, name="Alice Example")
    data = edit.add_rule(data, [(C, "the cluster"), (SSH, "")], path_regex="^new/")
    data = edit.add_recipient(data, 0, D, name="dave")
    for path in ("new/x.json", "x.json"):
        found = ours(tmp_path, data, path)
        assert found == theirs(tmp_path, data, path)
    assert theirs(tmp_path, data, "new/x.json")[0] == [[C, SSH, D]]


def test_the_config_is_found_the_same(tmp_path):
    """From the working directory upward, not from the file."""
    for folder, recipient in ((tmp_path, A), (tmp_path / "a", B), (tmp_path / "b", C)):
        folder.mkdir(exist_ok=True)
        (folder / ".sops.yaml").write_text(f"creation_rules: [{{age: {recipient}}}]")
    (tmp_path / "b/x.json").write_text("{}")
    (tmp_path / "a/deep").mkdir()
    done = run([need("sops"), "encrypt", "../../b/x.json"], cwd=tmp_path / "a/deep")
    found = rules.find("../../b/x.json", cwd=str(tmp_path / "a/deep"))
    assert found == os.fspath(tmp_path / "a/.sops.yaml")
    assert B in done.stdout.decode()
