"""``--output -`` is standard output, in every command that has ``--output`` for a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kubectl_sops.cli import decrypt, encrypt, rotate
from tests.support.command import call
from tests.support.team import config, people, seal, secret

if TYPE_CHECKING:
    from pathlib import Path

    from kubectl_sops.cli.option_table import Command

ALICE = people("alice")[0]
CALLS = {
    "decrypt": (decrypt.COMMAND, ["a.yaml"], "password: x"),
    "decrypt several": (decrypt.COMMAND, ["a.yaml", "b.yaml"], "\n---\n"),
    "encrypt": (encrypt.COMMAND, ["plain.yaml"], "password: ENC["),
    "rotate": (rotate.COMMAND, ["a.yaml"], "password: ENC["),
}


@pytest.mark.parametrize(("command", "argv", "expected"), CALLS.values(), ids=CALLS)
def test_dash_is_standard_output(
    command: Command, argv: list[str], expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No file of that name is made, and nothing but data is printed."""
    (tmp_path / ".sops.yaml").write_text(config(ALICE))
    for name in ("a.yaml", "b.yaml", "plain.yaml"):
        (tmp_path / name).write_text(secret(password="x"))
    seal(tmp_path, "a.yaml", "b.yaml")
    monkeypatch.setenv("SOPS_AGE_KEY", ALICE.identity)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    result = call(command, "--output", "-", *argv)
    assert (result.code, result.err) == (0, "")
    assert expected in result.out
    assert not (tmp_path / "-").exists()
