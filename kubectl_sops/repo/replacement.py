"""Replacing the key pair of a cluster in the cluster and in every file that was encrypted for it, as one step.

At every moment each file opens with a key that the cluster holds: new ciphertext is staged first, then the Secret gets
the new key beside the old one, then the files are replaced, and the old key goes last. Until the Secret holds the new
key there is nothing but staged files, which are of no use and are thrown away.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kubectl_sops import rules
from kubectl_sops.core.metadata import KeyEntry
from kubectl_sops.errors import RulesError, SopsError
from kubectl_sops.formats import format_of
from kubectl_sops.repo import find, git, rekey
from kubectl_sops.repo.batch import finish, undo
from kubectl_sops.repo.spread import spread
from kubectl_sops.repo.transaction import Transaction, digest
from kubectl_sops.rules.search import NAME as CONFIG_NAME

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Protocol

    from kubectl_sops.core.metadata import Group, Metadata
    from kubectl_sops.keys.keyring import Keyring

    class KeySecret(Protocol):
        """The Secret with the cluster's keys."""

        place: str
        """Which Secret in which cluster, so that another one is never taken for it."""

        def read(self) -> Mapping[str, bytes]:
            """The entries that Flux reads keys from, as they are now."""

        def change(self, changes: Mapping[str, bytes | None]) -> None:
            """Set and remove entries; raises ``StoreChangedError`` where they are not those of the last ``read``."""

        def recipients(self, entry: bytes) -> list[str]:
            """The public keys of an entry."""


COMMAND = "init --force"
ENTRY = "age.agekey"
PREVIOUS = "previous-"
"""Prefix of entries that hold a replaced key."""


class StoreChangedError(SopsError):
    """Somebody else changed the Secret between reading and writing it."""


class UnopenedFilesError(SopsError):
    """Files that can't be opened, so that nothing was changed; ``tried`` has a line for each."""

    def __init__(self, failures: Sequence[SopsError]) -> None:
        super().__init__(
            f"{len(failures)} file{'s' * (len(failures) != 1)} can't be re-encrypted, so nothing was changed",
            hint="correct or remove these files, then run it again",
        )
        self.tried = [str(failure) for failure in failures]
        self.failures = list(failures)


