"""Sealing, opening and verifying the leaves of one file.

A format gives the leaves and takes back what becomes of them; this module never sees text.
"""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING

from kubectl_sops.core import mac
from kubectl_sops.core.cipher import NONCE_SIZE, PLAIN_HINT, PREFIX, Cipher
from kubectl_sops.core.leaf import aad
from kubectl_sops.core.values import EMPTY_LIST, EMPTY_MAP, Comment, Sealed, encode, type_name
from kubectl_sops.errors import ValueAuthError, format_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from kubectl_sops.core.leaf import Leaf, Path
    from kubectl_sops.core.metadata import Metadata

    Changes = dict[int, object]


class Token(str):
    """Source text that stands for a leaf as it is, quotes included; ``splice`` copies it unchanged."""

    __slots__ = ()


class Document:
    """The text of a file, its leaves and its metadata. Each format has its own subclass.

    Attributes:
        format: ``yaml``, ``json``, ``dotenv``, ``ini`` or ``binary``.
        leaves: every scalar, comment and empty container, in document order, without the ``sops`` entry.
        metadata: the ``sops`` entry, or ``None`` in a plaintext file.
        containers: paths of all maps and lists, tried for comments that do not open where they seem to belong.
    """

    format = ""
    moving_comments = False
    """Whether sealing values can change the container that a comment belongs to (YAML only)."""

    unsealed: frozenset[int] = frozenset()
    """Documents of an encrypted stream that have no ``sops`` entry: somebody put them there (YAML only)."""

    leaves: list[Leaf]
    metadata: Metadata | None
    containers: list[Path]

    def splice(
        self,
        changes: Changes,
        metadata: Metadata | None,
        *,
        like: Document | None = None,
    ) -> bytes:
        """The text with some leaves replaced, and nothing else changed.

        Args:
            changes: index in ``leaves`` → ``Sealed`` (a ciphertext, which takes over the quoting of what it
                replaces), ``Token`` (source text, copied) or a typed value.
            metadata: the ``sops`` entry to write; ``None`` leaves it out. Where this document has one, only what
                differs is changed in its text.
            like: an encrypted document whose ``sops`` text and its place serve as a model, where this one has none.
        """
        raise NotImplementedError

    def token(self, index: int) -> Token:
        """The source text of a leaf."""
        raise NotImplementedError

    def split(self, index: int) -> tuple[bytes, bytes, bytes]:  # noqa: ARG002  # YAML alone has streams
        """The text before a document of the stream, its own text, and the text behind it."""
        return b"", self.splice({}, self.metadata), b""

    def put(self, path: Path, value: object) -> bytes:
        """The text of this plaintext document with ``value`` at ``path``, everything else as it is.

        Args:
            path: in the first document; missing maps are created, an index equal to a list's length appends.
            value: a scalar, or ``dict``, ``list`` and scalars; replaces whatever stands there, subtrees too.

        Raises:
            InvalidPathError: an index into a map, a key into a list, or an index beyond the end.
        """
        raise NotImplementedError

    def remove(self, path: Path) -> bytes:
        """The text without the value or subtree at ``path``, comments of other values where they are.

        Raises:
            KeyPathNotFoundError: there is nothing at it.
        """
        raise NotImplementedError


class Opened:
    """What decryption found.

    Attributes:
        changes: index of a leaf → its decrypted value.
        values: all values that the MAC covers, in order.
        unopened_comments: indexes of comments that look encrypted and do not open, or are plain where they should not.
    """

    __slots__ = ("changes", "unopened_comments", "values")

    def __init__(self) -> None:
        self.changes: Changes = {}
        self.values: list[object] = []
        self.unopened_comments: list[int] = []


