"""The state of each file, in one word and a few figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kubectl_sops.errors import SopsError
from kubectl_sops.repo.policy import drift
from kubectl_sops.repo.roster import MISSING, STALE, Holder, roster

if TYPE_CHECKING:
    from kubectl_sops.repo.guard import Inspection
    from kubectl_sops.repo.policy import Policy

ENCRYPTED, PLAIN, HALF, INVALID = "encrypted", "plain", "half-encrypted", "invalid"

_STATES = (
    # the first kind of finding that a file has decides
    (INVALID, {"metadata-invalid", "metadata-missing", "conflict"}),
    (HALF, {"half-encrypted", "plain-value"}),
    (PLAIN, {"plain-secret", "plain-file", "private-key", "generator-literal"}),
)


@dataclass(frozen=True, slots=True)
class Status:
    """What one file is like.

    Attributes:
        state: ``encrypted``, ``plain`` (and should not be), ``half-encrypted`` or ``invalid``.
        rule: number of the creation rule that matches it, from 1.
        selector: what is encrypted, as the file says.
        modified: when a value changed last, as the file says.
        findings: how many things ``check`` finds wrong with it.
        regrouped: whether it has the recipients of its rule in other key groups.
    """

    path: str
    format: str
    state: str
    holders: list[Holder]
    rule: int | None
    selector: str
    modified: str
    version: str
    findings: int
    regrouped: bool = False

    @property
    def drift(self) -> list[str]:
        """Where file and rule differ: ``+`` recipients that the file lacks, ``-`` those it has too many, the groups."""
        signs = {MISSING: "+", STALE: "-"}
        found = [
            signs[holder.state] + (holder.name or holder.recipient) for holder in self.holders if holder.state in signs
        ]
        return [*found, "groups"] if self.regrouped else found


def status_of(inspection: Inspection, policy: Policy) -> Status | None:
    """The state of a file that was looked at; ``None`` for a plaintext file that may be one."""
    kinds = inspection.rules
    state = next((state for state, of in _STATES if kinds & of), ENCRYPTED)
    metadata = inspection.metadata
    if metadata is None and state == ENCRYPTED:
        return None
    rule = policy.rule_for(inspection.path)
    if rule is not None:
        rule.groups  # noqa: B018  # text in it that is not a recipient is an error of the rule, not a state of the file
    holders: list[Holder] = []
    selector = modified = version = ""
    regrouped = False
    if metadata is not None:
        version = metadata.version
        try:
            modified = metadata.lastmodified
            selector = f"{metadata.selector.field}: {metadata.selector.text}" if metadata.selector.field else ""
            holders = roster(metadata, policy.names_for(inspection.path), rule)
            regrouped = rule is not None and any(rule.groups) and drift(metadata, rule).regrouped
        except SopsError:
            state = INVALID
    return Status(
        path=inspection.path,
        format=inspection.format,
        state=state,
        holders=holders,
        rule=None if rule is None else rule.index + 1,
        selector=selector,
        modified=modified,
        version=version,
        findings=len(inspection.findings),
        regrouped=regrouped,
    )
