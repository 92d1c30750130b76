"""Key systems: each wraps and unwraps a data key for its kind of recipient.

A system is a module with the functions of ``KeySystem``; adding one takes that module and a line in ``_MODULES``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from kubectl_sops.errors import MetadataError, SopsError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Protocol

    from kubectl_sops.core.metadata import KeyEntry
    from kubectl_sops.keys.context import Context

    class KeySystem(Protocol):
        """What a key system can do. Implementations are modules."""

        def parse_recipients(self, text: str) -> Sequence[KeyEntry]:
            """Keys without a wrapped data key, from text separated by commas; raises ``KeyParseError``."""

        def wrap(self, entry: KeyEntry, part: bytes, context: Context) -> KeyEntry:
            """The key with ``part`` wrapped in it; raises ``WrapError``."""

        def unwrap(self, entry: KeyEntry, context: Context) -> bytes:
            """The part that is wrapped in a key; raises ``UnwrapError``."""


_MODULES = {
    "age": "age",
    "pgp": "pgp",
    "kms": "aws",
    "gcp_kms": "gcp",
    "hckms": "huawei",
    "azure_kv": "azure",
    "hc_vault": "vault",
}


class UnwrapError(SopsError):
    """A key that can't be opened here; the message is one line that says why."""


def system(kind: str) -> KeySystem:
    """The key system of a kind of key, as the metadata names it."""
    if kind not in _MODULES:
        raise MetadataError(f"unknown kind of key {kind}")
    return import_module(f"kubectl_sops.keys.{_MODULES[kind]}")
