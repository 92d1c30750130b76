"""Changing many files as one step that survives a crash at any moment.

New bytes are staged in a folder beside the repository's own data, synced, and recorded in a journal; only then files
are replaced, each by a rename. Whatever happens in between, the journal says for every file what it was and what it
should become, by digest, so that the change can be finished or undone. It holds ciphertext, digests and public keys.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
import stat
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from kubectl_sops.errors import SopsError, UnwritableFileError
from kubectl_sops.files.write import replace_file
from kubectl_sops.repo import git

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FOLDER = "kubectl-sops"
JOURNAL = "journal.json"
DONE = ".done"
"""Suffix of a folder that only has to be removed."""

FORMAT = 1

SYNC_EACH = 64
"""Up to this many files are synced one by one, more by syncing the whole system once."""


class InProgressError(SopsError):
    """Another change of many files was begun here and not finished."""


class ChangedFilesError(SopsError):
    """Files were changed by somebody else while a change was in progress."""


class NoTransactionError(SopsError):
    """There is nothing to finish or to undo."""


class UndoneError(SopsError):
    """A change that is being undone can't be finished any more."""


@dataclass(slots=True)
class Item:
    """One file of a transaction.

    Attributes:
        path: relative to the top folder.
        before, after: SHA-256 of its bytes; ``before`` is empty where there was no file.
        staged: the name under which both versions are kept.
    """

    path: str
    before: str
    after: str
    staged: str


@dataclass(slots=True)
class Journal:
    """What a transaction is about.

    Attributes:
        command: what the user called, for messages.
        complete: whether everything is staged, so that it can be finished.
        undoing: whether it is being undone, after which it can't be finished any more.
        facts: what the command needs to go on; public data only.
    """

    command: str
    facts: dict[str, str] = field(default_factory=dict)
    items: list[Item] = field(default_factory=list)
    complete: bool = False
    undoing: bool = False
    process: int = 0
    host: str = ""
    format: int = FORMAT


def digest(data: bytes) -> str:
    """SHA-256, as the journal keeps it."""
    return hashlib.sha256(data).hexdigest()


def _digest_of(path: str) -> str:
    try:
        with open(path, "rb") as file:
            return digest(file.read())
    except FileNotFoundError:
        return ""


def folder_for(top: str) -> str:
    """Where the journal of a repository is: in Git's own folder, which is never committed."""
    found = git.find_git_folder(top)
    return os.path.join(found, FOLDER) if found is not None else os.path.join(top, "." + FOLDER)


