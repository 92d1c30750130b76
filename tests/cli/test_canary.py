"""A secret is in no message: every command meets every kind of broken, foreign or tampered file, and says why it can't.

Values, comments and whole lines of a document are secret; names of files and of keys in a document are not.
"""

from __future__ import annotations

import random
import re
import stat
from typing import TYPE_CHECKING

import pytest

from krm_fn.__main__ import main as krm_main
from kubectl_sops.cli.app import main
from kubectl_sops.errors import BUG_EXIT_CODE
from tests.support.canary import PLAINTEXT, VALUE, Canary, Said, call
from tests.support.kustomize import EVERYTHING, SECRET_REGEX, Identity, seal

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

YAML = f"""\
apiVersion: v1
kind: Secret
metadata:
  name: a
stringData:
  # {VALUE}
  password: {VALUE}
  second: other-{VALUE}
  port: 5432
  list: [{VALUE}, two]
  text: |
    {VALUE}
"""
JSON = f'{{"password": "{VALUE}", "list": ["{VALUE}", 1.5, true, null]}}\n'
DOTENV = f"# {VALUE}\nPASSWORD={VALUE}\nOTHER=x\n"
INI = f"[database]\n; {VALUE}\npassword = {VALUE}\nother = x\n"
PLAIN = {"yaml": YAML, "json": JSON, "env": DOTENV, "ini": INI}

BROKEN_PLAIN = {
    "unclosed quote.yaml": f'password: "{VALUE}\nother: x\n',
    "unclosed list.yaml": f"password: [{VALUE}\n",
    "tab.yaml": f"a:\n\tpassword: {VALUE}\n",
    "indentation.yaml": f"a: {VALUE}\n  b: {VALUE}\n",
    "colon.yaml": f"a: b: {VALUE}\n",
    "alias.yaml": f"a: *{VALUE}\n",
    "recursive.yaml": f"a: &a [{VALUE}, *a]\n",
    "tag.yaml": f"a: !<{VALUE}\n",
    "int.yaml": f"a: !!int {VALUE}\n",
    "float.yaml": f"a: !!float {VALUE}\n",
    "bool.yaml": f"a: !!bool {VALUE}\n",
    "binary.yaml": f"a: !!binary {VALUE}\n",
    "timestamp.yaml": f"a: !!timestamp {VALUE}\n",
    "directive.yaml": f"%{VALUE}\na: b\n",
    "version.yaml": f"%YAML 3.0\n---\na: {VALUE}\n",
    "duplicate.yaml": f"a: {VALUE}\na: {VALUE}\n",
    "complex key.yaml": f"? [{VALUE}]\n: {VALUE}\n",
    "int key.yaml": f"1: {VALUE}\n",
    "null key.yaml": f"null: {VALUE}\n",
    "merge.yaml": f"<<: {VALUE}\na: b\n",
    "control.yaml": f"a: {VALUE}\x01\n",
    "escape.yaml": f'a: "{VALUE}\\q"\n',
    "block.yaml": f"a: |9\n  {VALUE}\n",
    "scalar.yaml": f"{VALUE}\n",
    "list.yaml": f"- {VALUE}\n",
    "two documents.yaml": f"a: {VALUE}\n---\nb: [{VALUE}\n",
    "bytes.yaml": f"a: {VALUE}".encode() + b"\xff\xfe\n",
    "encrypted already.yaml": f"a: {VALUE}\nsops: {{mac: x}}\n",
    "huge number.yaml": f"a: {VALUE}\nb: 99999999999999999999\n",
    "unclosed.json": f'{{"a": "{VALUE}',
    "bare.json": f'{{"a": {VALUE}}}',
    "trailing.json": f'{{"a": 1}} {VALUE}',
    "comma.json": f'{{"a": "{VALUE}",}}',
    "escape.json": f'{{"a": "{VALUE}\\q"}}',
    "scalar.json": f'"{VALUE}"',
    "list.json": f'["{VALUE}"]',
    "line.env": f"{VALUE}\n",
    "key.env": f"={VALUE}\n",
    "line.ini": f"[a]\n{VALUE}\n",
    "section.ini": f"[a\nb = {VALUE}\n",
    "quote.ini": f'[a]\nb = """{VALUE}\n',
    "bytes.ini": b"[a]\nb = \xff" + VALUE.encode() + b"\n",
}
"""Plaintext that is refused or read in its own way; the secret stands where the reader stumbles."""

