"""A throw-away home of gpg with the keys of a Flux decryption Secret, in memory only."""

from __future__ import annotations

import subprocess
import tempfile
import weakref
from typing import TYPE_CHECKING

from kubectl_sops.keys import UnwrapError
from kubectl_sops.keys.flux_secret import PGP_SUFFIX
from kubectl_sops.keys.memory import find_folder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kubectl_sops.keys.context import Context

# Waits until nobody holds the other end of its standard input any more. So the home goes however the program ends,
# by a signal that can't be caught too.
_REMOVE_AT_END = 'read -r _; gpgconf --homedir "$1" --kill all; rm -rf -- "$1"'


class Home:
    """The home; it goes, with its agent, when this object does, at the latest when the program ends.

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
        self.path = tempfile.mkdtemp(prefix="kubectl-sops-", dir=folder)  # mode 0700
        weakref.finalize(self, _end, _watch(self.path, environ))
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


def _watch(path: str, environ: Mapping[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        ["/bin/sh", "-c", _REMOVE_AT_END, "sh", path], env=dict(environ), stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C is for the program, not for those who clean up behind it
    )  # fmt: skip


def _end(watcher: subprocess.Popen[bytes]) -> None:
    assert watcher.stdin is not None  # a pipe
    watcher.stdin.close()
    watcher.wait()
