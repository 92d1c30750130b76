"""Reading ``.sops.yaml``: rules, routing, names, and complaints that name the line."""

import pytest

from kubectl_sops import rules
from kubectl_sops.errors import ConfigNotFoundError, NoMatchingRuleError, RulesError

TYPICAL = b"""\
# Who reads what.
creation_rules:
  # developers' own files
  - path_regex: ^dev/
    encrypted_regex: ^(data|stringData)$
    age: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAlice alice@laptop
  - path_regex: overlays/local/.*\\.yaml$
    encrypted_regex: ^(data|stringData)$
    age: age1local  # kind cluster
  - path_regex: overlays/production/.*\\.yaml$
    encrypted_regex: ^(data|stringData)$
    age: >-
      age1production,
      ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAlice alice@laptop
"""


def config(tmp_path, data):
    """The rules of a file in ``tmp_path``."""
    path = tmp_path / ".sops.yaml"
    path.write_bytes(data)
    return rules.load(str(path))


@pytest.mark.parametrize(
    ("file", "recipients"),
    [
        ("dev/app.yaml", ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAlice alice@laptop"]),
        ("overlays/local/db.yaml", ["age1local"]),
        ("apps/overlays/local/db.yaml", ["age1local"]),
        (
            "overlays/production/db.yaml",
            ["age1production", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAlice alice@laptop"],
        ),
    ],
)
def test_typical_repository_routes_by_path(tmp_path, file, recipients):
    """Developer files, local overlays and production overlays each go to their own recipients."""
    rule = config(tmp_path, TYPICAL).match(str(tmp_path / file))
    assert rule.recipients == recipients


def test_no_match_names_the_file(tmp_path):
    """A file that no rule is for is an error that names it as path_regex sees it."""
    with pytest.raises(NoMatchingRuleError, match=r"for other/overlay\.yaml"):
        config(tmp_path, TYPICAL).match(str(tmp_path / "other/overlay.yaml"))


def test_first_match_wins(tmp_path):
    """The order of the rules decides, not how narrow they are."""
    found = config(tmp_path, b"creation_rules: [{age: age1all}, {path_regex: ^a$, age: age1a}]")
    assert found.match(str(tmp_path / "a")).index == 0


def test_file_outside_is_matched_by_its_absolute_path(tmp_path):
    """Below the config's folder the path is relative to it, elsewhere absolute."""
    inner = tmp_path / "inner"
    inner.mkdir()
    found = config(inner, b"creation_rules: [{path_regex: '^x\\.yaml$', age: age1a}, {path_regex: '^/', age: age1b}]")
    assert found.match(str(inner / "x.yaml")).index == 0
    assert found.match(str(tmp_path / "x.yaml")).index == 1


@pytest.mark.parametrize("data", [b"", b"# nothing\n", b"creation_rules:\n", b"stores: {yaml: {indent: 2}}\n"])
def test_without_creation_rules_there_is_no_rule(tmp_path, data):
    """A file without creation rules counts as no file, as in sops."""
    assert config(tmp_path, data).match("x") is None


def test_empty_list_of_rules_matches_nothing(tmp_path):
    """An empty list is a list in which nothing matches, as in sops."""
    with pytest.raises(NoMatchingRuleError):
        config(tmp_path, b"creation_rules: []").match("x")


def test_dollar_is_the_end_of_the_text(tmp_path):
    """RE2's ``$`` does not match before a final newline, as Python's does."""
    rule = config(tmp_path, b"creation_rules: [{path_regex: 'a$'}]").creation_rules[0]
    assert rule.matches("a")
    assert not rule.matches("a\n")


@pytest.mark.parametrize(
    ("regex", "path"), [(r"\pL+\.yaml$", "é.yaml"), ("(?i)SECRET", "my-secret.yaml"), (r"[[:digit:]]", "v1")]
)
def test_path_regex_is_re2(tmp_path, regex, path):
    """Classes and flags that Python's ``re`` spells otherwise work as in Go."""
    rule = config(tmp_path, f"creation_rules: [{{path_regex: '{regex}'}}]".encode()).creation_rules[0]
    assert rule.matches(path)


def test_path_regex_that_is_not_re2_is_refused_when_reached(tmp_path):
    """Look-ahead is not RE2: the error names line and field, once a file gets as far as that rule."""
    found = config(tmp_path, b"creation_rules:\n  - path_regex: ^a$\n  - path_regex: (?=b)\n")
    assert found.match(str(tmp_path / "a")).index == 0
    with pytest.raises(RulesError, match=r"\.sops\.yaml:3: path_regex: the regular expression does not compile"):
        found.match(str(tmp_path / "b"))


@pytest.mark.parametrize(
    ("data", "line", "message"),
    [
        (b"creation_rules:\n  - path_regx: x\n", 2, "no field 'path_regx'"),
        (b"creation_rules:\n  - age: a\n    key_groups:\n      - ag: [x]\n", 4, "a key group has no field 'ag'"),
        (b"creation_rules:\n  - encrypted_suffix: a\n    encrypted_regex: b\n", 3, "more than one of"),
        (b"creation_rules:\n  - encrypted_regex: (\n", 2, "encrypted_regex: the regular expression"),
        (b"creation_rules: {age: x}\n", 1, "creation_rules is not a list"),
        (b"creation_rules:\n  - x\n", 2, "a creation rule is not a map"),
        (b"creation_rules:\n  - shamir_threshold: two\n", 2, "not a whole number"),
        (b"creation_rules:\n  - mac_only_encrypted: 1\n", 2, "neither true nor false"),
        (b"creation_rules:\n  - age: {a: b}\n", 2, "age is not text or a list of texts"),
        (b"creation_rules:\n  - age: [a, [b]]\n", 2, "an item of age is not text"),
        (b"creation_rules:\n  - hckms: a\n", 2, "hckms is not a list"),
        (b"creation_rules:\n  - key_groups:\n    - kms: [{role: r}]\n", 3, "has no arn"),
        (b"creation_rules:\n  - age: a\n    age: b\n", 3, "a key is there twice"),
        (b"creation_rules: [\n", 2, "not YAML"),
        (b"creation_rules: *x\n", 1, "an alias whose anchor is not there"),
        (b"creation_rules: [{key_groups: [&g {merge: [*g]}]}]\n", 1, "an alias whose anchor is not there"),
        (b"stores:\n  yaml:\n    indnt: 2\n", 3, "stores.yaml has no field 'indnt'"),
        (b"destination_rules:\n  - s3_bucket: a\n    gcs_bucket: b\n", 3, "more than one destinations"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_complaints_name_the_line(data, line, message):
    """Unknown, conflicting and ill-typed fields are refused with file and line."""
    with pytest.raises(RulesError) as caught:
        rules.parse(data, "conf/.sops.yaml")
    assert str(caught.value).startswith(f"conf/.sops.yaml:{line}: ")
    assert message in str(caught.value)


def test_misspelt_field_gets_the_nearest_one():
    """The hint names the field that was probably meant."""
    with pytest.raises(RulesError) as caught:
        rules.parse(b"creation_rules: [{encrypted_regexp: x}]")
    assert caught.value.hint == "did you mean encrypted_regex?"


def test_missing_file_has_its_own_error(tmp_path):
    """A file that is named and not there has its own exit code."""
    with pytest.raises(ConfigNotFoundError):
        rules.load(str(tmp_path / ".sops.yaml"))


def test_unknown_names_at_the_top_are_left_alone():
    """People keep anchors there; sops ignores them."""
    found = rules.parse(b"keys: [&a age1a]\ncreation_rules: [{age: *a}]")
    assert found.creation_rules[0].recipients == ["age1a"]


def test_merge_keys_and_aliases_are_followed():
    """``<<`` fills in fields, own fields win."""
    found = rules.parse(b"x: &x {age: age1a, encrypted_suffix: s}\ncreation_rules: [{<<: *x, age: age1b}]")
    rule = found.creation_rules[0]
    assert rule.recipients == ["age1b"]
    assert rule.selector.field == "encrypted_suffix"


@pytest.mark.parametrize(
    "value",
    [
        b"'age1a,age1b'",
        b"age1a, age1b,",
        b">-\n      age1a,\n      age1b\n",
        b"|\n      age1a,\n      age1b,\n",
        b'"age1a,\n      age1b"',
        b"[age1a, age1b]",
        b"\n      - age1a\n      - age1b\n",
        b"\n    - age1a,age1b\n",
    ],
)
def test_ways_to_write_a_list_of_recipients(value):
    """Comma lists in every quoting and YAML lists mean the same."""
    assert rules.parse(b"creation_rules:\n  - age: " + value).creation_rules[0].recipients == ["age1a", "age1b"]


def test_names_come_from_comments_beside_recipients():
    """Behind the item, in a comment line, at the anchor, in the anchor's name, in the ssh key itself."""
    found = rules.parse(
        b"""\
keys:
  - &dave age1d
  - &erin age1e  # Erin Example
# carol: age1c
creation_rules:
  - path_regex: a
    # age1b the build server
    age: age1b,age1c
  - key_groups:
      - age:
          - age1a # alice
          - *dave
          - *erin
          - ssh-ed25519 AAAA frank@home
          - age1nobody
          #- age1a
"""
    )
    assert dict(found.names) == {
        "age1a": "alice",
        "age1b": "the build server",
        "age1c": "carol",
        "age1d": "dave",
        "age1e": "Erin Example",
        "ssh-ed25519 AAAA frank@home": "frank@home",
    }


def test_stores_have_the_defaults_of_sops():
    """Indents that are not set are 4 for YAML (as 0) and a tab for JSON (as -1)."""
    assert rules.parse(b"stores: {json: {indent: 2}}").stores == {
        "yaml": {"indent": 0},
        "json": {"indent": 2},
        "json_binary": {"indent": -1},
        "dotenv": {},
        "ini": {},
    }


def test_destination_rules_are_read():
    """Place, options and the rule to encrypt again with."""
    found = rules.parse(
        b"destination_rules:\n"
        b"  - path_regex: s3/\n    s3_bucket: b\n    s3_prefix: p/\n    omit_extensions: true\n"
        b"  - vault_path: v\n    vault_kv_version: 1\n    recreation_rule: {age: age1a}\n"
    )
    first, second = found.destination_rules
    assert (first.place, first.omit_extensions, first.recreation) == ({"s3_bucket": "b", "s3_prefix": "p/"}, True, None)
    assert first.matches("s3/x")
    assert not first.matches("x")
    assert (second.place, second.vault_kv_version, second.recreation.recipients) == ({"vault_path": "v"}, 1, ["age1a"])
