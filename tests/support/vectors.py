"""Files made by real sops with throw-away keys: those of ``tests/vectors``, and what opens them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pyrage

from kubectl_sops import formats
from kubectl_sops.core import shamir
from kubectl_sops.core.document import Opened, open_leaves

if TYPE_CHECKING:
    from kubectl_sops.core.document import Document
    from kubectl_sops.core.metadata import Metadata

VECTORS = Path(__file__).parents[1] / "vectors"
FILES = sorted(VECTORS.glob("sops-*/*.enc.*"))


def name_of(path: Path) -> str:
    """A short name for a test's id."""
    return f"{path.parent.name}/{path.name}"


def format_of(path: Path) -> str:
    """The format of a vector."""
    return formats.format_of(str(path))


def identities(folder: Path = VECTORS / "keys") -> list[object]:
    """The age and ssh identities of a folder."""
    found: list[object] = []
    for path in sorted(folder.glob("age*.txt")):
        line = next(line for line in path.read_text().splitlines() if line.startswith("AGE-SECRET-KEY-"))
        found.append(pyrage.x25519.Identity.from_str(line))
    for path in sorted(folder.glob("ssh_*")):
        if path.suffix != ".pub":
            found.append(pyrage.ssh.Identity.from_buffer(path.read_bytes()))
    return found


def data_key(metadata: Metadata, known: list[object]) -> bytes:
    """The data key of a file, from any sufficient set of groups."""
    parts = []
    for group in metadata.groups:
        for entry in group:
            for identity in known:
                try:
                    parts.append(pyrage.decrypt(entry.enc.encode(), [identity]))
                    break
                except pyrage.DecryptError:
                    continue
            else:
                continue
            break
    return parts[0] if len(metadata.groups) == 1 else shamir.combine(parts)


def opened(path: Path, known: list[object] | None = None, format: str | None = None) -> tuple[Document, Opened, bytes]:
    """A vector's document, what decryption found, and its plaintext; the MAC verified."""
    document = formats.parse(path.read_bytes(), format or format_of(path))
    assert document.metadata is not None
    key = data_key(document.metadata, known if known is not None else identities())
    found = open_leaves(document.leaves, document.metadata, key, containers=document.containers)
    return document, found, document.splice(found.changes, None)
