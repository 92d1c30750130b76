"""Decrypted items in the text that they came in: layout and comments kept, for packages that people read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_sops import formats
from kubectl_sops.core.cipher import PREFIX
from kubectl_sops.core.leaf import aad
from kubectl_sops.core.values import Comment
from kubectl_sops.errors import SopsError
from kubectl_sops.formats.yaml_load import load_all

if TYPE_CHECKING:
    from collections.abc import Sequence

    from krm_fn.sealed_group import Group, Member
    from krm_fn.transformer import Outcome
    from kubectl_sops.core.cipher import Cipher
    from kubectl_sops.core.document import Document

    Resource = dict[str, object]


def rewrite(items: Sequence[Resource], texts: Sequence[str], outcome: Outcome) -> list[str | None]:
    """The new text of each item; ``None`` where it can't be kept."""
    places = {id(member.resource): (group, member) for group in outcome.groups for member in group.members}
    found: list[str | None] = []
    for item, text in zip(items, texts, strict=True):
        if id(item) in places:
            found.append(_decrypted(text, *places[id(item)]))
        else:
            found.append(None if id(item) in outcome.changed else text)
    return found


def _decrypted(text: str, group: Group, member: Member) -> str | None:
    try:
        document = formats.parse(text.encode(), "yaml")
        changes: dict[int, object] = {}
        for index, leaf in enumerate(document.leaves):
            if leaf.value.__class__ is Comment:
                comment = _comment(document, leaf.path, str(leaf.value), group.cipher)
                if comment is not None:
                    changes[index] = comment
            elif leaf.path in member.values:
                changes[index] = member.values[leaf.path]
        new = document.splice(changes, None).decode()
        # checks may have moved a value, and a document in a stream may read otherwise: only what reads back counts
        return new if load_all(new) == [member.resource] else None
    except (SopsError, UnicodeDecodeError):
        return None


def _comment(document: Document, path: tuple[str | int, ...], text: str, cipher: Cipher | None) -> Comment | None:
    if cipher is None or not text.startswith(PREFIX):
        return None
    for place in dict.fromkeys((aad(path), *(aad(container) for container in document.containers))):
        plain = cipher.open_comment(text, place)
        if plain is not None:
            return plain
    return None
