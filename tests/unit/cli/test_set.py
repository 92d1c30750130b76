"""`set` and `unset`: where a value comes from, and what can't be one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from kubectl_sops.cli.set_value import SET, UNSET
from kubectl_sops.core.metadata import KeyEntry
from kubectl_sops.files.decrypt import decrypt
from kubectl_sops.files.encrypt import Recipe, encrypt
from kubectl_sops.keys import age
from kubectl_sops.keys.keyring import Keyring
from tests.support.command import call

IDENTITY, RECIPIENT = age.generate()
KEYRING = Keyring({}, identities=[IDENTITY])


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An encrypted file, and the key to it in the environment."""
    monkeypatch.setenv("SOPS_AGE_KEY", str(IDENTITY))
    path = tmp_path / "a.yaml"
    recipe = Recipe([[KeyEntry("age", {"enc": "", "recipient": RECIPIENT})]])
    path.write_bytes(encrypt(b"a: 1\n", "yaml", recipe, KEYRING, now="2026-01-01T00:00:00Z").data)
    return path


def _plain(path: Path) -> bytes:
    return decrypt(path.read_bytes(), "yaml", KEYRING)


def test_generated_value_is_shown_nowhere(file: Path) -> None:
    """--generate stores as many letters and digits as asked for, another text each time, and prints none of it."""
    done = call(SET, "--generate", "40", str(file), "a")
    first = _plain(file).decode().removeprefix("a: ").strip()
    assert (done.code, done.out) == (0, "")
    assert len(first) == 40
    assert first.isalnum()
    assert first not in done.err
    call(SET, "--generate", "40", str(file), "a")
    assert first not in _plain(file).decode()


@pytest.mark.parametrize(
    ("argv", "code"),
    [
        (("--generate", "8", "FILE", "a", '"hidden"'), 100),
        (("--generate", "8", "--value-stdin", "FILE", "a"), 8),
        (("--generate", "0", "FILE", "a"), 7),
        (("FILE", "a", "1e999"), 7),
        (("FILE", "a", "NaN"), 7),
        (("FILE", "a", '"\\ud800"'), 7),
        (("FILE", "a", '"\udcff"'), 7),
        (("FILE", '["\udcff"]', "1"), 7),
        (("FILE", "", "1"), 7),
    ],
)
def test_what_cannot_be_stored_is_refused(argv: tuple[str, ...], code: int, file: Path) -> None:
    """A value that is not JSON, or not text, changes nothing and is not quoted."""
    before = file.read_bytes()
    done = call(SET, *[str(file) if word == "FILE" else word for word in argv])
    assert done.code == code
    assert "kubectl-sops: error: " in done.err
    assert "hidden" not in done.err
    assert file.read_bytes() == before


def test_unset_of_a_key_that_is_not_there(file: Path) -> None:
    """It is an error, unless --idempotent says that it need not be there."""
    before = file.read_bytes()
    assert call(UNSET, str(file), "b").code == 1
    assert call(UNSET, "--idempotent", str(file), "b").code == 0
    assert file.read_bytes() == before


def test_of_changes_at_the_same_time_none_is_lost(file: Path) -> None:
    """Each `set` that reports success is in the file; one that came too late says so."""
    program = str(Path(sys.executable).parent / "kubectl-sops")
    processes = [
        subprocess.Popen([program, "set", str(file), f"k{n}", str(n)], stderr=subprocess.PIPE, env=dict(os.environ))
        for n in range(4)
    ]
    ended = [(n, process.communicate(timeout=60)[1], process.returncode) for n, process in enumerate(processes)]
    plain = _plain(file).decode()
    for n, said, code in ended:
        assert (f"k{n}: {n}\n" in plain) == (code == 0), said
        assert code == 0 or b"changed by someone else meanwhile" in said