class Stash:
    """Ciphertexts of a file that was opened, so that unchanged values keep theirs.

    Keyed by place, type and plaintext; a list in document order for each, since equal elements of a list share all
    three. The last one of a list serves every further element.
    """

    __slots__ = ("_entries",)

    def __init__(self) -> None:
        self._entries: dict[tuple[str, str, bytes], list[tuple[str, Token | None, Token | None]]] = {}

    def add(
        self, path: Path, value: object, sealed: str, *, token: Token | None = None, plain_token: Token | None = None
    ) -> None:
        """Remember that ``value`` at ``path`` was ``sealed``, written as ``token``, and shown as ``plain_token``."""
        self._entries.setdefault((aad(path), type_name(value), encode(value)), []).append((sealed, token, plain_token))

    def update(self, other: Stash) -> None:
        """Remember the ciphertexts of ``other`` too; those that are here already come first."""
        for key, entries in other._entries.items():
            self._entries.setdefault(key, []).extend(entries)

    def take(self, place: str, value: object, written: Callable[[], Token]) -> Sealed | Token | None:
        """The ciphertext of ``value`` at ``place``, or its whole token where it is still written as it was shown."""
        entries = self._entries.get((place, type_name(value), encode(value)))
        if not entries:
            return None
        sealed, token, plain_token = entries.pop(0) if len(entries) > 1 else entries[0]
        if token is not None and plain_token is not None and written() == plain_token:
            return token
        return Sealed(sealed)


def open_leaves(
    leaves: Sequence[Leaf],
    metadata: Metadata,
    data_key: bytes,
    *,
    containers: Sequence[Path] = (),
    ignore_mac: bool = False,
) -> Opened:
    """Decrypt the leaves of one file and check its MAC.

    Raises:
        ValueAuthError: a selected leaf is not a ciphertext or does not authenticate.
        MacMissingError, MacMismatchError: unless ``ignore_mac``.
    """
    cipher = Cipher(data_key)
    opened = Opened()
    changes, covered = opened.changes, opened.values
    only_encrypted = metadata.mac_only_encrypted
    open_value = cipher.open
    for index, (leaf, selected) in enumerate(zip(leaves, metadata.selector.select(leaves), strict=True)):
        value = leaf.value
        if value is None or value is EMPTY_MAP or value is EMPTY_LIST:
            continue
        if value.__class__ is Comment:
            if selected and value:
                _open_comment(cipher, index, leaf, containers, opened)
        elif not selected:
            if not only_encrypted:
                covered.append(value)
        elif not isinstance(value, str):
            raise ValueAuthError(f"expected an encrypted value, found {_kind(value)}", hint=PLAIN_HINT, path=leaf.path)
        else:
            try:
                plain = open_value(value, aad(leaf.path))
            except ValueAuthError as error:
                error.path = leaf.path
                raise
            changes[index] = plain
            if plain.__class__ is not Comment:  # an encrypted comment of a list is an item of that list, not a value
                covered.append(plain)
    if not ignore_mac:
        mac.check(cipher, metadata, mac.compute(covered, only_encrypted=only_encrypted))
    return opened


def _kind(value: object) -> str:
    return type(value).__name__.lower()


def _open_comment(cipher: Cipher, index: int, leaf: Leaf, containers: Sequence[Path], opened: Opened) -> None:
    text = str(leaf.value)
    if text.startswith(PREFIX):
        first = aad(leaf.path)
        plain = cipher.open_comment(text, first)
        if plain is None:
            # sops places comments by an algorithm of its parser; authentication decides which place was meant
            for place in dict.fromkeys(aad(path) for path in containers):
                if place != first:
                    plain = cipher.open_comment(text, place)
                    if plain is not None:
                        break
        if plain is not None:
            opened.changes[index] = plain
            return
    opened.unopened_comments.append(index)


