"""``rotate`` over files and folders."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from kubectl_sops.cli import option_table as table
from kubectl_sops.cli import progress, recovery, rotate_file, session
from kubectl_sops.cli.recipe import recipients
from kubectl_sops.errors import ConflictingParametersError, SopsError, UsageError
from kubectl_sops.files import remote
from kubectl_sops.files import rotate as file_rotate
from kubectl_sops.repo import find, rekey
from kubectl_sops.repo.batch import Batch
from kubectl_sops.repo.exposure import Loss, exposures, lines
from kubectl_sops.repo.spread import spread

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kubectl_sops.core.metadata import Group
    from kubectl_sops.repo.rekey import Plan


def rotate(arguments: list[str], values: table.Values) -> int:
    """Encrypt files anew under new data keys, and add or remove recipients.

    One file goes to standard output, unless --in-place or --output say otherwise. Several files, and folders, need
    --in-place; files that do not open are listed at the end.

    Examples:
      kubectl sops rotate -i secret.yaml

      kubectl sops rotate -i clusters/prod

      kubectl sops rotate -i --add-age age1… --rm-pgp ABCDEF… secret.yaml
    """
    if recovery.wanted(values):
        return recovery.recover(arguments, values)
    if len(arguments) < 2 and not (arguments and os.path.isdir(arguments[0])):
        return rotate_file.rotate(arguments, values) or 0
    if values.get("output"):
        raise ConflictingParametersError("--output takes one file", hint="use --in-place")
    if not values.get("in_place"):
        raise UsageError("several files can only be rotated in place", hint="add --in-place")
    return _rotate_many(arguments, values)


def _rotate_many(paths: Sequence[str], values: table.Values) -> int:
    add = recipients(values, "add_")
    gone = {key.id for key in recipients(values, "rm_")}
    keyring = session.keyring(values)
    dry, quiet = bool(values.get("dry_run")), bool(values.get("quiet"))
    failures: list[SopsError] = []
    losses: list[Loss] = []
    done = 0

    def work(entry: find.Entry) -> tuple[bytes, bytes] | None:
        data = find.read_encrypted(entry)
        if data is None:
            return None
        kind = session.input_format(entry.path, values, data)
        ignore_mac = bool(values.get("ignore_mac"))
        return data, file_rotate.rotate(
            data, kind, keyring, now=session.now(), add=add, remove=gone, ignore_mac=ignore_mac
        )  # fmt: skip

    with Batch("rotate") as batch:
        entries = find.list_entries(paths)
        remote.prefetch_paths(
            [entry.path for entry in entries], lambda path: session.input_format(path, values), keyring
        )
        shown = progress.track(entries, "Rotating", quiet=quiet, failures=failures)
        for entry, result in zip(shown, spread(work, entries), strict=False):
            if isinstance(result, SopsError):
                failures.append(result.at(entry.path))
            elif result is not None:
                data, after = result
                plan = _plan(entry.path, data, session.input_format(entry.path, values, data), add, gone)
                if plan is not None and plan.removed:
                    losses.append(Loss(entry.path, plan.removed, plan.secret_paths()))
                if not dry:
                    batch.add(entry.path, data, after)
                done += 1
                if not quiet:
                    session.tell(f"{entry.path} rotated" + (" (dry run)" if dry else ""))
    if not quiet:
        sys.stdout.write("".join(line + "\n" for line in lines(exposures(losses), {})))
        session.tell(f"{done} file{'s' * (done != 1)} rotated" + (" (dry run)" if dry else ""))
    return recovery.report(failures)


def _plan(path: str, data: bytes, kind: str, add: Group, gone: set[str]) -> Plan | None:
    """What happens to the recipients of a file, for the report about those who leave."""
    if not add and not gone:
        return None
    metadata = rekey.read_metadata(data, kind)
    groups = [[key for key in group if key.id not in gone] for group in metadata.groups]
    groups[0] += [key for key in add if key.id not in {other.id for other in groups[0]}]
    return rekey.plan_groups(path, data, kind, metadata, groups)


COMMAND = table.Command(rotate, (*rotate_file.COMMAND.options, *recovery.OPTIONS), "[PATH]...")
