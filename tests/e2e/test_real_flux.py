"""The whole way on real parts: a key from `init`, a Secret from `edit`, applied by Flux's own controller."""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.kustomize import Identity
from tests.support.repository import Repository
from tests.support.tools import run

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

    from tests.support.flux import Flux

PROGRAM = str(Path(sys.executable).parent / "kubectl-sops")
SECRET = """\
apiVersion: v1
kind: Secret
metadata:
  name: database
  namespace: default
stringData:
  # rotated every quarter
  password: correct horse
"""
DOTENV = "USER=shop\nPASSWORD=battery staple\n"


class Fleet:
    """A GitOps repository whose cluster has Flux and no key yet."""

    def __init__(self, flux: Flux, folder: Path) -> None:
        self.flux = flux
        self.repository = Repository(folder / "fleet")
        self.folder = self.repository.folder
        self.home = folder / "home"
        self.home.mkdir()

    def sops(self, *argv: str, **env: str) -> subprocess.CompletedProcess[bytes]:
        """Run our program in the repository, against the real API server."""
        kubeconfig = {"KUBECONFIG": str(self.flux.api.kubeconfig()), "HOME": str(self.home)}
        return run([PROGRAM, *argv], cwd=self.folder, env=kubeconfig | env)

    def edit(self, path: str, text: str) -> None:
        """Create or edit a file with an editor that types ``text``."""
        (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
        typed = self.home / "typed"
        typed.write_text(text)
        editor = self.home / "editor"
        editor.write_text(f'#!/bin/sh\ncp {typed} "$1"\n')
        editor.chmod(0o755)
        result = self.sops("edit", path, EDITOR=str(editor))
        assert result.returncode == 0, result.stderr.decode()


@pytest.fixture
def fleet(flux: Flux, tmp_path: Path) -> Iterator[Fleet]:
    """A repository, and a cluster without the Secret that `init` makes."""
    yield Fleet(flux, tmp_path)
    flux.api.kubectl("-n", "flux-system", "delete", "secret", "sops-age", "--ignore-not-found")


def test_flux_applies_what_edit_wrote_with_the_key_that_init_made(fleet: Fleet) -> None:
    """Nobody but the cluster has the key, and the Secret in it has the values that were typed."""
    init = fleet.sops("init")
    assert init.returncode == 0, init.stderr.decode()
    fleet.edit("apps/database.yaml", SECRET)
    assert b"correct horse" not in (fleet.folder / "apps/database.yaml").read_bytes()

    applied = fleet.flux.kustomize("right", fleet.folder, path="./apps")
    assert applied.ok, applied.message
    secret = fleet.flux.get("secret", "database", "default")
    assert {k: base64.b64decode(v) for k, v in secret["data"].items()} == {"password": b"correct horse"}

    fleet.edit("apps/database.yaml", SECRET.replace("correct horse", "another one"))
    assert fleet.flux.kustomize("right", fleet.folder, path="./apps").ok
    secret = fleet.flux.get("secret", "database", "default")
    assert base64.b64decode(secret["data"]["password"]) == b"another one"


def test_flux_decrypts_what_kustomize_reads(fleet: Fleet) -> None:
    """A file of a secretGenerator, in dotenv, whole and not by keys."""
    assert fleet.sops("init", "--path-regex", r"apps/").returncode == 0
    (fleet.folder / "apps").mkdir()
    (fleet.folder / "apps/database.env").write_text(DOTENV)
    encrypted = fleet.sops("encrypt", "-i", "apps/database.env")
    assert encrypted.returncode == 0, encrypted.stderr.decode()
    (fleet.folder / "apps/kustomization.yaml").write_text(
        "secretGenerator:\n- name: generated\n  namespace: default\n  envs: [database.env]\n"
        "generatorOptions:\n  disableNameSuffixHash: true\n"
    )
    applied = fleet.flux.kustomize("generated", fleet.folder, path="./apps")
    assert applied.ok, applied.message
    secret = fleet.flux.get("secret", "generated", "default")
    values = {k: base64.b64decode(v).decode() for k, v in secret["data"].items()}
    assert values == {"USER": "shop", "PASSWORD": "battery staple"}


def test_with_another_key_flux_and_we_name_the_same_file(fleet: Fleet) -> None:
    """The cluster's key was lost and made anew: whoever looks, in the cluster or here, is sent to the same place."""
    assert fleet.sops("init").returncode == 0
    fleet.edit("apps/database.yaml", SECRET)
    other = base64.b64encode(Identity().secret.encode()).decode()
    fleet.flux.api.kubectl(
        "-n", "flux-system", "patch", "secret", "sops-age", "-p", json.dumps({"data": {"age.agekey": other}})
    )

    applied = fleet.flux.kustomize("wrong", fleet.folder, path="./apps")
    assert not applied.ok
    # Flux names the object, and the recipient that nobody could open it for
    assert "Secret.v1.[noGrp]/database" in applied.message
    ours = fleet.sops("decrypt", "apps")
    assert ours.returncode == 128
    message = ours.stderr.decode()
    assert "apps/database.yaml" in message
    assert "name: database" in (fleet.folder / "apps/database.yaml").read_text()
    recipient = next(word for word in applied.message.replace(":", " ").split() if word.startswith("age1"))
    assert recipient in message
