"""Texts of edits that were given up, kept encrypted for ``edit --resume``.

Each is a SOPS file in the binary format, under the data key and recipients of the file it belongs to, so that whoever
can open the file can go on with the edit, and nobody else.
"""

from __future__ import annotations

import os
from hashlib import sha256
from typing import TYPE_CHECKING

from kubectl_sops.core.selectors import FIELDS
from kubectl_sops.errors import InputNotFoundError
from kubectl_sops.files.decrypt import decrypt
from kubectl_sops.files.encrypt import seal
from kubectl_sops.files.read import read
from kubectl_sops.files.write import replace_file
from kubectl_sops.formats import binary

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kubectl_sops.core.metadata import Metadata
    from kubectl_sops.files.decrypt import DataKeys


def _place(path: str, environ: Mapping[str, str]) -> str:
    state = environ.get("XDG_STATE_HOME") or os.path.join(environ.get("HOME") or "/", ".local", "state")
    name = sha256(os.path.realpath(path).encode("utf-8", "surrogateescape")).hexdigest()[:32]
    return os.path.join(state, "kubectl-sops", "edits", name)


def exists(path: str, environ: Mapping[str, str]) -> bool:
    """Whether an edit of ``path`` is kept."""
    return os.path.exists(_place(path, environ))


def store(path: str, text: bytes, metadata: Metadata, data_key: bytes, environ: Mapping[str, str], *, now: str) -> None:
    """Keep ``text``, encrypted like the file it belongs to."""
    place = _place(path, environ)
    os.makedirs(os.path.dirname(place), mode=0o700, exist_ok=True)
    everything = metadata.replace(**dict.fromkeys((*FIELDS, "mac_only_encrypted")))
    replace_file(place, seal(binary.parse_plain(text), text, everything, data_key, now=now).data)


def load(path: str, keys: DataKeys, environ: Mapping[str, str]) -> bytes:
    """The text that was kept.

    Raises:
        InputNotFoundError: nothing is kept for ``path``.
    """
    try:
        data = read(_place(path, environ))
    except InputNotFoundError:
        raise InputNotFoundError("no edit is kept", file=path, hint=f"start one with `edit {path}`") from None
    return decrypt(data, "binary", keys)


def forget(path: str, environ: Mapping[str, str]) -> None:
    """Remove the kept text, if there is one."""
    try:
        os.unlink(_place(path, environ))
    except FileNotFoundError:
        pass
