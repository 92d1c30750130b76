"""Findings in the forms that people, GitHub and code scanners read."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from typing import TYPE_CHECKING

from kubectl_sops.errors import format_path
from kubectl_sops.repo import git
from kubectl_sops.repo.finding import RULES, Finding
from kubectl_sops.repo.rendered import STREAM

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def from_top(findings: Sequence[Finding]) -> list[Finding]:
    """The findings with files named from the top of their repository; outside of one they stay as they are."""
    here = git.find_top(".")
    tops: dict[str, str | None] = {}
    found = []
    for finding in findings:
        folder = os.path.realpath(os.path.dirname(finding.file) or ".")
        if folder not in tops:
            tops[folder] = here if here and _is_below(folder, here) else git.find_top(folder)
        top = tops[folder]
        if top is None or finding.file == STREAM:
            found.append(finding)
        else:
            path = os.path.join(folder, os.path.basename(finding.file))
            found.append(replace(finding, file=os.path.relpath(path, os.path.realpath(top))))
    return found


def _is_below(folder: str, top: str) -> bool:
    return os.path.commonpath([folder, os.path.realpath(top)]) == os.path.realpath(top)


def text(findings: Sequence[Finding]) -> str:
    """One line each, with what to do below the last one of a kind."""
    out: list[str] = []
    for number, finding in enumerate(findings):
        out.append(f"{finding.level}: {finding} [{finding.rule}]")
        following = findings[number + 1] if number + 1 < len(findings) else None
        if following is None or (following.rule, following.help) != (finding.rule, finding.help):
            out.append(f"  hint: {finding.help}")
    return "".join(line + "\n" for line in out)


def github(findings: Sequence[Finding]) -> str:
    """Workflow commands, which GitHub Actions shows beside the lines of a change."""
    out = []
    for finding in findings:
        fields = {"file": finding.file, "line": finding.line, "title": finding.rule}
        given = ",".join(f"{name}={_property(str(value))}" for name, value in fields.items() if value is not None)
        place = f"{format_path(finding.path)}: " if finding.path else ""
        out.append(f"::{finding.level} {given}::{_data(f'{place}{finding.message}. {finding.help}')}")
    return "".join(line + "\n" for line in out)


def _data(value: str) -> str:
    return value.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(value: str) -> str:
    return _data(value).replace(":", "%3A").replace(",", "%2C")


def as_json(findings: Sequence[Finding]) -> str:
    """A list of findings for machines."""
    return (
        json.dumps(
            [
                {
                    "rule": finding.rule,
                    "level": finding.level,
                    "file": finding.file,
                    "line": finding.line,
                    "path": format_path(finding.path) or None,
                    "message": finding.message,
                    "hint": finding.help,
                }
                for finding in findings
            ],
            indent=2,
        )
        + "\n"
    )


def sarif(findings: Sequence[Finding]) -> str:
    """SARIF 2.1.0, for code scanning."""
    names = sorted({finding.rule for finding in findings})
    rules = [
        {
            "id": name,
            "shortDescription": {"text": RULES[name].summary},
            "help": {"text": RULES[name].help},
            "defaultConfiguration": {"level": RULES[name].level},
        }
        for name in names
    ]
    results = [
        {
            "ruleId": finding.rule,
            "ruleIndex": names.index(finding.rule),
            "level": finding.level,
            "message": {"text": f"{format_path(finding.path)}: {finding.message}" if finding.path else finding.message},
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": {"uri": _uri(finding.file)},
                        "region": {"startLine": finding.line or 1},
                    }
                }
            ],
        }
        for finding in findings
    ]
    run = {
        "tool": {
            "driver": {"name": "kubectl-sops", "rules": rules},
        },
        "results": results,
    }
    document = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [run],
    }
    return json.dumps(document, indent=2) + "\n"


def _uri(path: str) -> str:
    from urllib.parse import quote

    return quote(path.replace("\\", "/"), errors="surrogateescape")


FORMATS: dict[str, Callable[[Sequence[Finding]], str]] = {
    "text": text,
    "github": github,
    "json": as_json,
    "sarif": sarif,
}
