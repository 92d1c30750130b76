"""Files whose keys are held by services: their keys are asked for at once, before the files are opened one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_sops.errors import SopsError
from kubectl_sops.files.decrypt import parse_encrypted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kubectl_sops.keys.keyring import Keyring

_MARKS = (b"arn:aws", b"gcp_kms", b"azure_kv", b"hc_vault")
"""What the metadata of such a file has in it; others have it only by chance, and are looked at for nothing."""


def prefetch(files: Iterable[tuple[bytes, str]], keyring: Keyring) -> None:
    """Let services open the keys of encrypted files, each given as its bytes and format.

    What can't be read or opened is reported where the file is opened.
    """
    found = []
    for data, kind in files:
        if any(mark in data for mark in _MARKS):
            try:
                found.append(parse_encrypted(data, kind)[1])
            except SopsError:
                continue
    keyring.prefetch(found)
