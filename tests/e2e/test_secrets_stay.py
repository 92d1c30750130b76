"""No plaintext and no private key leaves a command other than by stdout, a pipe, the API server or memory.

Each command runs under strace, its children with it; what it wrote, named or passed on is searched for the secret.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support import strace
from tests.support.canary import PLAINTEXT, VALUE, Canary, files_with
from tests.support.kube import write_kubeconfig
from tests.support.kustomize import Identity, seal

if TYPE_CHECKING:
    from tests.support.kube import Emulator
    from tests.support.strace import Trace

PROGRAM = str(Path(sys.executable).parent / "kubectl-sops")
SECRET = f"apiVersion: v1\nkind: Secret\nmetadata:\n  name: a\n# kept\nstringData:\n  password: {VALUE}\n  other: x\n"

KUSTOMIZATION = """\
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: apps, namespace: flux-system}
spec:
  path: ./
  interval: 1h
  prune: true
  sourceRef: {kind: GitRepository, name: repository}
  decryption: {provider: sops}
"""


class Bench:
    """A folder to work in, an age key in the environment, and canaries to look for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "work"
        self.folder.mkdir()
        self.home = folder / "home"
        self.home.mkdir()
        self.protocols = folder
        self.identity = Identity()
        self.key = Canary("private key", self.identity.secret)
        self.env = {"HOME": str(self.home), "SOPS_AGE_KEY": self.identity.secret}

    def run(self, *argv: str, stdin: bytes = b"", **env: str) -> Trace:
        """Run our program under strace."""
        return strace.trace([PROGRAM, *argv], self.protocols, env=self.env | env, cwd=self.folder, stdin=stdin)

    def editor(self, text: str) -> str:
        """A program that a user could have as editor: it writes ``text``."""
        script = self.protocols / "editor"
        # the secret is taken apart, so that it stands in no file
        half = len(VALUE) // 2
        body = text.replace(VALUE, "{V}")
        script.write_text(
            f"#!{sys.executable} -S\nimport sys\nV = {VALUE[:half]!r} + {VALUE[half:]!r}\n"
            f"open(sys.argv[1], 'w').write({body!r}.replace('{{V}}', V))\n"
        )
        script.chmod(0o755)
        return str(script)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def _check(traced: Trace, bench: Bench, *canaries: Canary, code: int = 0) -> None:
    """The command did its work, nothing leaked, and nothing was left behind."""
    assert traced.result.returncode == code, traced.result.stderr.decode()
    for canary in canaries:
        assert traced.leaks(canary, bench.folder.parent) == [], canary.name
        assert not canary.is_in(traced.result.stderr), canary.name
        assert files_with(canary, bench.folder) == [], canary.name
        assert files_with(canary, bench.home) == [], canary.name


def test_decrypt_writes_to_stdout_only(bench: Bench) -> None:
    """The plaintext is on stdout and nowhere else."""
    (bench.folder / "a.yaml").write_bytes(seal(SECRET, bench.identity, "a.yaml"))
    traced = bench.run("decrypt", "a.yaml")
    assert PLAINTEXT.is_in(traced.result.stdout)
    _check(traced, bench, PLAINTEXT)


def test_a_key_from_a_file_is_not_passed_on(bench: Bench) -> None:
    """Nor is the key that opened the file written anywhere."""
    (bench.folder / "a.yaml").write_bytes(seal(SECRET, bench.identity, "a.yaml"))
    keys = bench.protocols / "keys.txt"
    keys.write_text(bench.identity.secret + "\n")
    traced = bench.run("decrypt", "a.yaml", SOPS_AGE_KEY="", SOPS_AGE_KEY_FILE=str(keys))
    assert not bench.key.is_in(traced.result.stdout)
    _check(traced, bench, PLAINTEXT, bench.key)


def test_encrypt_in_place_writes_ciphertext_only(bench: Bench) -> None:
    """The plaintext that was there is replaced, and no copy of it made."""
    (bench.folder / "a.yaml").write_text(SECRET)
    traced = bench.run("encrypt", "-i", "--age", bench.identity.recipient, "a.yaml")
    _check(traced, bench, PLAINTEXT)


def test_encrypt_over_an_encrypted_file_writes_ciphertext_only(bench: Bench) -> None:
    """The old version is opened to keep the ciphertext of what did not change."""
    (bench.folder / "a.enc.yaml").write_bytes(seal(SECRET, bench.identity, "a.yaml"))
    argv = [
        "encrypt",
        "--age",
        bench.identity.recipient,
        "--output",
        "a.enc.yaml",
        "--filename-override",
        "a.yaml",
        "-",
    ]
    _check(bench.run(*argv, stdin=SECRET.replace("other: x", "other: y").encode()), bench, PLAINTEXT)


def test_edit_keeps_plaintext_in_memory(bench: Bench) -> None:
    """The buffer is the editor's only file, and it is in memory."""
    (bench.folder / "a.yaml").write_bytes(seal(SECRET.replace(VALUE, "before"), bench.identity, "a.yaml"))
    traced = bench.run("edit", "a.yaml", EDITOR=bench.editor(SECRET))
    assert any(PLAINTEXT.is_in(data) for data in traced.written().values()), "the editor wrote it"
    _check(traced, bench, PLAINTEXT)


