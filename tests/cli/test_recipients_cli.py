"""``recipients``, ``updatekeys``, ``status``, ``verify`` and ``explain`` over files that real sops wrote."""

from __future__ import annotations

import json

import pytest

from kubectl_sops.cli import explain, recipients, rotate, status, updatekeys, verify
from tests.support.command import call
from tests.support.repository import Repository
from tests.support.team import config, people, seal, secret, sops, work_as


@pytest.fixture
def team():
    return people("alice", "bob", "carol")


@pytest.fixture
def repo(tmp_path, monkeypatch, team):
    """Two encrypted files for alice and bob, one of them deeper."""
    alice, bob, _ = team
    repository = Repository(tmp_path / "repo")
    repository.write({".sops.yaml": config(alice, bob), "db.yaml": secret(user="a", password="b"),
                      "apps/web.yaml": secret("web", token="c"), "README.md": "sops: mac\n"})  # fmt: skip
    seal(repository.folder, "db.yaml", "apps/web.yaml")
    repository.commit()
    work_as(monkeypatch, alice, home=tmp_path)
    monkeypatch.chdir(repository.folder)
    return repository


def test_recipients_are_listed_by_name(repo, team):
    """The table has a line for each recipient of each file, with the name from the comment beside it."""
    result = call(recipients.COMMAND)
    lines = result.out.splitlines()
    assert lines[0].split() == ["FILE", "KIND", "RECIPIENT", "NAME", "RULE"]
    assert lines[1].split() == ["apps/web.yaml", "age", team[0].recipient, "alice", "ok"]
    assert lines[4].split() == ["db.yaml", "age", team[1].recipient, "bob", "ok"]
    assert len(lines) == 5


def test_who_lists_what_somebody_opens(repo, team):
    """``--who`` takes a name or a key."""
    by_name = call(recipients.COMMAND, "--who", "bob", "-o", "name")
    assert by_name.out == "apps/web.yaml\ndb.yaml\n"
    assert call(recipients.COMMAND, "--who", team[1].recipient, "-o", "name").out == by_name.out
    assert call(recipients.COMMAND, "--who", "BOB", "-o", "name").out == by_name.out
    table = call(recipients.COMMAND, "--who", "bob", "db.yaml").out.splitlines()
    assert (table[0].split()[-1], table[1].split()[-1]) == ("OPENS", "yes")


def test_who_leaves_out_what_the_rule_promises_only(repo, team):
    """A rule that names somebody opens nothing yet: the table says so, and ``-o name`` has what opens."""
    repo.write({".sops.yaml": config(*team)})
    assert call(recipients.COMMAND, "--who", "carol", "-o", "name").out == ""
    table = call(recipients.COMMAND, "--who", "carol", "db.yaml").out.splitlines()
    assert table[1].split() == ["db.yaml", "age", team[2].recipient, "carol", "missing", "no"]
    assert call(recipients.COMMAND, "--who", "carol", "--stale", "-o", "name").out == "apps/web.yaml\ndb.yaml\n"


def test_who_does_not_take_a_name_that_nobody_has(repo, team):
    """A mistyped name is an error that lists those there are; a key that opens nothing is none."""
    result = call(recipients.COMMAND, "--who", "bop", "-o", "name")
    assert (result.code, result.out) == (2, "")
    assert "error: no recipient is named bop\n" in result.err
    assert "the names in .sops.yaml: alice, bob;" in result.err
    assert call(recipients.COMMAND, "--who", team[2].recipient).err == "Nothing found.\n"
    assert call(recipients.COMMAND, "--who", team[2].recipient[:-1]).code == 1


def test_who_finds_a_leaver_by_key(repo, team):
    """The name has gone with the rule, the key is still in the files."""
    repo.write({".sops.yaml": config(team[0])})
    assert call(recipients.COMMAND, "--who", "bob", "-o", "name").out == "apps/web.yaml\ndb.yaml\n"
    repo.commit()
    assert call(recipients.COMMAND, "--who", "bob").code == 2
    assert call(recipients.COMMAND, "--who", team[1].recipient, "-o", "name").out == "apps/web.yaml\ndb.yaml\n"


