"""Edits of ``.sops.yaml``: the text around a change stays as it is, in every way a list can be written."""

import pytest

from kubectl_sops import rules
from kubectl_sops.errors import RulesError
from kubectl_sops.rules import edit

HEAD = """\
# keep me
stores: {yaml: {indent: 2}}   # and me

creation_rules:
  # developers
  - path_regex: ^dev/   # all of it
"""
TAIL = """\
    encrypted_regex: ^(data|stringData)$  # Secrets
  # the rest
  - age: age1rest
# end
"""

ADDED = {
    # the field before; the field after adding age1new, named "new"
    "plain": (
        "    age: age1a\n",
        "    # age1new new\n    age: age1a,age1new\n",
    ),
    "plain with a name": (
        "    age: age1a  # alice\n",
        "    # age1a alice\n    # age1new new\n    age: age1a,age1new\n",
    ),
    "comma list with blanks": (
        "    age: age1a, age1b # both\n",
        "    # age1new new\n    age: age1a, age1b, age1new # both\n",
    ),
    "trailing comma": (
        "    age: age1a,age1b,\n",
        "    # age1new new\n    age: age1a,age1b,age1new,\n",
    ),
    "single quotes": ("    age: 'age1a'\n", "    # age1new new\n    age: 'age1a,age1new'\n"),
    "double quotes": ('    age: "age1a"\n', '    # age1new new\n    age: "age1a,age1new"\n'),
    "quotes over lines": (
        '    age: "age1a,\n      age1b"\n',
        '    # age1new new\n    age: "age1a,\n      age1b,\n      age1new"\n',
    ),
    "plain over lines": (
        "    age: age1a,\n         age1b\n",
        "    # age1new new\n    age: age1a,\n         age1b,\n         age1new\n",
    ),
    "folded": (
        "    age: >-\n      age1a,\n      age1b\n",
        "    # age1new new\n    age: >-\n      age1a,\n      age1b,\n      age1new\n",
    ),
    "folded with one": (
        "    age: >-  # team\n      age1a\n\n",
        "    # age1new new\n    age: >-  # team\n      age1a,\n      age1new\n\n",
    ),
    "folded with trailing comma": (
        "    age: >\n        age1a,\n        age1b,\n",
        "    # age1new new\n    age: >\n        age1a,\n        age1b,\n        age1new,\n",
    ),
    "literal": (
        "    age: |\n      age1a,\n      age1b\n",
        "    # age1new new\n    age: |\n      age1a,\n      age1b,\n      age1new\n",
    ),
    "list": (
        "    age:\n      - age1a   # alice\n      # bob comes back in May\n      - age1b\n",
        "    age:\n      - age1a   # alice\n      # bob comes back in May\n      - age1b\n      - age1new # new\n",
    ),
    "list that is not indented": (
        "    age:\n    -   age1a # alice\n    # - age1old\n",
        "    age:\n    -   age1a # alice\n    -   age1new # new\n    # - age1old\n",
    ),
    "flow list": (
        "    age: [age1a, age1b]  # both\n",
        "    # age1new new\n    age: [age1a, age1b, age1new]  # both\n",
    ),
    "empty flow list": ("    age: []\n", "    # age1new new\n    age: [age1new]\n"),
    "flow list over lines": (
        "    age: [\n      age1a, # alice\n      age1b # bob\n    ]\n",
        "    age: [\n      age1a, # alice\n      age1b, # bob\n      age1new, # new\n    ]\n",
    ),
    "flow list over lines with trailing comma": (
        "    age: [\n      age1a, # alice\n    ]\n",
        "    age: [\n      age1a, # alice\n      age1new, # new\n    ]\n",
    ),
    "flow list that closes on the last line": (
        "    age: [age1a,\n      age1b]\n",
        "    # age1new new\n    age: [age1a,\n      age1b,\n      age1new]\n",
    ),
    "null": ("    age:\n", "    # age1new new\n    age: age1new\n"),
    "tilde": ("    age: ~\n", "    # age1new new\n    age: age1new\n"),
    "empty text": ("    age: ''\n", "    # age1new new\n    age: 'age1new'\n"),
    "no field": ("", "    age: age1new # new\n"),
    "other kinds only": (
        "    pgp: FBC7B9E2A4F9289AC0C1D4843D16CEE4A27381B4\n",
        "    age: age1new # new\n    pgp: FBC7B9E2A4F9289AC0C1D4843D16CEE4A27381B4\n",
    ),
    "key group": (
        "    key_groups:\n      - age:\n          - age1a # alice\n        pgp:\n          - ABC\n",
        "    key_groups:\n      - age:\n          - age1a # alice\n          - age1new # new\n"
        "        pgp:\n          - ABC\n",
    ),
    "key group without the field": (
        "    key_groups:\n      - pgp:\n          - ABC\n      - age: [age1b]\n",
        "    key_groups:\n      - pgp:\n          - ABC\n        age:\n          - age1new # new\n"
        "      - age: [age1b]\n",
    ),
    "key group in brackets": (
        "    key_groups: [{age: [age1a]}]\n",
        "    # age1new new\n    key_groups: [{age: [age1a, age1new]}]\n",
    ),
}


