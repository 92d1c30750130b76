"""The guard: looks at files without any key and reports what must not be committed."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kubectl_sops import formats
from kubectl_sops.core.cipher import PREFIX
from kubectl_sops.core.selectors import Selector
from kubectl_sops.errors import SopsError
from kubectl_sops.formats import format_of
from kubectl_sops.formats.yaml_outline import outline
from kubectl_sops.repo import generators, git, plain, sealed
from kubectl_sops.repo.find import Entry, encrypted_format, list_entries, read_text
from kubectl_sops.repo.finding import Finding
from kubectl_sops.repo.place import Lines
from kubectl_sops.repo.policy import Policy, drift
from kubectl_sops.repo.roster import titled
from kubectl_sops.rules import parse
from kubectl_sops.rules.search import NAME, working_directory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from kubectl_sops.core.metadata import Metadata
    from kubectl_sops.formats.yaml_outline import Outline

    Read = Callable[[str], bytes | None]

_CONFLICT = re.compile(rb"^<{7} ", re.MULTILINE)
_CIPHERTEXT = PREFIX.encode()


class Source:
    """Where files come from: the work tree, or the Git index."""

    def entries(self) -> Sequence[Entry]:
        """The files to look at."""
        raise NotImplementedError

    def read(self, path: str) -> bytes | None:
        """The bytes of a file, ``None`` where there is none or where it can't be of interest."""
        raise NotImplementedError


class WorkTree(Source):
    """Files on disk."""

    def __init__(self, paths: Sequence[str]) -> None:
        self._paths = paths

    def entries(self) -> Sequence[Entry]:
        return list_entries(self._paths)

    def read(self, path: str) -> bytes | None:
        try:
            return read_text(path)
        except OSError:
            return None


class Index(Source):
    """What the next commit of a repository changes, as it is in the index.

    Args:
        paths: only these, and what is below them; everything where there are none.
    """

    def __init__(self, top: str, paths: Sequence[str] = ()) -> None:
        self._top = top
        wanted = [os.path.relpath(os.path.realpath(path), os.path.realpath(top)) for path in paths]
        names = [name for name in git.staged_files(top) if not wanted or any(_below(name, path) for path in wanted)]
        self._all = set(git.index_files(top))
        self._blobs = dict(zip(names, git.read_blobs([f":{name}" for name in names], top), strict=True))

    def entries(self) -> Sequence[Entry]:
        return [Entry(self._shown(name), named=False) for name in self._blobs]

    def _shown(self, name: str) -> str:
        return os.path.relpath(os.path.join(self._top, name))

    def read(self, path: str) -> bytes | None:
        name = os.path.relpath(os.path.realpath(path), os.path.realpath(self._top))
        if name not in self._blobs:
            if name not in self._all:
                return None
            (self._blobs[name],) = git.read_blobs([f":{name}"], self._top)
        data = self._blobs[name]
        return None if data is None or b"\0" in data[:8192] else data


def _below(name: str, path: str) -> bool:
    return path in (name, ".") or name.startswith(path + "/")


@dataclass(slots=True)
class Inspection:
    """What a look at one file found.

    Attributes:
        metadata: its ``sops`` entry; ``None`` in a plaintext file.
        findings: what is wrong with it.
    """

    path: str
    format: str
    metadata: Metadata | None = None
    findings: list[Finding] = field(default_factory=list)

    @property
    def rules(self) -> set[str]:
        """The kinds of its findings."""
        return {finding.rule for finding in self.findings}


def inspections(source: Source, policy: Policy) -> Iterator[Inspection]:
    """A look at every file.

    Raises:
        RulesError: a ``.sops.yaml`` that can't be used.
    """
    for entry in source.entries():
        inspection = inspect(entry, policy, source.read)
        if inspection is not None:
            yield inspection


def inspect(entry: Entry, policy: Policy, read: Read) -> Inspection | None:
    """A look at one file; ``None`` where there is nothing to look at.

    Args:
        read: the bytes of a file, this one and those that generators name.
    """
    data = read(entry.path)
    return None if data is None else inspect_data(entry.path, data, policy, read)


