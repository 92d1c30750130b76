"""Files whose keys are held by services: their keys are asked for at once, before the files are opened one by one."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from kubectl_sops.errors import SopsError
from kubectl_sops.files.decrypt import parse_encrypted
from kubectl_sops.files.read import STDIN, read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from kubectl_sops.keys.keyring import Keyring

_MARKS = (b"arn:aws", b"gcp_kms", b"azure_kv", b"hc_vault")
"""What the metadata of such a file has in it; others have it only by chance, and are looked at for nothing."""

_ENTRY = b"\nsops:"
"""Where the metadata of most files starts."""

_LARGEST = 1 << 20
"""Bytes; larger files are not read for this, since a folder may hold anything."""


def prefetch_paths(paths: Iterable[str], format_of: Callable[[str], str], keyring: Keyring) -> None:
    """``prefetch`` for files by their names; standard input is left alone."""
    prefetch(_contents(paths, format_of), keyring)


def _contents(paths: Iterable[str], format_of: Callable[[str], str]) -> Iterator[tuple[bytes, str]]:
    for path in paths:
        try:
            if path != STDIN and os.path.getsize(path) <= _LARGEST:
                yield read(path), format_of(path)
        except (OSError, SopsError):
            continue


def prefetch(files: Iterable[tuple[bytes, str]], keyring: Keyring) -> None:
    """Let services open the keys of encrypted files, each given as its bytes and format.

    What can't be read or opened is reported where the file is opened.
    """
    found = []
    for data, kind in files:
        start = max(data.rfind(_ENTRY), 0)
        if any(data.find(mark, start) >= 0 for mark in _MARKS):
            try:
                found.append(parse_encrypted(data, kind)[1])
            except SopsError:
                continue
    keyring.prefetch(found)
