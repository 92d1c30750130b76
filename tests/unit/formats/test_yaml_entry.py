"""The ``sops`` entry in the text of a YAML file: only what changed in it changes, whoever laid it out."""

from __future__ import annotations

import pytest

from kubectl_sops.core.metadata import KeyEntry, Metadata
from kubectl_sops.formats.yaml import parse

SOPS_3_13 = """\
a: ENC[x]
sops:
    age:
        - enc: |
            one
            two
          recipient: age1a
        - enc: |
            three
          recipient: age1b
    lastmodified: "2026-01-01T00:00:00Z"
    mac: ENC[m]
    unencrypted_suffix: _unencrypted
    version: 3.13.3
"""
SOPS_3_7 = """\
a: ENC[x]
sops:
    kms: []
    gcp_kms: []
    age:
        - recipient: age1a
          enc: |
            one
        - recipient: age1b
          enc: |
            three
    lastmodified: "2020-01-01T00:00:00Z"
    mac: ENC[m]
    pgp: []
    version: 3.7.1
"""
PRETTIER = """\
a: ENC[x]
sops:
  age:
  # alice
  - enc: |
      one
    recipient: age1a
  # bob
  - enc: |
      three
    recipient: "age1b"
  lastmodified: '2026-01-01T00:00:00Z'   # by hand
  mac: 'ENC[m]'
  version: 3.13.3
"""
FIRST = "sops:\n  age: []\n  lastmodified: 2026-01-01T00:00:00Z\n  mac: ENC[m]\n  version: 3.13.3\na: ENC[x]\n"
FLOW_LISTS = "sops: {age: [], mac: 'ENC[m]', lastmodified: '2026-01-01T00:00:00Z', version: 3.13.3}\na: x\n"
CRLF = SOPS_3_13.replace("\n", "\r\n")
NO_END = SOPS_3_13.removesuffix("\n")
AT_COLUMN_2 = "".join(f"  {line}\n" for line in SOPS_3_13.splitlines())
TEXTS = {
    "sops 3.13": SOPS_3_13,
    "sops 3.7": SOPS_3_7,
    "prettier": PRETTIER,
    "entry first": FIRST,
    "crlf": CRLF,
    "no final newline": NO_END,
    "column 2": AT_COLUMN_2,
    "documents": SOPS_3_13 + "---\n" + SOPS_3_13.replace("a: ENC[x]", "b: ENC[y]"),
    "documents at different columns": SOPS_3_13 + "---\n" + AT_COLUMN_2,
    "only the entry": SOPS_3_13.removeprefix("a: ENC[x]\n"),
    "end marker": SOPS_3_13 + "...\n",
}


def splice(text, change):
    document = parse(text.encode())
    assert document.metadata is not None
    return document.splice({}, change(document.metadata)).decode()


def with_keys(metadata, *recipients):
    known = {key.id: key for key in metadata.groups[0]}
    keys = [known.get(name, KeyEntry("age", {"enc": "new\n", "recipient": name})) for name in recipients]
    return metadata.with_groups([keys], 0)


@pytest.mark.parametrize("name", TEXTS)
def test_the_entry_goes_and_comes_back(name):
    """A plaintext sealed with the encrypted original as a model has the entry where and how it was."""
    before = parse(TEXTS[name].encode())
    plain = before.splice({}, None)
    assert b"sops" not in plain
    assert parse(plain).splice({}, before.metadata, like=before).decode() == TEXTS[name]


@pytest.mark.parametrize("name", TEXTS)
def test_a_new_mac_changes_two_values(name):
    """``mac`` and ``lastmodified`` are replaced where they stand, in their quotes."""
    text = TEXTS[name]
    after = splice(text, lambda metadata: metadata.replace(mac="ENC[n]", lastmodified="2027-01-01T00:00:00Z"))
    assert parse(after.encode()).metadata.mac == "ENC[n]"
    for old, new in zip(text.split("\n"), after.split("\n"), strict=True):
        if old != new:
            assert old.split(":")[0].strip() in ("mac", "lastmodified")


