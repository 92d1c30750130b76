"""What sops' own functional tests assert, said again: each check runs against our program and against the real sops."""

from __future__ import annotations

import json

import pytest

from kubectl_sops.formats.yaml_load import load_all

JSON = '{"foo": 2, "bar": "baz"}'
EXACT_EMPTY_GROUP = b"Could not generate data key: [empty key group provided]\n"


def sealed(value):
    return isinstance(value, str) and value.startswith("ENC[")


def test_encrypt_json(sops):
    """Every value becomes a ciphertext and the entry ``sops`` appears."""
    result = json.loads(sops.ok("encrypt", sops.write("test.json", JSON)))
    assert "sops" in result
    assert sealed(result["foo"])
    assert sealed(result["bar"])


def test_encrypt_from_stdin(sops):
    """Standard input needs a name for the rule, and the output may be of another format."""
    out = sops.ok(
        "encrypt", "--filename-override", "test_encrypt.yaml", "--output-type", "json", stdin=b"foo: 2\nbar: baz\n"
    )
    assert sealed(json.loads(out)["foo"])


def test_encrypt_yaml(sops):
    """The same in YAML."""
    result = load_all(sops.ok("encrypt", sops.write("test.yaml", "foo: 2\nbar: baz\n")))[0]
    assert sealed(result["foo"])
    assert sealed(result["bar"])


def test_ini_values_as_strings(sops):
    """YAML values print as INI with aligned keys and normalised times."""
    name = sops.write(
        "test.yaml",
        "the_section:\n  int: 123\n  float: 1.23\n  bool: true\n  date: 2025-01-02\n  timestamp: 2025-01-02 03:04:05\n"
        "  utc_timestamp: 2025-01-02T03:04:05Z\n  tz_timestamp: 2025-01-02T03:04:05+01:00\n",
    )
    sops.ok("encrypt", "-i", name)
    assert sops.ok("decrypt", "--output-type", "ini", name) == (
        b"[the_section]\nint           = 123\nfloat         = 1.23\nbool          = true\n"
        b"date          = 2025-01-02T00:00:00Z\ntimestamp     = 2025-01-02T03:04:05Z\n"
        b"utc_timestamp = 2025-01-02T03:04:05Z\ntz_timestamp  = 2025-01-02T03:04:05+01:00\n"
    )


@pytest.mark.parametrize("extension", ["json", "yaml"])
def test_set_replaces_a_scalar_by_a_map(sops, extension):
    """A map takes the place of a scalar, each of its values encrypted."""
    name = sops.write(f"test.{extension}", '{"a": 2, "b": "ba"}')
    sops.ok("encrypt", "-i", name)
    sops.ok("set", name, '["a"]', '{"aa": "aaa"}')
    result = load_all(sops.read(name))[0]
    assert sealed(result["a"]["aa"])
    assert sealed(result["b"])


@pytest.mark.parametrize("extension", ["json", "yaml"])
def test_set_inserts(sops, extension):
    """A key that was not there is added, encrypted."""
    name = sops.write(f"test.{extension}", '{"a": 2, "b": "ba"}')
    sops.ok("encrypt", "-i", name)
    sops.ok("set", name, '["c"]', '{"cc": "ccc"}')
    assert sealed(load_all(sops.read(name))[0]["c"]["cc"])


def test_set_in_another_format(sops):
    """``--output-type`` applies to the file in place."""
    name = sops.write("test.json", '{"a": 2, "b": "ba"}')
    sops.ok("encrypt", "-i", name)
    sops.ok("set", "--output-type", "yaml", name, '["b"]', '"ba"')
    assert sops.read(name).startswith(b"a: ")
    assert sops.ok("decrypt", "--input-type", "yaml", "--output-type", "yaml", name) == b"a: 2\nb: ba\n"


def test_set_idempotent(sops):
    """With ``--idempotent`` an equal value leaves every byte alone."""
    name = sops.write("test.json", '{"a": 2, "b": "ba"}')
    sops.ok("encrypt", "-i", name)
    before = sops.read(name)
    sops.ok("set", "--output-type", "yaml", "--idempotent", name, '["b"]', '"ba"')
    assert sops.read(name) == before