def test_edit_of_a_new_file_keeps_plaintext_in_memory(bench: Bench) -> None:
    """A file that is created never exists in plaintext."""
    traced = bench.run("edit", "--age", bench.identity.recipient, "new.yaml", EDITOR=bench.editor(SECRET))
    assert (bench.folder / "new.yaml").exists()
    _check(traced, bench, PLAINTEXT)


def test_a_failing_edit_is_kept_encrypted(bench: Bench) -> None:
    """A document that can't be saved, and nobody to correct it: the text is kept, and not in plaintext."""
    (bench.folder / "a.yaml").write_bytes(seal(SECRET.replace(VALUE, "before"), bench.identity, "a.yaml"))
    broken = SECRET + "  not: [closed\n"
    traced = bench.run("edit", "a.yaml", EDITOR=bench.editor(broken))
    _check(traced, bench, PLAINTEXT, code=traced.result.returncode)
    assert traced.result.returncode != 0
    # it can be had again
    again = bench.run("edit", "--resume", "a.yaml", EDITOR="sed -i 's/not: .closed/it: is/'")
    _check(again, bench, PLAINTEXT)
    assert PLAINTEXT.is_in(bench.run("decrypt", "a.yaml").result.stdout)


def test_init_shows_the_private_key_once(bench: Bench, emulator: Emulator) -> None:
    """On stdout and in the cluster; in no file, argument or message."""
    kubeconfig = write_kubeconfig(bench.protocols / "kubeconfig", emulator.url)
    traced = bench.run("init", KUBECONFIG=str(kubeconfig), SOPS_AGE_KEY="")
    keys = re.findall(rb"AGE-SECRET-KEY-1[0-9A-Z]+", traced.result.stdout)
    assert len(keys) == 1
    stored = emulator.secret("flux-system")
    assert stored is not None
    assert keys[0] in stored["data"]["age.agekey"]
    _check(traced, bench, Canary("private key", keys[0].decode()))


def test_a_key_from_the_cluster_stays_in_memory(bench: Bench, emulator: Emulator) -> None:
    """Decrypting and editing with the cluster's key leaves no trace of it."""
    kubeconfig = str(write_kubeconfig(bench.protocols / "kubeconfig", emulator.url))
    emulator.put("flux-system", "sops-age", {"age.agekey": bench.identity.secret.encode()})
    (bench.folder / "a.yaml").write_bytes(seal(SECRET.replace(VALUE, "before"), bench.identity, "a.yaml"))
    edited = bench.run("edit", "a.yaml", KUBECONFIG=kubeconfig, SOPS_AGE_KEY="", EDITOR=bench.editor(SECRET))
    _check(edited, bench, PLAINTEXT, bench.key)
    decrypted = bench.run("decrypt", "a.yaml", KUBECONFIG=kubeconfig, SOPS_AGE_KEY="")
    assert PLAINTEXT.is_in(decrypted.result.stdout)
    _check(decrypted, bench, PLAINTEXT, bench.key)


_OTHERS = {
    "set": ["set", "--value-stdin", "a.yaml", '["stringData"]["password"]'],
    "unset": ["unset", "a.yaml", '["stringData"]["other"]'],
    "rotate": ["rotate", "-i", "a.yaml"],
    "verify": ["verify", "a.yaml"],
    "status": ["status"],
    "exec-file without a FIFO": ["exec-file", "--no-fifo", "a.yaml", "cat {}"],
    "exec-file": ["exec-file", "a.yaml", "cat {}"],
    "build": ["build", ".", "--kustomization-file", "flux"],
}


@pytest.mark.parametrize("argv", _OTHERS.values(), ids=_OTHERS)
def test_other_commands_keep_plaintext_in_memory(argv: list[str], bench: Bench) -> None:
    """What opens files for other purposes is no less careful."""
    (bench.folder / "a.yaml").write_bytes(seal(SECRET, bench.identity, "a.yaml"))
    (bench.folder / "flux").write_text(KUSTOMIZATION)
    _check(bench.run(*argv, stdin=f'"{VALUE}"'.encode()), bench, PLAINTEXT)


def test_a_build_plugin_writes_to_stdout_only(bench: Bench) -> None:
    """kustomize gets the plaintext through a pipe."""
    (bench.folder / "a.yaml").write_bytes(seal(SECRET, bench.identity, "a.yaml"))
    config = "apiVersion: viaduct.ai/v1\nkind: ksops\nmetadata:\n  name: a\nfiles: [a.yaml]\n"
    (bench.folder / "config").write_text(config)
    program = str(Path(PROGRAM).parent / "krm-sops")
    traced = strace.trace([program, "config"], bench.protocols, env=bench.env, cwd=bench.folder)
    assert PLAINTEXT.is_in(traced.result.stdout)
    _check(traced, bench, PLAINTEXT)
