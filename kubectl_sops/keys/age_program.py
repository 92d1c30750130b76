"""Post-quantum age keys, through the ``age`` program (1.3 or newer): no library for Python knows them yet.

Identities reach it through a memory file (``memfd``), never through arguments, the environment or a disk.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

from kubectl_sops.errors import WrapError
from kubectl_sops.keys import UnwrapError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_MISSING = "post-quantum recipients need the program age 1.3 or newer on PATH"
_TIMEOUT = 30  # seconds; nothing here waits for a person


def _program(environ: Mapping[str, str]) -> str | None:
    return shutil.which("age", path=environ.get("PATH") or os.defpath)


def encrypt(recipient: str, part: bytes, environ: Mapping[str, str]) -> str:
    """An armored age file for one recipient.

    Raises:
        WrapError: the program is missing, too old, or refuses the recipient.
    """
    program = _program(environ)
    if program is None:
        raise WrapError(_MISSING)
    try:
        result = subprocess.run(
            [program, "--encrypt", "--armor", "--recipient", recipient],
            input=part, capture_output=True, env={}, timeout=_TIMEOUT, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        raise WrapError("the program age could not be run") from None
    if result.returncode:
        raise WrapError(f"age refuses the recipient {recipient[:20]}… ({_MISSING})")
    return result.stdout.decode()


def decrypt(armored: str, identities: Sequence[str], environ: Mapping[str, str]) -> bytes:
    """The content of an armored age file.

    Raises:
        UnwrapError: the program is missing, or no identity fits.
    """
    if not identities:
        raise UnwrapError("no post-quantum age identity was found")
    program = _program(environ)
    if program is None:
        raise UnwrapError(_MISSING)
    descriptor = os.memfd_create("age-identities")
    try:
        os.write(descriptor, "\n".join(identities).encode() + b"\n")
        os.lseek(descriptor, 0, os.SEEK_SET)
        result = subprocess.run(
            [program, "--decrypt", "--identity", f"/dev/fd/{descriptor}"],
            input=armored.encode(errors="replace"),
            capture_output=True, env={}, timeout=_TIMEOUT, check=False, pass_fds=[descriptor],
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        raise UnwrapError("the program age could not be run") from None
    finally:
        os.close(descriptor)
    if result.returncode:
        raise UnwrapError("no post-quantum age identity matches this recipient")
    return result.stdout
