"""Sealing an encrypted document again under another data key, ciphertext for ciphertext.

The text around the ciphertexts stays as it is, so that there is no plaintext to write, to read and to compare: half the
time of encrypting anew.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from kubectl_sops import formats
from kubectl_sops.core.document import Token, reseal_leaves
from kubectl_sops.core.values import is_listed_comment

if TYPE_CHECKING:
    from kubectl_sops.core.document import Document, Opened
    from kubectl_sops.core.metadata import Metadata


def reseal(document: Document, opened: Opened, metadata: Metadata, data_key: bytes, *, now: str) -> bytes | None:
    """The document with every ciphertext replaced; ``None`` where it has to be encrypted from its plaintext.

    Args:
        metadata: with ``data_key`` wrapped; MAC and time are replaced.
    """
    leaves = document.leaves
    if any(leaf.is_comment or is_listed_comment(leaf.value) for leaf in leaves):
        return None  # where a comment belongs is found out on the way
    changes, metadata = reseal_leaves(leaves, opened, metadata, data_key, now=now, random_bytes=os.urandom)
    tokens: dict[int, object] = {}
    for index, sealed in changes.items():
        written, token = str(leaves[index].value).rstrip("\n"), document.token(index)
        # without the last bracket: in YAML it may stand there escaped, which says how the plaintext was quoted
        old, new = written[:-1], str(sealed)[:-1]
        if not written.endswith("]") or token.count(old) != 1:
            return None
        tokens[index] = Token(token.replace(old, new))
    data = document.splice(tokens, metadata)
    return data if _reads_as(data, document, changes, metadata) else None


def _reads_as(data: bytes, document: Document, changes: dict[int, object], metadata: Metadata) -> bool:
    """Whether the text reads as the same document with the new ciphertexts."""
    result = formats.parse(data, document.format)
    return (
        result.metadata is not None
        and result.metadata.mac == metadata.mac
        and len(result.leaves) == len(document.leaves)
        and all(
            new.path == old.path
            and new.document == old.document
            and new.value.__class__ is old.value.__class__
            and _is_expected(new.value, changes.get(index), old.value)
            for index, (new, old) in enumerate(zip(result.leaves, document.leaves, strict=True))
        )
    )


def _is_expected(value: object, sealed: object, before: object) -> bool:
    if sealed is not None:
        return isinstance(value, str) and value.rstrip("\n") == sealed  # a block scalar ends with a line end
    return value == before or value != value  # NaN
