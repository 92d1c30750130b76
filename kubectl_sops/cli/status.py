"""``status``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from kubectl_sops.cli import listing, progress, session
from kubectl_sops.cli import option_table as table
from kubectl_sops.errors import SopsError
from kubectl_sops.repo import git, guard
from kubectl_sops.repo.policy import Policy
from kubectl_sops.repo.spread import spread
from kubectl_sops.repo.status import ENCRYPTED, status_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kubectl_sops.repo.find import Entry
    from kubectl_sops.repo.status import Status

OPTIONS = (listing.FORM, table.CONFIG, table.QUIET)

COLUMNS = (
    listing.Column("FILE", "file"),
    listing.Column("STATE", "state"),
    listing.Column("RECIPIENTS", "recipients", show=lambda value: str(len(value)) if isinstance(value, list) else "-"),
    listing.Column("RULE", "rule"),
    listing.Column("DRIFT", "drift"),
    listing.Column("CHANGED", "changed", show=lambda value: str(value)[:10] if value else "-"),
    listing.Column("FORMAT", "format", wide=True),
    listing.Column("SELECTOR", "selector", wide=True),
    listing.Column("VERSION", "version", wide=True),
)


def status(arguments: list[str], values: table.Values) -> None:
    """Show the encrypted files of the repository, and those that should be.

    For each file its state, how many recipients it has, the creation rule that matches it, the recipients in which
    file and rule differ (+ is in the rule only, - is in the file only), and when it was committed last.

    Examples:
      kubectl sops status

      kubectl sops status -o wide clusters/prod
    """
    form = listing.form(values)
    policy = Policy(str(values["config"]) if values.get("config") else None)
    paths = arguments or ["."]
    source = guard.WorkTree(paths)
    found: list[Status] = []

    def work(entry: Entry) -> Status | None:
        inspection = guard.inspect(entry, policy, source.read)
        return None if inspection is None else status_of(inspection, policy)

    entries = source.entries()
    shown = progress.track(entries, "Reading", quiet=bool(values.get("quiet")))
    for _, state in zip(shown, spread(work, entries), strict=False):
        if isinstance(state, SopsError):
            raise state
        if state is not None:
            found.append(state)
    dates = _dates(paths)
    rows = [_row(state, dates) for state in found]
    if not rows and form is None:
        session.tell("No encrypted files found.")
        return
    listing.write(rows, COLUMNS, form, name="file")
    if form is None and not values.get("quiet"):
        session.tell(_summary(found))


def _row(state: Status, dates: dict[str, str]) -> dict[str, object]:
    return {
        "file": state.path,
        "state": state.state,
        "format": state.format,
        "recipients": [holder.name or holder.recipient for holder in state.holders if holder.group],
        "rule": state.rule,
        "drift": state.drift,
        "selector": state.selector,
        "modified": state.modified,
        "changed": dates.get(os.path.realpath(state.path)),
        "version": state.version,
        "findings": state.findings,
    }


def _dates(paths: Sequence[str]) -> dict[str, str]:
    """When each file was committed last, by its real path."""
    dates: dict[str, str] = {}
    folders = {path if os.path.isdir(path) else os.path.dirname(path) or "." for path in paths}
    for top in {top for top in map(git.find_top, folders) if top}:
        dates.update({os.path.join(os.path.realpath(top), name): date for name, date in git.last_changed(top).items()})
    return dates


def _summary(found: Sequence[Status]) -> str:
    states = [state.state for state in found]
    counts = [f"{states.count(ENCRYPTED)} encrypted"]
    counts += [f"{states.count(name)} {name}" for name in dict.fromkeys(states) if name != ENCRYPTED]
    drifted = sum(bool(state.drift) for state in found)
    if drifted:
        counts.append(f"{drifted} with other recipients than their rule")
    return ", ".join(counts)


COMMAND = table.Command(status, OPTIONS, "[PATH]...")
