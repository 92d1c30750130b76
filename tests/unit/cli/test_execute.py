"""`exec-env` and `exec-file`: what the command gets, what becomes of its exit code, and how it is stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from kubectl_sops.core.metadata import KeyEntry
from kubectl_sops.files import environment, memory
from kubectl_sops.files.encrypt import Recipe, encrypt
from kubectl_sops.keys import age
from kubectl_sops.keys.keyring import Keyring

IDENTITY, RECIPIENT = age.generate()
PROGRAM = str(Path(sys.executable).parent / "kubectl-sops")
PLAIN = {
    "secret.env": b"PASSWORD=correct horse\nUSER_NAME=admin\n",
    "flat.yaml": b'number: 1\nyes: true\nnone: null\nhalf: 1.5\nlines: "a\\nb"\nempty: ""\n',
    "deep.yaml": b"a: 1\nb: [1]\n",
    "nul.yaml": b'a: "x\\0y"\n',
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with encrypted files."""
    keyring = Keyring({}, identities=[IDENTITY])
    recipe = Recipe([[KeyEntry("age", {"enc": "", "recipient": RECIPIENT})]])
    for name, plain in PLAIN.items():
        kind = "dotenv" if name.endswith(".env") else "yaml"
        (tmp_path / name).write_bytes(encrypt(plain, kind, recipe, keyring, now="2026-01-01T00:00:00Z").data)
    return tmp_path


def _argv(*args: str) -> dict:
    env = os.environ | {"SOPS_AGE_KEY": str(IDENTITY), "OUTSIDE": "seen"}
    return {"args": [PROGRAM, *args], "env": env, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}


