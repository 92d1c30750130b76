"""Post-quantum age keys, through the ``age`` program (1.3 or newer): no library for Python knows them yet.

Identities reach it through a pipe, never through arguments, the environment or a disk.
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

_MISSING = "post-quantum keys need the program age, 1.3 or newer, on PATH"
_HINT = "install age from https://age-encryption.org"
_TIMEOUT = 30  # seconds; nothing here waits for a person
_PIPE_SIZE = 4096  # bytes; what every system's pipe takes without a reader


def _program(environ: Mapping[str, str]) -> str | None:
    return shutil.which("age", path=environ.get("PATH") or os.defpath)


def encrypt(recipient: str, part: bytes, environ: Mapping[str, str]) -> str:
    """An armored age file for one recipient.

    Raises:
        WrapError: the program is missing, too old, or refuses the recipient.
    """
    program = _program(environ)
    if program is None:
        raise WrapError(_MISSING, hint=_HINT)
    try:
        result = subprocess.run(
            [program, "--encrypt", "--armor", "--recipient", recipient],
            input=part, capture_output=True, env={}, timeout=_TIMEOUT, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        raise WrapError("the program age could not be run", hint=_HINT) from None
    if result.returncode:
        raise WrapError("the program age refuses the recipient: it is malformed, or age is older than 1.3", hint=_HINT)
    return result.stdout.decode()


def decrypt(armored: str, identities: Sequence[str], environ: Mapping[str, str]) -> bytes | None:
    """The content of an armored age file, ``None`` where none of the identities opens it.

    Raises:
        UnwrapError: the program is missing or can't be run.
    """
    program = _program(environ)
    if program is None:
        raise UnwrapError(_MISSING, hint=_HINT)
    for identity in identities:
        result = _run(program, armored, identity.encode() + b"\n")
        if result.returncode == 0:
            return result.stdout
        if b"no identity matched" not in result.stderr:
            raise UnwrapError("the program age can't use the identity: it is malformed, or age is older than 1.3")
    return None


def _run(program: str, armored: str, identity: bytes) -> subprocess.CompletedProcess[bytes]:
    assert len(identity) <= _PIPE_SIZE  # one Bech32 text
    reader, writer = os.pipe()
    try:
        os.write(writer, identity)
        os.close(writer)
        return subprocess.run(
            [program, "--decrypt", "--identity", f"/dev/fd/{reader}"],
            input=armored.encode(errors="replace"), capture_output=True, env={}, timeout=_TIMEOUT, check=False,
            pass_fds=[reader],
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        raise UnwrapError("the program age could not be run", hint=_HINT) from None
    finally:
        os.close(reader)