def test_set_with_a_value_file(sops):
    """The value may stand in a file."""
    name = sops.write("test.json", '{"a": 2}')
    value = sops.write("value.json", '{"cc": "ccc"}')
    sops.ok("encrypt", "-i", name)
    sops.ok("set", "--value-file", name, '["c"]', value)
    assert sealed(sops.json(name)["c"]["cc"])


def test_set_with_a_value_on_stdin(sops):
    """The value may come from standard input."""
    name = sops.write("test.json", '{"a": 2}')
    sops.ok("encrypt", "-i", name)
    sops.ok("set", "--value-stdin", name, '["c"]', stdin=b'{"cc": "ccc"}')
    assert sealed(sops.json(name)["c"]["cc"])


def test_set_a_string(sops):
    """The value that was set comes back."""
    name = sops.write("test.yaml", "a: 2\nb: ba\n")
    sops.ok("encrypt", "-i", name)
    sops.ok("set", name, '["a"]', '"aaa"')
    sops.ok("decrypt", "-i", name)
    assert load_all(sops.read(name))[0]["a"] == "aaa"


def test_set_in_the_older_style(sops):
    """``-e -i``, ``--set`` and ``-d -i`` do the same."""
    name = sops.write("test.yaml", "a: 2\nb: ba\n")
    sops.ok("-e", "-i", name)
    sops.ok("--set", '["a"] "aaa"', "-i", name)
    sops.ok("-d", "-i", name)
    assert load_all(sops.read(name))[0]["a"] == "aaa"


def test_times(sops):
    """An offset stays as it is written; a date is the same time."""
    name = sops.write("test.yaml", "a: 2024-01-01\nb: 2006-01-02T15:04:05+07:06\n")
    sops.ok("encrypt", "-i", name)
    sops.ok("decrypt", "-i", name)
    assert load_all(sops.read(name))[0] == {"a": "2024-01-01T00:00:00Z", "b": "2006-01-02T15:04:05+07:06"}


@pytest.mark.parametrize(
    ("name", "text"),
    [("test.json", '{"a": 2, "b": "ba", "c": [1, 2]}'), ("test.yaml", '{"a": 2, "b": "ba", "c": [1, 2]}\n')],
)
def test_unset(sops, name, text):
    """Keys and list elements go; a second time it is an error, or nothing with ``--idempotent``."""
    sops.write(name, text)
    sops.ok("encrypt", "-i", name)
    sops.ok("unset", name, '["a"]')
    assert "a" not in load_all(sops.read(name))[0]
    before = sops.read(name)
    sops.ok("unset", "--idempotent", name, '["a"]')
    assert sops.read(name) == before
    assert sops("unset", name, '["a"]').returncode == 1
    sops.ok("unset", name, '["c"][1]')
    assert len(load_all(sops.read(name))[0]["c"]) == 1
    before = sops.read(name)
    sops.ok("unset", "--idempotent", name, '["c"][1]')
    assert sops.read(name) == before


def test_decrypt_without_a_mac(sops):
    """A file whose MAC was taken out does not decrypt, unless the MAC is ignored."""
    name = sops.write("test.yaml", "a: 2\n")
    text = sops.ok("encrypt", name).decode()
    lines = [line for line in text.splitlines(keepends=True) if not line.strip().startswith("mac:")]
    sops.write(name, "".join(lines))
    assert sops("decrypt", name).returncode == 51
    assert sops.ok("decrypt", "--ignore-mac", name) == b"a: 2\n"


def test_decrypt_from_stdin(sops):
    """Standard input needs its type."""
    data = sops.ok("encrypt", sops.write("test.yaml", "foo: bar\nx: 1\n"))
    assert load_all(sops.ok("decrypt", "--input-type", "yaml", "--output-type", "yaml", stdin=data))[0] == {
        "foo": "bar",
        "x": 1,
    }


def test_comments_are_encrypted(sops):
    """No comment stays readable, in maps and in lists, and they come back."""
    name = sops.write("test.yaml", "# first comment\na: 1\nl:\n# second comment\n- x\n- y # third comment\n")
    data = sops.ok("encrypt", name)
    assert b"comment" not in data.replace(b"type:comment", b"").replace(b"_comment_regex", b"")
    sops.write(name, data)
    text = sops.ok("decrypt", name)
    assert all(word in text for word in (b"first comment", b"second comment", b"third comment"))