@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize(("before", "after"), ADDED.values(), ids=ADDED)
def test_add_keeps_the_layout(before, after, end):
    """Only the recipient and its name are new, with either line end."""
    data, wanted = ((HEAD + field + TAIL).replace("\n", end).encode() for field in (before, after))
    assert edit.add_recipient(data, 0, "age1new", name="new").decode() == wanted.decode()


@pytest.mark.parametrize("before", [before for before, _ in ADDED.values()], ids=ADDED)
def test_add_twice_is_add_once(before):
    """A recipient that is there is not added again."""
    once = edit.add_recipient((HEAD + before + TAIL).encode(), 0, "age1new", name="new")
    assert edit.add_recipient(once, 0, "age1new", name="another") == once


@pytest.mark.parametrize("before", [before for before, _ in ADDED.values()], ids=ADDED)
def test_names_are_found_again(before):
    """The name that was written is the name that is read."""
    added = edit.add_recipient((HEAD + before + TAIL).encode(), 0, "age1new", name="new")
    assert rules.parse(added).names["age1new"] == "new"


@pytest.mark.parametrize(
    "before", [before for name, (before, _) in ADDED.items() if "age1" in before and name != "plain with a name"]
)
def test_remove_undoes_add(before):
    """Taking the new recipient out gives the data of before, and all its text."""
    data = (HEAD + before + TAIL).encode()
    removed = edit.remove_recipient(edit.add_recipient(data, 0, "age1new", name="new"), 0, "age1new")
    old, new = rules.parse(data), rules.parse(removed)
    assert [r.recipients for r in new.creation_rules] == [r.recipients for r in old.creation_rules]
    assert removed.replace(b",", b"") == data.replace(b",", b"")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("    age: age1a,age1x,age1b\n", "    age: age1a,age1b\n"),
        ("    age: age1x, age1b\n", "    age: age1b\n"),
        ("    age: >-\n      age1x,\n      age1b\n", "    age: >-\n      age1b\n"),
        ("    age: >-\n      age1a,\n      age1x\n", "    age: >-\n      age1a\n"),
        ("    age:\n      - age1x # who left\n      - age1b # bob\n", "    age:\n      - age1b # bob\n"),
        ("    age: [age1x, age1b]\n", "    age: [age1b]\n"),
        ("    age: [\n      age1a, # alice\n      age1x # x\n    ]\n", "    age: [\n      age1a, # alice\n    ]\n"),
        ("    age: age1x\n    pgp: ABC\n", "    pgp: ABC\n"),
        ("    age:\n      - age1x\n    pgp: ABC\n", "    pgp: ABC\n"),
        (
            "    key_groups:\n      - age:\n          - age1x\n        pgp: [ABC]\n",
            "    key_groups:\n      - pgp: [ABC]\n",
        ),
        (
            "    key_groups:\n      - merge:\n          - age: [age1x, age1a]\n        age: [age1x, age1b]\n",
            "    key_groups:\n      - merge:\n          - age: [age1a]\n        age: [age1b]\n",
        ),
    ],
)
def test_remove_keeps_the_layout(before, after):
    """Recipient, separator and comment go; everything else stays."""
    removed = edit.remove_recipient((HEAD + before + TAIL).encode(), 0, "age1x")
    assert removed.decode() == HEAD + after + TAIL


