"""Three-way merge of encrypted files: by value, one MAC, ciphertext of untouched values kept."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kubectl_sops import formats
from kubectl_sops.core.cipher import KEY_SIZE
from kubectl_sops.core.document import Document, Opened
from kubectl_sops.core.metadata import shuts_out
from kubectl_sops.core.selectors import FIELDS
from kubectl_sops.errors import SopsError
from kubectl_sops.files.decrypt import open_document, parse_encrypted
from kubectl_sops.files.encrypt import parse_plain, seal, stash_of
from kubectl_sops.repo import merge_text, merge_values

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kubectl_sops.core.leaf import Path
    from kubectl_sops.core.metadata import Group, Metadata
    from kubectl_sops.keys.keyring import Keyring
    from kubectl_sops.repo.merge_values import Merged

SCALARS = (*FIELDS, "mac_only_encrypted", "shamir_threshold")
"""Fields of the metadata that are merged as they are."""


class UnmergeableError(SopsError):
    """Files that can't be merged by value: their metadata contradict each other."""


@dataclass(frozen=True, slots=True)
class Version:
    """One of the three versions of a file, opened."""

    data: bytes
    document: Document
    metadata: Metadata
    opened: Opened
    data_key: bytes
    plain: bytes
    plain_document: Document


@dataclass(frozen=True, slots=True)
class Result:
    """What a merge came to.

    Attributes:
        data: the merged file; where there are conflicts, with our values at those places.
        other: the same with their values; ``data`` itself where there are no conflicts.
        conflicts: key paths that both sides changed.
    """

    data: bytes
    other: bytes
    conflicts: list[Path]


def read_version(data: bytes, kind: str, keyring: Keyring) -> Version:
    """Open one version.

    Raises:
        SopsError: it is not encrypted, or can't be opened.
    """
    document, metadata = parse_encrypted(data, kind)
    opened, data_key = open_document(document, metadata, keyring)
    plain = document.splice(opened.changes, None)
    return Version(data, document, metadata, opened, data_key, plain, formats.parse(plain, kind))


def merge(base: bytes | None, ours: bytes, theirs: bytes, kind: str, keyring: Keyring, *, now: str) -> Result:
    """Merge two encrypted versions of a file; ``base`` is ``None`` where both sides made it.

    Raises:
        UnmergeableError: the selectors of the two versions contradict each other.
        SopsError: a version can't be opened.
    """
    mine, other = (read_version(data, kind, keyring) for data in (ours, theirs))
    before = _nothing(mine, other) if base is None else read_version(base, kind, keyring)
    fields = _merge_fields(before.metadata, mine.metadata, other.metadata)
    was = before.metadata.groups if base is not None else [[] for _ in mine.metadata.groups]
    groups = merge_groups(was, mine.metadata.groups, other.metadata.groups)
    seal_text = _Sealer(before, mine, other, fields, groups, keyring, now)
    values = merge_values.merge(*(version.plain_document.leaves for version in (before, mine, other)))
    text = None if values.conflicts else _merged_text(before, mine, other, values)
    if text is not None:
        data = seal_text(text)
        return Result(data, data, [])
    ours_text = merge_values.patched(mine.plain_document, values.from_theirs) or mine.plain
    theirs_text = merge_values.patched(other.plain_document, values.from_ours) or other.plain
    conflicts = [path for _, path in values.conflicts] or [()]
    return Result(seal_text(ours_text), seal_text(theirs_text), conflicts)


def _nothing(mine: Version, other: Version) -> Version:
    """The version before a file that both sides made: no data, and their selectors, which have to be the same."""
    for name in SCALARS:
        if _field(mine.metadata, name) != _field(other.metadata, name):
            raise UnmergeableError(f"the sides have another {name}", hint="decide for one of the files")
    empty = Document()
    empty.format, empty.leaves, empty.containers, empty.metadata = mine.document.format, [], [], None
    return Version(b"", empty, mine.metadata, Opened(), b"", b"", empty)


def _merged_text(before: Version, mine: Version, other: Version, values: Merged) -> bytes | None:
    """The plaintext with the changes of both sides; ``None`` where no way to write it keeps everything."""
    try:
        texts = [version.plain.decode() for version in (before, mine, other)]
    except UnicodeDecodeError:
        texts = []
    joined = merge_text.merge(*texts) if texts else None
    if joined is not None and _holds(joined.encode(), mine.plain_document.format, values):
        return joined.encode()
    if _comments(other.plain_document) not in (_comments(before.plain_document), _comments(mine.plain_document)):
        if _comments(mine.plain_document) != _comments(before.plain_document):
            return None  # putting values into one text would lose the comments of the other
        text = merge_values.patched(other.plain_document, values.from_ours)
    else:
        text = merge_values.patched(mine.plain_document, values.from_theirs)
    return text if text is not None and _holds(text, mine.plain_document.format, values) else None


def _comments(document: Document) -> list[str]:
    return [str(leaf.value) for leaf in document.leaves if leaf.is_comment]


def _holds(text: bytes, kind: str, values: Merged) -> bool:
    """Whether a text reads as the merged data, nothing more and nothing less."""
    try:
        document = parse_plain(text, kind)
    except SopsError:
        return False
    places = list(values.units)
    lists = {(index, path[:i]) for index, path in places for i, part in enumerate(path) if isinstance(part, int)}
    return merge_values.units(document.leaves, lists) == values.units


