"""Bugs of sops that are not copied: each runs on both programs, so that a fixed sops is noticed."""

from __future__ import annotations

import re

import pytest

from kubectl_sops.formats.yaml_load import load_all
from kubectl_sops.keys import age
from tests.support.tools import need, run

IDENTITY, RECIPIENT = age.generate()


class Program:
    """A program under the name ``sops`` in a folder of its own."""

    def __init__(self, path, folder):
        self.path = path
        self.folder = folder
        folder.mkdir()
        self.write(".sops.yaml", f"creation_rules:\n  - age: {RECIPIENT}\n")

    def __call__(self, *args, **env):
        return run([self.path, *args], cwd=self.folder, env={"SOPS_AGE_KEY": IDENTITY, "HOME": str(self.folder), **env})

    def write(self, name, text):
        (self.folder / name).write_text(text)
        return name

    def read(self, name):
        return (self.folder / name).read_text()

    def editor(self, script):
        path = self.folder / "editor"
        path.write_text(f"#!/bin/sh\n{script}")
        path.chmod(0o755)
        return str(path)


@pytest.fixture
def ours(our_sops, tmp_path):
    return Program(our_sops, tmp_path / "ours")


@pytest.fixture
def sops(tmp_path):
    return Program(need("sops"), tmp_path / "sops")


@pytest.fixture
def both(ours, sops):
    """The same encrypted files in both folders, made by sops."""

    def make(name, text):
        sops.write(name, text)
        assert sops("encrypt", "-i", name).returncode == 0
        ours.write(name, sops.read(name))
        return name

    return make


def test_a_comment_in_a_list_is_not_in_the_mac(ours, both):
    """3.13.2 hashed it and refused such files."""
    name = both("f.yaml", "l:\n- a\n# c\n- b # d\n")
    assert "type:comment" in ours.read(name)
    assert load_all(ours("decrypt", name).stdout) == [{"l": ["a", "b"]}]


def test_an_edit_survives_a_failing_editor(ours, sops, both):
    """sops forgets what was saved; we keep it for ``edit --resume``."""
    name = both("f.yaml", "a: old\n")
    for program in (ours, sops):
        failing = program.editor('echo "a: new" >"$1"\nexit 1\n')
        assert program("edit", name, EDITOR=failing).returncode == 201
        assert program("decrypt", name).stdout == b"a: old\n"
    assert ours("edit", "--resume", name, EDITOR=ours.editor("exit 0\n")).returncode == 0
    assert ours("decrypt", name).stdout == b"a: new\n"


def test_a_broken_document_without_a_terminal_starts_the_editor_once(ours, sops, both):
    """sops starts it again and again; here the editor itself ends that."""
    name = both("f.yaml", "a: old\n")
    for program in (ours, sops):
        broken = 'echo x >>"{0}"\n[ "$(wc -l <"{0}")" -gt 4 ] && exit 1\necho "a: [" >"$1"\n'
        program("edit", name, EDITOR=program.editor(broken.format(program.folder / "starts")))
    assert (ours.read("starts"), sops.read("starts")) == ("x\n", "x\n" * 5)


def test_an_edit_with_master_keys_is_saved(ours, sops, both):
    """``edit -s`` of sops throws the change away and says nothing."""
    name = both("f.yaml", "a: old\n")
    for program in (ours, sops):
        change = program.editor('sed -i.bak s/old/new/ "$1" && rm "$1.bak"\n')
        assert program("edit", "-s", name, EDITOR=change).returncode == 0
    assert ours("decrypt", name).stdout == b"a: new\n"
    assert sops("decrypt", name).stdout == b"a: old\n"


def test_an_error_quotes_no_value(ours, sops, both):
    """A value where a ciphertext belongs may be a password that somebody typed there."""
    name = both("f.yaml", "a: x\n")
    for program in (ours, sops):
        program.write(name, re.sub(r"(?m)^a: ENC.*", "a: hunter2", program.read(name)))
    one, other = ours("decrypt", name), sops("decrypt", name)
    assert one.returncode == other.returncode == 25
    assert b"f.yaml: a: " in one.stderr
    assert b"hunter2" not in one.stderr
    assert b"hunter2" in other.stderr


