"""Checks of an encrypted file that need no key."""

from __future__ import annotations

import re
from binascii import Error as Base64Error
from binascii import a2b_base64
from itertools import pairwise
from typing import TYPE_CHECKING

from kubectl_sops.core.cipher import PREFIX, is_sealed
from kubectl_sops.core.metadata import normalise_time
from kubectl_sops.core.reseal import is_selected_near
from kubectl_sops.core.selectors import compile_regex
from kubectl_sops.core.values import EMPTY_LIST, EMPTY_MAP, Comment
from kubectl_sops.errors import SopsError
from kubectl_sops.files.manifest import manifests
from kubectl_sops.repo.finding import Finding
from kubectl_sops.repo.place import Lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kubectl_sops.core.document import Document
    from kubectl_sops.core.leaf import Leaf
    from kubectl_sops.core.metadata import KeyEntry, Metadata
    from kubectl_sops.core.selectors import Selector

_BEFORE_DATA = len(PREFIX + "data:")
_IDENTITY = (("apiVersion",), ("kind",), ("metadata",))
_SEALED = re.compile(r"ENC\[AES256_GCM,data:([A-Za-z0-9+/=]*),iv:([A-Za-z0-9+/=]+),tag:([A-Za-z0-9+/=]+),type:(\w+)\]")
_ARMOR = re.compile(r"\s*-----BEGIN AGE ENCRYPTED FILE-----\s+([A-Za-z0-9+/=\s]+)-----END AGE ENCRYPTED FILE-----\s*")
_DOCUMENT_START = re.compile(rb"^---(?=[ \t\r\n]|$)", re.MULTILINE)
_SOPS_KEY = re.compile(rb"""^[ \t]*(?:sops[ \t]*:)|["']sops["'][ \t]*:""", re.MULTILINE | re.IGNORECASE)


def check(file: str, data: bytes, document: Document) -> Iterator[Finding]:
    """Whatever is wrong with an encrypted file in itself."""
    metadata = document.metadata
    lines = Lines(data)
    if metadata is None:
        leaf = next((leaf for leaf in document.leaves if is_sealed(leaf.value)), None)
        if leaf is not None:
            yield Finding("metadata-missing", file, "is encrypted, but has no `sops` entry", lines.of(leaf), leaf.path)
        return
    problems = list(metadata_problems(metadata))
    for problem in problems:
        yield Finding("metadata-invalid", file, problem, lines.first(_SOPS_KEY))
    if document.format == "yaml":
        yield from _check_stream(file, data, document, lines)
    identity: set[int] = set()
    for indexes in _identities(document):
        identity.update(indexes)
        leaf = document.leaves[indexes[0]]
        more = f", with {len(indexes) - 1} more" if len(indexes) > 1 else ""
        yield Finding("encrypted-identity", file, f"must not be encrypted{more}", lines.of(leaf), leaf.path)
    if not problems:
        yield from _check_values(file, document, metadata, lines, identity)


def is_in_order(leaves: Sequence[Leaf], selector: Selector) -> bool:
    """Whether ``check`` would find nothing among the values; ``False`` means that it has to look.

    Args:
        leaves: as ``yaml_usual.read`` gives them.
    """
    if selector.uses_comments or not selector.field:
        return False
    for index, (leaf, selected) in enumerate(zip(leaves, selector.select(leaves), strict=True)):
        value = leaf.value
        if value.__class__ is Comment:
            sealed = value.startswith(PREFIX)
            if not sealed and value.strip() and is_selected_near(selector, leaves, index):
                return False
        elif value.__class__ is str and value.startswith(PREFIX):
            # base64 of whole bytes: what comes before it and behind it is of a known length
            if not selected or leaf.path[:1] in _IDENTITY or (value.index(",iv:") - _BEFORE_DATA) % 4:
                return False
        elif selected and value is not None and value != "":
            return False
    return True


def metadata_problems(metadata: Metadata) -> Iterator[str]:
    """What sops would refuse in a ``sops`` entry, and what could never be opened."""
    for test in (metadata.require_readable, lambda: metadata.shamir_threshold, lambda: metadata.selector):
        try:
            test()
        except SopsError as error:
            yield error.message
    if not metadata.mac:
        yield "the sops metadata has no mac"
    elif not _is_well_formed(metadata.mac):
        yield "the mac in the sops metadata is damaged"
    try:
        selector = metadata.selector
        if selector.field.endswith("_regex"):
            compile_regex(selector.text)
    except SopsError as error:
        if "regular expression" in error.message:
            yield f"{metadata.selector.field} in the sops metadata: {error.message}"
    try:
        groups = metadata.groups
    except SopsError as error:
        yield error.message
        return
    threshold = metadata.shamir_threshold if not _fails(lambda: metadata.shamir_threshold) else 0
    if threshold > len(groups):
        yield f"shamir_threshold is {threshold}, but there are only {len(groups)} key groups"
    for number, group in enumerate(groups):
        where = f" of key group {number + 1}" if len(groups) > 1 else ""
        if not group:
            yield f"key group {number + 1} has no keys"
        for entry in group:
            problem = key_problem(entry)
            if problem:
                yield f"{entry.kind} key{where}: {problem}"


