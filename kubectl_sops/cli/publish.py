"""``publish``: files to the places that the destination rules of ``.sops.yaml`` name."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

from kubectl_sops import rules
from kubectl_sops.cli import option_table as table
from kubectl_sops.cli import session
from kubectl_sops.errors import ConfigNotFoundError, InputNotFoundError, NoMatchingRuleError, SopsError, UsageError
from kubectl_sops.files.decrypt import decrypt, open_document, parse_encrypted
from kubectl_sops.files.destination import VaultKv, destination
from kubectl_sops.files.encrypt import Recipe, encrypt
from kubectl_sops.files.read import read
from kubectl_sops.formats import emit
from kubectl_sops.keys.context import Context

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_sops.keys.keyring import Keyring
    from kubectl_sops.rules import Rules
    from kubectl_sops.rules.destination import DestinationRule


def publish(arguments: list[str], values: table.Values) -> None:
    """Send encrypted files to a bucket of S3 or GCS, or their values to Vault.

    The first of `destination_rules` in .sops.yaml that matches the file says where; its `recreation_rule` says for whom
    it is encrypted anew before.

    Examples:
      kubectl sops publish secrets/app.yaml

      kubectl sops publish --recursive --yes secrets/
    """
    if not arguments:
        raise InputNotFoundError("no file specified")
    top = arguments[0]
    if os.path.isdir(top) and not values.get("recursive"):
        raise UsageError("can't operate on a directory without --recursive flag")
    path = rules.find(top, str(values["config"]) if values.get("config") else None)
    if path is None:
        raise ConfigNotFoundError("config file not found", hint="write .sops.yaml with destination_rules")
    config = rules.load(path)
    keyring = session.keyring(values)
    for file in _files(top):
        try:
            _publish(file, top, config, keyring, values)
        except SopsError as error:
            raise error.at(file) from None


def _files(top: str) -> Iterator[str]:
    if not os.path.isdir(top):
        yield top
        return
    for folder, folders, names in os.walk(top):
        folders.sort()
        yield from (os.path.normpath(os.path.join(folder, name)) for name in sorted(names))


def _publish(file: str, top: str, config: Rules, keyring: Keyring, values: table.Values) -> None:
    data = read(file)
    rule = next((rule for rule in config.destination_rules if rule.matches(file)), None)
    target = None if rule is None else destination(rule.place, rule.vault_kv_version, Context(os.environ))
    if rule is None or target is None:
        raise NoMatchingRuleError(f"no matching destination found in {config.path}", hint="add a destination rule")
    name = os.path.relpath(file, top) if values.get("recursive") and file != top else os.path.basename(file)
    if values.get("omit_extensions") or rule.omit_extensions:
        name = name.removesuffix(os.path.splitext(file)[1])
    kind = session.input_format(file, values)
    address = target.address(name)
    new = True
    # opened before anybody is asked: who can't open it can't publish it
    if isinstance(target, VaultKv):
        found = _values(data, kind, keyring)
        if not _agreed(file, address, values):
            return
        new = bool(values.get("dry_run")) or target.upload(name, found)
    else:
        content = _content(data, kind, rule, keyring)
        if not _agreed(file, address, values):
            return
        if not values.get("dry_run"):
            target.upload(name, content)
    if not values.get("quiet"):
        suffix = " (dry run)" if values.get("dry_run") else ""
        session.tell(f"{file} {'published to' if new else 'unchanged in'} {address}{suffix}")


def _content(data: bytes, kind: str, rule: DestinationRule, keyring: Keyring) -> bytes:
    """The file as it is, or encrypted anew for whom the rule names."""
    again = rule.recreation
    if again is None or not any(again.groups):
        parse_encrypted(data, kind)  # nothing is published that is not encrypted
        return data
    recipe = Recipe(
        again.groups,
        shamir_threshold=again.shamir_threshold,
        selector=again.selector,
        mac_only_encrypted=again.mac_only_encrypted,
    )
    return encrypt(decrypt(data, kind, keyring), kind, recipe, keyring, now=session.now()).data


def _values(data: bytes, kind: str, keyring: Keyring) -> dict[str, object]:
    """The decrypted values by name, documents of a stream together, as sops puts them into Vault."""
    document, metadata = parse_encrypted(data, kind)
    opened, _ = open_document(document, metadata, keyring)
    found: dict[str, object] = {}
    for tree in emit.build(document.leaves, opened.changes):
        found.update(json.loads(emit.emit([tree], "json")))
    return found


def _agreed(file: str, address: str, values: table.Values) -> bool:
    while not values.get("yes") and not values.get("dry_run"):
        sys.stdout.write(f"uploading {os.path.abspath(file)} to {address} ? (y/n): ")
        sys.stdout.flush()
        answer = sys.stdin.readline()
        if not answer:
            raise SopsError("no answer, so nothing was published", hint="answer with --yes")
        if answer.strip() == "y":
            return True
        if answer.strip() == "n":
            if not values.get("recursive"):
                raise SopsError(f"Publication of {os.path.abspath(file)} canceled")
            session.tell(f"Publication of {os.path.abspath(file)} canceled")
            return False
    return True


COMMAND = table.Command(
    publish,
    (
        table.YES,
        table.Option("--omit-extensions", kind=table.FLAG, help="Leave the extension out of the published name."),
        table.Option("--recursive", kind=table.FLAG, help="Publish every file of a directory."),
        table.VERBOSE,
        table.DRY_RUN,
        table.QUIET,
        table.CONFIG,
        table.INPUT_TYPE,
        *table.KEYS,
    ),
    "FILE",
)
