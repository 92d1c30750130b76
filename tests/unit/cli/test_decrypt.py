"""`decrypt` of several files and of folders."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kubectl_sops.cli.decrypt import COMMAND
from kubectl_sops.core.metadata import KeyEntry
from kubectl_sops.files.encrypt import Recipe, encrypt
from kubectl_sops.keys import age
from kubectl_sops.keys.keyring import Keyring
from tests.support.command import call

if TYPE_CHECKING:
    from pathlib import Path

IDENTITY, RECIPIENT = age.generate()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two encrypted files, one of them JSON, and the key to them in the environment."""
    monkeypatch.setenv("SOPS_AGE_KEY", str(IDENTITY))
    monkeypatch.chdir(tmp_path)
    recipe = Recipe([[KeyEntry("age", {"enc": "", "recipient": RECIPIENT})]])
    for name, kind, plain in (
        ("a.yaml", "yaml", b"a: 1"),
        ("b.json", "json", b'{"b": 2}'),
        ("c.env", "dotenv", b"C=3\n"),
    ):
        (tmp_path / name).write_bytes(encrypt(plain, kind, recipe, Keyring({}), now="2026-01-01T00:00:00Z").data)
    return tmp_path


def test_several_files_are_one_stream(folder: Path) -> None:
    """YAML and JSON become documents of one YAML stream."""
    assert call(COMMAND, "a.yaml", "b.json").out == "a: 1\n---\nb: 2\n"


def test_what_fails_does_not_stop_the_others(folder: Path) -> None:
    """Each file that can't be part of the stream is named with its own reason; the code is that of the first."""
    done = call(COMMAND, "missing", "a.yaml", "c.env")
    assert done.code == 100
    assert done.out == "a: 1\n"
    assert "missing: no such file" in done.err
    assert "c.env: dotenv can't be part of a YAML stream" in done.err
    assert "1 of 3 files decrypted" in done.err


def test_folder_without_encrypted_files_is_said(folder: Path) -> None:
    """Nothing to decrypt is no error, but not silence either."""
    (folder / "empty").mkdir()
    done = call(COMMAND, "empty")
    assert (done.code, done.out, done.err) == (0, "", "no encrypted file in empty\n")
    assert call(COMMAND, "--quiet", "empty").err == ""


def test_file_without_its_end_is_not_called_plaintext(folder: Path) -> None:
    """A file that was cut off still has ciphertexts; to encrypt it once more would make it worse."""
    whole = (folder / "a.yaml").read_bytes()
    (folder / "cut.yaml").write_bytes(whole[: whole.index(b"sops:")])
    done = call(COMMAND, "cut.yaml")
    assert done.code == 1
    assert "there are encrypted values, but no `sops` entry" in done.err
    assert "encrypt` it first" not in done.err