class Transaction:
    """A change of many files below ``top``.

    Use: ``begin``, ``stage`` for each file, ``seal``, then ``apply`` and ``close``; ``revert`` and ``close`` undo it.
    """

    def __init__(self, top: str, journal: Journal) -> None:
        self.top = top
        self.journal = journal
        self._folder = folder_for(top)
        self._is_fresh = False  # what is staged was written by this process just now

    @classmethod
    def begin(cls, top: str, command: str, facts: dict[str, str] | None = None) -> Transaction:
        """Start one; there is at most one in a repository.

        Raises:
            InProgressError: there is one already.
            UnwritableFileError: its folder can't be made.
        """
        journal = Journal(command, dict(facts or {}), process=os.getpid(), host=socket.gethostname())
        transaction = cls(top, journal)
        try:
            os.mkdir(transaction._folder, 0o700)
        except FileExistsError:
            raise _in_progress(cls.find(top), top) from None
        except OSError as error:
            raise UnwritableFileError(f"can't be created: {error.strerror}", file=transaction._folder) from None
        transaction._write()
        return transaction

    @classmethod
    def find(cls, top: str) -> Transaction | None:
        """The one that was begun and not finished."""
        folder = folder_for(top)
        if not os.path.isdir(folder):
            return None
        try:
            with open(os.path.join(folder, JOURNAL), encoding="utf-8") as file:
                tree = json.load(file)
            tree["items"] = [Item(**item) for item in tree["items"]]
            return cls(top, Journal(**tree))
        except (OSError, ValueError, TypeError, KeyError):
            return cls(top, Journal("unknown"))  # interrupted while it was begun: nothing changed yet

    @property
    def is_running(self) -> bool:
        """Whether the process that began it is still there."""
        journal = self.journal
        if not journal.process or journal.host != socket.gethostname():
            return False
        try:
            os.kill(journal.process, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            pass
        return journal.process != os.getpid()

    def take_over(self) -> None:
        """Make this process the one that works on it.

        Raises:
            InProgressError: the process that began it still runs.
        """
        if self.is_running:
            raise _in_progress(self, self.top)
        self.journal.process, self.journal.host = os.getpid(), socket.gethostname()
        self._write()

    def stage(self, path: str, before: bytes | None, after: bytes) -> None:
        """Keep both versions of a file; ``path`` is absolute or relative to the working directory."""
        name = f"{len(self.journal.items):06d}"
        target = os.path.realpath(path)
        item = Item(
            os.path.relpath(target, os.path.realpath(self.top)),
            digest(before) if before is not None else "",
            digest(after),
            name,
        )
        try:
            self._stage_file(name + ".new", after, target)
            if before is not None:
                self._keep(name + ".old", before, target)
        except OSError as error:
            raise UnwritableFileError(f"can't be staged: {error.strerror}", file=path) from None
        self.journal.items.append(item)

    def _stage_file(self, name: str, data: bytes, target: str) -> None:
        descriptor = os.open(self._staged(name), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        with open(descriptor, "wb") as file:
            file.write(data)
            try:
                old = os.stat(target)
            except FileNotFoundError:
                return
            os.fchmod(descriptor, stat.S_IMODE(old.st_mode))
            if (old.st_uid, old.st_gid) != (os.geteuid(), os.getegid()):
                try:
                    os.fchown(descriptor, old.st_uid, old.st_gid)
                except PermissionError:
                    pass  # only root may give a file away

    def _keep(self, name: str, data: bytes, target: str) -> None:
        # a second name for the file as it is costs nothing; its digest is checked before it is used
        try:
            os.link(target, self._staged(name))
        except OSError:
            self._stage_file(name, data, target)

    def _staged(self, name: str) -> str:
        return os.path.join(self._folder, name)

    def seal(self) -> None:
        """Make sure that everything staged is on the disk, and record that it is complete."""
        names = [name for name in os.listdir(self._folder) if name != JOURNAL]
        if len(names) > SYNC_EACH:
            os.sync()
        else:
            for name in names:
                _sync(self._staged(name))
        self.journal.complete = True
        self._write()
        self._is_fresh = True

    def apply(self) -> list[str]:
        """Replace the files; goes on where an earlier attempt stopped.

        Returns:
            paths of files that somebody else changed meanwhile, and that were left alone.
        """
        return self._move(lambda item: (item.before, item.after, item.staged + ".new"))

    def revert(self) -> list[str]:
        """Put the files back, those that were replaced; returns those that somebody else changed meanwhile."""
        if not self.journal.undoing:
            self.journal.undoing = True
            self._write()
        return self._move(lambda item: (item.after, item.before, item.staged + ".old"))

    def _move(self, direction: Callable[[Item], tuple[str, str, str]]) -> list[str]:
        changed: list[str] = []
        folders: set[str] = set()
        for item in self.journal.items:
            expected, wanted, name = direction(item)
            path = os.path.join(self.top, item.path)
            found = _digest_of(path)
            if found == wanted:
                continue
            if found != expected:
                changed.append(path)
                continue
            if wanted:
                self._replace(path, name, wanted)
            else:
                os.unlink(path)
            folders.add(os.path.dirname(path))
        for folder in sorted(folders):
            _sync(folder)
        return changed

    def _replace(self, path: str, name: str, wanted: str) -> None:
        source = self._staged(name)
        if not self._is_fresh and _digest_of(source) != wanted:
            raise ChangedFilesError("the staged version was damaged", file=path, hint="restore the file from Git")
        if not os.access(path, os.W_OK) and os.path.exists(path):
            raise UnwritableFileError("can't be written: permission denied", file=path)
        try:
            os.rename(source, path)
        except OSError:
            with open(source, "rb") as file:  # another file system
                replace_file(path, file.read())

    def close(self) -> None:
        """Forget the transaction, finished or undone."""
        # one step, so that the journal never names staged files that are gone
        done = self._folder + DONE
        shutil.rmtree(done, ignore_errors=True)
        os.rename(self._folder, done)
        shutil.rmtree(done, ignore_errors=True)

    def _write(self) -> None:
        text = json.dumps(asdict(self.journal), indent=1)
        replace_file(self._staged(JOURNAL), text.encode())


def _in_progress(found: Transaction | None, top: str) -> InProgressError:
    what = found.journal.command if found is not None else "a change"
    if found is not None and found.is_running:
        return InProgressError(
            f"`{what}` is running in {top} (process {found.journal.process})", hint="wait until it is done"
        )
    return InProgressError(
        f"`{what}` was begun in {top} and not finished", hint="finish it with --resume, or undo it with --abort"
    )


def _sync(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def staged_paths(transaction: Transaction) -> Iterator[str]:
    """The files that a transaction is about, as absolute paths."""
    return (os.path.join(transaction.top, item.path) for item in transaction.journal.items)
