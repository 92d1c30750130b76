"""``diff``."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from kubectl_sops.cli import build as build_command
from kubectl_sops.cli import option_table as table
from kubectl_sops.cli import session as cli_session
from kubectl_sops.errors import ConflictingParametersError, SopsError, UsageError

if TYPE_CHECKING:
    from kubectl_sops.flux.diff import Change
    from kubectl_sops.flux.mask import Masker
    from kubectl_sops.flux.pipeline import Build
    from kubectl_sops.flux.target import Target

    Object = dict[str, Any]

SAME, DIFFERENT, FAILURE = 0, 1, 2

FORMS = ("diff", "json", "name")

OPTIONS = (
    table.Option("-o", "--output", help="Form of the output.", metavar="|".join(FORMS)),
    table.Option("--ref", help="Compare with this Git revision instead of the cluster.", metavar="REVISION"),
    table.Option("--against", help="Compare with this folder instead of the cluster.", metavar="DIR"),
    table.Option("--color", help="auto, always or never.", metavar="auto|always|never"),
    *build_command.SHARED,
)


def diff(arguments: list[str], values: table.Values) -> int:
    """Show what applying would change: in the cluster, or since a Git revision.

    The cluster is asked by server-side apply without effect, as Flux applies; objects that pruning would delete are
    found in the inventory. Values of Secrets are masked, so that a change shows and the value does not. Exit code 0:
    the same, 1: different, 2: failure. KUBECTL_EXTERNAL_DIFF names a program to show the differences.

    Examples:
      kubectl sops diff kustomization/apps

      kubectl sops diff -R kustomization/flux-system --ref main

      kubectl sops diff apps/prod --against apps/staging
    """
    try:
        changes = _changes(arguments, values)
        _show(changes, values)
    except SopsError as error:
        from kubectl_sops.cli.app import report

        report(error)
        return FAILURE
    from kubectl_sops.flux.diff import SKIPPED

    return DIFFERENT if any(change.action != SKIPPED for change in changes) else SAME


def _changes(arguments: list[str], values: table.Values) -> list[Change]:
    form = values.get("output") or "diff"
    if form not in FORMS:
        raise UsageError(f"unknown output form {form}", hint=f"use -o {'|'.join(FORMS)}")
    if values.get("ref") and values.get("against"):
        raise ConflictingParametersError("cannot use both --ref and --against")
    target = build_command.target_of(arguments, values)
    masker = build_command.masker_of(values)
    if not values.get("ref") and not values.get("against"):
        return _against_cluster(target, values, masker)
    from kubectl_sops.flux.diff import compare

    with ExitStack() as stack:
        other = _other(target, arguments, values, stack)
        before = [] if other is None else _objects(_builds(other, values, masker, quiet=True), values, masker)
        after = _objects(_builds(target, values, masker), values, masker)
    return compare(before, after)


def _builds(target: Target, values: table.Values, masker: Masker, *, quiet: bool = False) -> list[Build]:
    """Everything that is built for a target.

    Raises:
        SopsError: the first failure.
    """
    with build_command.open_session(target, values, masker) as work:
        start = [build_command.choose(target, work, values)]
        builds = list(work.build_all(start, recursive=bool(values.get("recursive"))))
    for outcome in builds:
        if not quiet:
            build_command.report(outcome, values)
        if outcome.error is not None:
            raise outcome.error
    return builds


def _objects(builds: list[Build], values: table.Values, masker: Masker) -> list[Object]:
    shown: list[Object] = []
    for outcome in builds:
        shown += outcome.objects if values.get("show_secrets") else outcome.masked(masker)
    return shown


def _other(target: Target, arguments: list[str], values: table.Values, stack: ExitStack) -> Target | None:
    """What the target is compared with; ``None`` where it did not exist in that revision."""
    from kubectl_sops.flux import target as targets

    if values.get("against"):
        folder = str(values["against"])
        file = values.get("kustomization_file")
        if target.name:
            return targets.Target(folder, name=target.name)
        return targets.resolve(folder, str(file) if file else None, None)
    from kubectl_sops.flux.revision import Revision
    from kubectl_sops.repo import git

    top = git.find_top(arguments[0] if arguments and os.path.isdir(arguments[0]) else ".")
    if top is None:
        raise UsageError("--ref needs a Git repository", hint="run it inside one")
    revision = stack.enter_context(Revision(top, str(values["ref"]), os.environ))
    return targets.elsewhere(target, os.path.realpath(top), revision.root)


def _against_cluster(target: Target, values: table.Values, masker: Masker) -> list[Change]:
    from kubectl_sops.cluster.client import connect
    from kubectl_sops.flux.live import Live

    live = Live(connect(values))
    changes: list[Change] = []
    for outcome in _builds(target, {**values, "from_cluster": True}, masker):
        if values.get("show_secrets"):
            changes += live.compare(outcome.kustomization, outcome.objects, lambda manifest, **_: manifest)
        else:
            changes += live.compare(outcome.kustomization, outcome.objects, outcome.masking(masker))
    return changes


def _show(changes: list[Change], values: table.Values) -> None:
    from kubectl_sops.flux import external_diff

    form = values.get("output") or "diff"
    if form == "json":
        import json

        sys.stdout.write(json.dumps({"changes": [c.as_dict() for c in changes]}, indent=2, ensure_ascii=False) + "\n")
    elif form == "name":
        sys.stdout.write("".join(f"{change.title}\n" for change in changes))
    elif os.environ.get(external_diff.VARIABLE):
        external_diff.show(changes, os.environ, allow_disk=bool(values.get("allow_disk")))
    else:
        sys.stdout.write("".join(_text(change, colour=_in_colour(values)) for change in changes))
        if changes and not values.get("quiet"):
            cli_session.tell(_summary(changes))


def _in_colour(values: table.Values) -> bool:
    when = values.get("color") or "auto"
    if when not in ("auto", "always", "never"):
        raise UsageError(f"--color is {when}, expected auto, always or never")
    return when == "always" or (when == "auto" and sys.stdout.isatty() and not os.environ.get("NO_COLOR"))


_COLOURS = {"+": "\033[32m", "-": "\033[31m", "@": "\033[36m"}


def _text(change: Change, *, colour: bool) -> str:
    lines = [f"► {change.title}"]
    if colour:
        lines[0] = f"\033[1m{lines[0]}\033[0m"
    from kubectl_sops.flux.diff import SKIPPED

    for line in change.lines() if change.action != SKIPPED else ():
        start = _COLOURS.get(line[:1], "") if colour else ""
        lines.append(f"{start}{line}\033[0m" if start else line)
    return "\n".join(lines) + "\n"


def _summary(changes: list[Change]) -> str:
    from collections import Counter

    return ", ".join(f"{count} {action}" for action, count in Counter(change.action for change in changes).items())


COMMAND = table.Command(diff, OPTIONS, "[PATH | kustomization/NAME]")
