"""Who can open a file, and whether its rule agrees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kubectl_sops.core.metadata import groups_needed
from kubectl_sops.repo.policy import drift

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kubectl_sops.core.metadata import Metadata
    from kubectl_sops.rules import Rule

OK, STALE, MISSING, UNRULED = "ok", "stale", "missing", "no rule"


@dataclass(frozen=True, slots=True)
class Holder:
    """One recipient of a file.

    Attributes:
        name: what people call it, from the comment beside it in ``.sops.yaml``.
        group: its key group, counted from 1; 0 where the file does not have it.
        state: ``ok``, ``stale`` (in the file, not in the rule), ``missing`` (in the rule, not in the file), or
            ``no rule``.
    """

    kind: str
    recipient: str
    name: str
    group: int
    state: str


def roster(metadata: Metadata, names: Mapping[str, str], rule: Rule | None) -> list[Holder]:
    """The recipients of a file in order, then those that it lacks.

    Args:
        names: what people call recipients.

    Raises:
        SopsError: the metadata has no usable keys, or the rule holds text that is not a recipient.
    """
    change = drift(metadata, rule) if rule is not None and any(rule.groups) else None
    holders = []
    for number, group in enumerate(metadata.groups, start=1):
        for entry in group:
            if change is None:
                state = UNRULED
            else:
                state = STALE if (entry.kind, entry.id) in change.extra else OK
            holders.append(Holder(entry.kind, entry.id, name_of(entry.id, names), number, state))
    for kind, recipient in change.missing if change is not None else ():
        holders.append(Holder(kind, recipient, name_of(recipient, names), 0, MISSING))
    return holders


def name_of(recipient: str, names: Mapping[str, str]) -> str:
    """The name of a recipient; the comment of an ssh key takes no part in the comparison."""
    if recipient in names:
        return names[recipient]
    if recipient.startswith("ssh-"):
        key = recipient.split()[:2]
        return next((name for text, name in names.items() if text.split()[:2] == key), "")
    return ""


def titled(recipient: str, names: Mapping[str, str]) -> str:
    """A recipient with its name."""
    name = name_of(recipient, names)
    return f"{recipient} ({name})" if name else recipient


def is_called(recipient: str, name: str, who: str) -> bool:
    """Whether ``who`` is this recipient, or its name, in whatever case that is written."""
    if recipient == who or (name and name.casefold() == who.casefold()):
        return True
    return who.startswith("ssh-") and who.split()[:2] == recipient.split()[:2]


def groups_missing(metadata: Metadata, holders: Sequence[Holder]) -> int:
    """How many key groups of the file still have to help when ``holders`` are at hand; 0 where they open it."""
    needed = groups_needed(metadata.groups, metadata.shamir_threshold)
    return max(0, needed - len({holder.group for holder in holders if holder.group}))