COMMANDS: dict[str, list[str]] = {
    "decrypt": ["decrypt", "{file}"],
    "decrypt as JSON": ["decrypt", "--output-type", "json", "{file}"],
    "decrypt as dotenv": ["decrypt", "--output-type", "dotenv", "{file}"],
    "decrypt as INI": ["decrypt", "--output-type", "ini", "{file}"],
    "decrypt elsewhere": ["decrypt", "--output", "no/such/folder", "{file}"],
    "decrypt a folder": ["decrypt", "."],
    "extract": ["decrypt", "--extract", '["stringData"]["none"]', "{file}"],
    "encrypt": ["encrypt", "--age", "{recipient}", "{file}"],
    "encrypt in place": ["encrypt", "-i", "--age", "{recipient}", "{file}"],
    "encrypt by rule": ["encrypt", "{file}"],
    "encrypt as JSON": ["encrypt", "--age", "{recipient}", "--output-type", "json", "{file}"],
    "encrypt with a bad selector": ["encrypt", "--age", "{recipient}", "--encrypted-regex", "(", "{file}"],
    "encrypt if needed": ["encrypt", "-i", "--if-needed", "--age", "{recipient}", "{file}"],
    "edit": ["edit", "{file}"],
    "edit decoded": ["edit", "--decode", "{file}"],
    "set": ["set", "{file}", '["stringData"]["password"]', '"x"'],
    "set below a value": ["set", "{file}", '["stringData"]["password"]["x"]', '"x"'],
    "unset": ["unset", "{file}", '["stringData"]["none"]'],
    "set JSON that is none": ["set", "--value-stdin", "{file}", '["stringData"]["password"]'],
    "rotate": ["rotate", "-i", "{file}"],
    "updatekeys": ["updatekeys", "-y", "{file}"],
    "recipients": ["recipients", "{file}"],
    "status": ["status", "{file}"],
    "check": ["check", "{file}"],
    "verify": ["verify", "{file}"],
    "explain": ["explain", "{file}"],
    "filestatus": ["filestatus", "{file}"],
    "publish": ["publish", "{file}"],
    "build": ["build", ".", "--kustomization-file", "flux"],
    "doctor": ["doctor"],
    "exec-env": ["exec-env", "{file}", "false"],
    "exec-file": ["exec-file", "{file}", "false"],
}


@pytest.fixture(scope="module")
def identity() -> Identity:
    return Identity()


_KUSTOMIZATION = """\
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata:
  name: apps
  namespace: flux-system
spec:
  path: ./
  interval: 1h
  prune: true
  sourceRef:
    kind: GitRepository
    name: repository
  decryption:
    provider: sops
"""


class Stage:
    """A folder in which commands fail, with whoever looks for the canary."""

    def __init__(self, folder: Path, identity: Identity) -> None:
        self.folder = folder
        self.identity = identity
        self.env = {
            "HOME": str(folder / "home"),
            "PATH": "/usr/bin:/bin",
            "SOPS_AGE_KEY": identity.secret,
            "EDITOR": "false",
        }
        (folder / "home").mkdir()
        # what `build` reads beside the file; the name keeps it from being one of the manifests
        self.write("flux", _KUSTOMIZATION)

    def write(self, name: str, data: str | bytes) -> str:
        """Write a file."""
        (self.folder / name).write_bytes(data if isinstance(data, bytes) else data.encode())
        return name

    def run(self, *argv: str, stdin: bytes = b"", program: Callable[[], None] = main, **env: str) -> Said:
        """Run a command that may do anything but talk about the secret or fall over."""
        name = "kubectl-sops" if program is main else "krm-sops"
        said = call(program, [name, *argv], self.folder, self.env | env, stdin)
        assert said.code != BUG_EXIT_CODE, said.err.decode()
        assert b"Traceback" not in said.err
        for canary in (PLAINTEXT, Canary("private key", self.identity.secret)):
            assert not canary.is_in(said.err), f"{argv} says the {canary.name}"
            assert said.code == 0 or not canary.is_in(said.out), f"{argv} prints the {canary.name} and fails"
        return said


@pytest.fixture
def stage(tmp_path: Path, identity: Identity) -> Stage:
    return Stage(tmp_path, identity)


def _arguments(command: str, file: str, identity: Identity) -> list[str]:
    return [word.format(file=file, recipient=identity.recipient) for word in COMMANDS[command]]


