"""``explain``."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from kubectl_sops import formats, rules
from kubectl_sops.cli import listing, session
from kubectl_sops.cli import option_table as table
from kubectl_sops.errors import NoMatchingKeyError, SopsError, UsageError
from kubectl_sops.formats.guess import format_with
from kubectl_sops.repo.roster import roster
from kubectl_sops.rules.explanation import explain as explain_rules

if TYPE_CHECKING:
    from kubectl_sops.core.metadata import Metadata
    from kubectl_sops.rules import Rules
    from kubectl_sops.rules.explanation import Explanation

OPTIONS = (listing.FORM, table.CONFIG, *table.KEYS)


def explain(arguments: list[str], values: table.Values) -> None:
    """Say how a file is encrypted and why: the .sops.yaml, the rule, the recipients, and who could open it.

    The file need not exist.

    Examples:
      kubectl sops explain clusters/prod/db.yaml
    """
    if len(arguments) != 1:
        hint = "run `explain` once for each file" if arguments else "write: explain FILE"
        raise UsageError(f"expected one file, found {len(arguments)}", hint=hint)
    form = listing.form(values)
    if form in ("name", "wide"):
        raise UsageError(f"there is no -o {form} here", hint="use -o json or -o yaml")
    file = arguments[0]
    found = rules.search(file)
    config = str(values["config"]) if values.get("config") else found.path
    loaded = rules.load(config) if config else None
    explanation = explain_rules(loaded, file) if loaded is not None else None
    metadata = _metadata(file)
    report = _report(file, explanation, loaded, metadata, found.warning)
    if metadata is not None:
        report["opens_here"] = _opens(metadata, values)
    if form is not None:
        _write_tree(report, form)
    else:
        sys.stdout.write("".join(line + "\n" for line in _lines(report)))


def _metadata(file: str) -> Metadata | None:
    if not os.path.isfile(file):
        return None
    try:
        with open(file, "rb") as stream:
            data = stream.read()
        return formats.parse(data, format_with(file, data)).metadata
    except (SopsError, OSError):
        return None


def _opens(metadata: Metadata, values: table.Values) -> bool:
    try:
        session.keyring(values).data_key(metadata)
    except NoMatchingKeyError:
        return False
    return True


def _report(
    file: str, explanation: Explanation | None, config: Rules | None, metadata: Metadata | None, warning: str | None
) -> dict[str, object]:
    rule = explanation.rule if explanation is not None else None
    report: dict[str, object] = {
        "file": file,
        "encrypted": metadata is not None,
        "config": explanation.config if explanation is not None else None,
        "warning": warning,
        "path": explanation.path if explanation is not None else None,
        "rule": None if rule is None else {"number": rule.index + 1, "line": rule.line, "path_regex": rule.path_regex},
        "passed": [
            {"number": passed.rule.index + 1, "line": passed.rule.line, "reason": passed.reason}
            for passed in (explanation.passed if explanation is not None else ())
        ],
        "selector": _selector(explanation),
        "groups": [
            [{"kind": named.kind, "recipient": named.recipient, "name": named.name or None} for named in group]
            for group in (explanation.groups if explanation is not None else ())
        ],
    }
    if metadata is not None:
        report["recipients"] = [
            {"kind": h.kind, "recipient": h.recipient, "name": h.name or None, "group": h.group, "state": h.state}
            for h in roster(metadata, config.names if config is not None else {}, rule)
        ]
    return report


def _selector(explanation: Explanation | None) -> str | None:
    if explanation is None or explanation.selector is None:
        return None
    return f"{explanation.selector.field}: {explanation.selector.text}"


def _write_tree(report: dict[str, object], form: str) -> None:
    if form == "json":
        import json

        sys.stdout.write(json.dumps(report, indent=2, ensure_ascii=False) + "\n")
        return
    import yaml

    sys.stdout.write(yaml.dump(report, sort_keys=False, allow_unicode=True))


def _lines(report: dict[str, object]) -> list[str]:
    lines = [f"File:        {report['file']} ({'encrypted' if report['encrypted'] else 'not encrypted'})"]
    if report["warning"]:
        lines.append(f"Warning:     {report['warning']}")
    if report["config"] is None:
        return [*lines, "Rules:       no .sops.yaml found", *_recipients(report)]
    lines.append(f"Rules:       {report['config']}")
    lines.append(f"Path:        {report['path']}, as path_regex sees it")
    passed = report["passed"]
    assert isinstance(passed, list)
    lines += [f"Passed over: rule {item['number']} (line {item['line']}): {item['reason']}" for item in passed]
    rule = report["rule"]
    if not isinstance(rule, dict):
        return [*lines, "Rule:        none matches: the file would not be encrypted", *_recipients(report)]
    condition = f"path_regex {rule['path_regex']}" if rule["path_regex"] else "no path_regex: every file"
    lines.append(f"Rule:        {rule['number']} (line {rule['line']}): {condition}")
    lines.append(f"Encrypts:    {report['selector']}")
    groups = report["groups"]
    assert isinstance(groups, list)
    for number, group in enumerate(groups, start=1):
        title = "For:" if len(groups) == 1 else f"For group {number}:"
        lines.append(title)
        lines += ["  " + _named(item) for item in group]
    return [*lines, *_recipients(report)]


def _recipients(report: dict[str, object]) -> list[str]:
    held = report.get("recipients")
    if not isinstance(held, list):
        return []
    lines = ["Recipients of the file:"]
    lines += [f"  {_named(item)}" + ("" if item["state"] == "ok" else f", {item['state']}") for item in held]
    return [*lines, f"Opens here:  {'yes' if report['opens_here'] else 'no'}"]


def _named(item: dict[str, object]) -> str:
    return f"{item['kind']}  {item['recipient']}" + (f" ({item['name']})" if item["name"] else "")


COMMAND = table.Command(explain, OPTIONS, "FILE")
