"""Every trap of YAML that was met: the exact text comes back, or the same data in a documented spelling."""

from __future__ import annotations

import pytest

from kubectl_sops.core.metadata import KeyEntry
from kubectl_sops.core.selectors import Selector
from kubectl_sops.errors import (
    AlreadyEncryptedError,
    EncryptTreeError,
    NoDocumentError,
    ParseError,
    PlaintextParseError,
    SopsError,
)
from kubectl_sops.files.decrypt import decrypt
from kubectl_sops.files.encrypt import Recipe, encrypt
from kubectl_sops.formats.yaml import parse

KEY = bytes(range(32))
NOW = "2026-01-01T00:00:00Z"


class FixedKeys:
    """A keyring whose data key is known."""

    def wrap(self, data_key, groups, threshold, random_bytes):
        self.data_key_bytes = data_key
        return [[key.with_enc("wrapped\n") for key in group] for group in groups], threshold

    def data_key(self, metadata):
        return self.data_key_bytes


def seal(text, **selector):
    keys = FixedKeys()
    entry = KeyEntry("age", {"enc": "", "recipient": "age1x"})
    how = Recipe([[entry]], selector=Selector(*next(iter(selector.items()))) if selector else None)
    data = text if isinstance(text, bytes) else text.encode()
    return encrypt(data, "yaml", how, keys, now=NOW), keys


def back(text, **selector):
    written, keys = seal(text, **selector)
    return decrypt(written.data, "yaml", keys).decode()


EXACT = {
    "plain": "a: x\n",
    "double": 'a: "x"\n',
    "single": "a: 'it''s'\n",
    "literal": "a: |\n  x\n  y\n",
    "literal keep": "a: |+\n  x\n\n\nb: 1\n",
    "literal strip": "a: |-\n  x\nb: 1\n",
    "literal indented more": "a: |\n      x\n       y\n",
    "literal explicit": "a: |2-\n    x\n",
    "literal explicit in list": "- |2-\n    x\n".join(["a:\n  ", ""]),
    "literal only blank lines": "a: |+\n\n\nb: 1\n",
    "folded one line": "a: >-\n  x y\nb: 1\n",
    "header comment": "q: | # c\n  x\n",
    "flow": 'a: [x, "y", \'z\', 1, 1.5, true, null]\n',
    "flow map": "a: {b: x, c: \"y\", d: 'z'}\n",
    "flow with url": "a: [http://x/y, a:b]\n",
    "root flow": "{a: 1, b: x}\n",
    "root flow comma": "{a: 1,}\n",
    "root flow empty": "{}\n",
    "no final newline": "a: x",
    "no final newline block": "a: |-\n  x",
    "crlf": "a: x\r\nb: |\r\n  y\r\n# c\r\n",
    "bom": "\ufeffa: x\n",
    "root at column 2": "  a: 1\n  b: x\n",
    "documents": "a: x\n---\nb: y\n...\n---\n# only a comment\n---\nc: [z]\n",
    "explicit start": "---\na: x\n",
    "end marker": "a: x\n...\n",
    "blank lines": "\n\na: x\n\n\nb: y\n\n",
    "comments": "# top\na: x # one\n# two\nb:\n  # three\n  c: y\n  # four\n\n# five\n",
    "comment in flow": "a: [ # c\n  x, # d\n  y ]\n",
    "comment after quote": 'a: "x"#c\n',
    "comments of a list": "a:\n# h\n- x\n# m\n- k: v\n  # f\n# tail\n",
    "empty comment in map": "a: x\n#\nb: y\n",
    "float": "a: 1.0\nb: 0.5\nc: .inf\nd: -.inf\n",
    "date": "a: 2020-01-02\n",
    "time": "a: 2020-01-02T03:04:05Z\nb: 2001-12-14T21:59:43.1-05:00\n",
    "strings like others": "a: \"12\"\nb: 'true'\nc: \"\"\nd: 'null'\n",
    "anchor": "k: &x\n  - |4-\n      a\n",
    "kept tag": "a: !!str 12\nb: !foo bar\n",
    "astral": "a: 😀\nb: \"é日\"\n",
    "key with colon": '"a: b": x\n',
    "explicit key": "? a\n: x\n",
    "nested lists": "a:\n- - x\n  - - y\n- - z\n",
    "trailing blanks": "a: x   \nb: y\t\n",
    "hash in words": "a: 1#c\nb: x#y\n",
    "keys below a null": "a:\n# c\nb: x\n",
}  # fmt: skip