def test_who_refuses_private_keys(repo, team):
    """A private key on the command line is refused and not repeated."""
    result = call(recipients.COMMAND, "--who", team[0].identity)
    assert result.code == 2
    assert team[0].identity not in result.err


def test_stale_finds_drift(repo, team):
    """``--stale`` exits with 1 where file and rule differ, with 0 where they agree."""
    assert call(recipients.COMMAND, "--stale").code == 0
    repo.write({".sops.yaml": config(team[0], team[2])})
    result = call(recipients.COMMAND, "--stale", "db.yaml", "-o", "json")
    assert result.code == 1
    assert [(row["recipient"], row["name"], row["state"]) for row in json.loads(result.out)["items"]] == [
        (team[1].recipient, "bob", "stale"),
        (team[2].recipient, "carol", "missing"),
    ]


def test_adding_and_removing_people(repo, team):
    """``recipients add`` and ``rm`` edit .sops.yaml, with names."""
    assert call(recipients.COMMAND, "add", team[2].recipient, "--name", "carol").code == 0
    assert (repo.folder / ".sops.yaml").read_text() == config(*team)
    assert call(recipients.COMMAND, "rm", "").code == 1
    assert call(recipients.COMMAND, "rm", "Bob").code == 0
    assert (repo.folder / ".sops.yaml").read_text() == config(team[0], team[2])
    assert call(recipients.COMMAND, "rm", "bob").code == 1


def test_adding_somebody_again_changes_the_name(repo, team):
    """The comment of the line is another; without a name nothing changes."""
    before = (repo.folder / ".sops.yaml").read_text()
    same = call(recipients.COMMAND, "add", team[1].recipient)
    assert (same.code, same.err) == (0, ".sops.yaml unchanged\n")
    shown = call(recipients.COMMAND, "add", team[1].recipient, "--name", "robert", "--dry-run")
    assert shown.err.splitlines()[0] == ".sops.yaml configured (dry run)"
    assert (repo.folder / ".sops.yaml").read_text() == before
    result = call(recipients.COMMAND, "add", team[1].recipient, "--name", "robert")
    assert result.err == f".sops.yaml configured\n{team[1].recipient} is called robert now, it was bob\n"
    assert (repo.folder / ".sops.yaml").read_text() == before.replace("# bob", "# robert")
    assert call(recipients.COMMAND, "add", team[1].recipient, "--name", "robert").err == ".sops.yaml unchanged\n"
    assert call(updatekeys.COMMAND, "--check").code == 0


def test_ssh_keys_of_a_forge_are_added_from_a_file(repo):
    """Key types that age does not know are left out, and said so."""
    keys = (
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINiE3KHtUYYqdnm7TQT1NTlxRgHZcGSeU9VlTBpwaWhC\necdsa-sha2-nistp256 AAAA\n"
    )
    repo.write({"dave.keys": keys})
    result = call(recipients.COMMAND, "add", "--from-file", "dave.keys", "--name", "dave")
    assert result.code == 0, result
    assert "ecdsa" in result.err
    assert (
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINiE3KHtUYYqdnm7TQT1NTlxRgHZcGSeU9VlTBpwaWhC # dave"
        in (repo.folder / ".sops.yaml").read_text()
    )


def test_joining_changes_one_block(repo, team):
    """A new recipient adds its own block to each file; no other line changes, and sops opens it with the new key."""
    repo.write({".sops.yaml": config(*team)})
    before = (repo.folder / "db.yaml").read_text().splitlines()
    result = call(updatekeys.COMMAND)
    assert result.code == 0, result
    after = (repo.folder / "db.yaml").read_text().splitlines()
    assert [line for line in before if line not in after] == []
    assert b"password: b" in sops(["decrypt", "db.yaml"], repo.folder, team[2])
    assert b"token: c" in sops(["decrypt", "apps/web.yaml"], repo.folder, team[2])
    assert "could read" not in result.out


