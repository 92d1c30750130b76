"""sops' command line, run twice: our program under the name ``sops``, and the real one as the oracle."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from kubectl_sops.keys import age
from tests.support.tools import need, run

GPG_BATCH = "%no-protection\nKey-Type: RSA\nKey-Length: 2048\nName-Real: {name}\nExpire-Date: 0\n%commit\n"


@dataclass
class Keys:
    """Three recipients: two that can be opened, and one whose private key nobody has."""

    kind: str
    first: str
    second: str
    foreign: str
    env: dict[str, str]


@dataclass
class Program:
    """A program to run as ``sops`` in a folder."""

    name: str
    path: str
    keys: Keys
    folder: Path

    def __call__(self, *args: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        return run([self.path, *args], stdin=stdin, env=self.keys.env, cwd=self.folder)

    def ok(self, *args: str, stdin: bytes = b"") -> bytes:
        result = self(*args, stdin=stdin)
        assert result.returncode == 0, (self.name, args, result.stderr)
        return result.stdout

    def write(self, name: str, text: str | bytes) -> str:
        (self.folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        return name

    def read(self, name: str) -> bytes:
        return (self.folder / name).read_bytes()

    def json(self, name: str) -> dict:
        return json.loads(self.read(name))


def _age_keys() -> Keys:
    (first_text, first), (second_text, second), (_, foreign) = age.generate(), age.generate(), age.generate()
    return Keys("age", first, second, foreign, {"SOPS_AGE_KEY": f"{first_text}\n{second_text}"})


def _pgp_keys(home: Path, other: Path) -> Keys:
    gpg = need("gpg")
    prints = []
    for folder, name in ((home, "first"), (home, "second"), (other, "foreign")):
        folder.mkdir(mode=0o700, exist_ok=True)
        env = {"GNUPGHOME": str(folder)}
        made = run([gpg, "--batch", "--gen-key"], stdin=GPG_BATCH.format(name=name).encode(), env=env)
        assert made.returncode == 0, made.stderr
        listed = run([gpg, "--with-colons", "--list-keys", name], env=env).stdout.decode()
        prints.append(next(line.split(":")[9] for line in listed.splitlines() if line.startswith("fpr")))
    public = run([gpg, "--export", prints[2]], env={"GNUPGHOME": str(other)}).stdout
    run([gpg, "--batch", "--import"], stdin=public, env={"GNUPGHOME": str(home)})
    return Keys("pgp", *prints, {"GNUPGHOME": str(home)})


@pytest.fixture(scope="session", params=["age", "pgp"])
def keys(request, tmp_path_factory):
    if request.param == "age":
        yield _age_keys()
        return
    # sockets of gpg-agent have short names only
    home, other = tmp_path_factory.mktemp("g"), tmp_path_factory.mktemp("h")
    try:
        yield _pgp_keys(home, other)
    finally:
        for folder in (home, other):
            run(["gpgconf", "--kill", "all"], env={"GNUPGHOME": str(folder)})


@pytest.fixture(scope="session")
def our_sops(tmp_path_factory):
    link = tmp_path_factory.mktemp("bin") / "sops"
    link.symlink_to(Path(sys.executable).parent / "kubectl-sops")
    return str(link)


@pytest.fixture(params=["ours", "sops"])
def sops(request, keys, our_sops, tmp_path):
    path = our_sops if request.param == "ours" else need("sops")
    program = Program(request.param, path, keys, tmp_path)
    program.write(
        ".sops.yaml",
        f"""\
creation_rules:
  - path_regex: test_no_keygroups
  - path_regex: test_zero_keygroups
    key_groups: []
  - path_regex: test_empty_keygroup
    key_groups: [{{}}]
  - path_regex: shamir_missing
    shamir_threshold: 2
    key_groups:
      - {keys.kind}: ["{keys.first}"]
      - {keys.kind}: ["{keys.foreign}"]
  - path_regex: shamir
    shamir_threshold: 2
    key_groups:
      - {keys.kind}: ["{keys.first}"]
      - {keys.kind}: ["{keys.second}"]
  - path_regex: test_unencrypted_comments
    {keys.kind}: {keys.first}
    encrypted_regex: ^secret$
  - {keys.kind}: {keys.first}
""",
    )
    return program
