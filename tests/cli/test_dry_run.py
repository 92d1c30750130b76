"""``--dry-run``: the lines are those of the real run with a mark, and no file, link or setting changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kubectl_sops.cli import decrypt, git, groups, install, rotate
from tests.support.command import call
from tests.support.repository import Repository
from tests.support.team import config, people, seal, secret

if TYPE_CHECKING:
    from pathlib import Path

    from kubectl_sops.cli.option_table import Command

ALICE, BOB = people("alice", "bob")


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """A repository with two encrypted files, and everybody's keys."""
    repository = Repository(tmp_path / "repo")
    files = {"a.yaml": secret(password="x"), "b.yaml": secret(password="y")}
    repository.write({".sops.yaml": config(ALICE), **files})
    seal(repository.folder, *files)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SOPS_AGE_KEY", f"{ALICE.identity}\n{BOB.identity}")
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.chdir(repository.folder)
    return repository


def state(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Every file below a folder, Git's settings included, with the time of its last change."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != "index"]
    return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


ADD = ["-i", "--file", "a.yaml", "--age", BOB.recipient, "--shamir-secret-sharing-threshold", "2"]
CALLS = {
    "decrypt in place": (decrypt.COMMAND, ["-i", "a.yaml"], "a.yaml decrypted\n"),
    "decrypt several": (decrypt.COMMAND, ["-i", "a.yaml", "b.yaml"], "a.yaml decrypted\nb.yaml decrypted\n"),
    "decrypt to a file": (decrypt.COMMAND, ["--output", "c.yaml", "a.yaml"], "c.yaml decrypted\n"),
    "decrypt to one stream": (decrypt.COMMAND, ["--output", "c.yaml", "a.yaml", "b.yaml"], "c.yaml decrypted\n"),
    "groups add": (groups.ADD, ADD, "a.yaml updated\n"),
    "rotate to a file": (rotate.COMMAND, ["--output", "c.yaml", "a.yaml"], "c.yaml rotated\n"),
}


@pytest.mark.parametrize(("command", "argv", "said"), CALLS.values(), ids=CALLS)
def test_files_are_not_touched(repo: Repository, command: Command, argv: list[str], said: str) -> None:
    """What the run would say, marked; then the run itself, and with --quiet nothing."""
    before = state(repo.folder)
    result = call(command, "--dry-run", *argv)
    assert (result.code, result.out, result.err) == (0, "", said.replace("\n", " (dry run)\n"))
    assert call(command, "--dry-run", "-q", *argv).err == ""
    assert state(repo.folder) == before
    result = call(command, *argv)
    assert (result.code, result.out, result.err) == (0, "", said)
    assert state(repo.folder) != before


def test_a_group_is_not_deleted(repo: Repository) -> None:
    """The file keeps both groups."""
    assert call(groups.ADD, *ADD).code == 0
    before = state(repo.folder)
    result = call(groups.DELETE, "-i", "--file", "a.yaml", "--dry-run", *ADD[-2:-1], "1", "1")
    assert (result.code, result.err) == (0, "a.yaml updated (dry run)\n")
    assert state(repo.folder) == before


def test_git_is_not_configured(repo: Repository) -> None:
    """The same lines come before the run and with it, for install and for uninstall; then nothing is left to do."""
    for command in (git.INSTALL, git.UNINSTALL):
        before = state(repo.folder)
        planned = call(command, "--dry-run")
        assert planned.code == 0
        assert state(repo.folder) == before
        done = call(command)
        assert len(done.err.splitlines()) > 1
        assert planned.err == done.err.replace("\n", " (dry run)\n")
        assert call(command, "--dry-run").err == "unchanged (dry run)\n"


@pytest.mark.parametrize("target", install.TARGETS)
def test_nothing_is_linked(
    target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither are links made, nor removed."""
    monkeypatch.setattr("kubectl_sops.cli.install.executable", lambda name: f"/opt/{name}")
    monkeypatch.setattr("krm_fn.install.executable", lambda: "/opt/krm-sops")
    for uninstall in (False, True):
        before = sorted(tmp_path.rglob("*"))
        install.command(target, str(tmp_path / "links"), uninstall=uninstall, dry_run=True)
        assert sorted(tmp_path.rglob("*")) == before
        planned = capsys.readouterr().err
        install.command(target, str(tmp_path / "links"), uninstall=uninstall)
        assert planned == capsys.readouterr().err.replace("\n", " (dry run)\n")
        assert sorted(tmp_path.rglob("*")) != before
