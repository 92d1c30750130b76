"""Other recipients for encrypted files: what would change, and the changed bytes."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kubectl_sops.core.metadata import shuts_out
from kubectl_sops.core.values import EMPTY_LIST, EMPTY_MAP
from kubectl_sops.errors import NoRecipientsError, format_path
from kubectl_sops.files import rotate as file_rotate
from kubectl_sops.files.decrypt import parse_encrypted
from kubectl_sops.files.read import read
from kubectl_sops.formats.yaml_outline import outline
from kubectl_sops.keys.azure import settled
from kubectl_sops.repo.transaction import ChangedFilesError, digest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kubectl_sops.core.document import Document
    from kubectl_sops.core.metadata import Group, Metadata
    from kubectl_sops.keys.keyring import Keyring
    from kubectl_sops.rules import Rule

Key = tuple[str, str]
"""Kind and id of a recipient."""


@dataclass(frozen=True, slots=True)
class GroupChange:
    """What happens to the key group of one number: recipients that stay, come and go."""

    kept: list[Key]
    added: list[Key]
    removed: list[Key]


@dataclass(frozen=True)
class Plan:
    """What ``updatekeys`` would do to one file, whose bytes are read again when they are needed: there may be many.

    Attributes:
        groups: the recipients it would have, without wrapped data keys.
        threshold: how many groups would be needed; 0 where there is one.
        changes: by key group.
    """

    path: str
    digest: str
    format: str
    metadata: Metadata
    groups: Sequence[Group]
    threshold: int
    changes: list[GroupChange]

    @property
    def data(self) -> bytes:
        """The bytes of the file, which have to be those that were looked at."""
        return read_again(self.path, self.digest)

    @property
    def shuts_out(self) -> bool:
        """Whether people can open the file now who can't afterwards, alone or together."""
        metadata = self.metadata
        return shuts_out(metadata.groups, metadata.shamir_threshold, self.groups, self.threshold)

    def secret_paths(self) -> list[str]:
        """The key paths of the encrypted values: what somebody who could open the file has seen."""
        return secret_paths(parse_encrypted(self.data, self.format)[0], self.metadata)

    @property
    def added(self) -> list[Key]:
        """Recipients that can open the file afterwards and can't now."""
        before = _keys(self.metadata.groups)
        return [key for key in _keys(self.groups) if key not in before]

    @property
    def removed(self) -> list[Key]:
        """Recipients that can open the file now and can't afterwards."""
        after = _keys(self.groups)
        return [key for key in _keys(self.metadata.groups) if key not in after]


def _keys(groups: Sequence[Group]) -> list[Key]:
    return list(dict.fromkeys((entry.kind, entry.id) for group in groups for entry in group))


def read_again(path: str, expected: str) -> bytes:
    """The bytes of a file that was looked at before.

    Raises:
        ChangedFilesError: they are others now.
    """
    data = read(path)
    if digest(data) != expected:
        raise ChangedFilesError("was changed by somebody else meanwhile", file=path, hint="run it again")
    return data


def read_metadata(data: bytes, format: str) -> Metadata:  # the word sops uses
    """The metadata of an encrypted file.

    Raises:
        SopsError: the file is not encrypted or its metadata can't be used.
    """
    quick = outline(data, format)
    return quick.metadata if quick is not None else parse_encrypted(data, format)[1]


def plan(path: str, data: bytes, format: str, rule: Rule) -> Plan | None:
    """What has to change so that a file has the recipients of its rule; ``None`` where it has them.

    Order means nothing. The threshold of the file stays, capped at the number of groups, as in sops.

    Raises:
        NoRecipientsError: the rule names nobody.
        SopsError: the file is not encrypted or its metadata can't be used.
    """
    metadata = read_metadata(data, format)
    if not any(rule.groups):
        raise NoRecipientsError(f"creation rule {rule.index + 1} names no recipients", hint="add one to .sops.yaml")
    return plan_groups(path, data, format, metadata, rule.groups)


def plan_groups(path: str, data: bytes, format: str, metadata: Metadata, groups: Sequence[Group]) -> Plan | None:
    """What has to change so that a file has the recipients ``groups``; ``None`` where it has them."""
    before = metadata.groups
    groups = settled(groups, before)
    threshold = min(metadata.shamir_threshold, len(groups))
    changes = []
    for number in range(max(len(before), len(groups))):
        old = _keys(before[number : number + 1])
        new = _keys(groups[number : number + 1])
        changes.append(
            GroupChange(
                kept=[key for key in new if key in old],
                added=[key for key in new if key not in old],
                removed=[key for key in old if key not in new],
            )
        )
    if not any(c.added or c.removed for c in changes) and threshold == metadata.shamir_threshold:
        return None
    return Plan(path, digest(data), format, metadata, groups, threshold, changes)


def apply(plan: Plan, keyring: Keyring, *, now: str, rotate: bool) -> bytes:
    """The file with its new recipients.

    Args:
        rotate: under a new data key. Without it only the blocks of changed recipients change.

    Raises:
        NoMatchingKeyError: the keyring can't open the file.
    """
    threshold = plan.threshold or (len(plan.groups) if len(plan.groups) > 1 else 0)
    data = plan.data
    if rotate:
        metadata = plan.metadata.replace(shamir_threshold=threshold or None)
        return file_rotate.rekey(data, plan.format, keyring, lambda _: (metadata, plan.groups), now=now)
    data_key = keyring.data_key(plan.metadata)
    groups, used = keyring.rewrap(data_key, plan.metadata, plan.groups, threshold, os.urandom)
    if len(groups) < 2:
        used = plan.threshold  # sops keeps a threshold that a single group has
    metadata = plan.metadata.with_groups(groups, used)
    quick = outline(data, plan.format)
    if quick is not None:
        return quick.with_metadata(metadata)
    return parse_encrypted(data, plan.format)[0].splice({}, metadata)


def secret_paths(document: Document, metadata: Metadata) -> list[str]:
    """The key paths of the encrypted values of a file: what somebody who could open it has seen."""
    selected = metadata.selector.select(document.leaves)
    return [
        format_path(leaf.path)
        for leaf, secret in zip(document.leaves, selected, strict=True)
        if secret and not leaf.is_comment and leaf.value not in (None, "") and leaf.value is not EMPTY_MAP
        and leaf.value is not EMPTY_LIST
    ]  # fmt: skip
