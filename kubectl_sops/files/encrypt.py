"""Plaintext bytes in, an encrypted file out; unchanged values of an earlier version keep their ciphertext."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from kubectl_sops import formats
from kubectl_sops.core import metadata as metadata_module
from kubectl_sops.core.cipher import KEY_SIZE
from kubectl_sops.core.document import Stash, difference, open_leaves, seal_comments, seal_leaves
from kubectl_sops.core.leaf import UNREAD
from kubectl_sops.core.metadata import groups_needed, shuts_out
from kubectl_sops.core.selectors import FIELDS, Selector
from kubectl_sops.core.values import Comment
from kubectl_sops.errors import (
    AlreadyEncryptedError,
    EncryptTreeError,
    MetadataError,
    ParseError,
    PlaintextParseError,
    SopsError,
)
from kubectl_sops.files.decrypt import open_document, parse_encrypted
from kubectl_sops.keys.azure import settled

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kubectl_sops.core.document import Document, Opened
    from kubectl_sops.core.metadata import Group, Metadata
    from kubectl_sops.keys.keyring import Keyring

    RandomBytes = Callable[[int], bytes]

ALREADY_ENCRYPTED_HINT = "rename the entry `sops` if it is yours; if the file is encrypted, use `edit`"


class Recipe:
    """How a new file is encrypted: for whom, and what of it.

    Attributes:
        groups: keys without a wrapped data key; one group unless Shamir's secret sharing is wanted.
        shamir_threshold: how many groups are needed; 0 means all of them.
        selector: what is encrypted.
        mac_only_encrypted: the MAC covers encrypted values only.
    """

    __slots__ = ("groups", "mac_only_encrypted", "selector", "shamir_threshold")

    def __init__(
        self,
        groups: Sequence[Group],
        *,
        shamir_threshold: int = 0,
        selector: Selector | None = None,
        mac_only_encrypted: bool = False,
    ) -> None:
        self.groups = list(groups)
        self.shamir_threshold = shamir_threshold
        self.selector = selector
        self.mac_only_encrypted = mac_only_encrypted


class Written:
    """An encrypted file.

    Attributes:
        data: its bytes.
        exact: whether decrypting it gives the plaintext back byte for byte; otherwise the same data, spelt differently.
    """

    __slots__ = ("data", "exact")

    def __init__(self, data: bytes, *, exact: bool) -> None:
        self.data = data
        self.exact = exact


def parse_plain(data: bytes, format: str) -> Document:  # the word sops uses
    """The document of a plaintext file.

    Raises:
        PlaintextParseError: it can't be read.
        AlreadyEncryptedError: it has a ``sops`` entry.
    """
    try:
        document = formats.parse(data, format)
    except ParseError as error:
        raise PlaintextParseError(error.message, hint=error.hint, path=error.path, line=error.line) from None
    except MetadataError:
        raise _already_encrypted() from None  # an entry named `sops` that is none of sops'
    if document.metadata is not None:
        raise _already_encrypted()
    if format == "json":
        _require_utf8(data)
    return document


def _require_utf8(data: bytes) -> None:
    """Go's encoding/json puts U+FFFD for other bytes, so that sops loses them without a word."""
    try:
        data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise PlaintextParseError(
            "not UTF-8, as JSON must be", hint="convert it, or use --input-type binary", line=line
        ) from None


def _already_encrypted() -> AlreadyEncryptedError:
    return AlreadyEncryptedError("the file already has an entry named `sops`", hint=ALREADY_ENCRYPTED_HINT)


def encrypt(
    data: bytes,
    format: str,
    recipe: Recipe,
    keyring: Keyring,
    *,
    now: str,
    base: bytes | None = None,
    random_bytes: RandomBytes = os.urandom,
) -> Written:
    """Encrypt a plaintext file.

    Args:
        now: RFC 3339 time in UTC with seconds.
        base: an encrypted earlier version of the same file, which the keyring can open. Values that did not change
            keep their ciphertext, and recipients that stay keep their wrapped data key. Where somebody is to lose
            access, all is encrypted under a new data key.
    """
    document = parse_plain(data, format)
    if base is not None and not _shuts_out(base, format, recipe):
        return _encrypt_over(document, data, format, recipe, keyring, base, now, random_bytes)
    data_key = random_bytes(KEY_SIZE)
    metadata = wrapped(data_key, recipe, format, keyring, random_bytes)
    return seal(document, data, metadata, data_key, now=now, random_bytes=random_bytes)


