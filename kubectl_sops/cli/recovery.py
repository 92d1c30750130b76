"""Finishing or undoing a change of many files that was interrupted, and the list of what failed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from kubectl_sops.cli import option_table as table
from kubectl_sops.cli import session
from kubectl_sops.errors import ConflictingParametersError
from kubectl_sops.repo.batch import finish, repository_of, undo
from kubectl_sops.repo.transaction import NoTransactionError, Transaction, UndoneError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kubectl_sops.errors import SopsError

OPTIONS = (
    table.Option("--resume", kind=table.FLAG, help="Finish a change that was interrupted."),
    table.Option("--abort", kind=table.FLAG, help="Undo a change that was interrupted."),
)


def wanted(values: table.Values) -> bool:
    """Whether an interrupted change is to be finished or undone.

    Raises:
        ConflictingParametersError: both at once.
    """
    if values.get("resume") and values.get("abort"):
        raise ConflictingParametersError("cannot use both --resume and --abort")
    return bool(values.get("resume") or values.get("abort"))


def recover(paths: Sequence[str], values: table.Values) -> int:
    """Finish or undo what was interrupted in the repository of ``paths``.

    Raises:
        NoTransactionError: nothing was.
    """
    tops = dict.fromkeys(repository_of(os.path.join(path, "x")) for path in paths or ["."])
    found = [transaction for transaction in map(Transaction.find, tops) if transaction is not None]
    if not found:
        raise NoTransactionError("nothing was interrupted here", hint="run the command without --resume or --abort")
    for transaction in found:
        command = transaction.journal.command
        if transaction.journal.facts:
            raise NoTransactionError(
                f"`{command}` was interrupted here, which changes the cluster too",
                hint=f"add the option to `{command}`",
            )
        transaction.take_over()
        if values.get("abort") or not transaction.journal.complete:
            changed = undo(transaction)
            for path in changed:
                session.tell(f"{os.path.relpath(path)} was changed by somebody else, left as it is")
            session.tell(f"{command} undone")
            continue
        if transaction.journal.undoing:
            raise UndoneError(f"`{command}` is being undone already", hint="go on with --abort")
        finish(transaction)
        session.tell(f"{command} finished: {len(transaction.journal.items)} files")
    return 0


def report(failures: Sequence[SopsError]) -> int:
    """List what failed, on stderr, as every command of many files does; the exit code of the first."""
    from kubectl_sops.cli.app import report as report_error

    for failure in failures:
        report_error(failure)
    return failures[0].exit_code if failures else 0