def test_remove_deletes_the_line_that_names_it():
    """A comment line that only names the recipient goes with it, unless another rule still has it."""
    data = b"creation_rules:\n  # age1x bob\n  - age: age1a,age1x\n"
    assert edit.remove_recipient(data, 0, "age1x") == b"creation_rules:\n  - age: age1a\n"
    shared = data + b"  - age: age1x\n"
    assert b"# age1x bob" in edit.remove_recipient(shared, 0, "age1x")


def test_remove_of_a_stranger_changes_nothing():
    """A recipient that the rule does not have leaves the bytes alone."""
    data = (HEAD + "    age: age1a\n" + TAIL).encode()
    assert edit.remove_recipient(data, 0, "age1x") == data


def test_a_comma_list_in_braces_is_quoted():
    """Between braces a comma would end the value."""
    assert edit.add_recipient(b"creation_rules: [{age: age1a, path_regex: x}]\n", 0, "age1new", name="new") == (
        b"# age1new new\ncreation_rules: [{age: 'age1a,age1new', path_regex: x}]\n"
    )


def test_ssh_keys_are_compared_without_their_comment():
    """The same ssh key under another comment is the same recipient."""
    data = b"creation_rules:\n  - age: ssh-ed25519 AAAA alice@laptop,age1b\n"
    assert edit.add_recipient(data, 0, "ssh-ed25519 AAAA alice@desk") == data
    assert edit.remove_recipient(data, 0, "ssh-ed25519 AAAA") == b"creation_rules:\n  - age: age1b\n"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"x: &x [age1a]\ncreation_rules:\n  - age: *x\n", r"\.sops\.yaml:3: its recipients are an alias \(\*x\)"),
        (b"x: &x {age: age1a}\ncreation_rules:\n  - <<: *x\n", "merged in with <<"),
        (b"x: &x {age: age1a}\ncreation_rules:\n  - *x\n", r"the rule is an alias \(\*x\)"),
        (b"creation_rules: [{}]\n", "the rule is empty"),
    ],
)
def test_what_is_shared_is_not_touched(data, message):
    """A list that other rules use through an alias is refused, and the error says where it is."""
    with pytest.raises(RulesError, match=message):
        edit.add_recipient(data, 0, "age1new")


@pytest.mark.parametrize(
    "data", [b"creation_rules:\n  - age: age1x\n", b"creation_rules: [{key_groups: [{age: [age1x]}]}]\n"]
)
def test_the_only_recipient_stays(data):
    """A rule without recipients would encrypt for nobody."""
    with pytest.raises(RulesError, match="that is the only recipient"):
        edit.remove_recipient(data, 0, "age1x")