@pytest.mark.parametrize("name", EXACT)
def test_the_same_bytes_come_back(name):
    """Decryption of what was encrypted is the text, byte for byte, and nothing but the values was replaced."""
    text = EXACT[name]
    written, keys = seal(text)
    assert decrypt(written.data, "yaml", keys).decode() == text
    assert written.exact


ALIKE = {
    "escapes": ('a: "\\u00e9\\x41"\n', 'a: "éA"\n'),
    "numbers": ("a: 0x1F\nb: 1_000\nc: 012\nd: 1e3\n", "a: 31\nb: 1000\nc: 10\nd: 1000.0\n"),
    "bools": ("a: True\n", "a: true\n"),
    "midnight": ("a: 2020-01-02T00:00:00Z\n", "a: 2020-01-02\n"),
    "plain over lines": ("a: x\n  y\n", "a: x y\n"),
    "quoted over lines": ('a: "x\n  y"\n', 'a: "x y"\n'),
    "quotes in flow": ("a: ['12', 'x y']\n", "a: ['12', 'x y']\n"),
    "core tag": ('a: !!int "3"\n', "a: 3\n"),
    "binary": ("a: !!binary aGk=\n", "a: hi\n"),
    "null root": ("~\n", "{}\n"),
    "empty comment in a list": ("- x\n".join(["a:\n", "#\n- y\n"]), "a:\n- x\n# \n- y\n"),
    "final block unselected": ("x_unencrypted: |\n  x", "x_unencrypted: |-\n  x"),
}


@pytest.mark.parametrize("name", ALIKE)
def test_documented_spellings(name):
    """These come back as the same data in another spelling, and encryption says so."""
    text, expected = ALIKE[name]
    written, keys = seal(text)
    result = decrypt(written.data, "yaml", keys).decode()
    assert result == expected
    assert written.exact is (result == text)


def test_aliases_are_written_out():
    """An alias of an encrypted value gets a value of its own: the same value at another place is another ciphertext."""
    assert back("a: &x secret\nb: *x\n") == "a: &x secret\nb: secret\n"
    assert back("a: &x {k: v}\nb:\n  <<: *x\n") == 'a: &x {k: v}\nb:\n  <<: {"k": "v"}\n'
    assert back("a: &x s\npub_unencrypted: *x\n") == 'a: &x s\npub_unencrypted: "s"\n'
    assert back("a_unencrypted: &x s\nb_unencrypted: *x\n") == "a_unencrypted: &x s\nb_unencrypted: *x\n"


def test_a_new_entry():
    """The entry stands at the end, in sops' form, with the document's indentation; ``mac`` is not quoted."""
    data = seal("a:\n  b: x\n")[0].data.decode()
    assert data.index("sops:\n  age:\n    - enc: |\n        wrapped\n      recipient: age1x\n  lastmodified: ")
    assert '\n  lastmodified: "2026-01-01T00:00:00Z"\n  mac: ENC[' in data
    assert data.endswith("  unencrypted_suffix: _unencrypted\n  version: 3.13.3\n")
    assert "\n    age:\n" in seal("a: x\n")[0].data.decode()


def test_each_document_gets_the_entry():
    """Every document of a stream carries the same entry, comment-only ones too."""
    data = seal("a: x\n---\n# c\n---\nb: y\n")[0].data.decode()
    entries = [part.partition("sops:")[2].rstrip("-\n") for part in data.split("\n---\n")]
    assert len(entries) == 3
    assert len({entry.strip() for entry in entries}) == 1


def test_quoting_carries_over():
    """A ciphertext is quoted like the text it stands for; in flow collections three spellings keep the styles apart."""
    data = seal("a: x\nb: \"y\"\nc: 'z'\nd: [x, \"y\", 'z']\n")[0].data.decode().splitlines()
    assert data[0].startswith("a: ENC[")
    assert data[1].startswith('b: "ENC[')
    assert data[2].startswith("c: 'ENC[")
    assert data[3].startswith("d: ['ENC[")
    assert data[3].endswith('type:str\\x5D"]')


