"""Texts of edits that were given up, kept encrypted for ``edit --resume``.

Each is a SOPS file in the binary format, under the data key and recipients of the file it belongs to, so that whoever
can open the file can go on with the edit, and nobody else.
"""

from __future__ import annotations

import os
from hashlib import sha256
from typing import TYPE_CHECKING

from kubectl_sops.core.selectors import FIELDS
from kubectl_sops.errors import InputNotFoundError, UnwritableFileError
from kubectl_sops.files.decrypt import decrypt
from kubectl_sops.files.encrypt import seal
from kubectl_sops.files.read import read
from kubectl_sops.files.write import replace_file
from kubectl_sops.formats import binary

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kubectl_sops.core.metadata import Metadata
    from kubectl_sops.files.decrypt import DataKeys


def _places(path: str, environ: Mapping[str, str]) -> tuple[str, ...]:
    # the second is for homes that do not exist or can't be written, as in containers
    home = environ.get("HOME") or os.path.expanduser("~")
    state = environ.get("XDG_STATE_HOME") or os.path.join(home, ".local", "state")
    target = os.path.realpath(path)
    name = sha256(target.encode("utf-8", "surrogateescape")).hexdigest()[:32]
    beside = os.path.join(os.path.dirname(target), f".{os.path.basename(target)}.kept-edit")
    return os.path.join(state, "kubectl-sops", "edits", name), beside


def exists(path: str, environ: Mapping[str, str]) -> bool:
    """Whether an edit of ``path`` is kept."""
    return any(os.path.exists(place) for place in _places(path, environ))


def store(path: str, text: bytes, metadata: Metadata, data_key: bytes, environ: Mapping[str, str], *, now: str) -> None:
    """Keep ``text``, encrypted like the file it belongs to: with the user's state, or beside the file.

    Raises:
        UnwritableFileError: neither place can be written.
    """
    everything = metadata.replace(**dict.fromkeys((*FIELDS, "mac_only_encrypted")))
    data = seal(binary.parse_plain(text), text, everything, data_key, now=now).data
    for place in _places(path, environ):
        try:
            os.makedirs(os.path.dirname(place), mode=0o700, exist_ok=True)
            replace_file(place, data)
        except (OSError, UnwritableFileError):
            continue
        return
    raise UnwritableFileError(
        "your text can't be kept, and is lost", file=path, hint="set XDG_STATE_HOME to a folder that can be written"
    )


def load(path: str, keys: DataKeys, environ: Mapping[str, str]) -> bytes:
    """The text that was kept.

    Raises:
        InputNotFoundError: nothing is kept for ``path``.
    """
    for place in _places(path, environ):
        if os.path.exists(place):
            return decrypt(read(place), "binary", keys)
    raise InputNotFoundError("no edit is kept", file=path, hint=f"start one with `edit {path}`")


def forget(path: str, environ: Mapping[str, str]) -> None:
    """Remove the kept text, if there is one."""
    for place in _places(path, environ):
        try:
            os.unlink(place)
        except OSError:
            pass  # not there, or its folder never was
