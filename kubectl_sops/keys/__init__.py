"""Key systems: each wraps and unwraps a data key for its kind of recipient.

A system is a module with the functions of ``KeySystem``; adding one takes that module and a line in ``_MODULES``.
"""

from __future__ import annotations

import time
from binascii import Error as Base64Error
from binascii import a2b_base64
from importlib import import_module
from typing import TYPE_CHECKING

from kubectl_sops.core.metadata import KeyEntry
from kubectl_sops.errors import MetadataError, SopsError, WrapError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Protocol

    from kubectl_sops.keys.context import Context

    class KeySystem(Protocol):
        """What a key system can do. Implementations are modules."""

        def parse_recipients(self, text: str) -> Sequence[KeyEntry]:
            """Keys without a wrapped data key, from text separated by commas; raises ``KeyParseError``."""

        def wrap(self, entry: KeyEntry, part: bytes, context: Context) -> KeyEntry:
            """The key with ``part`` wrapped in it; raises ``WrapError``."""

        def unwrap(self, entry: KeyEntry, context: Context) -> bytes:
            """The part that is wrapped in a key; raises ``UnwrapError``."""

        def service(self, entry: KeyEntry) -> str:
            """The networked service that holds the key, for messages; empty where none is asked."""


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
    """A key that can't be opened here; the message is one line that says why, ``sops`` says it as sops does."""

    def __init__(self, message: str, *, hint: str | None = None, sops: str = "") -> None:
        super().__init__(message, hint=hint)
        self.sops = sops or message


class ServiceError(UnwrapError):
    """A networked service that can't be used at all, whichever of its keys is meant: it is not asked again.

    Attributes:
        service: its address or name.
    """

    def __init__(self, message: str, service: str, *, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.service = service


class RefusedError(UnwrapError):
    """A service that answers, and does not do what was asked.

    Attributes:
        status: of HTTP.
    """

    def __init__(self, message: str, status: int, *, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.status = status


def missing_extra(extra: str, service: str) -> ServiceError:
    """The error where the packages of a key system are not installed."""
    return ServiceError(
        f"{service} needs packages that are not installed",
        service,
        hint=f"install them: pip install 'kubectl-sops[{extra}]'",
    )


def failed_to_wrap(entry: KeyEntry, cause: SopsError) -> WrapError:
    """The error of a key that can't take the data key, in the words of sops."""
    return WrapError(f'failed to encrypt new data key with master key "{entry.id}": {cause.message}', hint=cause.hint)


def stamped(entry: KeyEntry, enc: str) -> KeyEntry:
    """The key with a wrapped copy, and the time at which it became a key of the file.

    A key that comes from the file keeps its time; a new one has its fields sorted, as sops 3.13 writes them.
    """
    if entry.get("created_at"):
        return entry.with_enc(enc)
    created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return KeyEntry(entry.kind, dict(sorted({**entry.fields, "created_at": created, "enc": enc}.items())))


def decode_base64(text: str) -> bytes:
    """The bytes of a wrapped key; line breaks don't count, as in Go.

    Raises:
        UnwrapError: not base64.
    """
    try:
        return a2b_base64(text.replace("\r", "").replace("\n", "").encode(), strict_mode=True)
    except (Base64Error, UnicodeEncodeError):
        raise UnwrapError("the wrapped data key is not base64") from None


def system(kind: str) -> KeySystem:
    """The key system of a kind of key, as the metadata names it."""
    if kind not in _MODULES:
        raise MetadataError(f"unknown kind of key {kind}")
    return import_module(f"kubectl_sops.keys.{_MODULES[kind]}")