def test_leaving_rotates_and_lists_what_was_seen(repo, team):
    """A removed recipient gets a new data key put between, and its values are listed with the date of the commit."""
    repo.write({".sops.yaml": config(team[0])})
    before = (repo.folder / "db.yaml").read_text()
    result = call(updatekeys.COMMAND)
    assert result.code == 0, result
    assert f"{team[1].recipient} (bob) could read these values" in result.out
    assert "stringData.user, stringData.password" in result.out
    assert "(since 20" in result.out
    after = (repo.folder / "db.yaml").read_text()
    assert not {line for line in before.splitlines() if "ENC[" in line} & set(after.splitlines())
    assert b"password: b" in sops(["decrypt", "db.yaml"], repo.folder, team[0])
    assert team[1].recipient not in after


def test_leaving_without_rotation_keeps_the_values(repo, team):
    """``--no-rotate`` takes the block away and leaves everything else."""
    repo.write({".sops.yaml": config(team[0])})
    before = (repo.folder / "db.yaml").read_text().splitlines()
    assert call(updatekeys.COMMAND, "--no-rotate").code == 0
    after = (repo.folder / "db.yaml").read_text().splitlines()
    assert [line for line in after if line not in before] == []
    assert b"password: b" in sops(["decrypt", "db.yaml"], repo.folder, team[0])


def test_check_and_dry_run_change_nothing(repo, team):
    """Both say what would happen; ``--check`` exits with 1."""
    repo.write({".sops.yaml": config(*team)})
    before = (repo.folder / "db.yaml").read_bytes()
    assert call(updatekeys.COMMAND, "--check").code == 1
    result = call(updatekeys.COMMAND, "--dry-run")
    assert result.code == 0
    assert "db.yaml updated (dry run)" in result.err
    assert f"+ {team[2].recipient} (carol)" in result.err
    assert (repo.folder / "db.yaml").read_bytes() == before


def test_nothing_to_do_touches_nothing(repo):
    """Files in line keep bytes and time."""
    stamp = (repo.folder / "db.yaml").stat().st_mtime_ns
    result = call(updatekeys.COMMAND)
    assert (result.code, result.err) == (0, "2 files unchanged\n")
    assert (repo.folder / "db.yaml").stat().st_mtime_ns == stamp


def test_one_bad_file_does_not_stop_the_others(repo, team, monkeypatch):
    """All problems are listed at the end; the exit code is that of the first."""
    alone = people("dave")[0]
    repo.write({"apps/.sops.yaml": "", "other/.sops.yaml": config(alone), "other/x.yaml": secret(a="1")})
    sops(["--config", "other/.sops.yaml", "encrypt", "-i", "other/x.yaml"], repo.folder)
    repo.write({".sops.yaml": config(*team)})
    result = call(updatekeys.COMMAND)
    assert result.code == 128
    assert "other/x.yaml" in result.err
    assert b"password: b" in sops(["decrypt", "db.yaml"], repo.folder, team[2])


def test_status_at_a_glance(repo, team):
    """Each file has a state; plaintext that a rule covers is listed, other plaintext is not."""
    repo.write({".sops.yaml": config(team[0], team[2]), "plain.yaml": secret(a="1"), "values.yaml": "a: 1\n"})
    rows = {row["file"]: row for row in json.loads(call(status.COMMAND, "-o", "json").out)["items"]}
    assert {name: row["state"] for name, row in rows.items()} == {
        "db.yaml": "encrypted", "apps/web.yaml": "encrypted", "plain.yaml": "plain",
    }  # fmt: skip
    assert rows["db.yaml"]["drift"] == ["-bob", "+carol"]
    assert rows["db.yaml"]["rule"] == 1
    assert rows["db.yaml"]["changed"][:2] == "20"
    assert rows["db.yaml"]["recipients"] == ["alice", "bob"]


def test_verify_opens_everything(repo, team):
    """Values and MAC are checked; nothing decrypted is printed; the exit code is that of the failure."""
    good = call(verify.COMMAND)
    assert good.code == 0
    assert "2 of 2 files verified" in good.err
    text = (repo.folder / "db.yaml").read_text()
    (repo.folder / "db.yaml").write_text(text.replace("name: db", "name: other"))
    bad = call(verify.COMMAND, "-o", "json")
    assert bad.code == 51
    assert [(row["file"], row["result"]) for row in json.loads(bad.out)["items"]] == [
        ("apps/web.yaml", "verified"), ("db.yaml", "failed"),
    ]  # fmt: skip


