"""`edit` on a real terminal: a document that can't be sealed is opened again, with the reason on top."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from kubectl_sops.core.metadata import KeyEntry
from kubectl_sops.files.decrypt import decrypt
from kubectl_sops.files.encrypt import Recipe, encrypt
from kubectl_sops.keys import age
from kubectl_sops.keys.keyring import Keyring

PROGRAM = str(Path(sys.executable).parent / "kubectl-sops")
IDENTITY, RECIPIENT = age.generate()
KEYRING = Keyring({}, identities=[IDENTITY])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """An encrypted file."""
    path = tmp_path / "a.yaml"
    recipe = Recipe([[KeyEntry("age", {"enc": "", "recipient": RECIPIENT})]])
    path.write_bytes(encrypt(b"a: hidden\n", "yaml", recipe, KEYRING, now="2026-01-01T00:00:00Z").data)
    return path


def _edit(file: Path, *script: str) -> tuple[int, str]:
    """Run `edit` on a new terminal; the exit code, and what the terminal showed."""
    editor = file.parent / "editor"
    editor.write_text("\n".join(["#!/bin/sh", 'cd "$(dirname "$0")"', "echo run >> runs", *script, ""]))
    editor.chmod(0o755)
    ours, theirs = pty.openpty()
    env = os.environ | {"SOPS_AGE_KEY": str(IDENTITY), "EDITOR": str(editor), "HOME": str(file.parent / "home")}
    with subprocess.Popen(
        [PROGRAM, "edit", file.name], cwd=file.parent, env=env, stdin=theirs, stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        shown = b""
        while True:
            try:
                part = os.read(ours, 4096)
            except OSError:
                break  # how Linux says that the other side is closed
            if not part:
                break
            shown += part
        code = process.wait(timeout=60)
    os.close(ours)
    return code, shown.decode()


def test_broken_document_is_opened_again_and_corrected(file: Path) -> None:
    """The second time the editor shows the text as it was left, under the error; corrected, it is saved without it."""
    code, shown = _edit(
        file,
        'if [ "$(wc -l < runs)" -gt 1 ]; then cp "$1" second; echo "a: corrected" > "$1.new"',
        'head -1 "$1" | cat - "$1.new" > "$1.both"; cat "$1.both" > "$1"',
        'else echo "a: [SECRET" > "$1"; fi',
    )
    again = (file.parent / "second").read_text().splitlines()
    assert code == 0, shown
    assert again[0].startswith("# kubectl-sops: ")
    assert again[-1] == "a: [SECRET"
    assert "error: " in shown
    assert "SECRET" not in shown
    assert decrypt(file.read_bytes(), "yaml", KEYRING) == b"a: corrected\n"


def test_leaving_a_broken_document_ends_the_edit(file: Path) -> None:
    """Left as it is, a broken document is kept for --resume, and the file stays what it was."""
    before = file.read_bytes()
    code, shown = _edit(file, 'if [ "$(wc -l < runs)" = 1 ]; then echo "a: [SECRET" > "$1"; fi')
    assert code == 1
    assert "`edit --resume a.yaml` goes on with it" in shown
    assert "SECRET" not in shown
    assert file.read_bytes() == before
    assert (file.parent / "runs").read_text() == "run\nrun\n"
    code, _ = _edit(file, 'if grep -q SECRET "$1"; then echo "a: resumed" > "$1"; fi')
    assert code == 0  # nobody asked for --resume, so the editor did not find it and changed nothing
    assert file.read_bytes() == before