def test_a_selected_comment_never_stays_readable():
    """Comments that sops' own parser loses are sealed all the same."""
    text = "a: [#hunter2\n 1]\nb: { # hunter2\n }\n# hunter2\n---\nc: 1\n"
    written, keys = seal(text)
    assert b"hunter2" not in written.data
    assert decrypt(written.data, "yaml", keys).decode() == text


REFUSED = {
    "empty file": ("", NoDocumentError),
    "top-level list": ("- a\n", PlaintextParseError),
    "top-level text": ("hello\n", PlaintextParseError),
    "duplicate key": ("a: 1\nb: 2\na: 3\n", PlaintextParseError),
    "nested duplicate": ("m:\n  a: 1\n  a: 2\n", PlaintextParseError),
    "integer key": ("1: x\n", EncryptTreeError),
    "null key": ("~: x\n", EncryptTreeError),
    "collection as key": ("? [a]\n: x\n", EncryptTreeError),
    "alias as key": ("a: &x b\n*x : 1\n", EncryptTreeError),
    "huge integer": ("a: 9223372036854775808\n", EncryptTreeError),
    "recursive alias": ("a: &x\n  b: *x\n", PlaintextParseError),
    "unknown alias": ("a: *x\n", PlaintextParseError),
    "merge of a scalar": ("b: &x 1\na:\n  <<: *x\n", PlaintextParseError),
    "directive": ("%YAML 1.2\n---\na: 1\n", PlaintextParseError),
    "sops entry": ("a: 1\nsops:\n  x: 1\n", AlreadyEncryptedError),
    "sops entry of text": ("a: 1\nsops: x\n", AlreadyEncryptedError),
    "sops entry later": ("a: 1\n---\nsops:\n  x: 1\n", AlreadyEncryptedError),
    "truncated": ('a: "hunter2\n', PlaintextParseError),
    "tabs": ("a:\n\tb: hunter2\n", PlaintextParseError),
    "escape": ('a: "\\q hunter2"\n', PlaintextParseError),
    "not UTF-8": (b"a: \xff\n", PlaintextParseError),
    "control character": ("a: hunter2\x01\n", PlaintextParseError),
    "tag that does not fit": ("a: !!int hunter2\n", PlaintextParseError),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_sops_could_not_read_is_refused(name):
    """The error has sops' exit code and names a line or a key, never the text."""
    text, kind = REFUSED[name]
    with pytest.raises(kind) as caught:
        seal(text)
    assert "hunter2" not in str(caught.value) + str(caught.value.hint)
    assert caught.value.__suppress_context__ or caught.value.__cause__ is None


def test_later_documents_may_repeat_keys():
    """sops looks for duplicate keys in the first document only, so files with them must open."""
    assert back("a: 1\n---\nb: x\nb: y\n") == "a: 1\n---\nb: x\nb: y\n"


def test_depth_and_alias_bombs_are_bounded():
    """Nesting and aliases that would eat the machine are refused at once."""
    with pytest.raises(ParseError, match=r"deeply|nesting"):
        parse(("a: " + "[" * 2000 + "]" * 2000 + "\n").encode())
    bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(9)
    )
    with pytest.raises(ParseError, match="too many"):
        parse(bomb.encode())


def test_lists_of_comments_from_sops():
    """A list item of type comment becomes a comment again; a list of nothing else is empty."""
    written, keys = seal("a:\n    # note\n    - x\n")
    comment = next(line for line in written.data.decode().splitlines() if line.strip().startswith("#ENC"))
    as_item = written.data.decode().replace(comment, "    - " + comment.strip().removeprefix("#"))
    assert decrypt(as_item.encode(), "yaml", keys).decode() == "a:\n    # note\n    - x\n"


def test_comment_selectors_need_comments_that_sops_reads():
    """Where a comment decides what is secret, one that sops' parser loses is refused."""
    assert "plain" in back("# sops:enc\na: x\nb: plain\n", encrypted_comment_regex="sops:enc")
    with pytest.raises(EncryptTreeError, match="does not read"):
        seal("a:\n  # c\n  - ~\n  - |+\n      x\n# sops:enc\n\n  - []\n", encrypted_comment_regex="sops:enc")


def test_every_error_is_ours():
    """No exception of the parser library gets out, whatever bytes come in."""
    for data in (b"\x00", b"a: \xed\xa0\x80", b"%", b"@", b"a: `", b"&a", b"*a", b"!<", b"? ", b"{", b"- -\n -", b"'"):
        with pytest.raises(SopsError):
            seal(data)
