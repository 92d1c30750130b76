"""Completion: candidates in Cobra's protocol, and scripts that ask for them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from kubectl_sops.cli import completion
from kubectl_sops.cli.commands import COMMANDS
from kubectl_sops.core.metadata import KeyEntry
from kubectl_sops.errors import UsageError
from kubectl_sops.files.encrypt import Recipe, encrypt
from kubectl_sops.keys import age
from kubectl_sops.keys.keyring import Keyring
from tests.support.tools import need, run

PROGRAM = Path(sys.executable).parent / "kubectl-sops"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with an encrypted file and a plain one."""
    recipient = age.generate()[1]
    recipe = Recipe([[KeyEntry("age", {"enc": "", "recipient": recipient})]])
    plain = b"data:\n  user: a\n  list: [1, 2]\n"
    (tmp_path / "apps").mkdir()
    data = encrypt(plain, "yaml", recipe, Keyring({}), now="2026-01-01T00:00:00Z").data
    (tmp_path / "apps" / "sealed.yaml").write_bytes(data)
    (tmp_path / "apps" / "plain.yaml").write_bytes(plain)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _names(candidates: list[str]) -> list[str]:
    return [candidate.partition("\t")[0] for candidate in candidates]


def test_commands_come_first() -> None:
    """The first word is a command, with a line on it; files are not offered."""
    candidates, directive = completion.complete([""])
    assert _names(candidates) == list(COMMANDS)
    assert all(candidate.partition("\t")[2] for candidate in candidates)
    assert directive & completion.NO_FILES
    assert _names(completion.complete(["dec"])[0]) == ["decrypt"]


def test_flags_of_a_command() -> None:
    """What starts with a dash is a flag of the command, of a group's command too."""
    assert _names(completion.complete(["decrypt", "--ext"])[0]) == ["--extract"]
    assert "--shamir-secret-sharing-threshold" in _names(completion.complete(["groups", "add", "--s"])[0])


def test_commands_of_a_group() -> None:
    """A group offers its commands."""
    assert _names(completion.complete(["groups", ""])[0]) == ["add", "delete"]


def test_value_of_a_flag_is_left_to_the_shell() -> None:
    """Behind a flag that takes a value, files are offered by the shell."""
    assert completion.complete(["decrypt", "--output", ""]) == ([], 0)


@pytest.mark.parametrize("command", ["decrypt", "edit", "set", "exec-env", "rotate"])
def test_only_encrypted_files_are_offered(command: str, folder: Path) -> None:
    """Commands that open a file offer those that are encrypted, below the folder that is typed."""
    assert completion.complete([command, ""]) == (["apps/sealed.yaml"], completion.NO_FILES)
    assert completion.complete([command, "apps/s"])[0] == ["apps/sealed.yaml"]
    assert completion.complete([command, "apps/p"])[0] == []


def test_key_paths_need_no_key(folder: Path) -> None:
    """`set` and `unset` offer the paths of the file, which are readable without a key."""
    wanted = ['["data"]["user"]', '["data"]["list"][0]', '["data"]["list"][1]']
    assert completion.complete(["set", "apps/sealed.yaml", ""])[0] == wanted
    assert completion.complete(["unset", "apps/sealed.yaml", '["data"]["u'])[0] == wanted[:1]


@pytest.mark.parametrize(
    "words", [["nope", ""], ["set", "missing.yaml", ""], ["set", "apps", ""], ["decrypt", "/nowhere/x"]]
)
def test_failure_offers_nothing(words: list[str], folder: Path) -> None:
    """Whatever is wrong, completion says nothing and fails not."""
    done = run([str(PROGRAM), "__complete", *words], cwd=folder)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(b":")


def test_link_that_kubectl_calls(folder: Path) -> None:
    """kubectl finds `kubectl_complete-sops` on PATH and takes its answer."""
    (folder / "bin").mkdir()
    (folder / "bin" / "kubectl_complete-sops").symlink_to(PROGRAM)
    (folder / "bin" / "kubectl-sops").symlink_to(PROGRAM)
    env = {"PATH": os.pathsep.join([str(folder / "bin"), os.environ["PATH"]])}
    done = run([need("kubectl"), "__complete", "sops", "decrypt", "apps/"], env=env, cwd=folder)
    assert done.stdout.splitlines() == [b"apps/sealed.yaml", b":4"]


