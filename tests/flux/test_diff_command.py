"""``diff`` against a revision and against a folder."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.support.flux_cases import config_map, kustomization, secret
from tests.support.flux_repository import fleet, flux_kustomization, seal

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    Program = Callable[..., subprocess.CompletedProcess[bytes]]


def test_same(tmp_path: Path, program: Program) -> None:
    """No difference, no output, exit code 0."""
    repository = fleet(tmp_path / "fleet")
    result = program("diff", "-R", "kustomization/flux-system", "--ref", "HEAD", cwd=repository.folder)
    assert (result.returncode, result.stdout) == (0, b"")


def test_changed_secret_shows_as_changed(tmp_path: Path, program: Program) -> None:
    """A new value has another mask; neither value is printed."""
    repository = fleet(tmp_path / "fleet")
    repository.write({"apps/prod/db.yaml": seal(secret("password: a-new-password", "db"))})
    result = program("diff", "apps/prod", "--ref", "HEAD", cwd=repository.folder)
    assert result.returncode == 1
    text = result.stdout.decode()
    assert "► Secret/apps/db changed" in text
    assert "-  password: '*** (28 bytes, " in text
    assert "+  password: '*** (14 bytes, " in text
    assert "a-new-password" not in text + result.stderr.decode()


def test_sealed_again_is_the_same(tmp_path: Path, program: Program) -> None:
    """Other ciphertext of the same values is no difference."""
    repository = fleet(tmp_path / "fleet")
    repository.write({"apps/base/web.env": seal("TOKEN=t0ken-of-the-base\n", "dotenv")})
    assert program("diff", "apps/prod", "--ref", "HEAD", cwd=repository.folder).returncode == 0


def test_generated_name_is_one_change(tmp_path: Path, program: Program) -> None:
    """A generated Secret whose hash changes is shown as one changed object."""
    repository = fleet(tmp_path / "fleet")
    repository.write({"apps/base/web.env": seal("TOKEN=another\n", "dotenv")})
    result = program("diff", "apps/prod", "--ref", "HEAD", "-o", "json", cwd=repository.folder)
    (change,) = json.loads(result.stdout)["changes"]
    assert change["action"] == "changed"
    assert change["reason"].startswith("was web-")
    assert sorted(entry["path"] for entry in change["changes"]) == ["/data/TOKEN", "/metadata/name"]


def test_created_and_deleted(tmp_path: Path, program: Program) -> None:
    """Objects that come and go are named; the whole of them is shown."""
    repository = fleet(tmp_path / "fleet")
    changes = {"apps/prod/kustomization.yaml": kustomization("../base", "n.yaml"),
               "apps/prod/n.yaml": config_map("a: b", "n")}  # fmt: skip
    repository.write(changes)
    result = program("diff", "apps/prod", "--ref", "HEAD", "-o", "name", cwd=repository.folder)
    assert result.stdout.decode().splitlines() == ["ConfigMap/apps/n created", "Secret/apps/db deleted"]


def test_kustomization_that_is_new(tmp_path: Path, program: Program) -> None:
    """Against a revision that has no such folder, everything is created."""
    repository = fleet(tmp_path / "fleet")
    repository.write({"clusters/prod/new.yaml": flux_kustomization("new", "./new"), "new/c.yaml": config_map("a: b")})
    result = program("diff", "new", "--ref", "HEAD", "-o", "name", cwd=repository.folder)
    assert result.stdout.decode().splitlines() == ["ConfigMap/c created"]


def test_change_of_the_kustomization(tmp_path: Path, program: Program) -> None:
    """Each side is built with the Kustomization of its revision."""
    repository = fleet(tmp_path / "fleet")
    manifest = flux_kustomization("settings", "./settings", commonMetadata={"labels": {"team": "a"}})
    repository.write({"clusters/prod/settings.yaml": manifest})
    result = program("diff", "kustomization/settings", "--ref", "HEAD", "-o", "json", cwd=repository.folder)
    changed = [entry for change in json.loads(result.stdout)["changes"] for entry in change["changes"]]
    assert [entry["path"] for entry in changed] == ["/metadata/labels/team"] * 2


def test_against_a_folder(tmp_path: Path, program: Program) -> None:
    """Two overlays of one repository, each with its own Kustomization."""
    staging = {
        "clusters/prod/staging.yaml": flux_kustomization(
            "staging", "./apps/staging", targetNamespace="apps",
            postBuild={"substitute": {"domain": "staging.example.org", "db_host": "x"}}),
        "apps/staging/kustomization.yaml": kustomization("../base"),
    }  # fmt: skip
    repository = fleet(tmp_path / "fleet", **staging)
    result = program("diff", "apps/prod", "--against", "apps/staging", "-o", "name", cwd=repository.folder)
    lines = result.stdout.decode().splitlines()
    assert "Secret/apps/db created" in lines
    assert "ConfigMap/apps/web changed" in lines


def test_external_program(tmp_path: Path, program: Program) -> None:
    """``KUBECTL_EXTERNAL_DIFF`` gets two folders with masked objects, a file each."""
    repository = fleet(tmp_path / "fleet")
    repository.write({"apps/prod/db.yaml": seal(secret("password: a-new-password", "db"))})
    result = program("diff", "apps/prod", "--ref", "HEAD", cwd=repository.folder, KUBECTL_EXTERNAL_DIFF="diff -r -u")
    assert result.returncode == 1
    assert b"LIVE/Secret.apps.db" in result.stdout
    assert b"a-new-password" not in result.stdout


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (("apps/prod", "--ref", "no-such-branch"), "Git knows no revision no-such-branch"),
        (("apps/gone", "--ref", "HEAD"), "no such folder"),
        (("apps/prod", "--ref", "HEAD", "--against", "apps/base"), "cannot use both"),
    ],
    ids=["revision", "folder", "both"],
)
def test_failures_have_exit_code_2(argv: tuple[str, ...], words: str, tmp_path: Path, program: Program) -> None:
    """A failure is told apart from a difference."""
    repository = fleet(tmp_path / "fleet")
    result = program("diff", *argv, cwd=repository.folder)
    assert result.returncode == 2
    assert words in result.stderr.decode()