def _fails(call: object) -> bool:
    try:
        call()  # type: ignore[operator]  # a callable without arguments
    except SopsError:
        return True
    return False


def key_problem(entry: KeyEntry) -> str | None:
    """What is wrong with one wrapped data key."""
    name = entry.id
    if not name.strip("/+|"):
        return "does not say which key it is"
    if not entry.enc.strip():
        return f"{name} has no wrapped data key"
    created = entry.get("created_at")
    if created:
        try:
            normalise_time(created)
        except SopsError:
            return f"{name} has a created_at that is not a time"
    if entry.kind == "age":
        match = _ARMOR.fullmatch(entry.enc)
        try:
            if match is None or not a2b_base64(match.group(1)).startswith(b"age-encryption.org/v1\n"):
                return f"the wrapped data key of {name} is damaged"
        except Base64Error:
            return f"the wrapped data key of {name} is damaged"
    return None


def _is_well_formed(text: str) -> bool:
    match = _SEALED.match(text)
    if match is None:
        return False
    try:
        for part in match.groups()[:3]:
            a2b_base64(part, strict_mode=True)
    except Base64Error:
        return False
    return True


def _check_values(
    file: str, document: Document, metadata: Metadata, lines: Lines, identity: set[int]
) -> Iterator[Finding]:
    for index, (leaf, selected) in enumerate(
        zip(document.leaves, metadata.selector.select(document.leaves), strict=True)
    ):
        value = leaf.value
        sealed = is_sealed(value)
        if leaf.is_comment:
            if selected and str(value).strip() and not sealed:
                yield Finding("plain-comment", file, "a comment is not encrypted", lines.of(leaf), leaf.path)
        elif not selected:
            if sealed and index not in identity:
                yield Finding(
                    "stray-ciphertext", file, "is a ciphertext, which the file's selector does not cover",
                    lines.of(leaf), leaf.path,
                )  # fmt: skip
        elif value is None or value is EMPTY_MAP or value is EMPTY_LIST or value == "":
            continue
        elif not sealed:
            yield Finding("plain-value", file, "is not encrypted", lines.of(leaf), leaf.path)
        elif not _is_well_formed(str(value)):
            yield Finding("plain-value", file, "is a damaged ciphertext", lines.of(leaf), leaf.path)


def _identities(document: Document) -> Iterator[list[int]]:
    """For each Kubernetes object, the encrypted ones among the leaves that say which object it is."""
    for manifest in manifests(document.leaves):
        if not (manifest.api_version and manifest.kind):
            continue
        found = []
        for index in manifest.leaves:
            leaf = document.leaves[index]
            inner = leaf.path[len(manifest.prefix) :]
            if inner[:1] in _IDENTITY and is_sealed(leaf.value) and not leaf.is_comment:
                found.append(index)
        if found:
            yield found


def _check_stream(file: str, data: bytes, document: Document, lines: Lines) -> Iterator[Finding]:
    """Each document of a stream has its own copy of the ``sops`` entry: Flux takes the stream apart."""
    starts = [match.start() for match in _DOCUMENT_START.finditer(data)]
    if not starts:
        return
    bounds = [0, *starts, len(data)]
    chunks = [(a, b) for a, b in pairwise(bounds) if data[a:b].strip(b"-\r\n \t")]
    without = [(a, b) for a, b in chunks if not _SOPS_KEY.search(data, a, b)]
    if len(without) == len(chunks):
        return
    sealed = {leaf.document for leaf in document.leaves if is_sealed(leaf.value)}
    if not sealed:
        return
    for start, end in without:
        chunk = data[start:end]
        if b"ENC[AES256_GCM," in chunk:
            yield Finding(
                "metadata-missing", file, "a document of the stream is encrypted, but has no `sops` entry of its own",
                lines.at_byte(start),
            )  # fmt: skip
        elif re.search(rb"""^["']?kind["']?\s*:\s*["']?Secret\b""", chunk, re.MULTILINE):
            yield Finding(
                "half-encrypted", file, "a Secret of the stream is not encrypted, while other documents are",
                lines.at_byte(start),
            )  # fmt: skip