def _merge_fields(base: Metadata, ours: Metadata, theirs: Metadata) -> dict[str, object]:
    merged: dict[str, object] = {}
    for name in SCALARS:
        b, o, t = (_field(metadata, name) for metadata in (base, ours, theirs))
        if o not in (t, b) and t != b:
            raise UnmergeableError(f"both sides changed {name}", hint="decide for one of the files")
        merged[name] = t if o == b else o
    if sum(bool(merged[name]) for name in FIELDS) > 1:
        raise UnmergeableError("the sides select in different ways what is encrypted", hint="decide for one")
    return merged


def _field(metadata: Metadata, name: str) -> object:
    return next((value for key, value in metadata.tree.items() if key.lower() == name), None)


def merge_groups(base: Sequence[Group], ours: Sequence[Group], theirs: Sequence[Group]) -> list[Group]:
    """The recipients of both sides: those that either added, without those that either removed.

    Raises:
        UnmergeableError: the sides have different numbers of key groups, or nobody would remain.
    """
    if not len(base) == len(ours) == len(theirs):
        if _ids(ours) == _ids(base):
            return list(theirs)
        if _ids(theirs) in (_ids(base), _ids(ours)):
            return list(ours)
        raise UnmergeableError("both sides changed the key groups", hint="decide for one of the files")
    merged = []
    for before, mine, other in zip(base, ours, theirs, strict=True):
        was, has, there = ({(key.kind, key.id) for key in group} for group in (before, mine, other))
        kept = [key for key in mine if (key.kind, key.id) in there or (key.kind, key.id) not in was]
        kept += [key for key in other if (key.kind, key.id) not in has and (key.kind, key.id) not in was]
        if not kept:
            raise UnmergeableError("the sides remove all recipients", hint="decide for one of the files")
        merged.append(kept)
    return merged


def _ids(groups: Sequence[Group]) -> list[set[tuple[str, str]]]:
    return [{(key.kind, key.id) for key in group} for group in groups]


class _Sealer:
    """Seals merged text: under the data key of a side whose recipients all stay, otherwise under a new one."""

    def __init__(
        self,
        before: Version,
        mine: Version,
        other: Version,
        fields: dict[str, object],
        groups: list[Group],
        keyring: Keyring,
        now: str,
    ) -> None:
        self._now = now
        threshold = int(str(fields["shamir_threshold"] or 0))
        fit = [
            side
            for side in (mine, other)
            if not shuts_out(side.metadata.groups, side.metadata.shamir_threshold, groups, threshold)
        ]
        # a side with another data key than before was rotated: somebody may know the older one
        fit.sort(key=lambda side: side.data_key == before.data_key)
        self._side = fit[0] if fit else None
        like = self._side or mine
        self._like = like
        self._sides = (mine, other)
        metadata = like.metadata.replace(**fields)
        if self._side is not None:
            self._data_key = self._side.data_key
            known = self._known(mine, other)
            wrapped, used = keyring.rewrap(self._data_key, known, groups, threshold, os.urandom)
        else:
            self._data_key = os.urandom(KEY_SIZE)
            wrapped, used = keyring.wrap(self._data_key, groups, threshold, os.urandom)
        self._metadata = metadata.with_groups(wrapped, used if len(wrapped) > 1 else threshold)

    def _known(self, mine: Version, other: Version) -> Metadata:
        """The wrapped copies of the data key that either side has."""
        like = self._like.metadata
        one, two = mine.metadata.groups, other.metadata.groups
        if mine.data_key != other.data_key or len(one) != 1 or len(two) != 1:
            return like
        has = {(key.kind, key.id) for key in one[0]}
        joined = [*one[0], *(key for key in two[0] if (key.kind, key.id) not in has)]
        return like.with_groups([joined], like.shamir_threshold)

    def __call__(self, text: bytes) -> bytes:
        for side in self._sides:
            if text == side.plain and self._same_metadata(side.metadata):
                return side.data
        stash = None
        if self._side is not None:
            stash = stash_of(self._side.document, self._side.opened, self._side.plain)
            for side in self._sides:
                if side is not self._side and side.data_key == self._data_key:
                    stash.update(stash_of(side.document, side.opened, side.plain))
        return seal(
            parse_plain(text, self._like.document.format), text, self._metadata, self._data_key, now=self._now,
            stash=stash, like=self._like.document,
        ).data  # fmt: skip

    def _same_metadata(self, metadata: Metadata) -> bool:
        return [_encs(group) for group in metadata.groups] == [_encs(group) for group in self._metadata.groups] and all(
            _field(metadata, name) == _field(self._metadata, name) for name in SCALARS
        )


def _encs(group: Group) -> set[tuple[str, str]]:
    return {(key.id, key.enc) for key in group}


def reseal(version: Version, text: bytes, *, now: str) -> bytes:
    """A version with another text; unchanged values keep their ciphertext.

    Raises:
        PlaintextParseError: the text can't be read.
    """
    if text == version.plain:
        return version.data
    stash = stash_of(version.document, version.opened, version.plain)
    return seal(
        parse_plain(text, version.document.format), text, version.metadata, version.data_key, now=now, stash=stash,
        like=version.document,
    ).data  # fmt: skip
