"""A throw-away home of gpg with the keys of a Flux decryption Secret, in memory only."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import weakref
from typing import TYPE_CHECKING

from kubectl_sops.keys import UnwrapError
from kubectl_sops.keys.flux_secret import PGP_SUFFIX
from kubectl_sops.keys.memory import find_folder

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import FrameType

    from kubectl_sops.keys.context import Context


class Home:
    """The home; it goes, with its agent, when this object does, at the latest with the program.

    Attributes:
        path: where it is.
        broken: names of entries that hold no OpenPGP key.
    """

    def __init__(self, secret: Mapping[str, bytes], environ: Mapping[str, str]) -> None:
        from kubectl_sops.keys.pgp import Gpg

        folder = find_folder(environ)
        if folder is None:
            raise UnwrapError(
                "no memory-backed folder for the private keys of the Secret",
                hint="set KUBECTL_SOPS_MEMORY_DIR to a folder on a tmpfs",
            )
        _end_on_signals()
        self.path = tempfile.mkdtemp(prefix="kubectl-sops-", dir=folder)  # mode 0700
        self._finalizer = weakref.finalize(self, _remove, self.path, dict(environ))
        gpg = Gpg(environ, self)
        self.broken = [name for name, data in sorted(secret.items()) if gpg.run(["--import"], data).returncode]

    def explain(self, reason: str) -> str:
        """The reason, with the entries that could not be read."""
        return f"{reason}; no OpenPGP key in {', '.join(self.broken)}" if self.broken else reason


def of_secret(context: Context) -> Home:
    """The home of a context's Secret, made once.

    Raises:
        UnwrapError: the Secret has no key of this kind, or there is no place for it.
    """
    secret = {name: data for name, data in (context.secret or {}).items() if name.endswith(PGP_SUFFIX)}
    if not secret:
        raise UnwrapError(f"the Secret has no entry ending in {PGP_SUFFIX}")
    home: Home = context.client("pgp home", lambda: Home(secret, context.environ))
    return home


def _remove(path: str, environ: dict[str, str]) -> None:
    try:
        subprocess.run(
            ["gpgconf", "--homedir", path, "--kill", "all"], env=environ, capture_output=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        pass  # the agent ends when it misses its home
    shutil.rmtree(path, ignore_errors=True)


def _end_on_signals() -> None:
    """Let SIGTERM and SIGHUP end the program in the usual way, so that the home is removed."""
    if threading.current_thread() is not threading.main_thread():
        return
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _end)


def _end(number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + number)