def test_a_new_recipient_adds_its_lines_only():
    """All other lines stay, comments and quotes of other programs too."""
    assert splice(PRETTIER, lambda metadata: with_keys(metadata, "age1a", "age1b", "age1c")) == PRETTIER.replace(
        '    recipient: "age1b"\n', '    recipient: "age1b"\n  - enc: |\n      new\n    recipient: age1c\n'
    )
    assert splice(SOPS_3_13, lambda metadata: with_keys(metadata, "age1c", "age1a", "age1b")) == SOPS_3_13.replace(
        "    age:\n", "    age:\n        - enc: |\n            new\n          recipient: age1c\n"
    )


def test_a_removed_recipient_takes_its_lines_only():
    """The others keep their text."""
    assert splice(PRETTIER, lambda metadata: with_keys(metadata, "age1b")) == PRETTIER.replace(
        "  - enc: |\n      one\n    recipient: age1a\n  # bob\n", ""
    )
    assert splice(CRLF, lambda metadata: with_keys(metadata, "age1a")) == CRLF.replace(
        "        - enc: |\r\n            three\r\n          recipient: age1b\r\n", ""
    )


def test_a_new_field_stands_in_order():
    """A selector comes where sops would sort it; the fields around it stay."""
    after = splice(
        SOPS_3_13, lambda metadata: Metadata(dict(sorted({**metadata.tree, "encrypted_regex": "^x"}.items())))
    )
    assert after == SOPS_3_13.replace("    lastmodified", "    encrypted_regex: ^x\n    lastmodified")


def test_fields_in_another_order_are_written_anew():
    """The data is right, in sops' own form."""
    changed = {"version": "3.14.0"}
    after = splice(SOPS_3_13, lambda metadata: Metadata({**dict(reversed(metadata.tree.items())), **changed}))
    assert after.startswith("a: ENC[x]\nsops:\n    version: 3.14.0\n    unencrypted_suffix: _unencrypted\n")
    assert parse(after.encode()).metadata.tree == parse(SOPS_3_13.encode()).metadata.tree | changed


def test_an_entry_in_flow_style_becomes_a_block():
    """Flux finds encrypted files by ``mac: ENC[``, which a flow style would need quotes for."""
    after = splice(FLOW_LISTS, lambda metadata: metadata.replace(mac="ENC[n]"))
    assert after.startswith("sops:\n    age: []\n    mac: ENC[n]\n")
    assert after.endswith("\na: x\n")
    assert parse(FLOW_LISTS.encode()).splice({}, None) == b"a: x\n"


def test_the_last_field_without_a_line_break():
    """A file without a final line break keeps that, since it stands for the plaintext's."""
    assert splice(NO_END, lambda metadata: metadata.replace(version="3.14.0")).endswith("    version: 3.14.0")
    assert splice(NO_END, lambda metadata: metadata.replace(zz=1)).endswith("    version: 3.13.3\n    zz: 1")
    without = splice(NO_END, lambda metadata: metadata.replace(version=None))
    assert without.endswith("    unencrypted_suffix: _unencrypted")


def test_a_comment_behind_the_key():
    """sops writes a comment behind ``sops:`` that stood last in its document: it stays when the entry goes."""
    text = SOPS_3_13.replace("sops:\n", "sops: # last\n")
    document = parse(text.encode())
    assert document.splice({}, None) == b"a: ENC[x]\n# last\n"
    after = splice(text, lambda metadata: with_keys(metadata, "age1c"))
    assert after.startswith("a: ENC[x]\nsops: # last\n    age:\n        - enc: |\n            new\n")


def test_comments_inside_the_entry_are_no_leaves():
    """They belong to the entry and go with it."""
    document = parse(PRETTIER.encode())
    assert [leaf.path for leaf in document.leaves] == [("a",)]
    assert document.splice({}, None) == b"a: ENC[x]\n"


def test_a_document_with_nothing_but_the_entry():
    """It is an empty mapping, not nothing at all."""
    assert parse(TEXTS["only the entry"].encode()).splice({}, None) == b"{}\n"
    first = TEXTS["only the entry"] + "---\n" + SOPS_3_13
    assert parse(first.encode()).splice({}, None) == b"{}\n---\na: ENC[x]\n"
