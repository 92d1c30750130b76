"""The program where its standard streams are closed, full or gone, and where names hold what a terminal obeys."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(sys.executable).parent / "kubectl-sops"


def _shell(command: str, folder: Path) -> subprocess.CompletedProcess[bytes]:
    line = command.replace("PROGRAM", shlex.quote(str(PROGRAM)))
    return subprocess.run(["bash", "-c", line], cwd=folder, capture_output=True, timeout=60, check=False)


@pytest.mark.parametrize("command", ["PROGRAM version >&-", "PROGRAM --help >&-", "PROGRAM version >/dev/full"])
def test_output_that_cannot_be_written_is_said(command: str, tmp_path: Path) -> None:
    """A closed or full standard output is an error with sops' code for it, not a bug."""
    done = _shell(command, tmp_path)
    assert done.returncode == 3
    assert b"error: the output can't be written: " in done.stderr
    assert b"bug" not in done.stderr


def test_closed_input_is_an_empty_one(tmp_path: Path) -> None:
    """Without a standard input, a command that reads it finds nothing there."""
    done = _shell("PROGRAM decrypt <&-", tmp_path)
    assert done.returncode == 1
    assert b"<stdin>: sops metadata not found" in done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="needs a limit on memory")
def test_file_that_is_too_large_is_said(tmp_path: Path) -> None:
    """Memory that runs out is an error with a hint, not a bug."""
    with (tmp_path / "large.bin").open("wb") as file:
        file.truncate(4 << 30)
    done = _shell("ulimit -v 1000000; PROGRAM decrypt large.bin", tmp_path)
    assert done.returncode == 1
    assert b"error: not enough memory" in done.stderr


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_output_that_is_cut_off_is_noticed(unbuffered: str, tmp_path: Path) -> None:
    """A reader that goes away, or a file that may not grow, is never a success; Python's own buffer or not."""
    (tmp_path / "plain").write_bytes(b"x" * 1_000_000)
    key = "age1lggyhqrw2nlhcxprm67z43rta597azn8gknawjehu9d9dl0jq3yqqvfafg"
    program = f"PYTHONUNBUFFERED={unbuffered} PROGRAM encrypt --age {key} plain"
    done = _shell(f"{program} | head -c 10; echo ${{PIPESTATUS[0]}}", tmp_path)
    assert done.stdout.endswith(b"141\n"), done
    done = _shell(f"ulimit -f 8; {program} > sealed", tmp_path)
    assert done.returncode == 3
    assert b"file too large" in done.stderr


@pytest.mark.parametrize("redirection", ["2>&-", "2>/dev/full"])
def test_exit_code_needs_no_stderr(redirection: str, tmp_path: Path) -> None:
    """An error that can't be shown still has its exit code."""
    assert _shell(f"PROGRAM decrypt missing {redirection}", tmp_path).returncode == 100


def test_file_that_is_opened_never_becomes_standard_output(tmp_path: Path) -> None:
    """With standard output closed, a file that is written holds the result and nothing that was printed."""
    (tmp_path / "plain.yaml").write_text("a: 1\n")
    key = "age1lggyhqrw2nlhcxprm67z43rta597azn8gknawjehu9d9dl0jq3yqqvfafg"
    done = _shell(f"PROGRAM encrypt --age {key} --output sealed.yaml plain.yaml >&- 2>&-", tmp_path)
    assert done.returncode == 0
    assert (tmp_path / "sealed.yaml").read_text().startswith("a: ENC[")


def test_reader_that_has_gone_is_silent(tmp_path: Path) -> None:
    """`| head` ends the program without a word."""
    done = _shell("PROGRAM completion bash | true; exit ${PIPESTATUS[0]}", tmp_path)
    assert done.returncode in (0, 1, 141)  # 1 is what typer makes of it
    assert done.stderr == b""


def test_control_characters_of_a_name_are_not_sent_to_the_terminal(tmp_path: Path) -> None:
    """A name from a repository can't move the cursor or change colours; other bytes are shown as they are."""
    done = _shell(r"PROGRAM decrypt $'gone\e[31m\xff.yaml'", tmp_path)
    assert b"gone\\x1b[31m\xff.yaml: no such file" in done.stderr


@pytest.mark.parametrize("locale", ["C", "POSIX", "en_US.ISO-8859-1"])
def test_names_are_shown_in_every_locale(locale: str, tmp_path: Path) -> None:
    """A name that the locale has no letters for is shown as UTF-8."""
    argv = [str(PROGRAM), "decrypt", "gone-😀"]
    done = subprocess.run(argv, env=os.environ | {"LC_ALL": locale}, cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 100
    assert "gone-😀: no such file".encode() in done.stderr


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("PROGRAM decrypt --zz", "error: no such option: --zz"),
        ("PROGRAM nope", "error: no such command 'nope'"),
        ("PROGRAM filestatus", "error: missing argument 'FILE'"),
    ],
)
def test_wrong_command_line_is_an_error_like_any_other(command: str, said: str, tmp_path: Path) -> None:
    """Usage errors have the form of all errors: what is wrong, and a hint that names the help."""
    done = _shell(command, tmp_path)
    lines = done.stderr.decode().splitlines()
    assert done.returncode == 2
    assert lines[0] == f"kubectl-sops: {said}"
    assert lines[1].startswith("kubectl-sops: hint: `kubectl-sops ")
    assert lines[1].endswith("--help` shows how it is called")


def test_version_as_a_flag(tmp_path: Path) -> None:
    """`--version` is what people try first."""
    done = _shell("PROGRAM --version", tmp_path)
    assert (done.returncode, done.stdout.split()[0]) == (0, b"kubectl-sops")


def test_a_program_that_calls_ours_goes_on(tmp_path):
    """What it registered for its end is done, and its exit code is its own."""
    script = tmp_path / "theirs.py"
    script.write_text(
        "import atexit, sys\natexit.register(print, 'bye')\nfrom kubectl_sops.cli.app import main\n"
        "try:\n    main(['version'])\nexcept SystemExit:\n    pass\nsys.exit(5)\n"
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False)
    assert done.returncode == 5
    assert done.stdout.endswith("bye\n")
