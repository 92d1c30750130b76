"""Where lines are read without a parser, the parser would have read the same."""

from __future__ import annotations

import pytest
from hypothesis import given, settings, strategies

from kubectl_sops import formats
from kubectl_sops.core.values import EMPTY_LIST, EMPTY_MAP
from kubectl_sops.errors import SopsError
from kubectl_sops.formats import yaml_usual

ENC = f"ENC[AES256_GCM,data:YQ==,iv:{'A' * 43}=,tag:{'A' * 22}==,type:str]"
COMMENT = ENC.replace("type:str", "type:comment")

LINES = (
    "apiVersion: v1", "kind: Secret", "metadata:", "  name: x", "data:", "stringData:", f"  a: {ENC}", f"    b: {ENC}",
    f"  c: '{ENC}'", f'  d: "{ENC}"', f"  e: |\n    {ENC}", f"  f: >-\n      {ENC}", "  g: plain text", "  h: 0x1F",
    "  i: 1.50", "  j: 2001-12-14", "  k: yes", "  l: ~", "  m: null", "  n:", '  o: ""', "  p: ''", '  q: "a: #b"',
    "  r: 'c # d'", f"  - {ENC}", f"- {ENC}", f"  - {COMMENT}", "  - plain", f"  - s: {ENC}", f"    t: {ENC}",
    "- u: 1", "  v: 2", "  true: x", "  .5: x", "  .inf: x",
    "  .NaN: x", "  y: x", "  Yes: x", "  w: .5", "  1: x", "  x: -1", "  y: -", "", "  ",
    "z: a b  ", f"aa: {ENC} ", f"bb: {ENC} more", f"cc: x {ENC}", f'dd: "x {ENC}"', "  ee: 9223372036854775808",
    "  <<: x", "ff: [1]", "gg: &x y", "hh: |", "  ii", "jj: \"k", "kk: é", "---", "\tll: x", "mm : x", "nn: a:b",
    "# top", "  # inner", "    # deep", f"#{COMMENT}", f"  #{COMMENT}", f"      #{ENC}", f"# x {ENC}", "#\ttab", "  #",
    f"{'o' * 254}: {ENC}", "pp: !!str x", "qq: x\\y", "rr: $(a), b=c@d",
)  # fmt: skip


def by_parser(text: str) -> list[tuple[tuple[object, ...], object]] | None:
    """Paths and values, empty ones and nulls apart; ``None`` where it is not YAML."""
    try:
        leaves = formats.parse(text.encode(), "yaml").leaves
    except SopsError:
        return None
    return [
        (leaf.path, leaf.value)
        for leaf in leaves
        if leaf.value not in (None, EMPTY_MAP, EMPTY_LIST) and not leaf.is_comment
    ]


def same(text: str) -> bool:
    text += "end: 1\n"  # without anything it would be no document
    leaves = yaml_usual.read(text)
    if leaves is None:
        return True
    expected = by_parser(text)
    mine = [
        (leaf.path, str(leaf.value).rstrip("\n")) for leaf in leaves if leaf.value is not None and not leaf.is_comment
    ]
    return expected is not None and mine == [(path, str(value).rstrip("\n")) for path, value in expected]


@settings(max_examples=600)
@given(strategies.lists(strategies.sampled_from(LINES), max_size=9))
def test_lines_read_as_the_parser_reads_them(lines: list[str]) -> None:
    """Any lines in any order."""
    assert same("".join(line + "\n" for line in lines))


SECRET = f'apiVersion: v1\nkind: Secret\nmetadata:\n    name: x\nstringData:\n    a: {ENC}\n    b: "{ENC}"\n    c: 1\n'


@settings(max_examples=600)
@given(
    strategies.integers(0, len(SECRET) - 1), strategies.sampled_from(" \n:#-'\"x|&*{}[],.0\t"), strategies.booleans()
)
def test_a_changed_character_is_not_misread(position: int, character: str, replace: bool) -> None:
    """Whatever a slip of the keyboard does to a file."""
    assert same(SECRET[:position] + character + SECRET[position + replace :])


@pytest.mark.parametrize(
    "line",
    [
        "  true: x",
        "  .Inf: x",
        "  .5: x",
        f"  {'k' * 300}: x",
        "  ee: 9223372036854775808",
        "  a: 1\n  a: 2",
    ],
)
def test_keys_and_numbers_that_sops_refuses_are_left_to_the_parser(line: str) -> None:
    """It says what is wrong with them."""
    assert yaml_usual.read(f"data:\n{line}\n") is None


def test_deep_nesting_is_left_to_the_parser() -> None:
    """Which has a limit, while recursion has none but Python's."""
    assert yaml_usual.read("".join(f"{' ' * n}a:\n" for n in range(30)) + " " * 30 + "a: 1\n") is not None
    assert yaml_usual.read("".join(f"{' ' * n}a:\n" for n in range(1000)) + " " * 1000 + "a: 1\n") is None


def test_a_secret_is_read() -> None:
    """The form that sops writes is understood; otherwise this would be of no use."""
    leaves = yaml_usual.read("---\n" + SECRET)
    assert leaves is not None
    assert [(leaf.path, leaf.value) for leaf in leaves] == [
        (("apiVersion",), "v1"), (("kind",), "Secret"), (("metadata", "name"), "x"), (("stringData", "a"), ENC),
        (("stringData", "b"), ENC), (("stringData", "c"), 1),
    ]  # fmt: skip


def test_a_text_taken_apart_can_be_put_together() -> None:
    """Nothing gets lost between the ciphertexts."""
    before, *parts = yaml_usual.take_apart(SECRET)
    text = before
    for at in range(0, len(parts), 5):
        data, nonce, tag, kind, behind = parts[at : at + 5]
        text += f"ENC[AES256_GCM,data:{data},iv:{nonce},tag:{tag},type:{kind}]{behind}"
    assert text == SECRET
    assert len(parts) == 10


@pytest.mark.parametrize(
    ("text", "comments"),
    [
        (f"# top\ndata:\n  # one\n  a: {ENC}\n  #{COMMENT}\n  b: {ENC}\n# end\n", [" top", " one", COMMENT, " end"]),
        (f"data:\n  a: |\n    {ENC}\n  # one\n", [" one"]),
        (f"data:\n  a: |\n    {ENC}\n\n    # part of the text\n", None),
        (f"data:\n  a: |\n    {ENC}\n    #{COMMENT}\n", None),
        (f"data:\n  a: {ENC} # behind\n", None),
        (f"data:\n  #{COMMENT[:-1]}\n  a: {ENC}\n", None),
        ("data:\n  # \x01\n  a: 1\n", None),
    ],
)
def test_comments_are_lines_of_their_own(text: str, comments: list[str] | None) -> None:
    """Not lines of a block scalar, and not behind a value; a damaged ciphertext is for the parser."""
    leaves = yaml_usual.read(text)
    found = None if leaves is None else [str(leaf.value) for leaf in leaves if leaf.is_comment]
    assert found == comments
