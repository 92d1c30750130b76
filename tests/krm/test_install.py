"""Links for kustomize's legacy plugins."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from krm_fn import install
from tests.support.kustomize import Identity, Workshop, doors, objects, program, seal

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {a: b}\n"


def test_the_usual_home_is_where_kubectl_looks(workshop: Workshop, identity: Identity) -> None:
    """Installed without arguments, the plugin is found without variables."""
    home = workshop.folder / "home"
    home.mkdir()
    done = workshop.call("install", HOME=str(home), KUSTOMIZE_PLUGIN_HOME="")
    assert done.returncode == 0, done.stderr
    assert "viaduct.ai/v1/ksops/ksops created" in done.stdout
    folder = workshop.write("app", {"kustomization.yaml": "generators: [g.yaml]\n", "s.yaml": seal(SECRET, identity)})
    config = {"apiVersion": "viaduct.ai/v1", "kind": "ksops", "metadata": {"name": "g"}, "files": ["s.yaml"]}
    workshop.config(folder / "g.yaml", config, "legacy")
    (door, *_) = doors("legacy")
    built = workshop.build(folder, door, HOME=str(home), KUSTOMIZE_PLUGIN_HOME="")
    assert [item["kind"] for item in objects(built.stdout)] == ["Secret"], built.stderr


def test_a_second_time_nothing_changes(tmp_path: Path) -> None:
    """Each link says so."""
    first = list(install.install(str(tmp_path), program=program()))
    second = list(install.install(str(tmp_path), program=program()))
    assert [line.split()[1] for line in first[:-1]] == ["created"] * len(install.PLUGINS)
    assert [line.split()[1] for line in second[:-1]] == ["unchanged"] * len(install.PLUGINS)
    assert first[-1] == f"plugin home: {tmp_path}"


def test_a_link_to_a_program_that_is_gone_is_replaced(tmp_path: Path) -> None:
    """After the virtual environment moved."""
    list(install.install(str(tmp_path), program=str(tmp_path / "gone/krm-sops")))
    lines = list(install.install(str(tmp_path), program=program()))
    assert lines[0] == "kubectl-sops.dev/v1/sopsgenerator/SopsGenerator replaced"


def test_a_predecessor_is_not_overwritten(tmp_path: Path) -> None:
    """The binary stays, the other links are made, and the error names it."""
    path = tmp_path / "viaduct.ai/v1/ksops/ksops"
    path.parent.mkdir(parents=True)
    path.write_text("the real one")
    lines = []
    with pytest.raises(install.SopsError, match=r"viaduct\.ai/v1/ksops/ksops"):
        lines.extend(install.install(str(tmp_path), program=program()))
    assert path.read_text() == "the real one"
    assert (tmp_path / "goabout.com/v1beta1/sopssecretgenerator/SopsSecretGenerator").is_symlink()


def test_uninstalling_leaves_what_is_not_ours(tmp_path: Path) -> None:
    """Links go, and folders that are empty then."""
    list(install.install(str(tmp_path), program=program()))
    ksops = tmp_path / "viaduct.ai/v1/ksops/ksops"
    ksops.unlink()
    ksops.write_text("the real one")
    lines = list(install.install(str(tmp_path), uninstall=True, program=program()))
    assert "viaduct.ai/v1/ksops/ksops is not ours, unchanged" in lines
    assert [str(path.relative_to(tmp_path)) for path in tmp_path.iterdir()] == ["viaduct.ai"]
    assert ksops.read_text() == "the real one"


@pytest.mark.parametrize("existing", [None, ".config/kustomize/plugin", "kustomize/plugin"])
def test_the_first_home_that_exists_is_taken(existing: str | None, tmp_path: Path) -> None:
    """A new one before it would hide the plugins that are there."""
    if existing:
        (tmp_path / existing).mkdir(parents=True)
    expected = str(tmp_path / (existing or ".config/kustomize/plugin"))
    assert install.plugin_home({"HOME": str(tmp_path)}) == expected
    assert install.plugin_home({"HOME": str(tmp_path), "KUSTOMIZE_PLUGIN_HOME": "/x"}) == "/x"


def test_ksops_install_puts_its_name_into_a_folder(workshop: Workshop) -> None:
    """As the init containers of Argo CD call it."""
    target = workshop.folder / "custom-tools"
    done = workshop.call("install", str(target), name="ksops")
    assert done.returncode == 0, done.stderr
    assert os.path.realpath(target / "ksops") == os.path.realpath(program())
    done = workshop.call("install", name="ksops")
    assert done.returncode == 1
    assert "install requires a destination directory" in done.stderr


def test_help_and_version(workshop: Workshop) -> None:
    """For people at a terminal."""
    from importlib.metadata import version

    assert workshop.call("--version").stdout == f"krm-sops {version('kubectl-sops')}\n"
    assert "kubectl kustomize --enable-alpha-plugins" in workshop.call("--help").stdout
    assert workshop.call("frobnicate").returncode == 2
