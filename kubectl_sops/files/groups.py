"""Adding and removing key groups: the same data key, split and wrapped anew."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from kubectl_sops.errors import SopsError
from kubectl_sops.files.decrypt import parse_encrypted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kubectl_sops.core.metadata import Group
    from kubectl_sops.keys.keyring import Keyring


class GroupIndexError(SopsError):
    """There is no key group of that number."""


class ThresholdError(SopsError):
    """More groups would be needed than there are."""


def add_group(data: bytes, format: str, keyring: Keyring, group: Group, *, threshold: int = 0) -> bytes:
    """The file with another key group; values, MAC and time stay as they are."""
    _, metadata = parse_encrypted(data, format)
    groups = [*metadata.groups, group]
    return _regroup(data, format, keyring, groups, threshold or metadata.shamir_threshold)


def delete_group(data: bytes, format: str, keyring: Keyring, index: int, *, threshold: int = 0) -> bytes:
    """The file without the key group ``index``, counted from 0.

    Raises:
        GroupIndexError: there is no such group, or it is the last one.
        ThresholdError: fewer groups than the threshold would remain.
    """
    _, metadata = parse_encrypted(data, format)
    groups = metadata.groups
    if not 0 <= index < len(groups):
        raise GroupIndexError(f"there is no key group {index}: groups are numbered 0 to {len(groups) - 1}")
    remaining = groups[:index] + groups[index + 1 :]
    if not remaining:
        raise GroupIndexError("the last key group can't be deleted: nobody could open the file any more")
    wanted = threshold or metadata.shamir_threshold
    if len(remaining) < wanted and len(groups) >= wanted:
        raise ThresholdError(
            "removing this key group will make the Shamir threshold impossible to satisfy: "
            f"Shamir threshold is {wanted}, but we only have {len(remaining)} key groups",
            hint="lower it with --shamir-secret-sharing-threshold",
        )
    return _regroup(data, format, keyring, remaining, wanted)


def _regroup(data: bytes, format: str, keyring: Keyring, groups: Sequence[Group], threshold: int) -> bytes:
    document, metadata = parse_encrypted(data, format)
    data_key = keyring.data_key(metadata)
    wrapped, used = keyring.wrap(data_key, groups, threshold, os.urandom)
    return document.splice({}, metadata.with_groups(wrapped, used if len(wrapped) > 1 else threshold))