def wrapped(
    data_key: bytes, recipe: Recipe, format: str, keyring: Keyring, random_bytes: RandomBytes = os.urandom
) -> Metadata:
    """Metadata of a new file, with its data key wrapped for every recipient."""
    groups, threshold = keyring.wrap(data_key, recipe.groups, recipe.shamir_threshold, random_bytes)
    return new_metadata(groups, threshold, recipe, format)


def new_metadata(groups: Sequence[Group], threshold: int, recipe: Recipe, format: str) -> Metadata:
    """Metadata of a new file whose data key is wrapped in ``groups``."""
    if format == "binary":
        # there is nothing to select in a blob; sops ignores and does not record selectors there
        return metadata_module.new(groups, shamir_threshold=threshold, selector=Selector("", ""))
    return metadata_module.new(
        groups,
        shamir_threshold=threshold,
        selector=recipe.selector,
        mac_only_encrypted=recipe.mac_only_encrypted,
    )


def encrypt_as(
    data: bytes,
    format: str,
    output: str,
    recipe: Recipe,
    keyring: Keyring,
    *,
    now: str,
    indent: int | None = None,
    random_bytes: RandomBytes = os.urandom,
) -> bytes:
    """Encrypt a plaintext file into another format, printed as sops prints it; types stay what they are."""
    document = parse_plain(data, format)
    data_key = random_bytes(KEY_SIZE)
    metadata = wrapped(data_key, recipe, output, keyring, random_bytes)
    return seal_as(document, metadata, data_key, output, now=now, indent=indent, random_bytes=random_bytes)


def seal_as(
    document: Document,
    metadata: Metadata,
    data_key: bytes,
    output: str,
    *,
    now: str,
    indent: int | None = None,
    random_bytes: RandomBytes = os.urandom,
) -> bytes:
    """A parsed document encrypted into another format."""
    from kubectl_sops.formats import emit

    changes, metadata = seal_leaves(document.leaves, metadata, data_key, now=now, random_bytes=random_bytes)
    return emit.emit(emit.build(document.leaves, changes), output, indent=indent, metadata=metadata)


def _shuts_out(base: bytes, format: str, recipe: Recipe) -> bool:
    """Whether people can open ``base`` who must not open what takes its place."""
    metadata = parse_encrypted(base, format)[1]
    after = settled(recipe.groups, metadata.groups)
    return shuts_out(metadata.groups, metadata.shamir_threshold, after, recipe.shamir_threshold)


def _encrypt_over(
    document: Document,
    data: bytes,
    format: str,
    recipe: Recipe,
    keyring: Keyring,
    base: bytes,
    now: str,
    random_bytes: RandomBytes,
) -> Written:
    old, old_metadata = parse_encrypted(base, format)
    opened, data_key = open_document(old, old_metadata, keyring)
    wanted = new_metadata(recipe.groups, recipe.shamir_threshold, recipe, format)
    fields: dict[str, object] = {name: wanted.tree.get(name) for name in FIELDS}
    metadata = old_metadata.replace(**fields, mac_only_encrypted=wanted.tree.get("mac_only_encrypted"))
    before = old_metadata.groups
    groups = settled(recipe.groups, before)
    same = [[key.id for key in group] for group in before] == [[key.id for key in group] for group in groups]
    needed = groups_needed(before, old_metadata.shamir_threshold)
    if not same or needed != groups_needed(groups, recipe.shamir_threshold):
        groups, threshold = keyring.rewrap(data_key, old_metadata, groups, recipe.shamir_threshold, random_bytes)
        metadata = metadata.with_groups(groups, threshold)
    plain = old.splice(opened.changes, None)
    if plain == data and metadata.tree == old_metadata.tree:
        return Written(base, exact=True)
    stash = stash_of(old, opened, plain)
    return seal(document, data, metadata, data_key, now=now, random_bytes=random_bytes, stash=stash, like=old)


