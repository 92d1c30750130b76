"""What somebody who leaves has been able to read."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kubectl_sops.repo import git
from kubectl_sops.repo.batch import repository_of
from kubectl_sops.repo.rekey import secret_paths
from kubectl_sops.repo.roster import titled

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from kubectl_sops.repo.rekey import Plan


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


def exposures(plans: Sequence[Plan]) -> list[Exposure]:
    """What the recipients that ``plans`` remove could read, recipient by recipient."""
    found: list[Exposure] = []
    leavers = dict.fromkeys(key for plan in plans for key in plan.removed)
    for kind, recipient in leavers:
        dates: dict[str, dict[str, str]] = {}
        for plan in plans:
            if (kind, recipient) not in plan.removed:
                continue
            top = repository_of(plan.path)
            if top not in dates:
                dates[top] = git.first_mention(top, recipient)
            name = os.path.relpath(os.path.realpath(plan.path), top)
            paths = secret_paths(plan.document, plan.metadata)
            found.append(Exposure(kind, recipient, plan.path, dates[top].get(name, ""), paths))
    return found


def lines(seen: Sequence[Exposure], names: Mapping[str, str]) -> Iterator[str]:
    """What there is to change at the source, as text; ``names`` has the names of recipients."""
    for recipient in dict.fromkeys(item.recipient for item in seen):
        yield f"{titled(recipient, names)} could read these values; change them at the source:"
        for item in seen:
            if item.recipient == recipient:
                since = f" (since {item.since[:10]})" if item.since else ""
                yield f"  {item.file}{since}: {', '.join(item.paths) or 'nothing encrypted'}"
