"""A user's machine with throw-away keys in the places that sops knows, and files that real sops encrypts."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from pyrage import x25519

from kubectl_sops.core.metadata import KeyEntry, Metadata
from kubectl_sops.keys.context import Context
from tests.support.tools import CACHE, need, run

if TYPE_CHECKING:
    from collections.abc import Callable

DATA_KEY = bytes(range(32))


class Pair:
    """A throw-away age key pair."""

    def __init__(self) -> None:
        identity = x25519.Identity.generate()
        self.identity = str(identity)
        self.recipient = str(identity.to_public())


class Machine:
    """A home directory and an environment."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.home.mkdir()
        self.bin = folder / "bin"
        self.bin.mkdir()
        self.environ = {
            "HOME": str(self.home),
            "PATH": f"{self.bin}{os.pathsep}{CACHE / 'bin'}{os.pathsep}/usr/bin:/bin",
        }

    def write(self, name: str, text: str) -> Path:
        """A file in the home directory."""
        path = self.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o600)
        return path

    @property
    def keys_txt(self) -> str:
        return ".config/sops/age/keys.txt"

    def ssh_key(self, name: str = "id_ed25519", kind: str = "ed25519", passphrase: str = "", *options: str) -> str:
        """A new ssh key in ``~/.ssh``; its public half without the comment."""
        path = self.home / ".ssh" / name
        path.parent.mkdir(mode=0o700, exist_ok=True)
        argv = [need("ssh-keygen"), "-q", "-t", kind, "-N", passphrase, "-C", "", "-f", str(path), *options]
        assert run(argv).returncode == 0
        return path.with_suffix(".pub").read_text().strip()

    def context(self, ask: Callable[[str], str] | None = None, **extra: str) -> Context:
        return Context(self.environ | extra, ask_passphrase=ask)

    def sops(self, *args: str, stdin: bytes = b"", **extra: str) -> tuple[int, bytes, str]:
        """Run real sops here: exit code, output, and what it says."""
        result = run([need("sops"), *args], env=self.environ | extra, cwd=self.home, stdin=stdin)
        return result.returncode, result.stdout, result.stderr.decode()


def age_entry(recipient: str) -> KeyEntry:
    return KeyEntry("age", {"enc": "", "recipient": recipient})


def metadata(*groups: list[KeyEntry], threshold: int = 0) -> Metadata:
    """Metadata with these keys."""
    return Metadata({"version": "3.13.3"}).with_groups(groups, threshold)