NEW = "  - path_regex: ^new/\n    encrypted_regex: ^(data|stringData)$\n    age: age1new # new\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "creation_rules:\n" + NEW),
        ("# only a comment", "# only a comment\ncreation_rules:\n" + NEW),
        ("stores:\n  yaml:\n    indent: 2\n", "stores:\n  yaml:\n    indent: 2\ncreation_rules:\n" + NEW),
        ("creation_rules:\n# end\n", "creation_rules:\n" + NEW + "# end\n"),
        ("creation_rules: []  # none\n", "creation_rules:  # none\n" + NEW),
        (
            "creation_rules:\n  - path_regex: ^a/\n    age: age1a\n  # end\n",
            "creation_rules:\n  - path_regex: ^a/\n    age: age1a\n" + NEW + "  # end\n",
        ),
        (
            "creation_rules:\n  # all\n  - age: age1a\n",
            "creation_rules:\n" + NEW + "  # all\n  - age: age1a\n",
        ),
        (
            "creation_rules:\n- path_regex: ^a/\n  age: >-\n    age1a\n\n# all\n- path_regex: .*\n  age: age1a\n",
            "creation_rules:\n- path_regex: ^a/\n  age: >-\n    age1a\n\n"
            + NEW.replace("\n  ", "\n")[2:]
            + "\n# all\n- path_regex: .*\n  age: age1a\n",
        ),
        (
            "creation_rules: [{path_regex: ^a/, age: age1a}]\n",
            "creation_rules: [{path_regex: ^a/, age: age1a}, "
            "{path_regex: ^new/, encrypted_regex: ^(data|stringData)$, age: age1new}]\n",
        ),
    ],
)
def test_a_rule_is_added_in_the_layout_of_the_others(before, after):
    """At the end or before the rule that matches everything, indented and set apart as the others are."""
    assert edit.add_rule(before.encode(), [("age1new", "new")], path_regex="^new/").decode() == after


@pytest.mark.parametrize(
    ("new", "regexes"),
    [
        (r"^prod/", [r"^dev/", r"^prod/", r"\.ya?ml$", ".*"]),
        (r"\.yaml$", [r"^dev/", r"\.yaml$", r"\.ya?ml$", ".*"]),
        (r"", [r"^dev/", r"\.ya?ml$", ".*", ""]),
    ],
)
def test_a_rule_goes_before_those_that_would_hide_it(new, regexes):
    """First match wins, so a rule for a place stands before one for all YAML files, and that before one for all."""
    data = b"creation_rules:\n" + b"".join(
        b"  - path_regex: %s\n    age: age1a\n" % r for r in (rb"^dev/", rb"\.ya?ml$", rb".*")
    )
    changed = rules.parse(edit.add_rule(data, [("age1new", "")], path_regex=new))
    assert [rule.path_regex for rule in changed.creation_rules] == regexes


def test_a_known_recipient_may_get_another_name():
    """The same key in another rule under another name is no reason to refuse."""
    data = edit.add_rule(b"creation_rules:\n  - age: age1a # old\n", [("age1a", "new")], path_regex="^x/")
    assert [rule.recipients for rule in rules.parse(data).creation_rules] == [["age1a"], ["age1a"]]


def test_a_new_file_has_the_rule_for_secrets():
    """By default every YAML file, and of it what a Secret holds."""
    assert edit.add_rule(b"", [("age1a", "")]).decode() == (
        "creation_rules:\n  - path_regex: \\.ya?ml$\n    encrypted_regex: ^(data|stringData)$\n    age: age1a\n"
    )


def test_several_recipients_become_a_list_that_every_sops_reads():
    """A key group leaves room for a name behind each; a YAML list under ``age`` needs sops 3.11."""
    assert edit.add_rule(b"", [("age1a", "cluster"), ("ssh-ed25519 AAAA al", "")]).decode() == (
        "creation_rules:\n"
        "  - path_regex: \\.ya?ml$\n"
        "    encrypted_regex: ^(data|stringData)$\n"
        "    key_groups:\n"
        "      - age:\n"
        "          - age1a # cluster\n"
        "          - ssh-ed25519 AAAA al\n"
    )


def test_text_that_yaml_would_read_otherwise_is_quoted():
    """A regex that is no plain scalar still arrives as it is."""
    data = edit.add_rule(b"", [("age1a", "")], path_regex="*: [it's] #")
    assert rules.parse(data).creation_rules[0].path_regex == "*: [it's] #"


