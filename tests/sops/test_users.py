"""Programs that call `sops`: their command lines, with our program and with the real one."""

from __future__ import annotations

import json
import os
import re
import stat
from pathlib import Path

import pytest

from tests.support.tools import need, run

VALUES = "image: app\npassword: correct horse\nnested:\n    - name: a\n      token: t0ken\n"


def test_version_that_scripts_parse(sops):
    """The first line of --version is the program's name and three numbers, with and without the check for updates."""
    for argv in (["--version"], ["--version", "--disable-version-check"], ["--disable-version-check", "--version"]):
        assert re.match(rb"sops \d+\.\d+\.\d+", sops.ok(*argv))


def test_helm_plugin(sops):
    """A plugin of Helm encrypts in place, recognizes the file by its text, and decrypts it to a file beside it."""
    file, types = sops.write("secrets.yaml", VALUES), ("--input-type", "yaml", "--output-type", "yaml")
    sops.ok("--encrypt", *types, "--in-place", file)
    assert re.search(rb"^sops:$", sops.read(file), re.M)
    assert b"unencrypted_suffix: _unencrypted" in sops.read(file)
    sops.ok("--decrypt", *types, "--output", "secrets.yaml.dec", file)
    assert sops.read("secrets.yaml.dec").decode() == VALUES
    assert sops.ok("decrypt", *types, file).decode() == VALUES
    sops.write("editor", '#!/bin/sh\nsed -i s/horse/battery/ "$1"\n')
    (sops.folder / "editor").chmod(0o755)
    sops.keys.env["EDITOR"] = str(sops.folder / "editor")
    try:
        sops.ok(*types, file)
    finally:
        del sops.keys.env["EDITOR"]
    assert b"correct battery" in sops.ok("-d", file)


@pytest.mark.parametrize("textconv", ["sops -d", "sops decrypt"])
def test_git_textconv(textconv, sops):
    """`git diff` shows what changed in the values, with sops as the program that turns a file into text."""
    env = sops.keys.env | {
        "GIT_CONFIG_NOSYSTEM": "1",
        "PATH": os.pathsep.join([str(sops.folder / "bin"), os.environ["PATH"]]),
        **{
            f"GIT_{who}_{what}": "test@example.invalid" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
        },
    }
    (sops.folder / "bin").mkdir()
    (sops.folder / "bin" / "sops").symlink_to(sops.path)

    def git(*args):
        done = run([need("git"), *args], env=env, cwd=sops.folder)
        assert done.returncode == 0, done.stderr
        return done.stdout

    file = sops.write("secret.yaml", VALUES)
    sops.write(".gitattributes", "*.yaml diff=sops\n")
    sops.ok("-e", "-i", file)
    git("init", "-q")
    git("config", "diff.sops.textconv", textconv)
    git("add", file, ".gitattributes")
    git("commit", "-qm", "one")
    sops.ok("set", file, '["password"]', '"changed"')
    shown = [line for line in git("diff").splitlines() if re.match(rb"[-+][^-+]", line)]
    assert shown == [b"-password: correct horse", b"+password: changed"]


def test_automation_through_standard_input(sops):
    """A module of a configuration manager encrypts and decrypts what it has in memory, as /dev/stdin."""
    types = ("--input-type", "yaml", "--output-type", "yaml")
    sealed = sops.ok("--encrypt", *types, "/dev/stdin", stdin=VALUES.encode())
    assert b"correct horse" not in sealed
    assert sops.ok("--decrypt", *types, "/dev/stdin", stdin=sealed).decode() == VALUES
    as_json = sops.ok("--decrypt", "--input-type", "yaml", "--output-type", "json", "/dev/stdin", stdin=sealed)
    assert json.loads(as_json)["nested"] == [{"name": "a", "token": "t0ken"}]
    sealed = sops.ok("encrypt", "--filename-override", "x.yaml", *types, stdin=VALUES.encode())
    assert sops.ok("decrypt", *types, stdin=sealed).decode() == VALUES
    blob = sops.ok("-e", "--input-type", "binary", "--output-type", "binary", "/dev/stdin", stdin=b"\0\xff\n")
    assert sops.ok("-d", "--input-type", "binary", "--output-type", "binary", "/dev/stdin", stdin=blob) == b"\0\xff\n"


