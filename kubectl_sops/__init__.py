"""SOPS files in Python: ``decrypt`` and ``encrypt`` bytes, ``decrypt_file`` and ``encrypt_file`` as the commands do.

Everything is loaded on first use: importing this package costs nothing, which the command line counts on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kubectl_sops.api import (
        Identity,
        Rules,
        decrypt,
        decrypt_file,
        encrypt,
        encrypt_file,
        parse_identity,
    )

__all__ = ["Identity", "Rules", "decrypt", "decrypt_file", "encrypt", "encrypt_file", "parse_identity"]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from kubectl_sops import api

    return getattr(api, name)
