"""kill -9 at every system call that changes a file: `edit` and `encrypt -i` leave the old or the new file, whole."""

from __future__ import annotations

import re
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.kustomize import Identity, seal
from tests.support.tools import need, run

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAM = str(Path(sys.executable).parent / "kubectl-sops")
CHANGES = (
    "write,pwrite64,writev,fsync,fdatasync,ftruncate,rename,renameat,renameat2,link,linkat,unlink,unlinkat,rmdir,"
    "chmod,fchmod,fchmodat,chown,fchown,fchownat,mkdir,mkdirat,utimensat"
)
OLD = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: a\nstringData:\n  password: the old one\n"


class Work:
    """A folder with one file, and a command that changes it."""

    def __init__(self, folder: Path, before: bytes, argv: list[str], env: dict[str, str]) -> None:
        self.folder = folder / "work"
        self.protocol = folder / "strace.txt"
        self.file = self.folder / "secret.yaml"
        self.before = before
        self.argv = argv
        self.env = env
        self.restore()

    def restore(self) -> None:
        """The folder as it was."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()
        self.file.write_bytes(self.before)

    def run(self, *strace: str) -> int:
        """Run the command under strace, which leaves its children alone; its exit code."""
        # not with --seccomp-bpf: strace 6.1 injects nothing then
        argv = [need("strace"), "-o", str(self.protocol), "-e", f"trace={CHANGES}", *strace]
        # byte code would be written once, and the calls of one run not be those of the next
        env = self.env | {"PYTHONDONTWRITEBYTECODE": "1"}
        return run([*argv, *self.argv], cwd=self.folder, env=env).returncode

    def killed_at_every_call(self) -> Iterator[str]:
        """Run once to see the calls, then once per call, killed there; the name of the call."""
        assert self.run() == 0, "the command does its work when nobody kills it"
        calls = re.findall(r"^(\w+)\(", self.protocol.read_text(), re.MULTILINE)
        assert any("rename" in call for call in calls)
        for position, call in enumerate(calls):
            self.restore()
            # strace counts each kind of call for itself
            number = calls[: position + 1].count(call)
            assert self.run("-e", f"inject={call}:signal=KILL:when={number}") == -signal.SIGKILL
            yield f"{call} {number}"

    def leftovers(self) -> bytes:
        """What stands in other files than the one that is changed."""
        return b"".join(path.read_bytes() for path in self.folder.iterdir() if path != self.file)


@pytest.fixture
def identity() -> Identity:
    return Identity()


def _decrypted(file: Path, identity: Identity) -> bytes:
    """What real sops reads, its MAC verified."""
    result = run([need("sops"), "decrypt", str(file)], env={"SOPS_AGE_KEY": identity.secret})
    assert result.returncode == 0, result.stderr.decode()
    return result.stdout


@pytest.fixture
def memory() -> Iterator[str]:
    """A folder in memory: an editor's buffer stays there when nobody can remove it any more."""
    folder = tempfile.mkdtemp(prefix="kubectl-sops-test-", dir="/dev/shm")
    yield folder
    shutil.rmtree(folder)


def test_edit_killed_anywhere_leaves_a_whole_file(tmp_path: Path, memory: str, identity: Identity) -> None:
    """Old or new, and real sops opens it."""
    before = seal(OLD, identity)
    env = {
        "SOPS_AGE_KEY": identity.secret,
        "KUBECTL_SOPS_MEMORY_DIR": memory,
        "HOME": str(tmp_path),
        "EDITOR": "sed -i 's/the old one/another one/'",
    }
    work = Work(tmp_path, before, [PROGRAM, "edit", "secret.yaml"], env)
    seen = set()
    for call in work.killed_at_every_call():
        after = work.file.read_bytes()
        seen.add("old" if after == before else "new")
        if after != before:
            assert b"another one" in _decrypted(work.file, identity), call
        assert b"one" not in work.leftovers(), call
    assert seen == {"old", "new"}


def test_encrypt_in_place_killed_anywhere_leaves_a_whole_file(tmp_path: Path, identity: Identity) -> None:
    """The plaintext as it was, or the whole encrypted file."""
    before = OLD.encode()
    env = {"SOPS_AGE_KEY": identity.secret, "HOME": str(tmp_path)}
    argv = [PROGRAM, "encrypt", "-i", "--age", identity.recipient, "secret.yaml"]
    work = Work(tmp_path, before, argv, env)
    seen = set()
    for call in work.killed_at_every_call():
        after = work.file.read_bytes()
        seen.add("old" if after == before else "new")
        if after != before:
            assert b"the old one" in _decrypted(work.file, identity), call
        assert b"one" not in work.leftovers(), call
    assert seen == {"old", "new"}