def seal_leaves(
    leaves: Sequence[Leaf],
    metadata: Metadata,
    data_key: bytes,
    *,
    now: str,
    random_bytes: Callable[[int], bytes],
    stash: Stash | None = None,
    token: Callable[[int], Token] | None = None,
    comments: bool = True,
) -> tuple[Changes, Metadata]:
    """Encrypt the selected leaves of one file, and compute its MAC.

    Args:
        now: RFC 3339 time in UTC with seconds, recorded as ``lastmodified``.
        stash: ciphertexts to keep for unchanged values; ``token(index)`` gives the source text of a leaf then.
        comments: ``False`` leaves comments for a later ``seal_comments``.

    Returns:
        index of a leaf → its ciphertext, and the metadata with MAC and time.
    """
    cipher = Cipher(data_key)
    changes: Changes = {}
    covered: list[object] = []
    only_encrypted = metadata.mac_only_encrypted
    for index, (leaf, selected) in enumerate(zip(leaves, metadata.selector.select(leaves), strict=True)):
        value = leaf.value
        if value is None or value is EMPTY_MAP or value is EMPTY_LIST:
            continue
        if value.__class__ is Comment:
            if selected and comments and value:
                changes[index] = _seal(cipher, index, leaf, random_bytes, stash, token)
            continue
        if selected or not only_encrypted:
            covered.append(value)
        if selected and value != "":
            changes[index] = _seal(cipher, index, leaf, random_bytes, stash, token)
    computed = mac.compute(covered, only_encrypted=only_encrypted)
    return changes, mac.record(cipher, metadata, computed, now, random_bytes(NONCE_SIZE))


def reseal_leaves(
    leaves: Sequence[Leaf],
    opened: Opened,
    metadata: Metadata,
    data_key: bytes,
    *,
    now: str,
    random_bytes: Callable[[int], bytes],
) -> tuple[Changes, Metadata]:
    """Encrypt again, under another data key, what ``open_leaves`` opened. See ``seal_leaves``."""
    cipher = Cipher(data_key)
    changes: Changes = {
        index: cipher.seal(value, aad(leaves[index].path), random_bytes(NONCE_SIZE))
        for index, value in opened.changes.items()
        if value != ""  # empty text is never encrypted
    }
    computed = mac.compute(opened.values, only_encrypted=metadata.mac_only_encrypted)
    return changes, mac.record(cipher, metadata, computed, now, random_bytes(NONCE_SIZE))


def seal_comments(
    leaves: Sequence[Leaf],
    metadata: Metadata,
    data_key: bytes,
    *,
    random_bytes: Callable[[int], bytes],
    stash: Stash | None = None,
    token: Callable[[int], Token] | None = None,
) -> Changes:
    """Encrypt the selected comments of a file whose values are sealed already."""
    cipher = Cipher(data_key)
    changes: Changes = {}
    for index, (leaf, selected) in enumerate(zip(leaves, metadata.selector.select(leaves), strict=True)):
        if selected and leaf.value.__class__ is Comment and leaf.value and not str(leaf.value).startswith(PREFIX):
            changes[index] = _seal(cipher, index, leaf, random_bytes, stash, token)
    return changes


def _seal(
    cipher: Cipher,
    index: int,
    leaf: Leaf,
    random_bytes: Callable[[int], bytes],
    stash: Stash | None,
    token: Callable[[int], Token] | None,
) -> Sealed | Token:
    place = aad(leaf.path)
    if stash is not None and token is not None:
        kept = stash.take(place, leaf.value, lambda: token(index))
        if kept is not None:
            return kept
    return cipher.seal(leaf.value, place, random_bytes(NONCE_SIZE))


def difference(before: Iterable[Leaf], after: Iterable[Leaf]) -> str | None:
    """The key path where two documents hold different data, comments apart; ``None`` where they are the same."""
    mine = ((leaf.document, leaf.path, leaf.value) for leaf in before if not leaf.is_comment)
    theirs = ((leaf.document, leaf.path, leaf.value) for leaf in after if not leaf.is_comment)
    for one, other in zip_longest(mine, theirs):
        if one is None or other is None or not _same(one, other):
            return format_path((one or other)[1]) or "the document"
    return None


def _same(one: tuple[int, Path, object], other: tuple[int, Path, object]) -> bool:
    if one[:2] != other[:2] or one[2].__class__ is not other[2].__class__:
        return False
    return one[2] == other[2] or (one[2] != one[2] and other[2] != other[2])  # NaN
