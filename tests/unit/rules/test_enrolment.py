"""Which rule a new recipient goes to."""

import pytest

from kubectl_sops import rules
from kubectl_sops.errors import UsageError
from kubectl_sops.rules.enrolment import enrol

TWO = b"creation_rules:\n  - path_regex: ^dev/\n    age: age1a\n  - path_regex: ^prod/\n    age: age1b\n"


def recipients(data):
    """The recipients of each rule."""
    return [(rule.path_regex, rule.recipients) for rule in rules.parse(data).creation_rules]


def test_no_file_gets_the_default_rule():
    """Nothing there: one rule for the Secrets of all YAML files."""
    assert recipients(enrol(b"", [("age1n", "n"), ("age1p", "")]).data) == [(r"\.ya?ml$", ["age1n", "age1p"])]


def test_the_only_rule_gets_it():
    """One rule: no question which."""
    assert recipients(enrol(b"creation_rules: [{path_regex: x, age: age1a}]", [("age1n", "")]).data) == [
        ("x", ["age1a", "age1n"])
    ]


def test_several_rules_need_a_choice():
    """Guessing would give a cluster the secrets of another."""
    with pytest.raises(UsageError, match=r"has 2 rules: \^dev/, \^prod/"):
        enrol(TWO, [("age1n", "")])


def test_path_regex_names_the_rule():
    """The rule with exactly that text."""
    found = enrol(TWO, [("age1n", "")], path_regex="^prod/")
    assert recipients(found.data) == [("^dev/", ["age1a"]), ("^prod/", ["age1b", "age1n"])]
    assert found.path_regex == "^prod/"


def test_path_regex_adds_a_rule():
    """No such rule: a new one, the others untouched."""
    assert recipients(enrol(TWO, [("age1n", "")], path_regex="^stage/").data) == [
        ("^dev/", ["age1a"]),
        ("^prod/", ["age1b"]),
        ("^stage/", ["age1n"]),
    ]


def test_who_is_there_brings_others_along():
    """A rule that already has the first recipient is the one meant."""
    assert recipients(enrol(TWO, [("age1b", ""), ("age1p", "")]).data)[1] == ("^prod/", ["age1b", "age1p"])


def test_nothing_to_do_keeps_the_bytes():
    """Enrolled already: the same bytes."""
    assert enrol(TWO, [("age1a", "other name")]).data == TWO