def test_status_that_automation_asks_for(sops):
    """`filestatus` answers in JSON, with exit code 0 either way."""
    plain, sealed = sops.write("plain.yaml", VALUES), sops.write("sealed.yaml", VALUES)
    sops.ok("encrypt", "-i", sealed)
    assert json.loads(sops.ok("filestatus", plain)) == {"encrypted": False}
    assert json.loads(sops.ok("filestatus", sealed)) == {"encrypted": True}


def test_shell_that_loads_variables(sops):
    """A folder's environment comes from `exec-env`, or from variables that a shell reads."""
    file = sops.write("env.json", '{"DB_USER": "admin", "DB_PASSWORD": "correct horse"}')
    sops.ok("-e", "-i", file)
    assert sops.ok("exec-env", file, 'echo "$DB_USER:$DB_PASSWORD"') == b"admin:correct horse\n"
    assert sops("exec-env", file, "exit 3").returncode == 3
    assert sops.ok("-d", "--output-type", "dotenv", file) == b"DB_USER=admin\nDB_PASSWORD=correct horse\n"
    assert sops.ok("exec-file", "--output-type", "dotenv", file, ". {}; echo $DB_USER") == b"admin\n"


def test_editor_plugin(sops):
    """An extension of an editor hands over the new text with a copying program as EDITOR."""
    file = sops.write("a.yaml", VALUES)
    sops.ok("-e", "-i", file)
    new = sops.folder / sops.write("new.yaml", VALUES.replace("t0ken", "other"))
    sops.keys.env["EDITOR"] = f"cp {new}"
    try:
        sops.ok(file)
        assert sops("edit", file).returncode == 200  # the second time nothing changes
    finally:
        del sops.keys.env["EDITOR"]
    assert b"token: other" in sops.ok("-d", file)


def test_makefile(sops):
    """Rules of a Makefile redirect and extract; a failure leaves its code to make."""
    file = sops.write("a.yaml", VALUES)
    sops.write(
        "Makefile",
        f"plain: a.enc.yaml\n\t@{sops.path} -d $< > $@\n"
        f"a.enc.yaml: a.yaml\n\t@{sops.path} -e $< > $@\n"
        f'token: a.enc.yaml\n\t@{sops.path} -d --extract \'["nested"][0]["token"]\' $< > $@\n'
        f"wrong:\n\t@{sops.path} -d missing.yaml\n",
    )
    make = need("make")
    for target in ("plain", "token"):
        assert run([make, target], env=sops.keys.env, cwd=sops.folder).returncode == 0
    assert sops.read("plain").decode() == VALUES
    assert sops.read("token") == b"t0ken"
    wrong = run([make, "wrong"], env=sops.keys.env, cwd=sops.folder)
    assert b"Error 100" in wrong.stderr
    assert file


@pytest.mark.parametrize("words", [["--help"], ["decrypt", "--help"], ["decrypt", "-h"], ["groups", "add", "--help"]])
def test_asking_for_help_does_nothing_else(words, sops):
    """Help is printed, and neither a file nor standard input is read."""
    assert sops.ok(*words, stdin=b"not encrypted").strip()


@pytest.mark.parametrize(
    ("argv", "code"),
    [
        ([], 100), (["edit"], 100), (["-d"], 100), (["decrypt", "."], 2), (["-d", "."], 2), (["-e", "."], 2),
        (["exec-env", "only-a-file"], 1), (["decrypt", "--no-such-flag", "a"], 1), (["-d", "missing"], 100),
    ],
    ids=str,
)  # fmt: skip
def test_calls_that_go_wrong(argv, code, sops):
    """A wrong call has the exit code that a script expects."""
    assert sops(*argv).returncode == code


def test_written_files_are_private(our_sops, keys, tmp_path):
    """A file that is decrypted with --output can be read by nobody else; here sops leaves it to the umask."""
    env = keys.env
    plain = tmp_path / "a.yaml"
    plain.write_text(VALUES)
    recipient = {"age": "--age", "pgp": "--pgp"}[keys.kind]
    run([our_sops, "-e", recipient, keys.first, "-i", "a.yaml"], env=env, cwd=tmp_path)
    assert run([our_sops, "-d", "--output", "out.yaml", "a.yaml"], env=env, cwd=tmp_path).returncode == 0
    assert stat.S_IMODE(Path(tmp_path / "out.yaml").stat().st_mode) == 0o600