@pytest.mark.parametrize("file", BROKEN_PLAIN)
def test_broken_plaintext_is_not_quoted(file: str, stage: Stage) -> None:
    """Whatever command reads it, and however it stumbles."""
    for command in COMMANDS:
        stage.write(file, BROKEN_PLAIN[file])
        stage.run(*_arguments(command, file, stage.identity))


def _seal(extension: str, identity: Identity) -> bytes:
    selector = SECRET_REGEX if extension == "yaml" else EVERYTHING
    return seal(PLAIN[extension], identity, f"a.{extension}", selector=selector)


def _tampered(identity: Identity) -> dict[str, bytes]:
    other = Identity()
    out: dict[str, bytes] = {}
    for extension in PLAIN:
        data = _seal(extension, identity)
        values = re.findall(rb"ENC\[AES256_GCM,data:[^\]]+\]", data)
        mac = next(v for v in reversed(values) if len(v) > 200)
        out[f"whole.{extension}"] = data
        out[f"flipped.{extension}"] = _flip(data, values[0])
        out[f"mac.{extension}"] = _flip(data, mac)
        out[f"swapped.{extension}"] = (
            data.replace(values[0], b"\0").replace(values[1], values[0]).replace(b"\0", values[1])
        )
        out[f"type.{extension}"] = data.replace(b"type:str", b"type:int", 1)
        out[f"unknown.{extension}"] = data.replace(b"type:str", b"type:odd", 1)
        out[f"plain.{extension}"] = data.replace(values[0], VALUE.encode(), 1)
        out[f"truncated.{extension}"] = data[: len(data) // 2]
        out[f"headless.{extension}"] = data.replace(b"lastmodified", b"lostmodified")
        out[f"macless.{extension}"] = data.replace(b"mac", b"mbc")
        out[f"garbled.{extension}"] = data.replace(b"BEGIN AGE", b"BEGIN OLD")
        out[f"foreign.{extension}"] = _seal(extension, other)
    return out


def _flip(data: bytes, ciphertext: bytes) -> bytes:
    at = data.index(ciphertext) + len(b"ENC[AES256_GCM,data:")
    return data[:at] + (b"B" if data[at : at + 1] == b"A" else b"A") + data[at + 1 :]


@pytest.mark.parametrize("command", COMMANDS)
def test_tampered_files_give_nothing_away(command: str, stage: Stage) -> None:
    """Flipped, swapped, retyped, truncated, under a foreign key: a message and an exit code, and no value."""
    files = _tampered(stage.identity)
    for file, data in files.items():
        for other in stage.folder.glob("*.*"):
            if other.is_file():
                other.unlink()
        stage.write(file, data)
        stage.run(*_arguments(command, file, stage.identity))


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SOPS_AGE_KEY", f"AGE-SECRET-KEY-1{VALUE}"),
        ("SOPS_AGE_KEY", VALUE),
        ("SOPS_AGE_KEY", f"AGE-PLUGIN-{VALUE}"),
        ("SOPS_AGE_KEY_FILE", "keys.txt"),
        ("SOPS_AGE_KEY_CMD", "cat keys.txt"),
        ("SOPS_AGE_KEY_CMD", "cat keys.txt >&2; exit 3"),
        ("SOPS_AGE_SSH_PRIVATE_KEY_FILE", "id_ed25519"),
    ],
)
def test_a_key_that_cannot_be_read_is_not_quoted(variable: str, value: str, stage: Stage) -> None:
    """It may be a real one with a typing error."""
    stage.write("keys.txt", f"# a comment\n{VALUE}\n")
    stage.write("id_ed25519", f"-----BEGIN OPENSSH PRIVATE KEY-----\n{VALUE}\n-----END OPENSSH PRIVATE KEY-----\n")
    stage.write("a.yaml", seal(YAML, stage.identity, "a.yaml"))
    said = stage.run("decrypt", "a.yaml", **({"SOPS_AGE_KEY": ""} | {variable: value}))
    assert said.code != 0


def test_a_private_key_given_as_recipient_is_not_quoted(stage: Stage) -> None:
    """People mix them up."""
    stage.write("a.yaml", YAML)
    assert stage.run("encrypt", "--age", stage.identity.secret, "a.yaml").code != 0
    stage.write(".sops.yaml", f"creation_rules:\n  - age: {stage.identity.secret}\n")
    for command in ("encrypt by rule", "explain", "check", "status", "edit"):
        stage.run(*_arguments(command, "a.yaml", stage.identity))


