"""Writing the files that a command changes: one directly, several as one transaction for each repository."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from kubectl_sops.files.write import replace_file
from kubectl_sops.repo.transaction import ChangedFilesError, Transaction

if TYPE_CHECKING:
    from types import TracebackType


def repository_of(path: str) -> str:
    """The nearest folder above a file that holds a Git repository; the file's own folder where there is none."""
    start = folder = os.path.dirname(os.path.realpath(path))
    while not os.path.lexists(os.path.join(folder, ".git")):
        parent = os.path.dirname(folder)
        if parent == folder:
            return start
        folder = parent
    return folder


class Batch:
    """Collects changes; nothing is written before the ``with`` block ends without an exception.

    Args:
        command: what the user called, for the message that a crash leaves behind.
    """

    def __init__(self, command: str) -> None:
        self._command = command
        self._single: tuple[str, bytes, bytes] | None = None
        self._transactions: dict[str, Transaction] = {}
        self._tops: dict[str, str] = {}

    def add(self, path: str, before: bytes, after: bytes) -> None:
        """Replace ``before`` by ``after`` when the block ends."""
        if after == before:
            return
        if self._single is None and not self._transactions:
            self._single = (path, before, after)
            return
        if self._single is not None:
            first, self._single = self._single, None
            self._stage(*first)
        self._stage(path, before, after)

    def _stage(self, path: str, before: bytes, after: bytes) -> None:
        folder = os.path.dirname(path)
        top = self._tops.setdefault(folder, "") or repository_of(path)
        self._tops[folder] = top
        transaction = self._transactions.get(top)
        if transaction is None:
            transaction = self._transactions[top] = Transaction.begin(top, self._command)
        transaction.stage(path, before, after)

    def __enter__(self) -> Batch:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is not None:
            for transaction in self._transactions.values():
                transaction.close()  # nothing was replaced yet
            return
        self._write()

    def _write(self) -> None:
        if self._single is not None:
            path, _, after = self._single
            replace_file(path, after)
        for transaction in self._transactions.values():
            transaction.seal()
        for transaction in self._transactions.values():
            finish(transaction)


def finish(transaction: Transaction) -> None:
    """Replace the files of a sealed transaction and forget it.

    Raises:
        ChangedFilesError: somebody else changed some of them; all others are replaced, and the transaction stays.
    """
    changed = transaction.apply()
    if changed:
        raise ChangedFilesError(
            f"changed by somebody else meanwhile, left as they are: {', '.join(map(os.path.relpath, changed))}",
            hint="restore them and go on with --resume, or undo everything with --abort",
        )
    transaction.close()


def undo(transaction: Transaction) -> list[str]:
    """Put the files of a transaction back and forget it; returns files that somebody else changed, left as they are."""
    changed = transaction.revert() if transaction.journal.complete else []
    transaction.close()
    return changed
