"""What a document has in place of a key path that is not in it: key names, which are not secret, and never values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_sops.errors import format_path

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kubectl_sops.core.document import Document
    from kubectl_sops.core.leaf import Path

_SHOWN = 8
"""How many names fit in a hint."""


def neighbours(document: Document, path: Path) -> str:
    """A hint for whoever looked for ``path``: what there is where it leaves the document."""
    known: list[str | int] = []
    at = 0
    for at in range(len(path)):
        known = _below(document, path[:at])
        if path[at] not in known:
            break
    names = [name for name in known if isinstance(name, str)]
    if names and isinstance(path[at], str):
        from difflib import get_close_matches

        close = get_close_matches(str(path[at]), names, 1)
        return f"did you mean {close[0]}?" if close else f"there is: {_listed(names)}"
    if names:
        return f"there is a map with: {_listed(names)}"
    if known:
        return f"there is a list: its items are [0] to [{len(known) - 1}]"
    where = format_path(path[:at]) or "the document"
    return f"{where} has nothing below it"


def _below(document: Document, path: Path) -> list[str | int]:
    depth = len(path)
    return list(dict.fromkeys(
        leaf.path[depth]
        for leaf in document.leaves
        if leaf.document == 0 and not leaf.is_comment and len(leaf.path) > depth and leaf.path[:depth] == path
    ))  # fmt: skip


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")
