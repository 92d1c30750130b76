"""A change of many files, cut off at every step, is finished or undone."""

from __future__ import annotations

import os
import signal
import traceback

import pytest

from kubectl_sops.files import write
from kubectl_sops.repo import transaction
from kubectl_sops.repo.batch import Batch, finish, undo
from kubectl_sops.repo.transaction import InProgressError, Transaction
from tests.support.repository import Repository

FILES = {"a.yaml": b"a1", "sub/b.yaml": b"b1", "c.yaml": b"c1"}
CHANGED = {"a.yaml": b"a2", "sub/b.yaml": b"b2", "c.yaml": b"c2", "new.yaml": b"n2"}

CALLS = ("mkdir", "open", "link", "rename", "unlink", "fsync", "fchmod", "listdir")
"""Every call by which the transaction touches the disk."""


@pytest.fixture
def repo(tmp_path, monkeypatch):
    repository = Repository(tmp_path / "repo")
    repository.commit(files=FILES)
    monkeypatch.chdir(repository.folder)
    return repository


def content(repo):
    names = sorted(p for p in repo.folder.rglob("*.yaml") if p.is_file())
    return {str(p.relative_to(repo.folder)): p.read_bytes() for p in names}


def change(top):
    begun = Transaction.begin(str(top), "test")
    for name, after in CHANGED.items():
        begun.stage(name, FILES.get(name), after)
    begun.seal()
    finish(begun)


class _Cut:
    """Stands in for ``os`` in the modules that write: the process dies at the n-th call, before or after it."""

    def __init__(self, at: int, *, after: bool) -> None:
        self._left = at
        self._after = after

    def __getattr__(self, name):
        real = getattr(os, name)
        if name not in CALLS:
            return real

        def call(*args, **kwargs):
            self._left -= 1
            if self._left == 0 and not self._after:
                os.kill(os.getpid(), signal.SIGKILL)
            try:
                return real(*args, **kwargs)
            finally:
                if self._left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        return call


def killed_at(step, work, *, after):
    """Run ``work`` in a child that dies at a step; whether it died."""
    child = os.fork()
    if child == 0:
        try:
            transaction.os = write.os = _Cut(step, after=after)
            work()
        except BaseException:  # noqa: BLE001  # a child must not go on with the tests
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    assert status in (0, signal.SIGKILL)
    return status != 0


def reset(repo):
    repo.git("clean", "-fdq")
    repo.git("checkout", "-q", ".")


def steps(repo, work):
    """Every step of ``work`` at which it can die, before and after; the repository is as that left it."""
    for after in (False, True):
        step = 0
        while True:
            step += 1
            if not killed_at(step, work, after=after):
                break
            yield step
            assert step < 500
        assert step > 10
        yield 0


def test_every_cut_can_be_finished_or_undone(repo):
    """Killed at any call to the system, the change can be resumed where everything was staged, and undone always."""
    resumed = 0
    for step in steps(repo, lambda: change(repo.folder)):
        found = Transaction.find(str(repo.folder))
        if step and found is not None:
            assert set(content(repo).values()) <= {*FILES.values(), *CHANGED.values()}
            if found.journal.complete:
                finish(found)
                assert content(repo) == CHANGED
                resumed += 1
            else:
                undo(found)
                assert content(repo) == FILES
        assert Transaction.find(str(repo.folder)) is None
        reset(repo)
    assert resumed > 10


def test_every_cut_can_be_undone(repo):
    """``--abort`` brings back every byte, wherever the change was cut off, and the undoing itself."""
    undone = 0
    for step in steps(repo, lambda: change(repo.folder)):
        found = Transaction.find(str(repo.folder))
        if step and found is not None:
            killed_at(step % 7 + 1, lambda: undo(Transaction.find(str(repo.folder))), after=False)
            found = Transaction.find(str(repo.folder))
            if found is not None:
                undo(found)
            assert content(repo) in (FILES, CHANGED)
            undone += content(repo) == FILES
        assert Transaction.find(str(repo.folder)) is None
        reset(repo)
    assert undone > 10


def test_there_is_one_at_a_time(repo):
    """A second change waits for the first one."""
    begun = Transaction.begin(str(repo.folder), "updatekeys")
    with pytest.raises(InProgressError, match="`updatekeys` was begun"):
        Transaction.begin(str(repo.folder), "rotate")
    begun.close()
    Transaction.begin(str(repo.folder), "rotate").close()


def test_a_running_one_is_not_taken_over(repo):
    """The process that works on it is named."""
    begun = Transaction.begin(str(repo.folder), "rotate")
    begun.journal.process = os.getppid()
    begun._write()
    with pytest.raises(InProgressError, match=f"is running .*process {os.getppid()}"):
        Transaction.find(str(repo.folder)).take_over()


def test_foreign_changes_are_left_alone(repo):
    """A file that somebody changed meanwhile is neither replaced nor put back."""
    begun = Transaction.begin(str(repo.folder), "test")
    for name, after in CHANGED.items():
        begun.stage(name, FILES.get(name), after)
    begun.seal()
    (repo.folder / "c.yaml").write_bytes(b"mine")
    with pytest.raises(transaction.ChangedFilesError, match=r"c\.yaml"):
        finish(begun)
    assert content(repo) == {**CHANGED, "c.yaml": b"mine"}
    assert [os.path.basename(path) for path in undo(begun)] == ["c.yaml"]
    assert content(repo) == {**FILES, "c.yaml": b"mine"}


def test_modes_are_kept(repo):
    """A replaced file has the mode of the old one."""
    (repo.folder / "a.yaml").chmod(0o640)
    with Batch("test") as batch:
        batch.add("a.yaml", b"a1", b"a2")
        batch.add("c.yaml", b"c1", b"c2")
    assert (repo.folder / "a.yaml").stat().st_mode & 0o777 == 0o640
    assert content(repo) == {**FILES, "a.yaml": b"a2", "c.yaml": b"c2"}


def test_an_exception_changes_nothing(repo):
    """Whatever goes wrong while changes are collected leaves every file as it was, and no journal."""
    with pytest.raises(KeyboardInterrupt), Batch("test") as batch:  # noqa: PT012  # the last statement raises
        batch.add("a.yaml", b"a1", b"a2")
        batch.add("c.yaml", b"c1", b"c2")
        raise KeyboardInterrupt
    assert content(repo) == FILES
    assert Transaction.find(str(repo.folder)) is None


def test_a_full_disk_changes_nothing(repo, monkeypatch):
    """Where staging fails, no file is replaced."""

    def full(*_):
        raise OSError(28, "no space left on device")

    monkeypatch.setattr(transaction.Transaction, "_stage_file", full)
    with pytest.raises(transaction.UnwritableFileError, match="no space left"), Batch("test") as batch:  # noqa: PT012
        batch.add("a.yaml", b"a1", b"a2")
        batch.add("c.yaml", b"c1", b"c2")
    assert content(repo) == FILES
    assert Transaction.find(str(repo.folder)) is None