class WrongSecretError(SopsError):
    """An interrupted replacement belongs to another Secret or cluster."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A file that was encrypted for the old key."""

    path: str
    digest: str
    format: str
    metadata: Metadata

    @property
    def data(self) -> bytes:
        """The bytes of the file, which have to be those that were looked at."""
        return rekey.read_again(self.path, self.digest)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a replacement would do.

    Attributes:
        old: the recipients that go.
        files: encrypted files that have one of them.
        configs: ``.sops.yaml`` files that name one of them.
    """

    top: str
    old: list[str]
    files: list[Subject]
    configs: list[str]


def plan(top: str, old: Sequence[str]) -> Plan:
    """Look through the repository.

    Raises:
        UnopenedFilesError: encrypted files that can't be read; whether they use the key is not known.
    """
    files: list[Subject] = []
    failures: list[SopsError] = []
    wanted = set(old)
    for entry, data in find.find_encrypted([top]):
        if not any(recipient.encode() in data for recipient in old):
            continue  # of another cluster, or of nobody we know
        try:
            kind = find.encrypted_format(entry.path, data) or format_of(entry.path)
            metadata = rekey.read_metadata(data, kind)
            if wanted & {key.id for group in metadata.groups for key in group}:
                files.append(Subject(entry.path, digest(data), kind, metadata))
        except SopsError as error:
            failures.append(error.at(os.path.relpath(entry.path)))
    if failures:
        raise UnopenedFilesError(failures)
    configs = [
        path for path in find.walk(top)
        if os.path.basename(path) == CONFIG_NAME and any(r.encode() in _read(path) for r in old)
    ]  # fmt: skip
    return Plan(top, list(old), files, configs)


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def replaced_groups(groups: Sequence[Group], old: Sequence[str], new: str) -> list[Group]:
    """The groups with the new recipient where an old one was."""
    result: list[Group] = []
    for group in groups:
        keys: Group = []
        for key in group:
            if key.kind == "age" and key.id in old:
                key = KeyEntry("age", {"recipient": new})
            if (key.kind, key.id) not in {(other.kind, other.id) for other in keys}:
                keys.append(key)
        result.append(keys)
    return result


def replaced_config(data: bytes, old: Sequence[str], new: str, path: str) -> bytes:
    """A ``.sops.yaml`` with the new recipient where an old one was written; names and layout stay.

    Raises:
        RulesError: the file can't be read, before or after.
    """
    before = rules.parse(data, path)
    changed = data
    for recipient in old:
        changed = changed.replace(recipient.encode(), new.encode())
    after = rules.parse(changed, path)
    expected = [[new if r in old else r for r in rule.recipients] for rule in before.creation_rules or []]
    if [rule.recipients for rule in after.creation_rules or []] != [list(dict.fromkeys(e)) for e in expected]:
        raise RulesError("the old recipient is written in a way that is not understood", file=path)
    return changed


class Replacement:
    """The steps of a replacement, each of which can be the last one before a crash.

    Args:
        tell: shows a line to the user.
    """

    def __init__(self, secret: KeySecret, tell: Callable[[str], None]) -> None:
        self._secret = secret
        self._tell = tell

    def run(
        self, plan: Plan, keyring: Keyring, new: str, key_text: str, *, now: Callable[[], str], overlap: bool,
        progress: Callable[[Sequence[Subject]], Iterable[Subject]] = lambda files: files,
    ) -> None:  # fmt: skip
        """Do all of it.

        Args:
            new: the new recipient; ``key_text`` is the entry with its private key, which goes to the Secret only.
            overlap: leave the old key in the Secret.

        Raises:
            UnopenedFilesError: nothing was changed then.
            StoreChangedError: somebody else was faster; nothing was changed.
        """
        entries = self._secret.read()
        if {r for entry in entries.values() for r in self._secret.recipients(entry)} != set(plan.old):
            raise StoreChangedError("the cluster's key was changed meanwhile", hint="run it again")
        names = {name: self._previous_name(entry) for name, entry in entries.items()}
        facts = {
            "secret": self._secret.place,
            "new": new,
            "old": " ".join(plan.old),
            "entries": " ".join(f"{name}={renamed}" for name, renamed in names.items()),
            "overlap": "yes" if overlap else "",
        }
        transaction = Transaction.begin(plan.top, COMMAND, facts)
        try:
            self._stage(transaction, plan, keyring, new, now, progress)
            transaction.seal()
        except BaseException:
            transaction.close()
            raise
        self._swap(transaction, entries, names, key_text)
        self._complete(transaction)

    def _stage(
        self, transaction: Transaction, plan: Plan, keyring: Keyring, new: str, now: Callable[[], str],
        progress: Callable[[Sequence[Subject]], Iterable[Subject]],
    ) -> None:  # fmt: skip
        def work(subject: Subject) -> bytes:
            groups = replaced_groups(subject.metadata.groups, plan.old, new)
            change = rekey.plan_groups(subject.path, subject.data, subject.format, subject.metadata, groups)
            assert change is not None  # at least one old recipient is in the file
            return rekey.apply(change, keyring, now=now(), rotate=True)

        failures: list[SopsError] = []
        keyring.prefetch(subject.metadata for subject in plan.files)
        for subject, result in zip(progress(plan.files), spread(work, plan.files), strict=False):
            if isinstance(result, SopsError):
                failures.append(result.at(os.path.relpath(subject.path)))
            else:
                transaction.stage(subject.path, subject.data, result)
        if failures:
            raise UnopenedFilesError(failures)
        for path in plan.configs:
            data = _read(path)
            transaction.stage(path, data, replaced_config(data, plan.old, new, path))

    def _swap(
        self, transaction: Transaction, entries: Mapping[str, bytes], names: Mapping[str, str], key_text: str
    ) -> None:
        """Put the new key beside the old one; the request is sent once, and what came of it is looked up."""
        changes: dict[str, bytes | None] = {ENTRY: key_text.encode()}
        changes.update({renamed: entries[name] for name, renamed in names.items()})
        changes.update(dict.fromkeys(name for name in names if name not in changes))
        try:
            self._secret.change(changes)
        except StoreChangedError:
            undo(transaction)
            raise
        except SopsError:
            # the answer may have been lost: only the Secret itself says whether the change arrived
            try:
                arrived = self._arrived(transaction)
            except SopsError as error:
                error.hint = "whether the new key is in the cluster is not known: when it answers, run it with --resume"
                raise
            if not arrived:
                undo(transaction)
                raise

    def _arrived(self, transaction: Transaction) -> bool:
        return self._holds(self._secret.read(), transaction.journal.facts["new"])

    def _previous_name(self, entry: bytes) -> str:
        """Where an old key is kept for the time being."""
        keys = " ".join(self._secret.recipients(entry))
        return f"{PREVIOUS}{hashlib.sha256(keys.encode()).hexdigest()[:8]}.agekey"

    def _holds(self, entries: Mapping[str, bytes], recipient: str) -> bool:
        return any(recipient in self._secret.recipients(entry) for entry in entries.values())

    def _complete(self, transaction: Transaction) -> None:
        finish_files(transaction)
        facts = transaction.journal.facts
        if not facts["overlap"]:
            self._drop(facts["old"].split())
        transaction.close()

    def _drop(self, old: Sequence[str]) -> None:
        entries = self._secret.read()
        gone = [name for name, entry in entries.items() if name.startswith(PREVIOUS)
                and set(self._secret.recipients(entry)) <= set(old)]  # fmt: skip
        if gone:
            self._secret.change(dict.fromkeys(gone))

    def resume(self, transaction: Transaction) -> bool:
        """Finish what was interrupted; ``False`` where the new key never reached the cluster, and all is as it was."""
        self._take_over(transaction)
        if not transaction.journal.complete or not self._arrived(transaction):
            undo(transaction)
            return False
        if transaction.journal.undoing:
            self._tell("it is being undone already, so it is undone to the end")
            self.abort(transaction)
            return False
        self._complete(transaction)
        return True

    def abort(self, transaction: Transaction) -> None:
        """Undo what was interrupted: files first, then the Secret.

        Raises:
            StoreChangedError: the old key is gone from the Secret already; only finishing is left.
        """
        self._take_over(transaction)
        facts = transaction.journal.facts
        if not transaction.journal.complete or not self._arrived(transaction):
            undo(transaction)
            return
        entries = self._secret.read()
        names = dict(pair.split("=") for pair in facts["entries"].split())
        if not all(self._holds(entries, recipient) for recipient in facts["old"].split()):
            raise StoreChangedError("the old key is gone from the cluster already", hint="finish it with --resume")
        for path in transaction.revert():
            self._tell(f"{os.path.relpath(path)} was changed by somebody else, left as it is")
        changes: dict[str, bytes | None] = {} if ENTRY in names else {ENTRY: None}
        changes.update({name: entries[renamed] for name, renamed in names.items() if renamed in entries})
        changes.update(dict.fromkeys(renamed for renamed in names.values() if renamed in entries))
        self._secret.change(changes)
        transaction.close()

    def _take_over(self, transaction: Transaction) -> None:
        place = transaction.journal.facts.get("secret", "")
        if place and place != self._secret.place:
            raise WrongSecretError(
                f"the interrupted replacement is about {place}, not {self._secret.place}",
                hint="choose the cluster with --context, and the Secret with --key-secret",
            )
        transaction.take_over()


def finish_files(transaction: Transaction) -> None:
    """Replace the files, and keep the journal."""
    changed = transaction.apply()
    if changed:
        finish(transaction)  # says which


def find_interrupted(top: str) -> Transaction | None:
    """An interrupted replacement of this repository."""
    found = Transaction.find(top)
    return found if found is not None and found.journal.command in (COMMAND, "unknown") else None


def repository_top(folder: str) -> str:
    """The folder whose files belong together: the Git work tree, or the folder itself."""
    return git.find_top(folder) or os.path.abspath(folder)
