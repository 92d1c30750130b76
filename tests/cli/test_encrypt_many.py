"""``encrypt`` over folders, and ``--if-needed`` for files that are encrypted in part."""

from __future__ import annotations

import os

import pytest

from kubectl_sops.cli import check, encrypt
from tests.support.command import call
from tests.support.repository import Repository
from tests.support.team import config, people, seal, secret, sops

ALICE = people("alice")[0]


@pytest.fixture
def repo(tmp_path, monkeypatch):
    repository = Repository(tmp_path / "repo")
    repository.write({".sops.yaml": config(ALICE), "db.yaml": secret(password="one")})
    repository.write({"apps/web.yaml": secret(token="t")})
    repository.write({"apps/config.yaml": "kind: ConfigMap\napiVersion: v1\ndata:\n  a: b\n"})
    seal(repository.folder, "db.yaml")
    for name in list(os.environ):
        if name.startswith(("SOPS_", "KUBECONFIG")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SOPS_AGE_KEY", ALICE.identity)
    monkeypatch.chdir(repository.folder)
    return repository


def test_a_folder_means_its_plain_secrets(repo):
    """Encrypted files and other manifests stay as they are."""
    repo.commit()
    assert call(encrypt.COMMAND, ".").code == 2
    result = call(encrypt.COMMAND, "-i", ".")
    assert (result.code, result.err) == (0, "apps/web.yaml encrypted\n"), result
    assert repo.git("status", "--porcelain").stdout == b" M apps/web.yaml\n"
    assert b"token: t" in sops(["decrypt", "apps/web.yaml"], repo.folder, ALICE)
    assert call(check.COMMAND, "-q").code == 0


def test_added_values_are_encrypted(repo):
    """What somebody added by hand is encrypted; every other value keeps its ciphertext; sops accepts the MAC."""
    path = repo.folder / "db.yaml"
    before = path.read_text()
    path.write_text(before.replace("stringData:\n", "stringData:\n    added: CANARY\n"))
    assert call(check.COMMAND, "-q", "db.yaml").code == 1
    result = call(encrypt.COMMAND, "-i", "--if-needed", ".")
    assert result.code == 0, result
    after = path.read_text()
    assert "CANARY" not in after
    assert next(line for line in before.splitlines() if "password:" in line) in after
    assert b"added: CANARY\n    password: one" in sops(["decrypt", "db.yaml"], repo.folder, ALICE)


def test_replaced_values_need_a_look(repo):
    """Where a ciphertext was replaced, the MAC can't vouch for the rest: that has to be accepted."""
    path = repo.folder / "db.yaml"
    lines = [line if "password:" not in line else "    password: two" for line in path.read_text().splitlines()]
    path.write_text("\n".join(lines) + "\n")
    refused = call(encrypt.COMMAND, "-i", "--if-needed", "db.yaml")
    assert refused.code == 51
    assert "--ignore-mac" in refused.err
    assert call(encrypt.COMMAND, "-i", "--if-needed", "--ignore-mac", "db.yaml").code == 0
    assert b"password: two" in sops(["decrypt", "db.yaml"], repo.folder, ALICE)


def test_nothing_to_do_touches_nothing(repo):
    """An encrypted file in order keeps bytes and time, and that is no error."""
    stamp = (repo.folder / "db.yaml").stat().st_mtime_ns
    assert call(encrypt.COMMAND, "-i", "--if-needed", "db.yaml").err == "db.yaml unchanged\n"
    assert call(encrypt.COMMAND, "-i", "db.yaml").code == 203
    assert (repo.folder / "db.yaml").stat().st_mtime_ns == stamp


def test_other_changes_are_not_blessed(repo):
    """A readable value beside a changed name: the MAC does not fit, so nothing is written."""
    path = repo.folder / "db.yaml"
    text = path.read_text().replace("stringData:\n", "stringData:\n    added: x\n").replace("name: db", "name: other")
    path.write_text(text)
    assert call(encrypt.COMMAND, "-i", "--if-needed", "db.yaml").code == 51
    assert path.read_text() == text
