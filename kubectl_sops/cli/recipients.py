"""``recipients``: who can open what, and ``recipients add`` and ``rm`` for ``.sops.yaml``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from kubectl_sops.cli import listing, progress, recovery, session
from kubectl_sops.cli import option_table as table
from kubectl_sops.cli.recipient_edit import add, kind_of, remove
from kubectl_sops.errors import SopsError, UsageError
from kubectl_sops.keys import system
from kubectl_sops.repo import find
from kubectl_sops.repo.policy import Policy
from kubectl_sops.repo.roster import MISSING, STALE, groups_missing, is_called, roster

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kubectl_sops.repo.roster import Holder

STALE_EXIT_CODE = 1
SHOWN_NAMES = 20
PRIVATE_MARKS = ("AGE-SECRET-KEY-", "AGE-PLUGIN-", "PRIVATE KEY")

OPTIONS = (
    listing.FORM,
    table.Option("--who", help="Only what this recipient, or the person of this name, can open.", metavar="KEY|NAME"),
    table.Option("--stale", kind=table.FLAG, help="Only where file and rule differ; exit code 1 where they do."),
    table.Option("--name", help="With add: what to call the recipient.", metavar="NAME"),
    table.Option("--for", name="target", help="With add, rm: only the rule that matches this file.", metavar="PATH"),
    table.Option("--from-file", help="With add: a file of recipients, one a line.", metavar="FILE"),
    table.CONFIG,
    table.DRY_RUN,
    table.QUIET,
)

COLUMNS = (
    listing.Column("FILE", "file"),
    listing.Column("KIND", "kind"),
    listing.Column("RECIPIENT", "recipient"),
    listing.Column("NAME", "name"),
    listing.Column("RULE", "state"),
    listing.Column("GROUP", "group", wide=True),
    listing.Column("OPENS", "opens", wide=True),
)
COLUMNS_OF_ONE = (*COLUMNS[:-1], listing.Column("OPENS", "opens"))
"""With ``--who``, where it is the question."""


def recipients(arguments: list[str], values: table.Values) -> int:
    """Show who can open the encrypted files, or add people to .sops.yaml and remove them.

    The column RULE says ok, stale (the rule no longer names the recipient), missing (the rule names it, the file does
    not have it yet), or no rule. `updatekeys` brings files in line with the rules. With --who the column OPENS answers,
    and -o name lists only files that open. Somebody whose name is no longer in .sops.yaml is asked for by key. `add`
    with --name gives a recipient that is there already the new name.

    Examples:
      kubectl sops recipients

      kubectl sops recipients --who alice

      kubectl sops recipients --stale clusters/prod

      kubectl sops recipients add age1… --name alice

      kubectl sops recipients add --from-file alice.keys --name alice

      kubectl sops recipients rm alice
    """
    if arguments and arguments[0] in ("add", "rm") and not os.path.lexists(arguments[0]):
        return (add if arguments[0] == "add" else remove)(arguments[1:], values)
    form = listing.form(values)
    for option in ("name", "target", "from_file"):
        if values.get(option):
            raise UsageError("--name, --for and --from-file belong to `recipients add` and `rm`")
    who = str(values["who"]) if values.get("who") else None
    if who is not None:
        refuse_private(who)
    policy = Policy(str(values["config"]) if values.get("config") else None)
    rows, failures = _rows(arguments or ["."], policy, who, values)
    if who is not None and not rows and not failures:
        _require_known(who, policy, arguments or ["."])
    if values.get("stale"):
        rows = [row for row in rows if row["state"] in (STALE, MISSING)]
    elif who is not None and form == "name":
        rows = [row for row in rows if row["state"] != MISSING]
    if rows or form is not None:
        if who is None:
            listing.write(rows, COLUMNS, form, name="recipient")
        else:
            listing.write(rows, COLUMNS_OF_ONE, form, name="file")
    elif not values.get("quiet"):
        session.tell("Nothing found." if who or values.get("stale") else "No encrypted files found.")
    code = recovery.report(failures)
    return code or (STALE_EXIT_CODE if values.get("stale") and rows else 0)


def refuse_private(text: str) -> None:
    """Refuse a private key where a public one belongs, without repeating it.

    Raises:
        UsageError: it is one.
    """
    if any(mark in text for mark in PRIVATE_MARKS):
        raise UsageError(
            "that is a private key, and it is now in the history of this shell", hint="give the public key, age1…"
        )


def _require_known(who: str, policy: Policy, paths: Sequence[str]) -> None:
    """Tell somebody who opens nothing from somebody whom nobody knows.

    Raises:
        UsageError: it is neither a recipient nor a name in a ``.sops.yaml``.
        KeyParseError: it looks like a recipient, and is none.
    """
    for path in paths:
        policy.names_for(os.path.join(path, "") if os.path.isdir(path) else path)
    names = policy.names()
    if who.casefold() in map(str.casefold, names):
        return
    try:
        kind = kind_of(who)
    except UsageError:
        shown = sorted(names, key=str.casefold)
        more = f" and {len(shown) - SHOWN_NAMES} more" if len(shown) > SHOWN_NAMES else ""
        known = f"{', '.join(shown[:SHOWN_NAMES])}{more}" if shown else "none"
        raise UsageError(
            f"no recipient is named {who}", hint=f"the names in .sops.yaml: {known}; a key can be given as well"
        ) from None
    system(kind).parse_recipients(who)


def _rows(
    paths: Sequence[str], policy: Policy, who: str | None, values: table.Values
) -> tuple[list[dict[str, object]], list[SopsError]]:
    rows: list[dict[str, object]] = []
    failures: list[SopsError] = []
    for entry in progress.track(find.list_entries(paths), "Reading", quiet=bool(values.get("quiet"))):
        metadata = None
        try:
            metadata = find.read_metadata(entry)
            if metadata is None:
                continue
            holders = roster(metadata, policy.names_for(entry.path), policy.rule_for(entry.path))
        except SopsError as error:
            failures.append(error.at(entry.path))
            continue
        mine = [holder for holder in holders if who is None or is_called(holder.recipient, holder.name, who)]
        missing = groups_missing(metadata, mine) if who is not None else 0
        total = len(metadata.groups)
        rows += [_row(entry.path, holder, total, missing) for holder in mine]
    return rows, failures


def _row(path: str, holder: Holder, groups: int, missing: int) -> dict[str, object]:
    return {
        "file": path,
        "kind": holder.kind,
        "recipient": holder.recipient,
        "name": holder.name or None,
        "state": holder.state,
        "group": holder.group or None,
        "opens": "no" if holder.state == MISSING else _opens(groups, missing),
    }


def _opens(groups: int, missing: int) -> str:
    if missing:
        return f"with {missing} more group{'s' * (missing != 1)}"
    return "yes" if groups == 1 else "with its groups"


COMMAND = table.Command(recipients, OPTIONS, "[PATH]...")