def test_script_of_bash(folder: Path) -> None:
    """Sourced by bash, the script fills COMPREPLY with the candidates for the word under the cursor."""
    bash = """\
source <(kubectl-sops completion bash)
ask() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _kubectl_sops 2> /dev/null; printf '%s\\n' "${COMPREPLY[@]}"; }
ask kubectl-sops dec
ask kubectl-sops decrypt apps/
ask kubectl-sops decrypt --extr
"""
    env = os.environ | {"PATH": os.pathsep.join([str(PROGRAM.parent), os.environ["PATH"]])}
    done = subprocess.run(
        ["bash", "-c", bash], cwd=folder, env=env, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.split() == ["decrypt", "apps/sealed.yaml", "--extract"], done.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_scripts_are_read_by_their_shell(shell: str) -> None:
    """The script of a shell has no mistake that it sees; under the name `sops` neither."""
    for text in (completion.script(shell, "kubectl-sops"), completion.sops_script(shell)):
        done = subprocess.run([need(shell), "-n"], input=text.encode(), capture_output=True, timeout=60, check=False)
        assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
def test_every_shell_asks_the_program(shell: str) -> None:
    """Each script calls `__complete` of the program that it completes."""
    assert "sops __complete" in completion.sops_script(shell)
    assert "kubectl-sops __complete" in completion.script(shell, "kubectl-sops")


def test_unknown_shell() -> None:
    """A shell that has no script is refused with those that have."""
    with pytest.raises(UsageError, match="no completion for tcsh") as caught:
        completion.script("tcsh", "sops")
    assert "bash" in (caught.value.hint or "")


VALUES = {
    "status -o": ["json", "yaml", "name", "wide"],
    "check --format": ["text", "github", "sarif", "json"],
    "diff --color": ["auto", "always", "never"],
    "decrypt --input-type": ["yaml", "json", "dotenv", "ini", "binary"],
    "decrypt --key-source": ["auto", "local", "cluster", "none"],
    "completion": ["bash", "zsh", "fish", "powershell"],
    "create": ["secret"],
    "create secret": ["generic", "tls", "docker-registry"],
    "recipients": ["add", "rm"],
    "recipients --who": ["alice", "age1alice", "age1bob"],
    "recipients rm": ["alice", "age1alice", "age1bob"],
    "rotate --rm-age": ["alice", "age1alice", "age1bob"],
    "decrypt apps/sealed.yaml --extract": ['["data"]["user"]', '["data"]["list"][0]', '["data"]["list"][1]'],
    "decrypt --context": ["one", "two"],
    "build": ["kustomization/apps"],
}


@pytest.mark.parametrize("words", VALUES)
def test_values_are_offered(words: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever can be known without a key and without a cluster, narrowed by what is typed."""
    alice, bob = (age.generate()[1] for _ in range(2))
    (folder / ".sops.yaml").write_text(f"creation_rules:\n  - age:\n      - {alice} # alice\n      - {bob}\n")
    (folder / "flux.yaml").write_text(
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: apps, namespace: f}\n"
        "spec: {path: ./apps, prune: true, interval: 1h, sourceRef: {kind: GitRepository, name: r}}\n"
    )
    (folder / "kubeconfig").write_text("contexts: [{name: one}, {name: two}]\n")
    monkeypatch.setenv("KUBECONFIG", str(folder / "kubeconfig"))
    wanted = [text.replace("age1alice", alice).replace("age1bob", bob) for text in VALUES[words]]
    assert _names(completion.complete([*words.split(), ""])[0]) == wanted
    assert _names(completion.complete([*words.split(), wanted[-1][:-1]])[0])[-1] == wanted[-1]
    assert completion.complete([*words.split(), "nothing-like-it"])[0] == []


def test_key_paths_with_dots(folder: Path) -> None:
    """Who has begun with dots goes on with them."""
    assert completion.complete(["set", "apps/sealed.yaml", "data."])[0] == ["data.user", "data.list[0]", "data.list[1]"]
