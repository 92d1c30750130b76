"""`install`: links where other programs look, never over what belongs to somebody else."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.tools import run

if TYPE_CHECKING:
    import subprocess

PROGRAM = Path(sys.executable).parent / "kubectl-sops"
LINKS = {"flux": "flux-sops", "completion": "kubectl_complete-sops", "sops": "sops"}


def _install(folder: Path, *args: str, **env: str) -> subprocess.CompletedProcess[bytes]:
    return run([str(PROGRAM), "install", *args], cwd=folder, env={"HOME": str(folder / "home"), **env})


@pytest.mark.parametrize(("target", "name"), LINKS.items())
def test_link_comes_and_goes(target: str, name: str, tmp_path: Path) -> None:
    """A link is made, found unchanged the second time, and removed; each is said."""
    link = tmp_path / "links" / name
    for options, said in (
        ((), "created"),
        ((), "unchanged"),
        (("--uninstall",), "deleted"),
        (("--uninstall",), "is not there"),
    ):
        done = _install(tmp_path, target, "--directory", str(link.parent), *options)
        assert (done.returncode, done.stderr.decode()) == (0, f"{link} {said}\n")
        assert link.is_symlink() == (options == ())


@pytest.mark.parametrize(("target", "name"), LINKS.items())
def test_linked_program_runs(target: str, name: str, tmp_path: Path) -> None:
    """What is linked is the program, under that name."""
    _install(tmp_path, target, "--directory", str(tmp_path))
    argv = {"flux": ["version"], "completion": [""], "sops": ["--version"]}[target]
    expected = {"flux": b"kubectl-sops ", "completion": b"init\t", "sops": b"sops 3."}[target]
    assert run([str(tmp_path / name), *argv]).stdout.startswith(expected)


@pytest.mark.parametrize("env", [{}, {"FLUXCD_PLUGINS": "elsewhere"}])
def test_place_where_flux_looks(env: dict[str, str], tmp_path: Path) -> None:
    """Flux's plugins are in its folder in the home, or where its variable says."""
    assert _install(tmp_path, "flux", **env).returncode == 0
    folder = tmp_path / (env.get("FLUXCD_PLUGINS") or "home/.fluxcd/plugins")
    assert (folder / "flux-sops").resolve() == PROGRAM.resolve()


@pytest.mark.parametrize("options", [(), ("--uninstall",)])
def test_file_of_somebody_else_stays(options: tuple[str, ...], tmp_path: Path) -> None:
    """A program that is already there is neither replaced nor removed."""
    (tmp_path / "sops").write_text("the original")
    done = _install(tmp_path, "sops", "--directory", str(tmp_path), *options)
    assert (tmp_path / "sops").read_text() == "the original"
    assert done.returncode == (0 if options else 1)
    assert (b"is not ours" if options else b"something else is there") in done.stderr


def test_link_to_somebody_else_stays(tmp_path: Path) -> None:
    """A link to another program is not ours, even where its target is gone."""
    (tmp_path / "sops").symlink_to("/nowhere/sops")
    assert _install(tmp_path, "sops", "--directory", str(tmp_path)).returncode == 1
    _install(tmp_path, "sops", "--directory", str(tmp_path), "--uninstall")
    assert (tmp_path / "sops").is_symlink()


def test_folder_that_cannot_be_made(tmp_path: Path) -> None:
    """A folder that can't be made is named."""
    (tmp_path / "file").write_text("")
    done = _install(tmp_path, "sops", "--directory", str(tmp_path / "file"))
    assert done.returncode == 3
    assert f"error: {tmp_path / 'file'}: can't be written".encode() in done.stderr


def test_unknown_target(tmp_path: Path) -> None:
    """What can't be installed is refused with what can."""
    done = _install(tmp_path, "helm")
    assert done.returncode == 2
    assert b"one of: kustomize, flux, completion, sops" in done.stderr