def test_readable_comments_stay(sops):
    """Comments that a selector leaves readable are there in both directions."""
    name = sops.write("test_unencrypted_comments.yaml", "# kept\nsecret: x\nother: y\n")
    data = sops.ok("encrypt", name)
    assert b"# kept" in data
    sops.write(name, data)
    assert b"# kept" in sops.ok("decrypt", name)


def test_shamir(sops):
    """Two groups of two open the file."""
    name = sops.write("test_roundtrip_shamir.yaml", "a: secret\n")
    sops.ok("encrypt", "-i", name)
    assert b"secret" in sops.ok("decrypt", name)


def test_shamir_without_one_key(sops):
    """With one group of two, the file encrypts and does not decrypt."""
    name = sops.write("test_shamir_missing.yaml", "a: secret\n")
    sops.ok("encrypt", "-i", name)
    assert sops("decrypt", name).returncode == 128


def test_several_keys(sops):
    """Any one of several recipients is enough."""
    name = sops.write("test.yaml", "a: secret\n")
    data = sops.ok("encrypt", f"--{sops.keys.kind}", f"{sops.keys.foreign},{sops.keys.first}", name)
    sops.write(name, data)
    assert sops.ok("decrypt", name) == b"a: secret\n"


@pytest.mark.parametrize("rule", ["test_no_keygroups", "test_zero_keygroups", "test_empty_keygroup"])
def test_nobody_to_encrypt_to(sops, rule):
    """A rule without keys gives exactly the text that scripts look for."""
    result = sops("encrypt", "-i", sops.write(f"{rule}.yaml", "a: 1\n"))
    assert result.returncode == 1
    assert result.stderr == EXACT_EMPTY_GROUP


def test_extract(sops):
    """One value, raw, without a final newline."""
    name = sops.write("test.yaml", "multiline: |-\n  multi\n  line\n")
    sops.ok("encrypt", "-i", name)
    assert sops.ok("decrypt", "--extract", '["multiline"]', name) == b"multi\nline"


def test_binary(sops):
    """Any bytes come back."""
    data = bytes(range(256))
    name = sops.write("test.binary", data)
    sops.ok("encrypt", "-i", name)
    assert sops.ok("decrypt", name) == data


def test_output(sops):
    """``--output`` writes the file and nothing to standard output."""
    name = sops.write("test.binary", b"data")
    assert sops.ok("encrypt", "--output", "out.binary", name) == b""
    assert b'"sops"' in sops.read("out.binary")


def test_exec_env(sops):
    """Values become variables, several lines included."""
    name = sops.write("test.yaml", 'foo: bar\nbar: "baz\\nbam"\nn: 5\nt: true\n')
    sops.ok("encrypt", "-i", name)
    for _ in range(2):
        assert sops.ok("exec-env", name, 'printf "%s|%s|%s|%s" "$foo" "$bar" "$n" "$t"') == b"bar|baz\nbam|5|true"


def test_exec_env_passes_the_exit_code(sops):
    """The child's code is ours."""
    name = sops.write("test.yaml", "foo: bar\n")
    sops.ok("encrypt", "-i", name)
    assert sops("exec-env", name, "exit 7").returncode == 7


def test_exec_file(sops):
    """``{}`` stands for a file with the decrypted text, in the wanted format."""
    name = sops.write("test.yaml", "foo: bar\nbar:\n  - baz\n")
    sops.ok("-e", "-i", name)
    assert sops.ok("exec-file", "--output-type", "json", name, "cat {}") == (
        b'{\n\t"foo": "bar",\n\t"bar": [\n\t\t"baz"\n\t]\n}\n'
    )


def test_exec_file_with_a_name(sops):
    """The file has the name that was asked for."""
    name = sops.write("test.yaml", "foo: bar\n")
    sops.ok("encrypt", "-i", name)
    assert sops.ok("exec-file", "--no-fifo", "--filename", "foobar", name, "echo {}").endswith(b"/foobar\n")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("f.yaml", b"foo: bar\n"),
        ("f.json", b'{\n\t"foo": "bar"\n}\n'),
        ("f.env", b"foo=bar\n"),
        ("f.ini", b"[foo]\nbar = baz\n"),
    ],
)
def test_formats_come_back(sops, name, text):
    """Each format decrypts to its own text."""
    sops.write(name, text)
    sops.ok("encrypt", "-i", name)
    assert sops.ok("decrypt", name) == text
