"""The quick look never says that a file is in order which a careful look objects to."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies

from kubectl_sops import formats
from kubectl_sops.errors import SopsError
from kubectl_sops.formats import yaml_usual
from kubectl_sops.formats.yaml_outline import outline
from kubectl_sops.repo import sealed

ENC = f"ENC[AES256_GCM,data:YQ==,iv:{'A' * 43}=,tag:{'A' * 22}==,type:str]"
ARMOR = """\
-----BEGIN AGE ENCRYPTED FILE-----
YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IFgyNTUxOSBhCg==
-----END AGE ENCRYPTED FILE-----
"""


def metadata(selector):
    armor = "".join(f"            {line}\n" for line in ARMOR.splitlines())
    return (
        f"sops:\n    age:\n        - enc: |\n{armor}          recipient: age1x\n    {selector}\n"
        f'    lastmodified: "2026-01-01T00:00:00Z"\n    mac: {ENC}\n    version: 3.13.3\n'
    )


SELECTORS = (
    "encrypted_regex: ^(data|stringData)$",
    "encrypted_suffix: _secret",
    "unencrypted_suffix: _unencrypted",
    "unencrypted_regex: ^(apiVersion|kind|metadata)$",
    "encrypted_comment_regex: secret",
)
SECRET = f'apiVersion: v1\nkind: Secret\nmetadata:\n    name: x\nstringData:\n    a: {ENC}\n    b: "{ENC}"\n'

LINES = (
    "apiVersion: v1", "kind: Secret", "metadata:", "  name: x", f"  name: {ENC}", "data:", "stringData:",
    f"  a: {ENC}", f"    b: {ENC}", f"  c: '{ENC}'", f"  d: |\n    {ENC}", f"  e: >-\n      {ENC}", "  f: plain",
    "  g: 12", "  h: \"quoted\"", "  i: ''", "  j: null", "  k:", f"  - {ENC}", f"- {ENC}", "  - plain",
    "  - m: plain", f"    n_secret: {ENC}", "  o_unencrypted: plain", f"  p_unencrypted: {ENC}", f"# {ENC}", f"#{ENC}",
    f"  - l: {ENC}", "  true: x", "# plain", "", "  q: {r: s}", "  t: [1]", "  u: &v w",
    "  x: *v", "  y: plain # comment", f"z: {ENC} more",
    "aa: |", "  block", "bb: \"two", "  lines\"", f"spec:\n  cc: {ENC}", "---", "\tdd: x", "ee : x", "? ff", ": gg",
)  # fmt: skip


def findings(text):
    """What a careful look says; unreadable files count as a finding."""
    try:
        document = formats.parse(text.encode(), "yaml")
    except SopsError:
        return ["unreadable"]
    return [finding.rule for finding in sealed.check("x.yaml", text.encode(), document)]


def quick(text):
    found = outline(text.encode(), "yaml")
    leaves = found and found.leaves()
    return leaves is not None and sealed.is_in_order(leaves, found.metadata.selector)


@given(strategies.sampled_from(SELECTORS), strategies.lists(strategies.sampled_from(LINES), max_size=9))
def test_in_order_means_no_finding(selector, lines):
    """Any lines, any selector: where the quick look is content, the careful one finds nothing."""
    text = "".join(line + "\n" for line in lines) + metadata(selector)
    if quick(text):
        assert findings(text) == []


@given(strategies.integers(0, len(SECRET) - 1), strategies.sampled_from(" \n:#-'\"x|&*{}[],"), strategies.booleans())
def test_a_changed_character_is_not_overlooked(position, character, replace):
    """Whatever a slip of the keyboard does to a file."""
    text = SECRET[:position] + character + SECRET[position + replace :] + metadata(SELECTORS[0])
    if quick(text):
        assert findings(text) == []


@pytest.mark.parametrize("selector", SELECTORS[:1] + SELECTORS[3:4])
def test_usual_files_need_one_look(selector):
    """The form that sops writes is understood; otherwise the quick look would be of no use."""
    assert quick(SECRET + metadata(selector))
    items = f'    list:\n        - {ENC}\n        - {ENC}\n    #{ENC}\n    text: |\n        {ENC}\n    empty: ""\n'
    assert quick("---\n" + SECRET + items + metadata(selector))


@pytest.mark.parametrize(
    "text",
    [
        SECRET + metadata(SELECTORS[0]).rstrip(),
        SECRET + metadata(SELECTORS[0]) + "more: 1\n",
        SECRET + metadata(SELECTORS[0]) + "---\n" + SECRET + metadata(SELECTORS[0]),
        metadata(SELECTORS[0]) + metadata(SELECTORS[0]),
        "\ufeff" + SECRET + metadata(SELECTORS[0]),
        (SECRET + metadata(SELECTORS[0])).replace("\n", "\r\n"),
        SECRET + metadata(SELECTORS[0]).replace("mac:", "mic:"),
        "{" + SECRET + metadata(SELECTORS[0]) + "}\n",
    ],
    ids=["no end", "not last", "two documents", "twice", "bom", "crlf", "no mac", "flow"],
)
def test_other_forms_are_left_to_the_parser(text):
    """Where the entry is not where sops writes it, nothing is assumed."""
    assert outline(text.encode(), "yaml") is None


def test_the_entry_alone_is_changed():
    """Writing metadata back touches nothing else, and is what the parser would write."""
    text = (SECRET + metadata(SELECTORS[0])).encode()
    found = outline(text, "yaml")
    changed = found.metadata.replace(version="3.14.0")
    assert found.with_metadata(changed) == text.replace(b"3.13.3", b"3.14.0")
    assert formats.parse(text, "yaml").splice({}, changed) == found.with_metadata(changed)
    assert found.with_metadata(found.metadata) == text


def test_hostile_text_takes_no_time():
    """Regular expressions that could try every way to read blanks would not come back."""
    text = SECRET + metadata(SELECTORS[0]) + "    x: y\n" * 2000 + "end\n"
    assert outline(text.encode(), "yaml") is None
    assert yaml_usual.read("key: " + "a " * 50_000 + "\x00\n") is None
