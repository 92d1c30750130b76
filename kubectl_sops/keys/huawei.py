"""HuaweiCloud KMS: its keys are read and kept, and can be neither used to encrypt nor opened here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_sops.core.metadata import KeyEntry
from kubectl_sops.errors import KeyParseError
from kubectl_sops.keys import UnwrapError, failed_to_wrap

if TYPE_CHECKING:
    from kubectl_sops.keys.context import Context

_UNSUPPORTED = "HuaweiCloud KMS is not supported by this program"
_HINT = "open the file with another of its keys, or with sops"


def parse_recipients(text: str) -> list[KeyEntry]:
    """Keys as ``region:uuid``, separated by commas."""
    keys = [part.strip() for part in text.split(",") if part.strip()]
    if not all(region and name for region, _, name in (key.partition(":") for key in keys)):
        raise KeyParseError("not a HuaweiCloud KMS key", hint="write it like tr-west-1:0000-…")
    return [KeyEntry("hckms", {"key_id": key}) for key in keys]


def service(entry: KeyEntry) -> str:
    """Nothing is asked over the network."""
    del entry
    return ""


def wrap(entry: KeyEntry, part: bytes, context: Context) -> KeyEntry:
    """Refuse: the data key must not be left unwrapped without notice."""
    del part, context
    raise failed_to_wrap(entry, UnwrapError(_UNSUPPORTED, hint="leave this key out, or encrypt with sops"))


def unwrap(entry: KeyEntry, context: Context) -> bytes:
    """Refuse, and say who can."""
    del entry, context
    raise UnwrapError(_UNSUPPORTED, hint=_HINT)
