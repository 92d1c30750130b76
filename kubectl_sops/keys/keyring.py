"""Finding the data key of a file, and wrapping one for recipients.

Identities are tried in the order of sops; the cluster's Secret only where nothing local fits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_sops.core import shamir
from kubectl_sops.errors import (
    DuplicateDecryptionOrderError,
    NoMatchingKeyError,
    NoRecipientsError,
    SopsError,
    WrapError,
)
from kubectl_sops.keys import UnwrapError, system
from kubectl_sops.keys.context import Context

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from kubectl_sops.core.metadata import Group, KeyEntry, Metadata

DEFAULT_ORDER = ("age", "pgp")


class KeyFailure:
    """A key that did not open: its id, and why."""

    __slots__ = ("id", "kind", "reason")

    def __init__(self, kind: str, id: str, reason: str) -> None:
        self.kind, self.id, self.reason = kind, id, reason


class DataKeyError(NoMatchingKeyError):
    """No sufficient set of keys opens the file.

    Attributes:
        groups: for each key group its failures; ``None`` for a group that opened.
        threshold: how many groups are needed; 0 where the file does not say.
    """

    def __init__(self, groups: Sequence[Sequence[KeyFailure] | None], threshold: int, hint: str) -> None:
        self.groups = groups
        self.threshold = threshold
        many = len(groups) > 1
        tried = []
        for number, failures in enumerate(groups):
            for failure in failures or ():
                prefix = f"group {number}: " if many else ""
                tried.append(f"{prefix}{failure.kind} {failure.id}: {failure.reason}")
        if many:
            opened = sum(failures is None for failures in groups)
            message = f"{opened} of {len(groups)} key groups could be opened, {threshold or len(groups)} are needed"
        else:
            message = "no key opens the file"
        super().__init__(message, tried=tried, hint=hint)


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
    ) -> None:
        self._order = list(DEFAULT_ORDER if order is None else order)
        for kind in self._order:
            if self._order.count(kind) > 1:
                raise DuplicateDecryptionOrderError(f"Duplicate decryption key type: {kind}")
        self._context = Context(
            environ,
            identities=identities,
            identity_files=identity_files,
            local=source in ("auto", "local"),
            ask_passphrase=ask_passphrase,
        )
        self._cluster = cluster if source in ("auto", "cluster") else None
        self._cluster_context: Context | None = None
        self._cluster_failure: str | None = None
        self._parts: dict[str, bytes] = {}

    def data_key(self, metadata: Metadata) -> bytes:
        """The 32 bytes under which the values of a file are sealed.

        Raises:
            DataKeyError: no sufficient set of keys opens it; says what was tried.
        """
        groups = metadata.groups
        results: list[bytes | list[KeyFailure]] = [self._open_group(group, self._context) for group in groups]
        threshold = metadata.shamir_threshold
        needed = 1 if len(groups) == 1 else threshold or len(groups)
        if _opened(results) < needed and self._cluster is not None:
            context = self._reach_cluster()
            if context is not None:
                for number, group in enumerate(groups):
                    if not isinstance(results[number], bytes):
                        again = self._open_group(group, context)
                        results[number] = again if isinstance(again, bytes) else _joined(results[number], again)
        if _opened(results) < needed:
            failures = [None if isinstance(result, bytes) else result for result in results]
            raise DataKeyError(failures, threshold, self._hint())
        parts = [result for result in results if isinstance(result, bytes)]
        return parts[0] if len(groups) == 1 else shamir.combine(parts)

    def _open_group(self, group: Group, context: Context) -> bytes | list[KeyFailure]:
        failures = []
        for key in sorted(group, key=self._rank):
            known = self._parts.get(key.enc)
            if known is not None:
                return known
            try:
                part = system(key.kind).unwrap(key, context)
            except UnwrapError as error:
                failures.append(KeyFailure(key.kind, key.id, error.message))
            else:
                self._parts[key.enc] = part
                return part
        return failures

    def _rank(self, key: KeyEntry) -> int:
        return self._order.index(key.kind) if key.kind in self._order else len(self._order)

    def _reach_cluster(self) -> Context | None:
        if self._cluster_context is None and self._cluster_failure is None:
            assert self._cluster is not None  # the caller asked for it
            try:
                secret = self._cluster()
            except SopsError as error:
                self._cluster_failure = str(error)
                return None
            from kubectl_sops.keys.flux_secret import context_of

            self._cluster_context = context_of(secret)
        return self._cluster_context

    def _hint(self) -> str:
        errors = self._context.age.errors
        if errors:
            return f"correct {errors[0]}"
        if self._cluster_failure is not None:
            return f"the cluster's key could not be read: {self._cluster_failure}"
        if self._cluster_context is not None:
            return "the cluster's key is not among the recipients: ask one of them to run `updatekeys`"
        return "set SOPS_AGE_KEY_FILE to a file with the identity of one of the recipients"

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
        for group, part in zip(groups, parts, strict=True):
            done: Group = []
            for key in group:
                try:
                    done.append(system(key.kind).wrap(key, part, self._context))
                except WrapError as error:
                    problems.append(error.message)
            wrapped.append(done)
        if problems:
            raise WrapError(_could_not(problems), hint="correct or remove these recipients")
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


def _opened(results: Sequence[bytes | list[KeyFailure]]) -> int:
    return sum(isinstance(result, bytes) for result in results)


def _joined(first: bytes | list[KeyFailure], second: list[KeyFailure]) -> list[KeyFailure]:
    reasons = {(failure.kind, failure.id): failure.reason for failure in second}
    return [
        KeyFailure(f.kind, f.id, f"{f.reason}; cluster: {reasons.get((f.kind, f.id), 'not tried')}")
        for f in (first if isinstance(first, list) else ())
    ]
