"""``recipients add`` and ``recipients rm``: people in ``.sops.yaml``."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from kubectl_sops import rules
from kubectl_sops.cli import option_table as table
from kubectl_sops.cli import session
from kubectl_sops.errors import ConfigNotFoundError, RulesError, UsageError
from kubectl_sops.files.read import read
from kubectl_sops.keys import system
from kubectl_sops.repo.roster import is_called, name_of
from kubectl_sops.rules import edit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kubectl_sops.rules import Rule, Rules

_KINDS = (
    # what a recipient looks like, and its key system
    (re.compile(r"age1|ssh-"), "age"),
    (re.compile(r"arn:aws"), "kms"),
    (re.compile(r"projects/"), "gcp_kms"),
    (re.compile(r"https://[^/]+\.vault\."), "azure_kv"),
    (re.compile(r"https?://.*/v1/.*/keys/"), "hc_vault"),
    (re.compile(r"[0-9A-Fa-f]{16,40}$"), "pgp"),
)
_SSH_OTHERS = ("ecdsa-", "sk-", "ssh-dss")


def add(arguments: Sequence[str], values: table.Values) -> int:
    """Add recipients to the rules of ``.sops.yaml``; those that are there already get the name, where one is given."""
    from kubectl_sops.cli.recipients import refuse_private

    wanted = [*arguments, *_from_file(values)]
    if not wanted:
        raise UsageError("no recipient to add", hint="write: recipients add age1… --name NAME")
    config = _config(values)
    data = before = read(config.path)
    name = str(values["name"]) if values.get("name") else ""
    known: list[str] = []
    for text in wanted:
        refuse_private(text)
        kind = kind_of(text)
        entry = system(kind).parse_recipients(text)[0]
        if any(edit.has_recipient(rule, entry.id) for rule in config.creation_rules or []):
            known.append(entry.id)
        for index in [rule.index for rule in _targets(config, values)]:
            data = edit.add_recipient(data, index, entry.id, name=name, kind=kind, path=config.path)
    added = data
    told = []
    for recipient in known if name else ():
        data, former = edit.rename_recipient(data, recipient, name, path=config.path), data
        if data != former:
            was = name_of(recipient, config.names)
            told.append(f"{recipient} is called {name} now" + (f", it was {was}" if was else ""))
    session.write_result(config.path, before, data, "configured", values)
    if not values.get("quiet"):
        for line in told:
            session.tell(line)
    _next_step(before, added, values)
    return 0


def remove(arguments: Sequence[str], values: table.Values) -> int:
    """Take recipients, by key or by name, out of the rules of ``.sops.yaml``."""
    from kubectl_sops.cli.recipients import refuse_private

    if not arguments:
        raise UsageError("no recipient to remove", hint="write: recipients rm KEY|NAME")
    config = _config(values)
    data = before = read(config.path)
    for who in arguments:
        refuse_private(who)
        found = False
        for rule in _targets(config, values, everywhere=True):
            for recipient in rule.recipients:
                if is_called(recipient, name_of(recipient, config.names), who):
                    data = edit.remove_recipient(data, rule.index, recipient, path=config.path)
                    found = True
        if not found:
            raise RulesError(f"no rule names {who}", file=config.path, hint="`recipients` lists them")
    session.write_result(config.path, before, data, "configured", values)
    _next_step(before, data, values)
    return 0


def kind_of(recipient: str) -> str:
    """The key system that a recipient belongs to.

    Raises:
        UsageError: it looks like none.
    """
    for pattern, kind in _KINDS:
        if pattern.match(recipient):
            return kind
    raise UsageError("the recipient is of no known kind", hint="give age1…, ssh-…, a PGP fingerprint or a KMS key")


def _from_file(values: table.Values) -> list[str]:
    if not values.get("from_file"):
        return []
    path = str(values["from_file"])
    found: list[str] = []
    for line in read(path).decode("utf-8", "replace").splitlines():
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        if text.startswith(_SSH_OTHERS):
            session.tell(f"{path}: an {text.split('-')[0]} key is left out: age knows ssh-ed25519 and ssh-rsa only")
            continue
        found.append(text)
    if not found:
        raise UsageError(f"{path} holds no recipient that age knows")
    return found


def _config(values: table.Values) -> Rules:
    target = str(values["target"]) if values.get("target") else None
    path = rules.find(target, str(values["config"]) if values.get("config") else None)
    if path is None:
        raise ConfigNotFoundError("config file not found", hint="run `init`, or name one with --config")
    loaded = rules.load(path)
    shown = os.path.relpath(path)
    return rules.parse(loaded.text.encode(), shown) if not shown.startswith("..") else loaded


def _targets(config: Rules, values: table.Values, *, everywhere: bool = False) -> list[Rule]:
    if values.get("target"):
        rule = config.match(str(values["target"]))
        return [rule] if rule is not None else []
    listed = config.creation_rules or []
    if not listed:
        raise RulesError("no creation rules", file=config.path, hint="run `init`")
    if len(listed) > 1 and not everywhere:
        raise UsageError(
            f"{config.path} has {len(listed)} creation rules", hint="say which with --for PATH: the one that matches it"
        )
    return listed


def _next_step(before: bytes, after: bytes, values: table.Values) -> None:
    if before != after and not values.get("quiet") and not values.get("dry_run"):
        session.tell("Run `updatekeys` to bring the encrypted files in line.")
