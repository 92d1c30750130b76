"""Edits of generated files: they always succeed, do what they say, and undo each other."""

import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from kubectl_sops import rules
from kubectl_sops.rules import edit

RECIPIENTS = ("age1a", "age1b", "age1c", "ssh-ed25519 AAAA al@x")
WRITTEN = st.lists(st.sampled_from(RECIPIENTS), min_size=1, max_size=3, unique=True)
RULE = st.fixed_dictionaries(
    {"path_regex": st.sampled_from(["^dev/", ".*", "a: b # c", "\\.ya?ml$"])},
    optional={
        "encrypted_regex": st.just("^(data|stringData)$"),
        "pgp": st.just("ABC"),
        "age": st.one_of(WRITTEN, WRITTEN.map(",".join), WRITTEN.map(", ".join), WRITTEN.map(",\n".join), st.none()),
        "key_groups": WRITTEN.map(lambda r: [{"age": r, "pgp": ["DEF"]}]),
    },
)
STYLE = st.fixed_dictionaries(
    {
        "default_flow_style": st.sampled_from([False, True, None]),
        "default_style": st.sampled_from([None, "'", '"']),
        "indent": st.integers(2, 6),
        "sort_keys": st.booleans(),
        "width": st.just(4000),
    }
)


def said(data):
    """What a file says, without where."""
    return [(r.path_regex, r.recipients, r.selector and r.selector.text) for r in rules.parse(data).creation_rules]


def test_a_line_that_begins_inside_of_a_scalar():
    """In flow style; the comment with the name goes above it."""
    listed = [{"path_regex": "^dev/", "age": "age1a,\nage1b"}, {"path_regex": "^prod/"}]
    before = yaml.safe_dump({"creation_rules": listed}, default_flow_style=True).encode()
    added = edit.add_recipient(before, 1, "age1new", name="new one")
    assert rules.parse(added).names["age1new"] == "new one"


@given(listed=st.lists(RULE, min_size=1, max_size=3), style=STYLE, data=st.data())
def test_add_and_remove_are_inverse(listed, style, data):
    """A recipient is added to one rule, and taken out again, in whatever layout."""
    before = yaml.safe_dump({"creation_rules": listed}, **style).encode()
    index = data.draw(st.integers(0, len(listed) - 1))
    added = edit.add_recipient(before, index, "age1new", name="new one")
    expected = said(before)
    assert [sorted(r) for _, r, _ in said(added)] == [
        sorted([*r, "age1new"] if i == index else r) for i, (_, r, _) in enumerate(expected)
    ]
    assert rules.parse(added).names["age1new"] == "new one"
    if expected[index][1]:
        assert said(edit.remove_recipient(added, index, "age1new")) == expected


@given(listed=st.lists(RULE, min_size=1, max_size=3), style=STYLE)
def test_a_rule_can_always_be_added(listed, style):
    """The other rules stay as they are, in their order."""
    before = yaml.safe_dump({"creation_rules": listed}, **style).encode()
    after = said(edit.add_rule(before, [("age1new", "")], path_regex="^new/"))
    after.remove(("^new/", ["age1new"], "^(data|stringData)$"))
    assert after == said(before)


@example(
    listed=[{"path_regex": "^dev/", "age": "age1a,\nage1b"}, {"path_regex": "^dev/", "pgp": "ABC"}],
    style={"default_flow_style": True, "default_style": None, "indent": 2, "sort_keys": False, "width": 4000},
)
@given(listed=st.lists(RULE, min_size=1, max_size=3), style=STYLE)
def test_a_recipient_can_always_be_renamed(listed, style):
    """The name is read back, and nothing else of what the file says changes."""
    before = yaml.safe_dump({"creation_rules": listed}, **style).encode()
    for recipient in {r for rule in rules.parse(before).creation_rules for r in rule.recipients}:
        first = edit.rename_recipient(before, recipient, "first one")
        second = edit.rename_recipient(first, recipient, "second")
        assert rules.parse(first).names == {**rules.parse(before).names, recipient: "first one"}
        assert rules.parse(second).names[recipient] == "second"
        assert said(second) == said(before)
