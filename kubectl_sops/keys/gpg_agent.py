"""Passphrases of identity files from a running gpg-agent, which remembers them, as sops 3.13.1 asks for them.

Assuan, the agent's protocol, has a line for a request and a line for an answer (GnuPG manual, "Agent Protocol").
"""

from __future__ import annotations

import hashlib
import os
import socket
import stat
from base64 import b32encode
from binascii import Error as Base64Error
from binascii import a2b_base64, unhexlify
from typing import TYPE_CHECKING
from urllib.parse import quote_plus

if TYPE_CHECKING:
    from collections.abc import Mapping

_CONNECT_TIMEOUT = 5.0  # seconds; the answer itself may take as long as a person does


def cache_id(data: bytes) -> str:
    """The name under which the agent remembers the passphrase of an age file; armor does not count."""
    if data.startswith(b"-----BEGIN"):
        body = b"".join(line for line in data.splitlines() if not line.startswith(b"-----"))
        try:
            data = a2b_base64(body)
        except Base64Error:
            pass
    return "SopsAge" + b32encode(hashlib.sha256(data).digest()[:25]).decode()


def find(environ: Mapping[str, str]) -> str | None:
    """The socket of a running agent, ``None`` where there is none."""
    info = environ.get("GPG_AGENT_INFO")
    if info is not None:
        return info.partition(":")[0] or None
    home = environ.get("GNUPGHOME") or os.path.join(environ.get("HOME") or "", ".gnupg")
    runtime = environ.get("XDG_RUNTIME_DIR")
    candidates = [
        os.path.join(home, "S.gpg-agent"),
        *([os.path.join(runtime, "gnupg", "S.gpg-agent")] if runtime else []),
    ]
    return next((path for path in candidates if _is_socket(path)), None)


def _is_socket(path: str) -> bool:
    try:
        return stat.S_ISSOCK(os.stat(path).st_mode)
    except OSError:
        return False


def ask(path: str, cache: str, description: str, environ: Mapping[str, str]) -> str | None:
    """The passphrase, remembered or asked for by the agent; ``None`` where it gives none."""
    request = f"GET_PASSPHRASE {cache} X Passphrase {quote_plus(description)}"
    options = [("display", environ.get("DISPLAY")), ("ttyname", _terminal()), ("ttytype", environ.get("TERM"))]
    answers = _talk(path, [*(f"OPTION {name}={value}" for name, value in options if value), request])
    if not answers or not answers[-1].startswith("OK "):
        return None
    try:
        return unhexlify(answers[-1][3:].strip()).decode() or None
    except ValueError:
        return None


def forget(path: str, cache: str) -> None:
    """Let the agent forget a passphrase that was wrong."""
    _talk(path, [f"CLEAR_PASSPHRASE {cache}"])


def _terminal() -> str | None:
    try:
        return os.ttyname(0)
    except OSError:
        return None


def _talk(path: str, requests: list[str]) -> list[str]:
    answers: list[str] = []
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(_CONNECT_TIMEOUT)
            connection.connect(path)
            with connection.makefile("rw", encoding="utf-8", newline="\n") as stream:
                if not stream.readline().startswith("OK"):
                    return []
                connection.settimeout(None)
                for request in requests:
                    stream.write(request + "\n")
                    stream.flush()
                    answer = stream.readline()
                    while answer.startswith(("S ", "#")):  # status and comments
                        answer = stream.readline()
                    answers.append(answer)
    except (OSError, ValueError):
        return []
    return answers
