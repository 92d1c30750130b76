"""A value that must not be seen: the forms it could take, and where it was found all the same."""

from __future__ import annotations

import binascii
import os
from pathlib import Path
from typing import NamedTuple

VALUE = "CANARY-v9Tq-hunter2-Zp4w"
"""Stands for a secret in plaintext files; unlikely by chance, and whole in every encoding that keeps ASCII."""


class Canary(NamedTuple):
    """A secret to look for, by the name that a failing test shows; the secret itself is never printed."""

    name: str
    secret: str

    def forms(self) -> list[bytes]:
        """The secret as it is, and as base64 and hexadecimal text would hold it at any offset."""
        raw = self.secret.encode()
        forms = [raw, binascii.hexlify(raw), binascii.hexlify(raw).upper()]
        for offset in range(3):
            encoded = binascii.b2a_base64(b"\0" * offset + raw, newline=False)
            # characters at the ends also hold bits of whatever stands beside the secret
            forms.append(encoded[(0, 2, 3)[offset] : len(encoded) // 4 * 4 - 4])
        return forms

    def is_in(self, data: bytes) -> bool:
        """Whether any form of it stands in ``data``."""
        return any(form in data for form in self.forms())


PLAINTEXT = Canary("plaintext", VALUE)


def files_with(canary: Canary, folder: Path) -> list[str]:
    """The files below ``folder`` that hold it, by content or name."""
    found = []
    for where, folders, files in os.walk(folder):
        for name in [*folders, *files]:
            path = Path(where, name)
            if canary.is_in(os.fsencode(name)) or (path.is_file() and canary.is_in(path.read_bytes())):
                found.append(str(path.relative_to(folder)))
    return found
