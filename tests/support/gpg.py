"""Throw-away homes of gpg, with keys of every sort of trouble."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from tests.support.tools import need, run


class GpgHome:
    """A home of its own. Its path is short: the agent's socket must fit into 108 characters."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="gpg-"))
        self.environ = {"GNUPGHOME": str(self.path), "HOME": str(self.path)}

    def gpg(self, *arguments: str, stdin: bytes = b"") -> bytes:
        """Run gpg here; it must succeed."""
        result = run([need("gpg"), "--batch", "--quiet", "--no-tty", *arguments], env=self.environ, stdin=stdin)
        assert result.returncode == 0, result.stderr.decode()
        return result.stdout

    def create(self, name: str, *, algorithm: str = "future-default", passphrase: str = "", expires: str = "0") -> str:
        """A new key pair; its fingerprint."""
        user = f"{name} <{name}@example.invalid>"
        self.gpg(
            "--pinentry-mode",
            "loopback",
            "--passphrase",
            passphrase,
            "--quick-generate-key",
            user,
            algorithm,
            "default",
            expires,
        )
        return next(
            line.split(":")[9]
            for line in self.gpg("--with-colons", "--list-keys", name).decode().split("\n")
            if line[:4] == "fpr:"
        )

    def revoke(self, fingerprint: str) -> None:
        certificate = (self.path / "openpgp-revocs.d" / f"{fingerprint}.rev").read_text()
        self.gpg("--import", stdin=certificate.replace(":-----BEGIN", "-----BEGIN").encode())

    def public(self, fingerprint: str) -> bytes:
        return self.gpg("--armor", "--export", fingerprint)

    def secret(self, fingerprint: str, passphrase: str = "") -> bytes:
        """The armored private key, as the Flux guide exports it."""
        return self.gpg(
            "--pinentry-mode", "loopback", "--passphrase", passphrase, "--armor", "--export-secret-keys", fingerprint
        )

    def close(self) -> None:
        run([need("gpgconf"), "--kill", "all"], env=self.environ)
        shutil.rmtree(self.path, ignore_errors=True)
