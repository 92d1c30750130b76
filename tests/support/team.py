"""People with throw-away age keys, and files that real sops encrypts for them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pyrage import x25519

from tests.support.tools import need, run

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


class Person:
    """Somebody with an age key."""

    def __init__(self, name: str) -> None:
        self.name = name
        identity = x25519.Identity.generate()
        self.identity = str(identity)
        self.recipient = str(identity.to_public())


def people(*names: str) -> list[Person]:
    return [Person(name) for name in names]


def work_as(monkeypatch: pytest.MonkeyPatch, person: Person | None = None, *, home: Path | None = None) -> None:
    """Let this process be somebody's, with the key of a person, and without whatever sops or kubectl would find."""
    for name in list(os.environ):
        if name.startswith(("SOPS_", "KUBECONFIG")):
            monkeypatch.delenv(name)
    if home is not None:
        monkeypatch.setenv("HOME", str(home))
    if person is not None:
        monkeypatch.setenv("SOPS_AGE_KEY", person.identity)


def config(*members: Person, path_regex: str = "", encrypted_regex: str = "^(data|stringData)$") -> str:
    """A ``.sops.yaml`` with one rule, a name beside each recipient."""
    lines = ["creation_rules:\n"]
    lines.append(f"  - path_regex: '{path_regex}'\n    " if path_regex else "  - ")
    if encrypted_regex:
        lines.append(f"encrypted_regex: {encrypted_regex}\n    ")
    lines.append("age:\n")
    lines += [f"      - {person.recipient} # {person.name}\n" for person in members]
    return "".join(lines)


def secret(name: str = "db", **values: str) -> str:
    """A Secret manifest."""
    lines = "".join(f"  {key}: {value}\n" for key, value in values.items())
    return f"apiVersion: v1\nkind: Secret\nmetadata:\n  name: {name}\nstringData:\n{lines}"


def sops(args: list[str], cwd: Path, person: Person | None = None) -> bytes:
    """Run real sops as somebody; its output."""
    env = {"SOPS_AGE_KEY": person.identity} if person is not None else {}
    result = run([need("sops"), *args], cwd=cwd, env=env)
    assert result.returncode == 0, result.stderr.decode()
    return result.stdout


def seal(folder: Path, *names: str) -> None:
    """Encrypt files in place, by the rules of the folder, with real sops."""
    for name in names:
        sops(["encrypt", "-i", name], folder)
