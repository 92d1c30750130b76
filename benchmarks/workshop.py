"""What the cases work with: a folder, an age key, sample files, and the programs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pyrage

CACHE = Path(
    os.environ.get("KUBECTL_SOPS_CACHE")
    or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kubectl-sops"
)

SECRET = """\
apiVersion: v1
kind: Secret
metadata:
  name: database
  namespace: apps
  labels:
    app.kubernetes.io/name: database
    app.kubernetes.io/part-of: shop
  annotations:
    description: credentials of the shop's database
type: Opaque
stringData:
  host: db.shop.svc.cluster.local
  port: "5432"
  username: shop
  password: correct-horse-battery-staple
  url: postgres://shop:correct-horse-battery-staple@db.shop.svc.cluster.local:5432/shop
"""
"""A Secret as people have them, of 17 lines."""


class Workshop:
    """One folder per case; everything in it is made anew.

    Attributes:
        scale: by how much inputs are made smaller, for a quick look.
    """

    def __init__(self, folder: Path, scale: float = 1) -> None:
        self.folder = folder
        self.scale = scale
        self.sops = find("sops")
        self.ours = str(Path(sys.executable).parent / "kubectl-sops")
        self.python = sys.executable
        identity = pyrage.x25519.Identity.generate()
        self.recipient = str(identity.to_public())
        key = folder / "keys.txt"
        key.write_text(f"{identity}\n")
        # nothing else of the environment: PYTHONDONTWRITEBYTECODE, for one, would make every start a slow one
        self.env = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(folder),
            "SOPS_AGE_KEY_FILE": str(key),
            "SOPS_DISABLE_VERSION_CHECK": "1",
        }

    def count(self, number: int) -> int:
        """A size of an input, smaller for a quick look."""
        return max(1, int(number * self.scale))

    def write(self, name: str, text: str) -> str:
        """Write a file; its path."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return str(path)

    def encrypt(self, *paths: str) -> None:
        """Encrypt Secrets in place. Everybody reads the same files afterwards."""
        selector = ["--encrypted-regex", "^(data|stringData)$"]
        self.run([self.ours, "encrypt", "-i", "--quiet", "--age", self.recipient, *selector, *paths])

    def run(self, argv: list[str], *, stdin: str | None = None, cwd: str | None = None) -> None:
        """Run a program to its end and throw its output away.

        Raises:
            subprocess.CalledProcessError: it failed; then its time says nothing.
        """
        with open(stdin or os.devnull, "rb") as source:
            subprocess.run(
                argv, stdin=source, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=self.env, cwd=cwd, check=True
            )  # fmt: skip


def find(name: str) -> str:
    """The path of a real program."""
    path = shutil.which(name, path=os.pathsep.join([str(CACHE / "bin"), os.environ.get("PATH", os.defpath)]))
    if path is None:
        sys.exit(f"{name} is not installed; .ci/build-tools builds it")
    return path
