"""Encrypted text on standard input, and files whose name does not say what they are."""

from __future__ import annotations

import json

import pytest

from kubectl_sops.cli import check, decrypt, filestatus, recipients, rotate, status, verify
from tests.support.command import call
from tests.support.repository import Repository
from tests.support.team import config, people, secret, sops, work_as

ALICE, BOB = people("alice", "bob")
PLAIN = {
    "yaml": secret(password="one"),
    "json": '{\n\t"data": "x",\n\t"b": "y"\n}\n',
    "env": "A=one\n",
    "ini": "[s]\na = one\n",
}


@pytest.fixture
def repo(tmp_path, monkeypatch):
    repository = Repository(tmp_path / "repo")
    repository.write({".sops.yaml": config(ALICE, encrypted_regex="")})
    for kind, text in PLAIN.items():
        repository.write({f"a.{kind}": text})
        sops(["encrypt", "-i", f"a.{kind}"], repository.folder)
    work_as(monkeypatch, ALICE, home=tmp_path)
    monkeypatch.chdir(repository.folder)
    return repository


@pytest.mark.parametrize("kind", PLAIN)
def test_standard_input_needs_no_type(repo, kind):
    """What is in it says what it is."""
    data = (repo.folder / f"a.{kind}").read_bytes()
    expected = sops(["decrypt", f"a.{kind}"], repo.folder, ALICE).decode()
    assert call(decrypt.COMMAND, "-", stdin=data).out == expected
    assert call(verify.COMMAND, "-", stdin=data).code == 0
    assert json.loads(call(filestatus.COMMAND, "-", stdin=data).out) == {"encrypted": True}
    assert ALICE.recipient in call(recipients.COMMAND, "-", "-o", "json", stdin=data).out
    rotated = call(rotate.COMMAND, "-", stdin=data)
    assert rotated.code == 0
    assert call(decrypt.COMMAND, "-", stdin=rotated.out.encode()).out == expected


def test_files_are_found_by_their_metadata(repo):
    """A copy under any name is seen by every command; text about sops is not."""
    repo.write({"weird": (repo.folder / "a.yaml").read_text(), "a.yaml.tpl": (repo.folder / "a.yaml").read_text()})
    repo.write({"README.md": "How a file looks:\n\n```yaml\n" + (repo.folder / "a.yaml").read_text() + "```\n"})
    names = {row["file"] for row in json.loads(call(status.COMMAND, "-o", "json").out)["items"]}
    assert names == {*(f"a.{kind}" for kind in PLAIN), "weird", "a.yaml.tpl"}
    assert "6 of 6 files verified" in call(verify.COMMAND).err
    assert call(decrypt.COMMAND, "weird").out == call(decrypt.COMMAND, "a.yaml").out
    assert "README.md" not in call(check.COMMAND).out
    before = (repo.folder / "weird").read_bytes()
    assert call(rotate.COMMAND, "-i", ".", "-q").code == 0
    assert (repo.folder / "weird").read_bytes() != before
    assert sops(["decrypt", "--input-type", "yaml", "--output-type", "yaml", "weird"], repo.folder, ALICE)


def test_a_link_is_worked_on_as_its_target(repo, monkeypatch):
    """By the target's rule: under the link's name another one would take a recipient away."""
    from kubectl_sops.cli import updatekeys

    repo.write({".sops.yaml": "creation_rules:\n"
                f"  - path_regex: ^prod/\n    age: {ALICE.recipient},{BOB.recipient}\n  - age: {ALICE.recipient}\n",
                "prod/db.yaml": PLAIN["yaml"]})  # fmt: skip
    sops(["encrypt", "-i", "prod/db.yaml"], repo.folder)
    (repo.folder / "a-link.yaml").symlink_to("prod/db.yaml")
    before = (repo.folder / "prod/db.yaml").read_bytes()
    result = call(updatekeys.COMMAND, "-y")
    assert result.code == 0
    assert "link" not in result.err
    assert (repo.folder / "prod/db.yaml").read_bytes() == before
    assert "a-link.yaml" not in call(status.COMMAND).out


def test_what_is_given_by_hand_has_to_be_there(repo):
    """Even where another key would open the file: it was named for a reason."""
    result = call(decrypt.COMMAND, "--age-key-file", "nope", "a.yaml")
    assert (result.code, result.out) == (100, "")
    assert "nope: no such file" in result.err
    result = call(decrypt.COMMAND, "--decryption-order", "age,foo", "a.yaml")
    assert result.code == 2
    assert "--decryption-order has foo" in result.err
    assert call(decrypt.COMMAND, "--decryption-order", "pgp,age", "a.yaml").code == 0


def test_a_stream_holds_files_of_any_name(repo):
    """What is YAML by its content is part of it; of a broken one the output says what became of it."""
    (repo.folder / "apps").mkdir()
    data = (repo.folder / "a.yaml").read_text()
    repo.write({"apps/weird": data, "apps/b.yaml": data})
    both = call(decrypt.COMMAND, "apps")
    assert (both.code, both.out.count("---\n")) == (0, 1)
    assert call(decrypt.COMMAND, "apps", "--output-type", "yaml").out == both.out
    assert "can't be part of a YAML stream" in call(decrypt.COMMAND, "apps", "--output-type", "json").err
    repo.write({"apps/weird": data.replace("type:str", "type:int", 1)})
    result = call(decrypt.COMMAND, "apps")
    assert result.code != 0
    assert result.err.endswith("1 of 2 files decrypted\n")
    result = call(decrypt.COMMAND, "apps", "--output", "out.yaml")
    assert result.err.endswith("out.yaml was not written: 1 of 2 files can't be decrypted\n")
    assert not (repo.folder / "out.yaml").exists()


def test_a_damaged_or_empty_file_says_what_to_do(repo):
    """Of an entry without its wrapped key, a cut-off one, and a file that is empty."""
    text = (repo.folder / "a.yaml").read_text()
    head, _, rest = text.partition("-----BEGIN AGE")
    body, mark, tail = rest.partition("-----END AGE ENCRYPTED FILE-----\n")
    for damaged, message in (
        (head.replace("enc: |\n", 'enc: ""\n').rstrip(" ") + tail, "the wrapped data key is missing"),
        (f"{head}-----BEGIN AGE{body[:120]}\n            {mark}{tail}", "the wrapped data key is damaged: "),
        ("", "File cannot be completely empty"),
    ):
        repo.write({"b.yaml": damaged})
        result = call(decrypt.COMMAND, "b.yaml")
        assert result.code not in (0, 70)
        assert message in result.err, result.err
        assert "git checkout" in result.err or "SOPS_AGE_KEY" in result.err