def test_explain_names_rule_and_recipients(repo, team):
    """For an encrypted file: the rule, the selector, the recipients, and whether it opens here."""
    out = call(explain.COMMAND, "db.yaml").out
    assert "Rule:        1 (line 2): no path_regex: every file" in out
    assert "Encrypts:    encrypted_regex: ^(data|stringData)$" in out
    assert f"age  {team[0].recipient} (alice)" in out
    assert "Opens here:  yes" in out


def test_explain_says_why_rules_were_passed_over(repo, team):
    """Rules that do not match are listed with their reason, for files that need not exist."""
    repo.write({".sops.yaml": config(team[0], path_regex="^prod/")})
    tree = json.loads(call(explain.COMMAND, "dev/x.yaml", "-o", "json").out)
    assert tree["rule"] is None
    assert tree["passed"] == [{"number": 1, "line": 2, "reason": "path_regex ^prod/ does not match dev/x.yaml"}]


def test_rotate_over_the_repository(repo, team):
    """Every encrypted file has a new data key; nothing else of the repository changes."""
    before = {name: (repo.folder / name).read_text() for name in ("db.yaml", "apps/web.yaml")}
    assert call(rotate.COMMAND, ".").code == 2
    assert call(rotate.COMMAND, "-i", "--dry-run", ".").code == 0
    assert repo.git("status", "--porcelain").stdout == b""
    result = call(rotate.COMMAND, "-i", ".")
    assert result.code == 0, result
    assert result.err.endswith("2 files rotated\n")
    for name, text in before.items():
        after = (repo.folder / name).read_text()
        assert not {line for line in text.splitlines() if "ENC[" in line} & set(after.splitlines())
    assert b"password: b" in sops(["decrypt", "db.yaml"], repo.folder, team[1])
    assert repo.git("status", "--porcelain").stdout == b" M apps/web.yaml\n M db.yaml\n"


def test_rotate_with_a_leaver_lists_what_was_seen(repo, team):
    """``--rm-age`` over a folder says what to change at the source."""
    result = call(rotate.COMMAND, "-i", "--rm-age", team[1].recipient, "apps")
    assert result.code == 0, result
    assert "apps/web.yaml (since 20" in result.out
    assert "stringData.token" in result.out
    assert team[1].recipient not in (repo.folder / "apps/web.yaml").read_text()
    assert team[1].recipient in (repo.folder / "db.yaml").read_text()


def test_rotate_goes_on_after_a_bad_file(repo):
    """A file that does not open is listed at the end; the others are rotated."""
    path = repo.folder / "db.yaml"
    path.write_text(path.read_text().replace("name: db", "name: other"))
    result = call(rotate.COMMAND, "-i", ".")
    assert result.code == 51
    assert "error: db.yaml: MAC mismatch" in result.err
    assert "1 file rotated" in result.err


@pytest.mark.parametrize("option", ["--resume", "--abort"])
def test_an_interrupted_change_is_finished_or_undone(repo, team, option):
    """Another change is refused until then; afterwards all files are new, or all are old."""
    from kubectl_sops.repo.transaction import Transaction

    names = ("db.yaml", "apps/web.yaml")
    before = {name: (repo.folder / name).read_bytes() for name in names}
    begun = Transaction.begin(str(repo.folder), "updatekeys")
    for name in names:
        begun.stage(name, before[name], before[name] + b"# new\n")
    begun.seal()
    (repo.folder / "tmp").write_bytes(before["db.yaml"] + b"# new\n")
    (repo.folder / "tmp").rename(repo.folder / "db.yaml")  # cut off after the first file
    begun.journal.process = 0  # whoever began it is gone
    begun._write()
    repo.write({".sops.yaml": config(*team)})
    refused = call(updatekeys.COMMAND)
    assert refused.code == 1
    assert "finish it with --resume, or undo it with --abort" in refused.err
    assert call(updatekeys.COMMAND, option).code == 0
    added = b"# new\n" if option == "--resume" else b""
    assert {name: (repo.folder / name).read_bytes() for name in names} == {n: d + added for n, d in before.items()}
    assert call(updatekeys.COMMAND, option).code == 1
