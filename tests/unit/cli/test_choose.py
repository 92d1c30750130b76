"""Choosing an encrypted file where none was named."""

from __future__ import annotations

import pytest

from kubectl_sops.cli import choose
from kubectl_sops.errors import UsageError

ENCRYPTED = "a: ENC[AES256_GCM,data:x,iv:x,tag:x,type:str]\nsops:\n    mac: ENC[AES256_GCM,x]\n    version: 3.13.3\n"


@pytest.fixture
def repository(tmp_path, monkeypatch):
    for name in ("apps/db.yaml", "apps/queue.yaml", "infra/db.yaml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(ENCRYPTED)
    (tmp_path / "plain.yaml").write_text("a: 1\n")
    monkeypatch.chdir(tmp_path)


def answers(*lines):
    queue = iter(lines)
    return lambda: next(queue)


@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize(
    ("lines", "chosen"),
    [(["2\n"], "apps/queue.yaml"), (["queue\n"], "apps/queue.yaml"), (["nothing\n", "db\n", "2\n"], "infra/db.yaml")],
)
def test_by_number_or_name(lines, chosen, capsys):
    """Encrypted files are listed with numbers; a part of a name narrows them down."""
    assert choose.choose(answers(*lines)).removeprefix("./") == chosen
    listed = capsys.readouterr().err
    assert "   1  " in listed
    assert "plain.yaml" not in listed


@pytest.mark.usefixtures("repository")
def test_nobody_answers():
    """An empty answer or the end of input chooses nothing."""
    with pytest.raises(KeyboardInterrupt):
        choose.choose(answers(""))


def test_nothing_to_choose(tmp_path, monkeypatch):
    """Without encrypted files there is nothing to ask."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError):
        choose.choose(answers("1\n"))
