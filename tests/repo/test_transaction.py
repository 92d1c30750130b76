"""A change of many files, cut off at every step, is finished or undone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kubectl_sops.repo import transaction
from kubectl_sops.repo.batch import Batch, finish, undo
from kubectl_sops.repo.transaction import ChangedFilesError, InProgressError, Transaction, folder_for
from tests.support.cut import killed_at, steps
from tests.support.repository import Repository

FILES = {"a.yaml": b"a1", "sub/b.yaml": b"b1", "c.yaml": b"c1"}
CHANGED = {"a.yaml": b"a2", "sub/b.yaml": b"b2", "c.yaml": b"c2", "new.yaml": b"n2"}


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


def reset(repo):
    repo.git("clean", "-fdq")
    repo.git("checkout", "-q", ".")


def test_every_cut_can_be_finished_or_undone(repo):
    """Killed at any call to the system, the change can be resumed where everything was staged, and undone always."""
    resumed = 0
    for step in steps(lambda _: change(repo.folder)):
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
    assert resumed > 4


def test_every_cut_can_be_undone(repo):
    """``--abort`` brings back every byte, wherever the change was cut off, and the undoing itself."""
    undone = 0
    for step in steps(lambda _: change(repo.folder)):
        found = Transaction.find(str(repo.folder))
        if step and found is not None:
            killed_at(step % 7 + 1, lambda _: undo(Transaction.find(str(repo.folder))), after=False)
            found = Transaction.find(str(repo.folder))
            if found is not None:
                undo(found)
            assert content(repo) in (FILES, CHANGED)
            undone += content(repo) == FILES
        assert Transaction.find(str(repo.folder)) is None
        reset(repo)
    assert undone > 4


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


def test_a_staged_version_that_was_damaged_is_not_used(tmp_path):
    """Whoever goes on after a crash reads from the disk, where anything may have happened since."""
    (tmp_path / "a.yaml").write_bytes(b"old")
    first = Transaction.begin(str(tmp_path), "test")
    first.stage(str(tmp_path / "a.yaml"), b"old", b"new")
    first.seal()
    staged = next(Path(folder_for(str(tmp_path))).glob("*.new"))
    staged.write_bytes(b"ne")
    found = Transaction.find(str(tmp_path))
    assert found is not None
    with pytest.raises(ChangedFilesError, match="the staged version was damaged"):
        found.apply()
    assert (tmp_path / "a.yaml").read_bytes() == b"old"