def inspect_data(path: str, data: bytes, policy: Policy, read: Read) -> Inspection:
    """A look at one file whose bytes are known."""
    found = encrypted_format(path, data)
    kind = found or format_of(path)
    inspection = Inspection(path, kind)
    if found is not None or (kind != "binary" and _CIPHERTEXT in data):
        match = _CONFLICT.search(data) if b"<<<<<<<" in data else None
        if match is not None:
            finding = Finding("conflict", path, "has conflict markers", Lines(data).at_byte(match.start()))
            inspection.findings.append(finding)
            return inspection
        quick = outline(data, kind)
        if quick is not None and _is_fine(quick):
            inspection.metadata = quick.metadata
            inspection.findings += _against_rule(path, quick.metadata, policy, kind)
            return inspection
        try:
            document = formats.parse(data, kind)
        except SopsError as error:
            if kind != "binary":  # by name anything can be binary: prose with an example of an encrypted file, too
                message = f"can't be read: {error.message}"
                finding = Finding("metadata-invalid", path, message, error.line, error.path or ())
                inspection.findings.append(finding)
            return inspection
        inspection.findings += sealed.check(path, data, document)
        inspection.metadata = document.metadata
        if document.metadata is not None:
            inspection.findings += _against_rule(path, document.metadata, policy, document.format)
            return inspection
    configured = policy.rules_for(path) is not None
    inspection.findings += plain.check(path, data, kind, policy.coverage(path), configured=configured)
    inspection.findings += generators.check(path, data, read)
    if os.path.basename(path) == NAME:
        inspection.findings += _of_rules(path, data)
    return inspection


def _of_rules(path: str, data: bytes) -> list[Finding]:
    """What is no recipient in a ``.sops.yaml``."""
    try:
        listed = parse(data, path).creation_rules or []
    except SopsError:
        return []  # a failure of the check wherever it is the one that counts
    return recipient_findings(error for rule in listed for error in rule.problems())


def recipient_findings(problems: Iterable[SopsError]) -> list[Finding]:
    """What is no recipient, as findings: equal ones wherever they were come across."""
    here = working_directory()
    return [
        Finding(
            "rule-recipient", os.path.relpath(os.path.join(here, error.file or NAME), here), error.message, error.line,
            hint=error.hint,
        )
        for error in problems
    ]  # fmt: skip


def _is_fine(quick: Outline) -> bool:
    """Whether a quick look is enough to know that there is nothing to find in the file itself."""
    if any(sealed.metadata_problems(quick.metadata)):
        return False
    leaves = quick.leaves()
    return leaves is not None and sealed.is_in_order(leaves, quick.metadata.selector)


def _against_rule(path: str, metadata: Metadata, policy: Policy, kind: str) -> Iterator[Finding]:
    rule = policy.rule_for(path)
    if rule is None:
        return
    try:
        metadata.groups  # noqa: B018  # unusable metadata is reported already
        selector = metadata.selector
    except SopsError:
        return
    try:
        named = any(rule.groups)
    except SopsError:
        named = False  # a finding of its own
    if named:
        change = drift(metadata, rule)
        for keys, what in ((change.missing, "missing"), (change.extra, "not in the rule")):
            if keys:
                names = policy.names_for(path)
                shown = ", ".join(titled(recipient, names) for _, recipient in keys)
                yield Finding("recipients", path, f"recipients {what}: {shown}")
        if change.regrouped:
            yield Finding("recipients", path, "recipients are in other key groups than in the rule")
    wanted = rule.selector or Selector()
    if kind != "binary" and (selector.field, selector.text) != (wanted.field, wanted.text):
        yield Finding(
            "selector", path,
            f"is encrypted by {selector.field}: {selector.text}, the rule says {wanted.field}: {wanted.text}",
        )  # fmt: skip


UNENCRYPTED = frozenset(("plain-secret", "plain-file", "plain-value"))
"""Findings that encrypting the file resolves."""


def unencrypted_files(paths: Sequence[str], policy: Policy) -> list[str]:
    """Files of folders that a creation rule covers and that are not encrypted, or not wholly.

    Raises:
        RulesError: a ``.sops.yaml`` that can't be used.
    """
    source = WorkTree(paths)
    return [
        inspection.path
        for inspection in inspections(source, policy)
        if inspection.rules & UNENCRYPTED and policy.rule_for(inspection.path) is not None
    ]
