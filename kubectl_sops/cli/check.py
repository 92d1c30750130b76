"""``check``."""

from __future__ import annotations

import os
import sys
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from kubectl_sops.cli import option_table as table
from kubectl_sops.cli import progress, session
from kubectl_sops.errors import ConflictingParametersError, SopsError, UsageError
from kubectl_sops.files.read import STDIN
from kubectl_sops.repo import git, guard, report
from kubectl_sops.repo.finding import ERROR, Finding
from kubectl_sops.repo.policy import Policy
from kubectl_sops.repo.spread import spread

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_sops.repo.find import Entry

FOUND_EXIT_CODE = 1
FAILURE_EXIT_CODE = 2
FROM_TOP = ("github", "sarif")
"""Forms whose readers know files by their place in the repository, whatever folder the command runs in."""

OPTIONS = (
    table.Option("--staged", kind=table.FLAG, help="Look at what the next commit changes, as it is in Git's index."),
    table.Option("--format", help="text, github, sarif or json.", metavar="text|github|sarif|json"),
    table.Option("--exclude", many=True, help="Leave out files that match, such as 'tests/*'.", metavar="PATTERN"),
    table.CONFIG,
    table.QUIET,
)


def check(arguments: list[str], values: table.Values) -> int:
    """Find what must not be committed, without any key.

    Plain Secrets that a creation rule covers, half-encrypted files, selected values in plaintext, damaged metadata,
    wrong recipients, rules with what is no recipient, encrypted names and kinds, private keys, generators that read
    plaintext, and output of kustomize that was not decrypted. Exit code 0: nothing found, 1: findings, 2: the check
    itself failed. For GitHub and SARIF files are named from the top of the repository.

    Examples:
      kubectl sops check

      kubectl sops check --staged --exclude 'tests/*'

      kustomize build clusters/prod | kubectl sops check -

      kubectl sops check --format sarif > sops.sarif
    """
    form = str(values.get("format") or "text")
    if form not in report.FORMATS:
        raise UsageError(f"--format is {form}, expected one of {', '.join(report.FORMATS)}")
    if values.get("staged") and STDIN in arguments:
        raise ConflictingParametersError("cannot use standard input with --staged")
    try:
        findings, looked_at = _findings(arguments, values)
    except SopsError as error:
        from kubectl_sops.cli.app import report as report_error

        report_error(error)
        return FAILURE_EXIT_CODE
    shown = report.from_top(findings) if form in FROM_TOP else findings
    sys.stdout.write(report.FORMATS[form](shown))
    errors = sum(finding.level == ERROR for finding in findings)
    if form == "text" and not values.get("quiet"):
        session.tell(_summary(looked_at, errors, len(findings) - errors))
    return FOUND_EXIT_CODE if errors else 0


def _summary(files: int, errors: int, warnings: int) -> str:
    found = f"{errors} finding{'s' * (errors != 1)}" if errors else "no findings"
    more = f", {warnings} warning{'s' * (warnings != 1)}" if warnings else ""
    return f"{files} file{'s' * (files != 1)} checked: {found}{more}"


def _findings(arguments: list[str], values: table.Values) -> tuple[list[Finding], int]:
    config = str(values["config"]) if values.get("config") else None
    findings: list[Finding] = []
    looked_at = 0
    if STDIN in arguments:
        findings += _stream(sys.stdin.buffer.read())
        looked_at += 1
        arguments = [path for path in arguments if path != STDIN]
        if not arguments:
            return findings, looked_at
    source, policy = _staged(arguments, config) if values.get("staged") else _work_tree(arguments, config)

    def work(entry: Entry) -> list[Finding] | None:
        inspection = guard.inspect(entry, policy, source.read)
        if inspection is None:
            return None
        return [*inspection.findings, *guard.recipient_findings(policy.problems_for(entry.path))]

    excluded = values.get("exclude")
    patterns = [str(item) for item in excluded] if isinstance(excluded, list | tuple) else []
    entries = [e for e in source.entries() if not any(fnmatchcase(os.path.normpath(e.path), p) for p in patterns)]
    shown = progress.track(entries, "Checking", quiet=bool(values.get("quiet")))
    for _, found in zip(shown, spread(work, entries), strict=False):
        if isinstance(found, SopsError):
            raise found
        if found is not None:
            looked_at += 1
            findings += found
    # what is wrong with a rule is found at each of its files
    return list(dict.fromkeys(findings)), looked_at


def _work_tree(paths: list[str], config: str | None) -> tuple[guard.Source, Policy]:
    return guard.WorkTree(paths or ["."]), Policy(config)


def _staged(paths: list[str], config: str | None) -> tuple[guard.Source, Policy]:
    top = git.find_top(".")
    if top is None:
        raise UsageError("--staged needs a Git repository", hint="run it inside one")
    index = guard.Index(top, paths)
    return index, Policy(config, read=index.read)


def _stream(data: bytes) -> Iterator[Finding]:
    from kubectl_sops.repo.rendered import findings

    yield from findings(data)


COMMAND = table.Command(check, OPTIONS, "[PATH]...")
