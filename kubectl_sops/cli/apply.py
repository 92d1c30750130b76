"""``apply``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from kubectl_sops.cli import build as build_command
from kubectl_sops.cli import option_table as table
from kubectl_sops.errors import SopsError

if TYPE_CHECKING:
    from kubectl_sops.flux.live import Live
    from kubectl_sops.flux.pipeline import Build

OPTIONS = (table.DRY_RUN, *build_command.SHARED)


def apply(arguments: list[str], values: table.Values) -> int:
    """Apply what Flux would apply, to a cluster without Flux.

    The objects of `build`, in Flux's order, by server-side apply with Flux's field manager, so that Flux can take over
    later. Nothing is applied when anything does not build, and nothing is deleted.

    Examples:
      kubectl sops apply kustomization/apps --dry-run

      kubectl sops apply -R kustomization/flux-system --context test
    """
    from kubectl_sops.cluster.client import connect
    from kubectl_sops.flux.live import Live

    target = build_command.target_of(arguments, values)
    with build_command.open_session(target, values, build_command.masker_of(values)) as work:
        start = [build_command.choose(target, work, values)]
        builds = list(work.build_all(start, recursive=bool(values.get("recursive"))))
    for outcome in builds:
        build_command.report(outcome, values)
    failures = [outcome.error for outcome in builds if outcome.error is not None]
    if failures:
        return build_command.finish(failures)
    live = Live(connect(values))
    problems: list[SopsError] = []
    for outcome in builds:
        problems += _apply(live, outcome, values)
    return build_command.finish(problems)


def _apply(live: Live, outcome: Build, values: table.Values) -> list[SopsError]:
    """Apply the objects of one Kustomization; what failed."""
    from kubectl_sops.flux.manifest import group_of, key_of

    dry_run = bool(values.get("dry_run"))
    problems: list[SopsError] = []
    for manifest in outcome.objects:
        try:
            done = live.apply(manifest, dry_run=dry_run)
        except SopsError as error:
            problems.append(error)
            continue
        group, kind, _, name = key_of(manifest)
        if not values.get("quiet"):
            shown = kind.lower() + (f".{group_of(manifest)}" if group else "")
            sys.stdout.write(f"{shown}/{name} {done}{' (dry run)' if dry_run else ''}\n")
    return problems


COMMAND = table.Command(apply, OPTIONS, "[PATH | kustomization/NAME]")