def stash_of(document: Document, opened: Opened, plain: bytes) -> Stash:
    """The ciphertexts of an opened document, each with its token there and in its plaintext."""
    stash = Stash()
    shown = formats.parse(plain, document.format)
    values: list[int] = []
    comments: list[int] = []
    for index, leaf in enumerate(shown.leaves):
        (comments if leaf.is_comment else values).append(index)
    position = {True: 0, False: 0}
    tokens: dict[int, int] = {}
    for index, leaf in enumerate(document.leaves):
        comment = opened.changes.get(index, leaf.value).__class__ is Comment
        places = comments if comment else values
        if position[comment] < len(places):
            tokens[index] = places[position[comment]]
        position[comment] += 1
    paired = position == {True: len(comments), False: len(values)}
    for index, value in opened.changes.items():
        leaf = document.leaves[index]
        if leaf.value == "":
            continue
        stash.add(
            leaf.path,
            value,
            str(leaf.value),
            token=document.token(index) if paired else None,
            plain_token=shown.token(tokens[index]) if paired else None,
        )
    return stash


def seal(
    document: Document,
    plain: bytes,
    metadata: Metadata,
    data_key: bytes,
    *,
    now: str,
    random_bytes: RandomBytes = os.urandom,
    stash: Stash | None = None,
    like: Document | None = None,
) -> Written:
    """Encrypt a parsed document under a data key that ``metadata`` holds wrapped, and check what comes out.

    Raises:
        EncryptTreeError: the result would not read back as the same data; nothing is returned then.
    """
    if metadata.selector.uses_comments:
        _require_readable_comments(document)
    changes, metadata = seal_leaves(
        document.leaves,
        metadata,
        data_key,
        now=now,
        random_bytes=random_bytes,
        stash=stash,
        token=document.token,
        comments=not document.moving_comments,
    )
    data = document.splice(changes, metadata, like=like)
    if document.moving_comments:
        # which container a comment belongs to is decided on the text that readers will see
        half = formats.parse(data, document.format)
        changes = seal_comments(
            half.leaves, metadata, data_key, random_bytes=random_bytes, stash=stash, token=half.token
        )  # fmt: skip
        if changes:
            data = half.splice(changes, metadata)
    return Written(data, exact=_read_back(document, data, data_key) == plain)


def _require_readable_comments(document: Document) -> None:
    for leaf in document.leaves:
        if leaf.style is UNREAD:
            raise EncryptTreeError(
                "a comment stands where sops does not read it, and comments select what is encrypted",
                path=leaf.path,
                hint="move the comment right above a key",
            )


def _read_back(document: Document, data: bytes, data_key: bytes) -> bytes:
    """The plaintext that a reader of ``data`` gets, after checking that it is the data of ``document``."""
    try:
        result, metadata = parse_encrypted(data, document.format)
        opened = open_leaves(result.leaves, metadata, data_key, containers=result.containers)
        plain = result.splice(opened.changes, None)
    except SopsError as error:
        raise EncryptTreeError(
            f"the encrypted document would not read back ({error.message})", path=error.path, hint=_SPELLING_HINT
        ) from None
    for index, value in opened.changes.items():
        result.leaves[index].value = value
    where = difference(document.leaves, result.leaves)
    if where is None and _comments(document) != _comments(result):
        where = "a comment"
    if where is not None:
        raise EncryptTreeError(f"the encrypted document would not read back the same at {where}", hint=_SPELLING_HINT)
    return plain


def _comments(document: Document) -> list[str]:
    return sorted(str(leaf.value).strip() for leaf in document.leaves if leaf.is_comment)


_SPELLING_HINT = "write that place in plain block style, and report the document's shape as a bug"
