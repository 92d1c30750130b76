"""What ``explain`` can say about a file."""

from kubectl_sops import rules
from kubectl_sops.rules.explanation import explain

CONFIG = b"""\
creation_rules:
  - path_regex: ^dev/
    age: age1dev
  - path_regex: ^prod/
    encrypted_regex: ^data$
    key_groups:
      - age:
          - age1prod # cluster
        kms:
          - arn: arn:aws:kms:eu-central-1:1:key/x
      - age: [age1alice]
  - age: age1rest
"""


def explained(tmp_path, file):
    """The explanation for a file below ``tmp_path``, whose ``.sops.yaml`` is CONFIG."""
    path = tmp_path / ".sops.yaml"
    path.write_bytes(CONFIG)
    return explain(rules.load(str(path)), str(tmp_path / file))


def test_names_the_rule_and_why_the_others_did_not_apply(tmp_path):
    """Rules before it do not match, rules behind it come too late."""
    found = explained(tmp_path, "prod/db.yaml")
    assert found.config == str(tmp_path / ".sops.yaml")
    assert (found.path, found.rule.index, found.rule.line) == ("prod/db.yaml", 1, 4)
    assert [(p.rule.index, p.reason) for p in found.passed] == [
        (0, "path_regex ^dev/ does not match prod/db.yaml"),
        (2, "rule 2 comes first"),
    ]


def test_lists_recipients_by_group_with_names(tmp_path):
    """Every kind of key, with the name from its comment."""
    found = explained(tmp_path, "prod/db.yaml")
    assert [[(n.kind, n.recipient, n.name) for n in group] for group in found.groups] == [
        [("age", "age1prod", "cluster"), ("kms", "arn:aws:kms:eu-central-1:1:key/x", "")],
        [("age", "age1alice", "")],
    ]


def test_says_what_is_encrypted(tmp_path):
    """The rule's selector, or the default of sops."""
    prod, rest = explained(tmp_path, "prod/db.yaml").selector, explained(tmp_path, "x").selector
    assert (prod.field, prod.text) == ("encrypted_regex", "^data$")
    assert (rest.field, rest.text) == ("unencrypted_suffix", "_unencrypted")