def _run(folder: Path, *args: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(**_argv(*args), cwd=folder, timeout=60, check=False)


def test_values_are_in_the_environment(folder: Path) -> None:
    """A command sees the values as variables, beside the environment it would have had."""
    done = _run(folder, "exec-env", "secret.env", 'echo "$PASSWORD/$USER_NAME/$OUTSIDE"')
    assert (done.returncode, done.stdout) == (0, b"correct horse/admin/seen\n")


def test_pristine_is_nothing_but_the_values(folder: Path) -> None:
    """With --pristine the environment holds the values, and what a shell adds by itself."""
    done = _run(folder, "exec-env", "--pristine", "secret.env", "env")
    names = {line.split(b"=")[0] for line in done.stdout.splitlines()}
    assert {b"PASSWORD", b"USER_NAME"} <= names <= {b"PASSWORD", b"USER_NAME", b"PWD", b"SHLVL", b"_", b"OLDPWD"}


def test_values_of_every_type_are_text(folder: Path) -> None:
    """Numbers, booleans and null are written as sops writes them."""
    done = _run(folder, "exec-env", "--pristine", "flat.yaml", 'echo "$number $yes $none $half [$lines] [$empty]"')
    assert done.stdout == b"1 true <nil> 1.5 [a\nb] []\n"


@pytest.mark.parametrize("options", [(), ("--same-process",)])
def test_exit_code_is_that_of_the_command(options: tuple[str, ...], folder: Path) -> None:
    """The exit code comes through, with and without a process in between."""
    assert _run(folder, "exec-env", *options, "secret.env", "exit 7").returncode == 7


def test_killed_command_has_the_code_of_a_shell(folder: Path) -> None:
    """A command that a signal ended counts as 128 and the signal."""
    assert _run(folder, "exec-env", "secret.env", "kill -9 $$").returncode == 137


@pytest.mark.parametrize(("name", "said"), [("deep.yaml", b"offending key b"), ("nul.yaml", b"NUL character")])
def test_what_no_variable_can_hold_is_refused(name: str, said: bytes, folder: Path) -> None:
    """A list or a NUL is refused by its key, without its value, and the command does not run."""
    done = _run(folder, "exec-env", name, "echo ran")
    assert done.returncode != 0
    assert done.stdout == b""
    assert said in done.stderr
    assert b"x\x00y" not in done.stderr


def test_command_must_be_one_argument(folder: Path) -> None:
    """A command line that is not quoted is refused with the way to write it."""
    done = _run(folder, "exec-env", "secret.env", "echo", "a")
    assert done.returncode == 2
    assert b"hint: write: exec-env FILE 'COMMAND" in done.stderr


def test_file_is_read_once_through_a_fifo(folder: Path) -> None:
    """The file of exec-file is a FIFO that gives the text."""
    done = _run(folder, "exec-file", "deep.yaml", "test -p {} && cat {}")
    assert done.stdout == PLAIN["deep.yaml"]


def test_regular_file_is_private_and_gone_afterwards(folder: Path) -> None:
    """With --no-fifo the file is one of mode 0600 in memory, and removed."""
    done = _run(folder, "exec-file", "--no-fifo", "deep.yaml", "stat -c %a {}; cat {}; cat {}; echo {}")
    mode, *text, path = done.stdout.decode().splitlines()
    assert mode == "600"
    assert "\n".join(text) + "\n" == (PLAIN["deep.yaml"] * 2).decode()
    assert memory.is_memory_backed(os.path.dirname(os.path.dirname(path)))
    assert not os.path.exists(os.path.dirname(path))


def test_program_that_never_opens_the_file_ends(folder: Path) -> None:
    """A FIFO that nobody reads keeps nothing waiting."""
    assert _run(folder, "exec-file", "deep.yaml", "exit 5").returncode == 5


def test_name_of_the_file(folder: Path) -> None:
    """--filename names it, below folders too; a name outside is refused."""
    done = _run(folder, "exec-file", "--filename", "conf/app.yaml", "deep.yaml", "echo {}; cat {}")
    assert done.stdout.split(b"\n", 1)[0].endswith(b"/conf/app.yaml")
    for name in ("../x", "/x", ".", "a/.."):
        refused = _run(folder, "exec-file", "--filename", name, "deep.yaml", "echo {}")
        assert (refused.returncode, refused.stdout) == (2, b"")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
@pytest.mark.parametrize("options", [(), ("--no-fifo",), ("--filename", "conf/app.yaml")])
def test_other_user_can_read_the_file(options: tuple[str, ...], folder: Path) -> None:
    """With --user the command runs as that user, who can read the file."""
    done = _run(folder, "exec-file", "--user", "nobody", *options, "deep.yaml", "id -un; cat {}")
    assert done.stdout == b"nobody\n" + PLAIN["deep.yaml"], done.stderr


def test_unknown_user(folder: Path) -> None:
    """A user that does not exist is named."""
    done = _run(folder, "exec-env", "--user", "nobody-at-all", "secret.env", "echo ran")
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"there is no user nobody-at-all" in done.stderr


def test_only_root_becomes_somebody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the right to do it, --user is refused before anything runs."""
    monkeypatch.setattr(os, "geteuid", lambda: 54321)
    with pytest.raises(environment.UsageError, match="only root"):
        environment.user_environment("root")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_signal_is_handed_to_the_command(number: signal.Signals, folder: Path) -> None:
    """Being told to stop, the program tells its command, and ends as it does; nothing is left in memory."""
    script = f"trap 'exit 9' {number.name[3:]}; echo {{}}; while :; do sleep 0.05; done"
    with subprocess.Popen(**_argv("exec-file", "--no-fifo", "deep.yaml", script), cwd=folder) as process:
        path = process.stdout.readline().decode().strip()
        process.send_signal(number)
        try:
            code = process.wait(timeout=60)
        finally:
            process.kill()
    assert code == 9
    assert not os.path.exists(os.path.dirname(path))


def test_interrupt_is_left_to_the_command(folder: Path) -> None:
    """Ctrl-C, which a terminal sends to both, does not kill a command that goes on after it."""
    script = "trap 'echo interrupted' INT; echo ready; read line; echo $line"
    argv = _argv("exec-env", "secret.env", script) | {"stdin": subprocess.PIPE, "start_new_session": True}
    with subprocess.Popen(**argv, cwd=folder) as process:
        assert process.stdout.readline() == b"ready\n"
        os.killpg(process.pid, signal.SIGINT)
        out, _ = process.communicate(b"more\nmore\n", timeout=60)
    assert out.startswith(b"interrupted\n")
    assert process.returncode == 0


def test_fifo_needs_no_folder_in_memory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What goes through a FIFO is on no disk, so it may be anywhere; a regular file may not."""
    monkeypatch.setattr(memory, "find_folder", lambda _: None)
    out = tmp_path / "out"
    assert environment.run_with_file(f"cat {{}} > {out}", b"text", {"PATH": os.environ["PATH"]}) == 0
    assert out.read_bytes() == b"text"
    with pytest.raises(memory.InsecureStorageError) as caught:
        environment.run_with_file("true", b"text", {}, fifo=False)
    assert "--no-fifo" in (caught.value.hint or "")
