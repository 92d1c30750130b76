"""Which leaves are encrypted."""

from __future__ import annotations

import pytest

from kubectl_sops.core.leaf import Leaf, aad
from kubectl_sops.core.selectors import Selector, compile_regex
from kubectl_sops.core.values import Comment
from kubectl_sops.errors import RulesError


@pytest.mark.parametrize(
    ("field", "text", "path", "selected"),
    [
        ("unencrypted_suffix", "_unencrypted", ("a",), True),
        ("unencrypted_suffix", "_unencrypted", ("a_unencrypted", "b", 0), False),
        ("encrypted_suffix", "_enc", ("a_enc", "b"), True),
        ("encrypted_suffix", "_enc", ("a", "b"), False),
        ("encrypted_suffix", "_enc", (), False),
        ("unencrypted_suffix", "_unencrypted", (), True),
        ("encrypted_regex", "^(data|stringData)$", ("data", "x"), True),
        ("encrypted_regex", "^(data|stringData)$", ("metadata", "x"), False),
        ("encrypted_regex", "at", ("metadata",), True),
        ("unencrypted_regex", "^pub", ("a", "public", "b"), False),
        ("unencrypted_regex", "^pub", ("a", "republic"), True),
        ("encrypted_regex", "a(?i)B", ("ab",), True),
        ("encrypted_regex", "^a$", ("a\n",), False),
        ("encrypted_regex", "(", ("a",), False),
        ("unencrypted_regex", "(", ("a",), True),
        ("", "", ("anything_unencrypted",), True),
    ],
)
def test_selection_by_path(field, text, path, selected):
    """Keys anywhere in the path decide, list indexes do not, and a broken pattern matches nothing."""
    assert Selector(field, text).select([Leaf(path, "v")]) == [selected]


def test_a_broken_pattern_is_refused_before_encrypting():
    """Compiling for encryption reports what RE2 says."""
    with pytest.raises(RulesError, match="does not compile"):
        compile_regex("(")


def walk(*items):
    return [Leaf(path, Comment(value[1:]) if value.startswith("#") else value) for path, value in items]


def test_encrypted_comment_regex():
    """A marker comment selects its next sibling and all below it, stays readable, and later comments are sealed."""
    leaves = walk(
        ((), "#sops:enc"),
        ((), "# note"),
        (("a", "b"), "x"),
        (("a", "c"), "y"),
        (("d",), "z"),
        (("l",), "#sops:enc"),
        (("l", 0), "x"),
        (("l", 1), "y"),
    )
    assert Selector("encrypted_comment_regex", "sops:enc").select(leaves) == [
        False, True, True, True, False, False, True, False,
    ]  # fmt: skip


def test_unencrypted_comment_regex():
    """A matching comment leaves itself and its next sibling readable, nested levels included."""
    leaves = walk(
        (("a",), "#plain"),
        (("a", "b"), "x"),
        (("a", "c"), "y"),
        ((), "#plain"),
        (("m", "n", "o"), "x"),
        (("p",), "y"),
    )
    assert Selector("unencrypted_comment_regex", "plain").select(leaves) == [False, False, True, False, False, True]


def test_comments_do_not_reach_into_the_next_document():
    """Each document of a stream starts with no comments."""
    leaves = [Leaf((), Comment("plain")), Leaf(("a",), "x", document=1)]
    assert Selector("unencrypted_comment_regex", "plain").select(leaves) == [False, True]


@pytest.mark.parametrize(
    ("path", "expected"),
    [((), ":"), (("a",), "a:"), (("a", "b"), "a:b:"), (("l", 0), "l:"), (("l", 1, "k"), "l:k:"), (("a:b",), "a:b:")],
)
def test_additional_data(path, expected):
    """Map keys joined by colons; indexes are left out; nothing is escaped."""
    assert aad(path) == expected