@pytest.mark.parametrize("text", ['{"a": 1, "b": [1, 2', '{"a": [1], "b"', '{"a": 1} {"b": 2}'])
def test_json_that_is_not_whole_is_refused(text, ours, sops):
    """sops encrypts what it could read, and the rest is lost."""
    assert ours("encrypt", ours.write("f.json", text)).returncode == 2
    assert sops("encrypt", sops.write("f.json", text)).returncode == 0


def test_json_that_is_not_utf8_is_refused(ours, sops):
    """sops puts U+FFFD for the bytes and says nothing."""
    for program in (ours, sops):
        (program.folder / "f.json").write_bytes(b'{\n"a": "\xff\xfe"}')
    done = ours("encrypt", "f.json")
    assert done.returncode == 2
    assert b"f.json:2: not UTF-8" in done.stderr
    assert sops("encrypt", "-i", "f.json").returncode == 0
    assert "\ufffd".encode() in sops("decrypt", "f.json").stdout


def test_an_empty_comment_in_a_list_stays_a_comment(ours, sops):
    """sops makes an empty item of it."""
    data = []
    for program in (ours, sops):
        name = program.write("f.yaml", "l:\n- a\n#\n- b\n")
        assert program("encrypt", "-i", name).returncode == 0
        data.append(load_all(program("decrypt", name).stdout))
    assert data == [[{"l": ["a", "b"]}], [{"l": ["a", "", "b"]}]]


def test_a_comment_behind_a_value_stays_behind_it(ours, sops, both):
    """sops prints it on a line of its own above."""
    name = both("f.yaml", "a: x # c\n")
    assert ours("decrypt", name).stdout == b"a: x # c\n"
    assert sops("decrypt", name).stdout == b"# c\na: x\n"


def test_text_in_a_list_is_printed_so_that_it_reads_back(ours, sops, both):
    """The indentation that sops writes into the header of a block in a list is wrong."""
    name = both("f.yaml", 'l:\n- - "\\n lead\\nx"\n')
    assert load_all(ours("decrypt", name).stdout) == [{"l": [["\n lead\nx"]]}]
    printed = sops("decrypt", name).stdout
    assert b"|4-" in printed
    assert ours("encrypt", ours.write("printed.yaml", printed.decode())).returncode == 2


def test_a_time_without_quotes_is_read(ours, sops, both):
    """Tools that format YAML take quotes away."""
    name = both("f.yaml", "a: x\n")
    for program in (ours, sops):
        program.write(name, re.sub(r'lastmodified: "(.*)"', r"lastmodified: \1", program.read(name)))
    assert ours("decrypt", name).stdout == b"a: x\n"
    assert sops("decrypt", name).returncode == 1


def test_a_negative_zero_in_the_clear_keeps_its_mac(ours, sops):
    """sops writes ``-0`` and reads an integer, which has another MAC."""
    codes = []
    for program in (ours, sops):
        name = program.write("f.json", '{"a_unencrypted": -0.0}')
        assert program("encrypt", "-i", name).returncode == 0
        codes.append(program("decrypt", name).returncode)
    assert codes == [0, 51]


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (["set", "f.yaml", '["l"][-1]', '"x"'], 7),
        (["set", "f.yaml", '["l"]["key"]', '"x"'], 7),
        (["set", "f.yaml", "", '"x"'], 7),
        (["decrypt", "--extract", '["l"][-1]', "f.yaml"], 91),
        (["decrypt", "--extract", '["l"]["key"]', "f.yaml"], 1),
        (["decrypt", "--extract", "[]", "f.yaml"], 91),
        (["groups", "delete", "-i", "-f", "f.yaml", "7"], 1),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_key_path_that_fits_nothing_is_an_error(args, code, ours, sops, both):
    """sops crashes, with a stack trace."""
    before = ours.read(both("f.yaml", "l: [x, y]\n"))
    one, other = ours(*args), sops(*args)
    assert one.returncode == code
    assert one.stderr.count(b"\n") <= 2  # the error, and what to do
    assert ours.read("f.yaml") == before
    assert b"panic:" in other.stderr


def test_the_legacy_type_is_read(ours, sops, both):
    """``type:bytes`` of very old files makes sops crash."""
    name = both("f.yaml", "a: x\n")
    for program in (ours, sops):
        program.write(name, program.read(name).replace("type:str", "type:bytes", 1))
    assert ours("decrypt", name).stdout == b"a: x\n"
    assert b"panic:" in sops("decrypt", name).stderr
