"""Errors say what to try next, and none of it holds a value."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kubectl_sops.cli import (
    build,
    decrypt,
    doctor,
    edit,
    encrypt,
    execute,
    explain,
    imports,
    rotate,
    set_value,
    verify,
)
from tests.support.command import call
from tests.support.repository import Repository
from tests.support.team import config, people, seal

if TYPE_CHECKING:
    from pathlib import Path

    from kubectl_sops.cli.option_table import Command

CANARY = "CANARY-51c0"
ALICE, BOB = people("alice", "bob")
FILES = {
    "map.yaml": f"db:\n    password: {CANARY}\n    user: app\nhosts:\n    - {CANARY}\n    - b\n",
    "map.json": f'{{"db": {{"password": "{CANARY}"}}, "hosts": ["{CANARY}"]}}',
    "app.env": f"PASSWORD={CANARY}\nUSER=app\n",
    "app.ini": f"[db]\npassword = {CANARY}\n",
}
FLUX = """\
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata:
  name: apps
  namespace: flux-system
spec:
  path: ./apps
  sourceRef:
    kind: GitRepository
    name: flux-system
"""


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """A folder with encrypted files of several formats, and Alice's key."""
    repository = Repository(tmp_path / "repo")
    repository.write({".sops.yaml": config(ALICE, encrypted_regex=""), **FILES})
    seal(repository.folder, *FILES)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SOPS_AGE_KEY", ALICE.identity)
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.chdir(repository.folder)
    return repository


def hint(command: Command, *argv: str) -> str:
    """The hint of a call that fails."""
    result = call(command, *argv)
    assert result.code != 0
    assert CANARY not in result.out + result.err
    lines = [line.partition(": hint: ")[2] for line in result.err.splitlines() if ": hint: " in line]
    assert len(lines) == 1, result
    return lines[0]


BROKEN = {
    "yaml": ("bad.yaml", f"a: [{CANARY}\nb: c\n"),
    "json": ("bad.json", f'{{"a": "{CANARY}",,}}'),
    "dotenv": ("bad.env", f"{CANARY}\n"),
    "ini": ("bad.ini", f"[db\n{CANARY}\n"),
}


@pytest.mark.parametrize(("name", "text"), BROKEN.values(), ids=BROKEN)
def test_files_that_cannot_be_read(repo: Repository, name: str, text: str) -> None:
    """A plaintext is corrected by hand; an encrypted file comes back from Git."""
    repo.write({name: text})
    assert "in an editor" in hint(encrypt.COMMAND, "-i", name)
    assert "`git checkout`" in hint(decrypt.COMMAND, name)


@pytest.mark.parametrize(
    "text", ["creation_rules: [\n", "creation_rules: x\n", "creation_rules:\n  - age: x\n    shamir_threshold: y\n"]
)
def test_rules_that_cannot_be_read(repo: Repository, text: str) -> None:
    """The message has the line, the hint where to look."""
    repo.write({".sops.yaml": text, "new.yaml": "a: b\n"})
    assert "`git diff`" in hint(encrypt.COMMAND, "-i", "new.yaml")


def test_metadata_without_version(repo: Repository) -> None:
    """Only history has what is missing."""
    path = repo.folder / "map.yaml"
    path.write_text("".join(line for line in path.read_text().splitlines(True) if "version:" not in line))
    assert "from Git history" in hint(decrypt.COMMAND, "map.yaml")
    assert "from Git history" in hint(verify.COMMAND, "map.yaml")


def test_rows_of_verify(repo: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hint that several rows share is shown once, and other forms have it in each row."""
    monkeypatch.setenv("SOPS_AGE_KEY", BOB.identity)
    assert "SOPS_AGE_KEY_FILE" in hint(verify.COMMAND)
    assert "SOPS_AGE_KEY_FILE" in hint(verify.COMMAND, "-q")
    assert call(verify.COMMAND, "-o", "json").out.count("SOPS_AGE_KEY_FILE") == len(FILES)


@pytest.mark.parametrize(
    ("file", "path", "expected"),
    [
        ("map.yaml", "db.passwort", "did you mean password?"),
        ("map.yaml", "db.zzz", "there is: password, user"),
        ("map.yaml", "dbx.password", "did you mean db?"),
        ("map.yaml", "db.user.first", "db.user has nothing below it"),
        ("map.yaml", "hosts[7]", "there is a list: its items are [0] to [1]"),
        ("map.yaml", "hosts.first", "there is a list: its items are [0] to [1]"),
        ("map.yaml", "db[0]", "there is a map with: password, user"),
        ("map.json", "zzz", "there is: db, hosts"),
        ("app.env", "zzz", "there is: PASSWORD, USER"),
        ("app.ini", "db.zzz", "there is: password"),
    ],
)
def test_key_paths_that_are_not_there(repo: Repository, file: str, path: str, expected: str) -> None:
    """The names at that place are shown; names are not secret."""
    assert hint(set_value.UNSET, file, path) == expected
    assert hint(decrypt.COMMAND, "--extract", path, file) == expected


@pytest.mark.parametrize(
    ("file", "path", "expected"),
    [
        ("map.yaml", "hosts[7]", "[2] adds an item"),
        ("map.yaml", "hosts.first", "use an index, as in [0]"),
        ("map.yaml", "db[3]", 'write ["3"] for a key that is a number'),
        ("map.yaml", "new[1]", "a new list begins with [0]"),
        ("map.json", "hosts[7]", "[1] adds an item"),
    ],
)
def test_places_where_nothing_can_be_put(repo: Repository, file: str, path: str, expected: str) -> None:
    """The message names file and key path, the hint a path that works."""
    assert hint(set_value.SET_ONE, file, path, '"x"') == expected
    assert f"error: {file}: {path}: " in call(set_value.SET_ONE, file, path, '"x"').err


def test_usage(repo: Repository) -> None:
    """Commands that were called with something else than they take."""
    assert hint(imports.COMMAND, "secret/live") == "write: import secret live --namespace NAMESPACE"
    assert "once for each file" in hint(edit.COMMAND, "map.yaml", "app.env")
    assert hint(edit.COMMAND) == "write: edit FILE"
    assert "once for each file" in hint(explain.COMMAND, "map.yaml", "app.env")
    assert "name a folder" in hint(doctor.COMMAND, "apps")
    assert "`exec-file`" in hint(execute.EXEC_ENV, "map.yaml", "true")


def test_build_without_a_name(repo: Repository) -> None:
    """The Kustomizations of the repository are listed."""
    assert "--kustomization-file" in hint(build.COMMAND)
    repo.write({"clusters/apps.yaml": FLUX})
    assert hint(build.COMMAND) == "there is: kustomization/apps"


@pytest.mark.parametrize("argv", [["map.yaml"], ["-i", "."]], ids=["one", "many"])
def test_a_name_in_place_of_a_recipient(repo: Repository, argv: list[str]) -> None:
    """The option is named, and the command that takes names."""
    assert "`recipients rm` takes names" in hint(rotate.COMMAND, "--rm-age", "alice", *argv)
    assert "error: --rm-age: unknown recipient type" in call(rotate.COMMAND, "--rm-age", "alice", *argv).err
