"""What somebody who leaves has been able to read."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kubectl_sops.repo import git
from kubectl_sops.repo.batch import repository_of
from kubectl_sops.repo.roster import titled

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from kubectl_sops.repo.rekey import Key


@dataclass(frozen=True, slots=True)
class Exposure:
    """The values of one file that a recipient could read.

    Attributes:
        since: the date of the commit that made the file readable for the recipient; empty where Git does not know.
        paths: key paths of the values.
    """

    kind: str
    recipient: str
    file: str
    since: str
    paths: list[str]


@dataclass(frozen=True, slots=True)
class Loss:
    """What a file loses: recipients, who have seen its values.

    Attributes:
        removed: kind and id of each.
        paths: key paths of the encrypted values.
    """

    path: str
    removed: list[Key]
    paths: list[str]


def exposures(losses: Sequence[Loss]) -> list[Exposure]:
    """What the recipients that go could read, recipient by recipient."""
    found: list[Exposure] = []
    for kind, recipient in dict.fromkeys(key for loss in losses for key in loss.removed):
        dates: dict[str, dict[str, str]] = {}
        for loss in losses:
            if (kind, recipient) not in loss.removed:
                continue
            top = repository_of(loss.path)
            if top not in dates:
                dates[top] = git.first_mention(top, recipient)
            name = os.path.relpath(os.path.realpath(loss.path), top)
            found.append(Exposure(kind, recipient, loss.path, dates[top].get(name, ""), loss.paths))
    return found


def lines(seen: Sequence[Exposure], names: Mapping[str, str]) -> Iterator[str]:
    """What there is to change at the source, as text; ``names`` has the names of recipients."""
    for recipient in dict.fromkeys(item.recipient for item in seen):
        yield f"{titled(recipient, names)} could read these values; change them at the source:"
        for item in seen:
            if item.recipient == recipient:
                since = f" (since {item.since[:10]})" if item.since else ""
                yield f"  {item.file}{since}: {', '.join(item.paths) or 'nothing encrypted'}"
