"""Which files of paths and folders are meant: without what Git ignores; encrypted files are known by their content."""

from __future__ import annotations

import os
import re
import stat
from typing import TYPE_CHECKING

from kubectl_sops import formats
from kubectl_sops.errors import InputNotFoundError
from kubectl_sops.files.decrypt import parse_encrypted
from kubectl_sops.files.read import STDIN, read
from kubectl_sops.formats import format_of
from kubectl_sops.formats.guess import format_with, guess
from kubectl_sops.formats.yaml_outline import outline
from kubectl_sops.repo import git

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from kubectl_sops.core.metadata import Metadata

HUGE = 32 << 20
"""Above this many bytes only both ends of a file are looked at: sops writes its metadata at one of them."""

_WINDOW = 256 << 10

# The entry in each format. `sops` alone says nothing: prose and configuration about sops are common.
_ENTRY = {
    "yaml": re.compile(rb"""^[ \t]*sops[ \t]*:|["']sops["'][ \t\r\n]*:""", re.MULTILINE | re.IGNORECASE),
    "json": re.compile(rb"""["']sops["']\s*:""", re.IGNORECASE),
    "dotenv": re.compile(rb"^sops_[a-z]", re.MULTILINE | re.IGNORECASE),
    "ini": re.compile(rb"^[ \t]*\[sops\]", re.MULTILINE | re.IGNORECASE),
}
_FIELD = re.compile(rb"lastmodified|\bmac\b|sops_mac|\bversion|key_groups|\benc\b", re.IGNORECASE)


class Entry:
    """A file to look at.

    Attributes:
        path: as the user would write it.
        named: the user named it; otherwise it was found in a folder.
    """

    __slots__ = ("named", "path")

    def __init__(self, path: str, *, named: bool) -> None:
        self.path = path
        self.named = named

    def __repr__(self) -> str:
        return f"Entry({self.path!r}, named={self.named})"


def list_entries(paths: Sequence[str]) -> list[Entry]:
    """The files of ``paths``: files as they are, folders walked, ``-`` kept; each file once, in the order given.

    Raises:
        InputNotFoundError: a path does not exist.
    """
    entries: list[Entry] = []
    seen: set[str] = set()
    for path in paths:
        if path == STDIN:
            entries.append(Entry(path, named=True))
            continue
        if not os.path.lexists(path):
            raise InputNotFoundError("no such file or directory", file=path, hint="check the path")
        folder = os.path.isdir(path)
        for name in walk(path) if folder else [path]:
            identity = os.path.realpath(name) if os.path.islink(name) else os.path.abspath(name)
            if identity not in seen:
                seen.add(identity)
                entries.append(Entry(name, named=not folder))
    return entries


def walk(folder: str) -> Iterator[str]:
    """Regular files below a folder, sorted; symbolic links as their targets inside the repository.

    In a Git work tree these are the tracked and the new files. A folder that Git ignores is walked as it is: it was
    named. Other repositories inside (submodules) are not entered.
    """
    top = git.find_top(folder)
    place = "" if top is None else os.path.relpath(os.path.realpath(folder), os.path.realpath(top))
    ignored = top is not None and place != "." and git.is_ignored(place, top)
    if top is None or ignored:
        names: Iterable[str] = _walk_plain(folder)
    else:
        names = git.list_files(folder)
    root = os.path.realpath(top or folder)
    here = os.path.realpath(folder)
    elsewhere = _Elsewhere(top)
    for name in names:
        path = name if folder in (".", "") else os.path.join(folder, name)
        try:
            mode = os.lstat(path).st_mode
        except OSError:
            continue  # in the index, deleted in the work tree
        if stat.S_ISLNK(mode):
            target = os.path.realpath(path)
            # a target below this folder is found by its own name, which is the one that rules are for
            if _is_below(target, root) and not _is_below(target, here) and target in elsewhere:
                yield target if os.path.isabs(path) else os.path.relpath(target)
        elif stat.S_ISREG(mode):
            yield path


