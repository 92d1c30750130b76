"""What people install: the wheel, alone in a fresh environment, found by kubectl."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.support.kustomize import Identity, seal
from tests.support.tools import missing, need, required

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this tree."""
    if "packages" not in required():
        # it is built and installed by pip, which asks the package index for what it depends on
        missing("packages")
    folder = tmp_path_factory.mktemp("wheel")
    _pip(Path(sys.executable), "wheel", "--no-deps", "--wheel-dir", str(folder), str(ROOT))
    return next(folder.glob("*.whl"))


def _pip(python: Path, *args: str) -> None:
    command = [str(python), "-m", "pip", "--quiet", "--disable-pip-version-check", *args]
    subprocess.run(command, check=True, timeout=600, stdin=subprocess.DEVNULL)


def test_wheel_holds_the_two_packages_and_nothing_else(wheel: Path) -> None:
    """No tests, no scripts, and the marker that says it is typed."""
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0].split("-")[0] for name in names} == {"kubectl_sops", "krm_fn"}
    assert {"kubectl_sops/py.typed", "kubectl_sops/cli/app.py", "krm_fn/__main__.py"} <= set(names)
    assert [name for name in names if name.endswith("/licenses/LICENSE")]


def test_installed_wheel_serves_kubectl(wheel: Path, tmp_path: Path) -> None:
    """In an environment with nothing else, `kubectl sops decrypt` decrypts, and krm-sops builds."""
    fresh = tmp_path / "fresh"
    subprocess.run([sys.executable, "-m", "venv", str(fresh)], check=True, timeout=120)
    _pip(fresh / "bin/python", "install", str(wheel))
    identity = Identity()
    (tmp_path / "home").mkdir()
    secret = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: a\nstringData:\n  password: found it\n"
    (tmp_path / "a.yaml").write_bytes(seal(secret, identity, "a.yaml"))
    (tmp_path / "kustomization.yaml").write_text("resources: [a.yaml]\ntransformers: [t.yaml]\n")
    (tmp_path / "t.yaml").write_text("apiVersion: kubectl-sops.dev/v1\nkind: SopsTransformer\nmetadata: {name: t}\n")
    env = {
        "PATH": os.pathsep.join([str(fresh / "bin"), os.path.dirname(need("kubectl")), os.defpath]),
        "HOME": str(tmp_path / "home"),
        "SOPS_AGE_KEY": identity.secret,
    }

    def kubectl(*args: str) -> str:
        done = subprocess.run(
            ["kubectl", *args], env=env, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert kubectl("sops", "decrypt", "a.yaml") == secret
    assert "kubectl-sops" in kubectl("sops", "version")
    kubectl("sops", "install", "kustomize")
    assert "found it" in kubectl("kustomize", "--enable-alpha-plugins", ".")
