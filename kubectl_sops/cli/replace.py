"""``init --force``, its ``--resume`` and ``--abort``, and ``keys prune``."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from kubectl_sops.cli import progress, session
from kubectl_sops.cluster import age_secret, identities
from kubectl_sops.cluster.client import connect
from kubectl_sops.cluster.failure import ChangedMeanwhileError, UnusableSecretError
from kubectl_sops.errors import ClusterError, ConflictingParametersError, KeyParseError, SopsError
from kubectl_sops.repo import find, replacement
from kubectl_sops.repo.replacement import PREVIOUS, Replacement, StoreChangedError
from kubectl_sops.repo.transaction import NoTransactionError, Transaction

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from kubectl_sops.cli import option_table as table
    from kubectl_sops.cluster.age_secret import AgeSecret
    from kubectl_sops.cluster.client import Client
    from kubectl_sops.repo.replacement import Plan


class ClusterSecret:
    """The Secret with the cluster's keys, behind the interface that ``repo.replacement`` works with."""

    def __init__(self, client: Client, namespace: str, name: str) -> None:
        self._client = client
        self._namespace = namespace
        self._name = name
        self._found: AgeSecret | None = None
        self.place = f"{client.server} {namespace}/{name}"

    def read(self) -> Mapping[str, bytes]:
        self._found = age_secret.read(self._client, self._namespace, self._name)
        return self._found.key_entries

    def change(self, changes: Mapping[str, bytes | None]) -> None:
        assert self._found is not None  # read before it is changed
        try:
            age_secret.change(self._client, self._found, changes)
        except ChangedMeanwhileError as error:
            raise StoreChangedError(error.message, hint="run it again: somebody else changed the Secret") from None

    def recipients(self, entry: bytes) -> list[str]:
        try:
            found = identities.parse_entry("", entry, self._namespace, self._name)
        except UnusableSecretError:
            return []
        return [identity.recipient for identity in found if identity.recipient]


def replace(namespace: str, name: str, values: table.Values) -> None:
    """Replace the cluster's key pair, or finish or undo a replacement that was interrupted."""
    if sum(bool(values.get(mode)) for mode in ("force", "resume", "abort")) > 1:
        raise ConflictingParametersError("cannot use more than one of --force, --resume and --abort")
    if values.get("overlap") and not values.get("force"):
        raise ConflictingParametersError("--overlap belongs to --force")
    brought = _brought(values)
    client = connect(values)
    secret = ClusterSecret(client, namespace, name)
    top = replacement.repository_top(".")
    work = Replacement(secret, session.tell)
    found = replacement.find_interrupted(top)
    if values.get("resume") or values.get("abort"):
        if found is None:
            raise NoTransactionError("no replacement was interrupted here", hint="run it in the repository it was for")
        _recover(work, found, name, values)
        return
    entries = secret.read()
    old = [recipient for entry in entries.values() for recipient in secret.recipients(entry)]
    if not old:
        age_secret.read(client, namespace, name).require_usable()
    if brought is not None and brought.recipient in old:
        raise ClusterError(
            f"secret/{name} in namespace {namespace} holds this key already", hint="bring another, or leave --force out"
        )
    plan = replacement.plan(top, list(dict.fromkeys(old)))
    _show(plan, name, values)
    if values.get("dry_run"):
        return
    if not values.get("yes") and session.is_interactive() and not _agreed():
        session.tell("nothing was changed")
        return
    identity = brought or _generate()
    text = identities.dump([identity])
    keyring = session.keyring({**values, "key_source": "auto", "key_secret": f"{namespace}/{name}"})
    work.run(
        plan, keyring, identity.recipient, text, now=session.now, overlap=bool(values.get("overlap")),
        progress=lambda files: progress.track(files, "Encrypting", quiet=bool(values.get("quiet"))),
    )  # fmt: skip
    if brought is None:
        sys.stdout.write(text)
        sys.stdout.flush()
    _tell_result(name, identity.recipient, values)


def _brought(values: table.Values) -> identities.Identity | None:
    """The key on standard input that is to take the place of the old one."""
    if not values.get("from_stdin"):
        return None
    if not values.get("force"):
        raise ConflictingParametersError("--from-stdin goes with neither --resume nor --abort")
    from kubectl_sops.cli.init import read_identities

    found = read_identities("-")
    if len(found) != 1:
        raise KeyParseError(f"there are {len(found)} age identities, expected one", hint="the others: `keys import`")
    return found[0]


def _generate() -> identities.Identity:
    from kubectl_sops.keys import age

    text, recipient = age.generate()
    return identities.Identity("", text, recipient, session.now())


def _recover(work: Replacement, found: Transaction, name: str, values: table.Values) -> None:
    recipient = found.journal.facts.get("new", "")
    if values.get("abort"):
        work.abort(found)
        session.tell("undone: the cluster and the files have the old key")
        return
    if work.resume(found):
        _tell_result(name, recipient, values)
    else:
        session.tell("undone: the new key had not reached the cluster; run it again")


def _show(plan: Plan, name: str, values: table.Values) -> None:
    if values.get("quiet"):
        return
    suffix = " (dry run)" if values.get("dry_run") else ""
    session.tell(f"secret/{name} gets a new key instead of {', '.join(plan.old)}{suffix}")
    for subject in plan.files:
        session.tell(f"  {os.path.relpath(subject.path)} encrypted anew{suffix}")
    for path in plan.configs:
        session.tell(f"  {os.path.relpath(path)} configured{suffix}")


def _agreed(ask: Callable[[str], str] = input) -> bool:
    try:
        return ask("Replace the key? The old private key can't be brought back. (y/n) ").strip().lower() in ("y", "yes")
    except EOFError:
        return False


def _tell_result(name: str, recipient: str, values: table.Values) -> None:
    if values.get("quiet"):
        return
    session.tell(f"secret/{name} configured")
    session.tell(f"  recipient {recipient}")
    session.tell("Commit and push the files. Other branches and clones may still hold files for the old key.")
    if values.get("overlap"):
        session.tell("The cluster keeps the old key beside the new one until `keys prune`.")


def prune(namespace: str, name: str, values: table.Values) -> None:
    """Remove replaced keys from the Secret, once no file of the repository needs them.

    Raises:
        SopsError: files still need one.
    """
    secret = ClusterSecret(connect(values), namespace, name)
    entries = secret.read()
    kept = {r for entry, text in entries.items() if not entry.startswith(PREVIOUS) for r in secret.recipients(text)}
    gone = {entry: secret.recipients(text) for entry, text in entries.items() if entry.startswith(PREVIOUS)}
    needed = _needed([r for recipients in gone.values() for r in recipients], kept)
    if needed and not values.get("yes"):
        raise SopsError(
            f"{len(needed)} files of this repository open with a replaced key only: {', '.join(needed[:5])}",
            hint="run `updatekeys` on them first, or remove the key all the same with --yes",
        )
    suffix = " (dry run)" if values.get("dry_run") else ""
    if gone and not suffix:
        secret.change(dict.fromkeys(gone))
    if not values.get("quiet"):
        for entry in gone:
            session.tell(f"entry {entry} of secret/{name} removed{suffix}")
        if not gone:
            session.tell(f"secret/{name} unchanged")


def _needed(old: Sequence[str], kept: set[str]) -> list[str]:
    """Files that one of the old keys opens and none of the kept ones."""
    top = replacement.repository_top(".")
    return [
        os.path.relpath(entry.path)
        for entry, data in find.find_encrypted([top])
        if any(r.encode() in data for r in old) and not any(r.encode() in data for r in kept)
    ]
