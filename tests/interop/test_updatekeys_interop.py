"""``updatekeys`` in every format and with key groups, opened by real sops; under the name sops, its texts."""

from __future__ import annotations

import re

import pytest

from kubectl_sops.cli import rotate, updatekeys
from tests.support.command import call
from tests.support.team import config, people, sops, work_as
from tests.support.tools import need, run

ALICE, BOB, CAROL = people("alice", "bob", "carol")

FILES = {
    "a.yaml": "a: CANARY\nlist:\n  - 1\n  - b: true\n",
    "two.yaml": "a: CANARY\n---\nb: two\n",
    "a.json": '{"a": "CANARY", "n": 1.5}',
    "a.env": "A=CANARY\n# comment\nB=x\n",
    "a.ini": "[s]\na = CANARY\n",
    "a.bin": "CANARY \x01\n",
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    work_as(monkeypatch, ALICE, home=tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", FILES)
def test_every_format(folder, name):
    """A recipient joins, another leaves; sops opens the file as it did before, and only for those who stay."""
    (folder / name).write_text(FILES[name])
    (folder / ".sops.yaml").write_text(config(ALICE, BOB, encrypted_regex=""))
    sops(["encrypt", "-i", name], folder)
    before = sops(["decrypt", name], folder, BOB)
    (folder / ".sops.yaml").write_text(config(ALICE, CAROL, encrypted_regex=""))
    result = call(updatekeys.COMMAND, name)
    assert result.code == 0, result
    assert sops(["decrypt", name], folder, CAROL) == before
    assert run([need("sops"), "decrypt", name], cwd=folder, env={"SOPS_AGE_KEY": BOB.identity}).returncode == 128
    assert b"CANARY" not in (folder / name).read_bytes()
    assert call(updatekeys.COMMAND, "--check", name).code == 0


def groups(*lists, threshold=2):
    lines = [f"creation_rules:\n  - shamir_threshold: {threshold}\n    key_groups:\n"]
    for members in lists:
        lines.append("      - age:\n" + "".join(f"          - {person.recipient}\n" for person in members))
    return "".join(lines)


def test_key_groups(folder, monkeypatch):
    """Two groups, both needed: one gets another recipient, and sops opens the file with one key of each."""
    (folder / "a.yaml").write_text("a: CANARY\n")
    (folder / ".sops.yaml").write_text(groups([ALICE], [BOB]))
    sops(["encrypt", "-i", "a.yaml"], folder)
    (folder / ".sops.yaml").write_text(groups([ALICE], [BOB, CAROL]))
    monkeypatch.setenv("SOPS_AGE_KEY", f"{ALICE.identity}\n{BOB.identity}")
    assert call(updatekeys.COMMAND, "a.yaml").code == 0
    both = {"SOPS_AGE_KEY": f"{ALICE.identity}\n{CAROL.identity}"}
    assert b"CANARY" in run([need("sops"), "decrypt", "a.yaml"], cwd=folder, env=both).stdout
    assert run([need("sops"), "decrypt", "a.yaml"], cwd=folder, env={"SOPS_AGE_KEY": CAROL.identity}).returncode == 128
    assert call(rotate.COMMAND, "-i", ".").code == 0
    assert b"CANARY" in run([need("sops"), "decrypt", "a.yaml"], cwd=folder, env=both).stdout


@pytest.mark.parametrize("after", ["joined", "left", "same"])
def test_under_the_name_sops(folder, after):
    """Standard output and the answers' effect are those of real sops; so is the resulting file, wrapped keys apart."""
    (folder / ".sops.yaml").write_text(config(ALICE, BOB, encrypted_regex=""))
    for name in ("ours.yaml", "theirs.yaml"):
        (folder / name).write_text("a: CANARY\n")
    sops(["encrypt", "-i", "ours.yaml"], folder)
    (folder / "theirs.yaml").write_bytes((folder / "ours.yaml").read_bytes())
    members = {"joined": (ALICE, BOB, CAROL), "left": (ALICE,), "same": (BOB, ALICE)}[after]
    (folder / ".sops.yaml").write_text(config(*members, encrypted_regex=""))
    real = run([need("sops"), "updatekeys", "-y", "theirs.yaml"], cwd=folder, env={"SOPS_AGE_KEY": ALICE.identity})
    mine = call(updatekeys.SOPS, "-y", "ours.yaml")
    assert (mine.code, mine.out) == (real.returncode, real.stdout.decode())
    dated = re.sub(r"(?m)^\d{4}/\d\d/\d\d \d\d:\d\d:\d\d ", "", real.stderr.decode())
    assert mine.err == dated.replace("theirs.yaml", "ours.yaml")
    without = re.compile(rb"-----BEGIN.*?-----END AGE ENCRYPTED FILE-----", re.DOTALL)
    assert without.sub(b"", (folder / "ours.yaml").read_bytes()) == without.sub(
        b"", (folder / "theirs.yaml").read_bytes()
    )


def test_no_leaves_the_file(folder):
    """``n`` changes nothing; no answer at all is a failure."""
    (folder / "a.yaml").write_text("a: CANARY\n")
    (folder / ".sops.yaml").write_text(config(ALICE, encrypted_regex=""))
    sops(["encrypt", "-i", "a.yaml"], folder)
    (folder / ".sops.yaml").write_text(config(ALICE, BOB, encrypted_regex=""))
    before = (folder / "a.yaml").read_bytes()
    assert "left unchanged" in call(updatekeys.SOPS, "a.yaml", stdin=b"what\nn\n").err
    assert call(updatekeys.SOPS, "a.yaml").code == 1
    assert (folder / "a.yaml").read_bytes() == before
