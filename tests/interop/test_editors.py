"""Real editors, set up to keep copies of what they edit: none of the text is left behind."""

from __future__ import annotations

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


def test_vim_leaves_no_copy(tmp_path: Path) -> None:
    """Swap, backup, undo and history files are not written, although the user's vimrc asks for them."""
    editor = need("vim")
    identity, home, copies = Identity(), tmp_path / "home", tmp_path / "copies"
    home.mkdir()
    copies.mkdir()
    (home / ".vimrc").write_text(VIMRC.format(copies))
    plain = f"apiVersion: v1\nkind: Secret\nmetadata:\n  name: a\nstringData:\n  password: {VALUE}\n  other: old\n"
    (tmp_path / "a.yaml").write_bytes(seal(plain, identity, "a.yaml"))
    env = {"HOME": str(home), "SOPS_AGE_KEY": identity.secret, "TERM": "dumb", "PATH": "/usr/bin:/bin"}
    keys = f"{editor} --not-a-term -c '%s/old/new/' -c 'wq'"
    done = run([PROGRAM, "edit", "a.yaml"], env=env | {"EDITOR": keys}, cwd=tmp_path, timeout=60)
    assert done.returncode == 0, done.stderr
    assert b"other: new" in run([PROGRAM, "decrypt", "a.yaml"], env=env, cwd=tmp_path).stdout
    assert list(copies.iterdir()) == []
    assert files_with(PLAINTEXT, tmp_path) == []

    # the same without our options: the test can fail
    (tmp_path / "b.yaml").write_text(plain)
    run(["sh", "-c", f"{keys} b.yaml"], env=env, cwd=tmp_path, timeout=60)
    assert list(copies.iterdir()) != []
