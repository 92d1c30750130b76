"""``updatekeys``."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from kubectl_sops.cli import listing, progress, recovery, session
from kubectl_sops.cli import option_table as table
from kubectl_sops.errors import ConfigNotFoundError, ConflictingParametersError, SopsError, UnreadableFileError
from kubectl_sops.files.read import read
from kubectl_sops.repo import find, rekey
from kubectl_sops.repo.batch import Batch
from kubectl_sops.repo.exposure import Exposure, Loss, exposures, lines
from kubectl_sops.repo.policy import Policy
from kubectl_sops.repo.roster import name_of, titled
from kubectl_sops.repo.spread import spread

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kubectl_sops.keys.keyring import Keyring
    from kubectl_sops.repo.rekey import Plan

NEEDED_EXIT_CODE = 1

OPTIONS = (
    listing.FORM,
    table.Option("--check", kind=table.FLAG, help="Change nothing; exit code 1 where something would change."),
    table.Option("--rotate", kind=table.FLAG, help="New data keys for every file that changes."),
    table.Option("--no-rotate", kind=table.FLAG, help="Keep the data keys even of files that lose a recipient."),
    *recovery.OPTIONS,
    table.CONFIG,
    table.INPUT_TYPE,
    table.DRY_RUN,
    table.QUIET,
    table.YES,
    *table.KEYS,
)


def updatekeys(arguments: list[str], values: table.Values) -> int:
    """Give files the recipients that .sops.yaml names.

    Adding a recipient adds one block to a file and changes nothing else. Removing one gives the file a new data key,
    and lists the values that the leaver could read: change those at the source.

    Examples:
      kubectl sops updatekeys

      kubectl sops updatekeys --dry-run clusters/prod

      kubectl sops updatekeys --check
    """
    form = listing.form(values)
    if values.get("rotate") and values.get("no_rotate"):
        raise ConflictingParametersError("cannot use both --rotate and --no-rotate")
    if recovery.wanted(values):
        return recovery.recover(arguments, values)
    policy = Policy(str(values["config"]) if values.get("config") else None)
    failures: list[SopsError] = []
    plans, same = _plans(arguments or ["."], values, policy, failures)
    changed: list[tuple[Plan, bool]] = []
    losses: list[Loss] = []
    dry = bool(values.get("dry_run") or values.get("check"))
    keyring = session.keyring(values)

    def rotated(plan: Plan) -> bool:
        return bool(values.get("rotate")) or (plan.shuts_out and not values.get("no_rotate"))

    def work(plan: Plan) -> bytes:
        return b"" if dry else rekey.apply(plan, keyring, now=session.now(), rotate=rotated(plan))

    if not dry:
        keyring.prefetch(plan.metadata for plan in plans)
    with Batch("updatekeys") as batch:
        shown = progress.track(plans, "Updating", quiet=bool(values.get("quiet")), failures=failures)
        for plan, result in zip(shown, spread(work, plans), strict=False):
            if isinstance(result, SopsError):
                failures.append(result.at(plan.path))
            else:
                if plan.removed:
                    losses.append(Loss(plan.path, plan.removed, plan.secret_paths()))
                if not dry:
                    batch.add(plan.path, plan.data, result)
                changed.append((plan, rotated(plan)))
    names = _names(policy, [plan for plan, _ in changed])
    seen = exposures(losses)
    if form is not None:
        _write_rows(changed, same, seen, names, form, dry=dry)
    elif not values.get("quiet"):
        _show(changed, same, seen, names, dry=dry)
    code = recovery.report(failures)
    return code or (NEEDED_EXIT_CODE if values.get("check") and changed else 0)


def _plans(
    paths: Sequence[str], values: table.Values, policy: Policy, failures: list[SopsError]
) -> tuple[list[Plan], list[str]]:
    """What has to change, and the files that are as they should be."""
    plans: list[Plan] = []
    same: list[str] = []
    for entry, data in find.find_encrypted(paths):
        try:
            rule = policy.rule_for(entry.path)
            if rule is None:
                if entry.named:
                    raise _no_rule(policy, entry.path)
                continue
            plan = rekey.plan(entry.path, data, session.input_format(entry.path, values, data), rule)
        except SopsError as error:
            failures.append(error.at(entry.path))
            continue
        if plan is None:
            same.append(entry.path)
        else:
            plans.append(plan)
    return plans, same


def _no_rule(policy: Policy, path: str) -> SopsError:
    loaded = policy.rules_for(path)
    if loaded is None:
        return ConfigNotFoundError("config file not found", hint="run `init`, or name one with --config")
    try:
        loaded.match(path)
    except SopsError as error:
        return error
    return ConfigNotFoundError(
        f"the config file {loaded.path} does not contain any creation rule", hint="add a rule for the file"
    )


def _names(policy: Policy, plans: Sequence[Plan]) -> dict[str, str]:
    names: dict[str, str] = {}
    for plan in plans:
        known = policy.names_for(plan.path)
        for _, recipient in (*plan.added, *plan.removed):
            names[recipient] = name_of(recipient, known)
    return names


def _show(
    changed: Sequence[tuple[Plan, bool]],
    same: Sequence[str],
    seen: Sequence[Exposure],
    names: dict[str, str],
    *,
    dry: bool,
) -> None:
    suffix = " (dry run)" if dry else ""
    for plan, rotate in changed:
        session.tell(f"{plan.path} updated{', new data key' if rotate else ''}{suffix}")
        for sign, keys in (("+", plan.added), ("-", plan.removed)):
            for key in keys:
                session.tell(f"  {sign} {titled(key[1], names)}")
        if not plan.added and not plan.removed:
            session.tell("  other key groups")
    if same:
        session.tell(f"{len(same)} file{'s' * (len(same) != 1)} unchanged")
    sys.stdout.write("".join(line + "\n" for line in lines(seen, names)))


def _write_rows(
    changed: Sequence[tuple[Plan, bool]],
    same: Sequence[str],
    seen: Sequence[Exposure],
    names: dict[str, str],
    form: str,
    *,
    dry: bool,
) -> None:
    rows: list[dict[str, object]] = []
    for plan, rotate in changed:
        rows.append({
            "file": plan.path,
            "result": "would be updated" if dry else "updated",
            "added": [recipient for _, recipient in plan.added],
            "removed": [recipient for _, recipient in plan.removed],
            "rotated": rotate,
            "exposed": [
                {"recipient": item.recipient, "name": names.get(item.recipient) or None, "since": item.since or None,
                 "paths": item.paths}
                for item in seen if item.file == plan.path
            ],
        })  # fmt: skip
    rows += [
        {"file": path, "result": "unchanged", "added": [], "removed": [], "rotated": False, "exposed": []}
        for path in same
    ]
    columns = (
        listing.Column("FILE", "file"),
        listing.Column("RESULT", "result"),
        listing.Column("ADDED", "added"),
        listing.Column("REMOVED", "removed"),
        listing.Column("ROTATED", "rotated"),
    )
    listing.write(rows, columns, form, name="file")


def updatekeys_as_sops(arguments: list[str], values: table.Values) -> int:
    """Synchronise the keys of files with .sops.yaml, asking first, with the texts of sops."""
    config = str(values["config"]) if values.get("config") else None
    policy = Policy(config)
    keyring = session.keyring(values)
    failures: list[SopsError] = []
    for path in arguments:
        try:
            _sync_as_sops(path, values, policy, keyring, input)
        except SopsError as error:
            failures.append(error.at(path))
    if len(arguments) == 1 and failures:
        raise failures[0]
    code = recovery.report(failures)
    return 1 if code else 0


def _sync_as_sops(path: str, values: table.Values, policy: Policy, keyring: Keyring, ask: Callable[[str], str]) -> None:
    if os.path.isdir(path):
        raise UnreadableFileError("can't operate on a directory without --recursive flag", file=path)
    absolute = os.path.abspath(path)
    session.tell(f"Syncing keys for file {absolute}")
    data = read(path)
    rule = policy.rule_for(path)
    if rule is None:
        raise _no_rule(policy, path)
    plan = rekey.plan(path, data, session.input_format(path, values), rule)
    if plan is None:
        session.tell(f"File {absolute} already up to date")
        return
    out = ["The following changes will be made to the file's groups:"]
    old, new = plan.metadata.shamir_threshold, plan.threshold
    if old == new:
        out += [f"shamir_threshold: {new}"] if new > 0 else []
    else:
        out += [f"+++ shamir_threshold: {new}"] if new > 0 else []
        out += [f"--- shamir_threshold: {old}"] if old > 0 else []
    for number, group in enumerate(plan.changes, start=1):
        out.append(f"Group {number}")
        for prefix, keys in (("    ", group.kept), ("+++ ", group.added), ("--- ", group.removed)):
            out += [prefix + recipient for _, recipient in keys]
    sys.stdout.write("".join(line + "\n" for line in out))
    if not values.get("yes") and not _agreed(ask):
        session.tell(f"File {absolute} left unchanged")
        return
    with Batch("updatekeys") as batch:
        batch.add(path, data, rekey.apply(plan, keyring, now=session.now(), rotate=False))
    session.tell(f"File {absolute} synced with new keys")


def _agreed(ask: Callable[[str], str]) -> bool:
    while True:
        try:
            answer = ask("Is this okay? (y/n):").strip().lower()
        except EOFError:
            raise SopsError("no answer, so nothing was changed", hint="answer with --yes") from None
        if answer in ("y", "n"):
            return answer == "y"


COMMAND = table.Command(updatekeys, OPTIONS, "[PATH]...")
SOPS = table.Command(
    updatekeys_as_sops, (table.CONFIG, table.INPUT_TYPE, table.YES, table.QUIET, *table.KEYS), "FILE..."
)
