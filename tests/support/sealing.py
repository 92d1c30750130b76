"""One small file, sealed and opened by us and by real sops, for tests of keys."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import yaml

from kubectl_sops.files import decrypt as files_decrypt
from kubectl_sops.files.encrypt import Recipe, encrypt
from kubectl_sops.keys import system
from kubectl_sops.keys.keyring import Keyring
from tests.support.tools import need, run

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import Any

PLAIN = b"password: CANARY-v9Tq-hunter2-Zp4w\n"
NOW = "2026-11-22T04:15:28Z"


def ours(kind: str, recipients: str, environ: Mapping[str, str] | None = None) -> bytes:
    """The file, sealed by us to the recipients of one kind."""
    group = list(system(kind).parse_recipients(recipients))
    keyring = Keyring(os.environ if environ is None else environ)
    return encrypt(PLAIN, "yaml", Recipe([group]), keyring, now=NOW).data


def opened(data: bytes, environ: Mapping[str, str] | None = None, **options: Any) -> bytes:
    """What we read in a file."""
    return files_decrypt.decrypt(data, "yaml", Keyring(os.environ if environ is None else environ, **options))


def of_sops(folder: Path, args: list[str], env: Mapping[str, str]) -> bytes:
    """The file, sealed by real sops."""
    plain = folder / "plain.yaml"
    plain.write_bytes(PLAIN)
    result = run([need("sops"), "encrypt", *args, str(plain)], env=dict(env), cwd=folder)
    assert result.returncode == 0, result.stderr.decode()
    return result.stdout


def opened_by_sops(folder: Path, data: bytes, env: Mapping[str, str]) -> bytes:
    """What real sops reads in a file."""
    sealed = folder / "sealed.yaml"
    sealed.write_bytes(data)
    result = run([need("sops"), "decrypt", str(sealed)], env=dict(env), cwd=folder)
    assert result.returncode == 0, result.stderr.decode()
    return result.stdout


def entry(data: bytes, kind: str) -> dict[str, object]:
    """The only key of a kind in a file."""
    (found,) = yaml.safe_load(data)["sops"][kind]
    return found
