"""Errors of many files, under the name by which the program was called."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from kubectl_sops.cli import check, decrypt, diff, encrypt, rotate, updatekeys
from tests.support.command import call
from tests.support.team import config, people, secret

if TYPE_CHECKING:
    from pathlib import Path

    from kubectl_sops.cli.option_table import Command

CALLS = {
    "encrypt": (encrypt.COMMAND, ["-i", "gone.yaml", "a.yaml"]),
    "decrypt": (decrypt.COMMAND, ["a.yaml", "b.yaml"]),
    "rotate": (rotate.COMMAND, ["-i", "a.yaml", "b.yaml"]),
    "updatekeys": (updatekeys.COMMAND, ["-y", "a.yaml", "b.yaml"]),
    "check": (check.COMMAND, ["gone.yaml"]),
    "diff": (diff.COMMAND, ["gone", "--against", "gone"]),
}


@pytest.mark.parametrize("name", ["flux-sops", "kubectl-sops"])
@pytest.mark.parametrize(("command", "argv"), CALLS.values(), ids=CALLS)
def test_errors_name_the_program_as_it_was_called(
    command: Command, argv: list[str], name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is listed for each file begins as every other error does."""
    (tmp_path / ".sops.yaml").write_text(config(*people("alice")))
    for file in ("a.yaml", "b.yaml"):
        (tmp_path / file).write_text(secret(password="x"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [f"/usr/bin/{name}"])
    result = call(command, *argv)
    assert result.code != 0
    lines = [line for line in result.err.splitlines() if ": error: " in line or ": hint: " in line]
    assert lines
    assert {line.partition(": ")[0] for line in lines} == {name}, result