class _Elsewhere:
    """The files of a repository that a walk over all of it would find, listed when the first is asked about."""

    def __init__(self, top: str | None) -> None:
        self._top = top
        self._known: frozenset[str] | None = None

    def __contains__(self, target: str) -> bool:
        if not os.path.isfile(target):
            return False
        if self._top is None:
            return True
        if self._known is None:
            top = os.path.realpath(self._top)
            self._known = frozenset(os.path.join(top, name) for name in git.list_files(self._top))
        return target in self._known


def _is_below(path: str, folder: str) -> bool:
    return path.startswith(folder.rstrip(os.sep) + os.sep)


def _walk_plain(folder: str) -> Iterator[str]:
    found: list[str] = []
    for current, folders, files in os.walk(folder):
        # Git's own folder, and where an interrupted change of many files is kept outside Git
        folders[:] = [name for name in folders if name != ".git" and not name.startswith(".kubectl-sops")]
        place = os.path.relpath(current, folder)
        found.extend(files if place == "." else [os.path.join(place, name) for name in files])
    return iter(sorted(found))


def read_text(path: str) -> bytes | None:
    """The bytes of a file that may be of interest, ``None`` for one that can't be: binary, or huge without metadata."""
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        head = file.read(_WINDOW)
        if b"\0" in head[:8192]:  # none of the formats holds a NUL, base64 keeps it out of encrypted binary files
            return None
        if size > HUGE:
            file.seek(-_WINDOW, os.SEEK_END)
            if not (_mentions(head) or _mentions(file.read())):
                return None
            file.seek(len(head))
        return head + file.read() if size > len(head) else head


def _mentions(data: bytes) -> bool:
    return b"sops" in data or b"SOPS" in data


def looks_encrypted(data: bytes, format: str) -> bool:  # the word sops uses
    """Whether there is a ``sops`` entry in the text, by a quick look; parsing decides."""
    if format == "yaml":
        # as sops writes it, near the end; the regular expressions below read the whole file
        entry = data.rfind(b"\nsops:")
        if entry >= 0 and data.find(b"lastmodified", entry) >= 0:
            return True
    # memmem first: most files of a repository do not even mention the word
    if not _mentions(data):
        return False
    if format == "binary":
        if not data.lstrip().startswith(b"{"):
            return False
        format = "json"  # the form in which sops keeps binary files
    return _ENTRY[format].search(data) is not None and _FIELD.search(data) is not None


def encrypted_format(path: str, data: bytes) -> str | None:  # the word sops uses
    """The format of an encrypted file, ``None`` for any other, by a quick look where its name says the format."""
    by_name = format_of(path)
    if looks_encrypted(data, by_name):
        return by_name
    return guess(data) if by_name == "binary" and _mentions(data) else None


def encrypted_files(paths: Sequence[str]) -> Iterator[str]:
    """The paths that ``find_encrypted`` finds."""
    return (entry.path for entry, _ in find_encrypted(paths))


def find_encrypted(paths: Sequence[str]) -> Iterator[tuple[Entry, bytes]]:
    """The encrypted files of ``paths`` with their bytes. A file that the user named always counts.

    Raises:
        InputNotFoundError: a path does not exist.
        UnreadableFileError: a named file can't be read.
    """
    for entry in list_entries(paths):
        data = read_encrypted(entry)
        if data is not None:
            yield entry, data


def read_encrypted(entry: Entry) -> bytes | None:
    """The bytes of an encrypted file, ``None`` for any other. A file that the user named always counts.

    Raises:
        UnreadableFileError: a named file can't be read.
    """
    if entry.named:
        return read(entry.path)
    try:
        data = read_text(entry.path)
    except OSError:
        return None
    return data if data is not None and encrypted_format(entry.path, data) is not None else None


def read_metadata(entry: Entry) -> Metadata | None:
    """The ``sops`` entry of a file; ``None`` where it is not encrypted.

    Raises:
        MetadataMissingError: a file that the user named is not encrypted.
        SopsError: it can't be read.
    """
    if entry.named:
        text = read(entry.path)
        return parse_encrypted(text, format_with(entry.path, text))[1]
    try:
        data = read_text(entry.path)
    except OSError:
        return None
    kind = None if data is None else encrypted_format(entry.path, data)
    if data is None or kind is None:
        return None
    quick = outline(data, kind)
    return quick.metadata if quick is not None else formats.parse(data, kind).metadata