def test_an_editor_that_breaks_the_document_is_told_without_it(stage: Stage) -> None:
    """The message names the line, the text is kept encrypted."""
    stage.write("a.yaml", seal("password: before\n", stage.identity, "a.yaml"))
    for number, text in enumerate(BROKEN_PLAIN.values()):
        source = stage.write("typed", text)
        script = stage.folder / f"editor-{number}"
        script.write_text(f"#!/bin/sh\ncat '{stage.folder}/{source}' >\"$1\"\n")
        script.chmod(stat.S_IRWXU)
        stage.run("edit", "a.yaml", EDITOR=f"{script}")
        script.write_text(f"#!/bin/sh\ncat '{stage.folder}/{source}' >\"$1\"\nexit 1\n")
        assert stage.run("edit", "a.yaml", EDITOR=f"{script}").code != 0


_KINDS = {
    "generator": "apiVersion: kubectl-sops.dev/v1\nkind: SopsGenerator\nmetadata:\n  name: a\nfiles: ['{file}']\n",
    "ksops": "apiVersion: viaduct.ai/v1\nkind: ksops\nmetadata:\n  name: a\nfiles: ['{file}']\n",
    "ksops envs": "apiVersion: viaduct.ai/v1\nkind: ksops\nmetadata:\n  name: a\nsecretFrom:\n"
    "- metadata: {{name: s}}\n  envs: ['{file}']\n",
    "SopsSecretGenerator": "apiVersion: goabout.com/v1beta1\nkind: SopsSecretGenerator\nmetadata:\n  name: a\n"
    "envs: ['{file}']\n",
}


@pytest.mark.parametrize("kind", _KINDS)
def test_generators_give_nothing_away(kind: str, stage: Stage) -> None:
    """kustomize shows what a function says, in build logs that everybody reads."""
    for file, data in {**_tampered(stage.identity), **BROKEN_PLAIN}.items():
        stage.write(file, data)
        stage.write("config", _KINDS[kind].format(file=file))
        stage.run("config", program=krm_main)


@pytest.mark.parametrize("kind", ["SopsTransformer", "SopsValidator"])
def test_transformers_and_validators_give_nothing_away(kind: str, stage: Stage) -> None:
    """Whatever stands in the stream."""
    stage.write("config", f"apiVersion: kubectl-sops.dev/v1\nkind: {kind}\nmetadata:\n  name: a\n")
    for file, data in {**_tampered(stage.identity), **BROKEN_PLAIN}.items():
        bare = data if isinstance(data, bytes) else data.encode()
        stage.run("config", program=krm_main, stdin=bare)
        stage.run(program=krm_main, stdin=bare)
        if file.endswith(".yaml"):
            items = b"".join(b"  " + line + b"\n" for line in bare.splitlines())
            head = b"apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nfunctionConfig:\n"
            config = f"  apiVersion: kubectl-sops.dev/v1\n  kind: {kind}\n  metadata: {{name: a}}\nitems:\n-\n".encode()
            stage.run(program=krm_main, stdin=head + config + items)


@pytest.mark.parametrize("extension", PLAIN)
def test_damaged_files_give_nothing_away(extension: str, stage: Stage) -> None:
    """Bytes changed, removed, doubled or moved at random, in plaintext and in encrypted files."""
    source = random.Random(extension)
    name = f"a.{extension}"
    plain, sealed = PLAIN[extension].encode(), _seal(extension, stage.identity)
    for _ in range(60):
        stage.write(name, _damaged(plain, source))
        stage.run("encrypt", "--age", stage.identity.recipient, name)
        stage.write(name, _damaged(sealed, source))
        stage.run("decrypt", name)


def _damaged(data: bytes, source: random.Random) -> bytes:
    out = bytearray(data)
    for _ in range(source.randint(1, 3)):
        start = source.randrange(len(out))
        end = min(len(out), start + source.randint(1, 12))
        piece = bytes(out[start:end])
        match source.randrange(5):
            case 0:
                out[start] = source.randrange(256)
            case 1:
                del out[start:end]
            case 2:
                out[start:start] = piece
            case 3:
                del out[start:end]
                at = source.randrange(len(out) + 1)
                out[at:at] = piece
            case _:
                out[start:start] = source.choice(
                    [b"\n", b"'", b'"', b"{", b"[", b": ", b"\t", b"#", b"*", b"\xff", b"="]
                )
    return bytes(out)