def test_a_byte_order_mark_stays():
    """The mark is kept in front of the text."""
    data = b"\xef\xbb\xbfcreation_rules:\n  - age: age1a\n"
    assert edit.add_recipient(data, 0, "age1b") == b"\xef\xbb\xbfcreation_rules:\n  - age: age1a,age1b\n"


RENAMED = {
    # the field before; after age1a got the name "new one"
    "behind": ("    age: age1a  # alice\n", "    age: age1a  # new one\n"),
    "behind an item": (
        "    age:\n      - age1a # alice\n      - age1b\n", "    age:\n      - age1a # new one\n      - age1b\n",
    ),
    "behind a comma": (
        "    age: [\n      age1a, # alice\n      age1b]\n", "    age: [\n      age1a, # new one\n      age1b]\n",
    ),
    "in a line of its own": (
        "    # age1a: alice (laptop)\n    age: age1a,age1b\n", "    # age1a new one\n    age: age1a,age1b\n",
    ),
    "none": ("    age: age1a\n", "    age: age1a # new one\n"),
    "none in quotes": ("    age: 'age1a'\n", "    age: 'age1a' # new one\n"),
    "none beside others": ("    age: age1b,age1a\n", "    # age1a new one\n    age: age1b,age1a\n"),
    "none in brackets": ("    age: [age1a, age1b]\n", "    # age1a new one\n    age: [age1a, age1b]\n"),
    "none before a comma": (
        "    age: [\n      age1a,\n      age1b]\n", "    age: [\n      age1a, # new one\n      age1b]\n",
    ),
    "none in a block": ("    age: |-\n      age1a\n", "    # age1a new one\n    age: |-\n      age1a\n"),
    "an anchor": ("    age: &alice age1a\n", "    age: &alice age1a # new one\n"),
}  # fmt: skip


@pytest.mark.parametrize(("before", "after"), RENAMED.values(), ids=RENAMED)
@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["lf", "crlf"])
def test_rename(before, after, newline):
    """The comment that names a recipient is another, all else stays; a second time changes nothing."""
    data = (HEAD + before + TAIL).replace("\n", newline).encode()
    changed = edit.rename_recipient(data, "age1a", "new \n one")
    assert changed.decode() == (HEAD + after + TAIL).replace("\n", newline)
    assert rules.parse(changed).names["age1a"] == "new one"
    assert edit.rename_recipient(changed, "age1a", "new one") == changed


def test_rename_in_every_rule():
    """One recipient has one name in the file, at an alias where it is defined."""
    data = (
        "people:\n  - &a age1a\n  - &b age1b # bob\ncreation_rules:\n  - path_regex: x\n    age: *a\n"
        "  - path_regex: y\n    age: age1a # alice\n  - age: [*b]\n"
    )
    changed = edit.rename_recipient(data.encode(), "age1a", "new").decode()
    assert changed == data.replace("# alice", "# new").replace("&a age1a", "&a age1a # new")
    changed = edit.rename_recipient(data.encode(), "age1b", "new").decode()
    assert changed == data.replace("# bob", "# new")


def test_rename_an_ssh_key():
    """The comment that is part of the key stays, the one behind it wins."""
    data = b"creation_rules:\n  - age:\n      - ssh-ed25519 AAAA al@x\n"
    changed = edit.rename_recipient(data, "ssh-ed25519 AAAA", "al")
    assert changed == b"creation_rules:\n  - age:\n      - ssh-ed25519 AAAA al@x # al\n"
    assert edit.rename_recipient(data, "age1other", "x") == data


def test_rename_leaves_other_names_alone():
    """A comment line about two people is left to a person."""
    data = b"creation_rules:\n  # age1a alice, age1b bob\n  - age: age1a,age1b\n"
    with pytest.raises(RulesError, match="not understood"):
        edit.rename_recipient(data, "age1a", "new")
