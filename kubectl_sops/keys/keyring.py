"""Finding the data key of a file, and wrapping one for recipients.

Identities are tried in the order of sops; the cluster's Secret only where nothing local fits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_sops.core import shamir
from kubectl_sops.core.metadata import groups_needed
from kubectl_sops.errors import (
    DuplicateDecryptionOrderError,
    NoMatchingKeyError,
    NoRecipientsError,
    SopsError,
    WrapError,
)
from kubectl_sops.keys import ServiceError, UnwrapError, system
from kubectl_sops.keys.asking import Asking
from kubectl_sops.keys.context import Context
from kubectl_sops.keys.ssh_key import PREFIXES, short

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from kubectl_sops.core.metadata import Group, KeyEntry, Metadata

DEFAULT_ORDER = ("age", "pgp")


class KeyFailure:
    """A key that did not open.

    Attributes:
        kind: its kind.
        id: the text that names it.
        reason: why, in one line.
        sops: why, in the words of sops.
        hint: what to do about it.
        service: the networked service that could not be used at all; empty where something else failed.
    """

    __slots__ = ("hint", "id", "kind", "reason", "service", "sops")

    def __init__(self, key: KeyEntry, error: UnwrapError) -> None:
        self.kind, self.id = key.kind, key.id
        self.service = error.service if isinstance(error, ServiceError) else ""
        self.reason, self.sops, self.hint = error.message, error.sops, error.hint


class DataKeyError(NoMatchingKeyError):
    """No sufficient set of keys opens the file.

    Attributes:
        groups: for each key group its failures; ``None`` for a group that opened.
        threshold: how many groups are needed; 0 where the file does not say.
    """

    def __init__(
        self, groups: Sequence[Sequence[KeyFailure] | None], threshold: int, places: Sequence[str], hint: str
    ) -> None:
        self.groups = groups
        self.threshold = threshold
        many = len(groups) > 1
        tried = []
        for number, failures in enumerate(groups):
            for failure in failures or ():
                prefix = f"group {number}: " if many else ""
                # a service that can't be used is one line, however many of its keys the file has
                line = f"{prefix}{failure.kind} {failure.service or short(failure.id)}: {failure.reason}"
                if line not in tried:
                    tried.append(line)
        if many:
            opened = sum(failures is None for failures in groups)
            message = f"{opened} of {len(groups)} key groups could be opened, {threshold or len(groups)} are needed"
        else:
            message = "no key opens the file"
        super().__init__(message, tried=[*tried, *places], hint=hint)


class Keyring:
    """The keys that can be reached.

    Args:
        environ: environment variables.
        identities: texts of age identities.
        identity_files: paths of files of age identities.
        cluster: gives the entries of the cluster's decryption Secret; called at most once, when nothing local fits.
        source: ``auto``, ``local``, ``cluster`` or ``none`` (only what is given here).
        order: kinds of keys in the order in which they are tried.
        ask_passphrase: asks a person for a passphrase.
        tell: shows a person what a plugin says.
    """

    def __init__(
        self,
        environ: Mapping[str, str],
        *,
        identities: Sequence[str] = (),
        identity_files: Sequence[str] = (),
        cluster: Callable[[], Mapping[str, bytes]] | None = None,
        source: str = "auto",
        order: Sequence[str] | None = None,
        ask_passphrase: Callable[[str], str] | None = None,
        tell: Callable[[str], None] | None = None,
    ) -> None:
        self._order = list(DEFAULT_ORDER if order is None else order)
        for kind in self._order:
            if self._order.count(kind) > 1:
                raise DuplicateDecryptionOrderError(f"Duplicate decryption key type: {kind}")
        self._context = Context(
            environ,
            identities=[(f"identity {number}", text) for number, text in enumerate(identities, 1)],
            identity_files=identity_files,
            local=source in ("auto", "local"),
            ask_passphrase=ask_passphrase,
            tell=tell,
        )
        self._cluster = cluster if source in ("auto", "cluster") else None
        self._cluster_context: Context | None = None
        self._cluster_failure: str | None = None
        self._asking = Asking()

    def data_key(self, metadata: Metadata) -> bytes:
        """The 32 bytes under which the values of a file are sealed.

        Raises:
            DataKeyError: no sufficient set of keys opens it; says what was tried.
        """
        groups = metadata.groups
        threshold = metadata.shamir_threshold
        needed = groups_needed(groups, threshold)
        parts: dict[int, bytes] = {}
        failures: list[list[KeyFailure]] = [[] for _ in groups]
        # groups whose key is at hand come first, so that no service is asked for a part that is not needed
        order = sorted(range(len(groups)), key=lambda number: not any(map(self._is_held, groups[number])))
        for number in order if len(groups) > 1 else range(1):
            if len(parts) < needed:
                self._open_group(groups[number], self._context, number, parts, failures[number])
        if len(parts) < needed and self._cluster is not None:
            self._open_from_cluster(groups, parts, failures)
        if len(parts) < needed:
            left = [None if number in parts else failures[number] for number in range(len(groups))]
            raise DataKeyError(left, threshold, self._places(groups), self._hint(groups, left))
        return parts[0] if len(groups) == 1 else shamir.combine([parts[number] for number in sorted(parts)])

    def holds(self, metadata: Metadata) -> bool:
        """Whether a file opens with identities at hand: without a question, a command, a service or the cluster."""
        groups = metadata.groups
        held = sum(any(map(self._is_held, group)) for group in groups)
        return held >= groups_needed(groups, metadata.shamir_threshold)

    def prefetch(self, metadatas: Iterable[Metadata]) -> None:
        """Ask networked services for the keys of many files at the same time; ``data_key`` then has the answers.

        Files that a local key may open are left out. What fails is remembered, and reported by ``data_key``.
        """
        pending = [metadata for metadata in metadatas if self._needs_service(metadata)]
        if len(pending) > 1:
            from kubectl_sops.keys.asking import at_once

            at_once(self._ask_services, pending)

    def _needs_service(self, metadata: Metadata) -> bool:
        try:
            keys = [key for group in metadata.groups for key in group]
        except SopsError:
            return False  # whoever opens the file reports it
        is_local = any(key.kind == "pgp" or self._is_held(key) for key in keys)
        return not is_local and any(system(key.kind).service(key) for key in keys)

    def _ask_services(self, metadata: Metadata) -> None:
        for group in metadata.groups:
            for key in sorted(group, key=self._rank):
                if system(key.kind).service(key):
                    try:
                        self._asking.unwrap(key, self._context)
                    except UnwrapError:
                        continue
                    break

    def _open_from_cluster(
        self, groups: Sequence[Group], parts: dict[int, bytes], failures: Sequence[list[KeyFailure]]
    ) -> None:
        context = self._reach_cluster()
        if context is None:
            return
        for number, group in enumerate(groups):
            if number not in parts:
                again: list[KeyFailure] = []
                self._open_group(group, context, number, parts, again)
                _join(failures[number], again)

    def _open_group(
        self, group: Group, context: Context, number: int, parts: dict[int, bytes], failures: list[KeyFailure]
    ) -> None:
        for key in sorted(group, key=self._rank):
            try:
                parts[number] = self._asking.unwrap(key, context)
            except UnwrapError as error:
                failures.append(KeyFailure(key, error))
            else:
                return

    def _rank(self, key: KeyEntry) -> tuple[int, bool]:
        # among keys of one kind those at hand come first: nobody is asked for a passphrase that is not needed
        place = self._order.index(key.kind) if key.kind in self._order else len(self._order)
        return place, not self._is_held(key)

    def _is_held(self, key: KeyEntry) -> bool:
        if key.kind != "age":
            return False
        from kubectl_sops.keys.age import is_held

        return is_held(key, self._context)

    def _reach_cluster(self) -> Context | None:
        if self._cluster_context is None and self._cluster_failure is None:
            assert self._cluster is not None  # the caller asked for it
            try:
                secret = self._cluster()
            except SopsError as error:
                self._cluster_failure = str(error)
                return None
            from kubectl_sops.keys.flux_secret import context_of

            self._cluster_context = context_of(secret, self._context.environ)
        return self._cluster_context

    def _places(self, groups: Sequence[Group]) -> list[str]:
        lines = []
        if any(key.kind == "age" for group in groups for key in group):
            lines += self._context.age.findings()
        if self._cluster_failure is not None:
            lines.append(f"cluster: {self._cluster_failure}")
        elif self._cluster_context is not None:
            lines += [f"cluster: {line}" for line in self._cluster_context.age.findings()]
        return lines

    def _hint(self, groups: Sequence[Group], failures: Sequence[Sequence[KeyFailure] | None]) -> str:
        hints = [failure.hint for group in failures for failure in group or () if failure.hint]
        recipients = [key.id for group in groups for key in group if key.kind == "age"]
        if recipients:
            errors = self._context.age.errors(with_ssh=any(text.startswith(PREFIXES) for text in recipients))
            if errors:
                return f"correct {errors[0]}"
        elif hints:
            return hints[0]
        if self._cluster_failure is not None:
            return f"the cluster's key could not be read: {self._cluster_failure}"
        if self._cluster_context is not None:
            return "the cluster's key is not among the recipients: ask one of them to run `updatekeys`"
        return hints[0] if hints else "set SOPS_AGE_KEY_FILE to a file with the identity of one of the recipients"

    def wrap(
        self,
        data_key: bytes,
        groups: Sequence[Group],
        shamir_threshold: int,
        random_bytes: Callable[[int], bytes],
    ) -> tuple[list[Group], int]:
        """The groups with the data key wrapped in every key, and the threshold to record.

        Raises:
            NoRecipientsError: no group, or an empty one.
            WrapError: keys that can't be wrapped, all of them listed.
        """
        problems = ["empty key group provided" for group in groups if not group] or (
            [] if groups else ["no key groups provided"]
        )
        if problems:
            raise EmptyGroupError(_could_not(problems))
        if len(groups) == 1:
            parts = [data_key]
        else:
            shamir_threshold = shamir_threshold or len(groups)
            try:
                parts = shamir.split(data_key, len(groups), shamir_threshold, random_bytes)
            except shamir.ShamirError as error:
                text = f"could not split data key into parts for Shamir: {error.message}"
                raise WrapError(_could_not([text])) from None
        wrapped: list[Group] = []
        hints: list[str | None] = []
        for group, part in zip(groups, parts, strict=True):
            done: Group = []
            for key in group:
                try:
                    done.append(system(key.kind).wrap(key, part, self._context))
                except WrapError as error:
                    problems.append(error.message)
                    hints.append(error.hint)
            wrapped.append(done)
        if problems:
            raise WrapError(_could_not(problems), hint=hints[0] or "correct or remove these recipients")
        return wrapped, shamir_threshold

    def rewrap(
        self,
        data_key: bytes,
        old: Metadata,
        groups: Sequence[Group],
        shamir_threshold: int,
        random_bytes: Callable[[int], bytes],
    ) -> tuple[list[Group], int]:
        """As ``wrap``, but keys of a single group that the file already has keep their wrapped copy and date."""
        before = old.groups
        if len(before) != 1 or len(groups) != 1:
            return self.wrap(data_key, groups, shamir_threshold, random_bytes)
        known = {(key.kind, key.id): key for key in before[0]}
        added = [key for key in groups[0] if (key.kind, key.id) not in known]
        fresh: Group = []
        if added or not groups[0]:
            fresh = self.wrap(data_key, [added], shamir_threshold, random_bytes)[0][0]
        new = {(key.kind, key.id): key for key in fresh}
        return [[known.get((k.kind, k.id)) or new[k.kind, k.id] for k in groups[0]]], shamir_threshold


class EmptyGroupError(NoRecipientsError):
    """A key group without keys; sops reports it with its general code."""

    exit_code = 1


def _could_not(problems: Sequence[str]) -> str:
    return f"Could not generate data key: [{' '.join(problems)}]"


def _join(first: list[KeyFailure], second: Sequence[KeyFailure]) -> None:
    reasons = {(failure.kind, failure.id): failure.reason for failure in second}
    for failure in first:
        reason = reasons.get((failure.kind, failure.id))
        if reason is not None and reason != failure.reason:
            failure.reason += f"; with the cluster's Secret: {reason}"
