"""Real editors, set up to keep copies of what they edit: none of the text is left behind."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

from tests.support.canary import PLAINTEXT, VALUE, files_with
from tests.support.kustomize import Identity, seal
from tests.support.tools import need, run

PROGRAM = str(Path(sys.executable).parent / "kubectl-sops")
VIMRC = """\
set nocompatible updatecount=1 backup writebackup
set directory={0} backupdir={0} viminfo='100,\\"100,n{0}/info
if has("persistent_undo")
  set undofile undodir={0}
endif
"""
PLAIN = f"apiVersion: v1\nkind: Secret\nmetadata:\n  name: a\nstringData:\n  password: {VALUE}\n  other: old\n"


def test_vim_leaves_no_copy(tmp_path: Path) -> None:
    """Swap, backup, undo and history files are not written, although the user's vimrc asks for them."""
    editor = need("vim")
    identity, home, copies = Identity(), tmp_path / "home", tmp_path / "copies"
    home.mkdir()
    copies.mkdir()
    (home / ".vimrc").write_text(VIMRC.format(copies))
    (tmp_path / "a.yaml").write_bytes(seal(PLAIN, identity, "a.yaml"))
    env = {"HOME": str(home), "SOPS_AGE_KEY": identity.secret, "TERM": "dumb", "PATH": "/usr/bin:/bin"}
    keys = f"{editor} --not-a-term -c '%s/old/new/' -c 'wq'"
    done = run([PROGRAM, "edit", "a.yaml"], env=env | {"EDITOR": keys}, cwd=tmp_path, timeout=60)
    assert done.returncode == 0, done.stderr
    assert b"other: new" in run([PROGRAM, "decrypt", "a.yaml"], env=env, cwd=tmp_path).stdout
    assert list(copies.iterdir()) == []
    assert files_with(PLAINTEXT, tmp_path) == []

    # the same without our options: the test can fail
    (tmp_path / "b.yaml").write_text(PLAIN)
    run(["sh", "-c", f"{keys} b.yaml"], env=env, cwd=tmp_path, timeout=60)
    assert list(copies.iterdir()) != []


def _type_in_nano(argv: list[str], env: dict[str, str], folder: Path) -> int:
    """Run a command that opens nano, put a line on top of the text, save and leave; the exit code."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(argv, cwd=folder, env=env, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        shown, typed = b"", False
        while True:
            try:
                part = os.read(ours, 4096)
            except OSError:
                break  # how Linux says that the other side is closed
            if not part:
                break
            shown += part
            if not typed and b"GNU nano" in shown:
                os.write(ours, b"# typed\r\x0f\r\x18")  # Ctrl-O, Enter, Ctrl-X
                typed = True
        code = process.wait(timeout=60)
    os.close(ours)
    return code


def test_nano_leaves_no_copy(tmp_path: Path) -> None:
    """Backups go where the text itself is, although another folder was asked for."""
    editor = need("nano")
    identity, home, copies = Identity(), tmp_path / "home", tmp_path / "copies"
    home.mkdir()
    copies.mkdir()
    (tmp_path / "a.yaml").write_bytes(seal(PLAIN, identity, "a.yaml"))
    env = {
        "HOME": str(home),
        "SOPS_AGE_KEY": identity.secret,
        "TERM": "xterm",
        "PATH": "/usr/bin:/bin",
        "EDITOR": editor,
    }
    assert _type_in_nano([PROGRAM, "edit", "a.yaml"], env, tmp_path) == 0
    assert run([PROGRAM, "decrypt", "a.yaml"], env=env, cwd=tmp_path).stdout.startswith(b"# typed\n")
    assert list(copies.iterdir()) == []
    assert files_with(PLAINTEXT, tmp_path) == []

    # the same without our option: the test can fail
    (tmp_path / "b.yaml").write_text(PLAIN)
    assert _type_in_nano([editor, "-B", "-C", str(copies), "b.yaml"], env, tmp_path) == 0
    assert list(copies.iterdir()) != []
