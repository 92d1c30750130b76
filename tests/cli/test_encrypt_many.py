"""``encrypt`` over folders, and ``--if-needed`` for files that are encrypted in part."""

from __future__ import annotations

import pytest

from kubectl_sops.cli import check, encrypt, status
from tests.support.command import call
from tests.support.kube import write_kubeconfig
from tests.support.repository import Repository
from tests.support.team import config, people, seal, secret, sops, work_as

ALICE = people("alice")[0]


@pytest.fixture
def repo(tmp_path, monkeypatch):
    repository = Repository(tmp_path / "repo")
    repository.write({".sops.yaml": config(ALICE), "db.yaml": secret(password="one")})
    repository.write({"apps/web.yaml": secret(token="t")})
    repository.write({"apps/config.yaml": "kind: ConfigMap\napiVersion: v1\ndata:\n  a: b\n"})
    seal(repository.folder, "db.yaml")
    work_as(monkeypatch, ALICE, home=tmp_path)
    monkeypatch.chdir(repository.folder)
    return repository


def test_a_folder_means_its_plain_secrets(repo):
    """Encrypted files and other manifests stay as they are."""
    repo.commit()
    assert call(encrypt.COMMAND, ".").code == 2
    result = call(encrypt.COMMAND, "-i", ".")
    assert (result.code, result.err) == (0, "apps/web.yaml encrypted\n"), result
    assert repo.git("status", "--porcelain").stdout == b" M apps/web.yaml\n"
    assert b"token: t" in sops(["decrypt", "apps/web.yaml"], repo.folder, ALICE)
    assert call(check.COMMAND, "-q").code == 0


def test_a_folder_means_every_file_that_a_rule_is_about(repo):
    """Files of every format that a rule picks by name; `status` and `check` say the same before."""
    files = {"dev/a.env": "A=1\n", "dev/a.ini": "[a]\nb=c\n", "dev/a.json": '{"a": "b"}', "dev/a.txt": "text\n"}
    regex = r"^dev/.*\.(env|json|yaml|ini|txt)$"
    repo.write({**files, ".sops.yaml": config(ALICE, path_regex=regex, encrypted_regex="")})
    states = [line.split()[:2] for line in call(status.COMMAND, "dev").out.splitlines()[1:]]
    assert states == [[name, "plain"] for name in files]
    assert call(check.COMMAND, "-q", "dev").out.count("[plain-file]") == len(files)
    result = call(encrypt.COMMAND, "-i", "dev")
    assert (result.code, result.err) == (0, "".join(f"{name} encrypted\n" for name in files))
    assert sops(["decrypt", "dev/a.txt"], repo.folder, ALICE) == b"text\n"
    assert call(check.COMMAND, "-q", "dev").code == 0


@pytest.mark.parametrize("flags", [["-i"], ["-i", "--if-needed"]], ids=["plain", "if needed"])
def test_a_folder_with_nothing_to_encrypt_says_so(repo, flags):
    """One line on stderr, unless it is to be quiet."""
    (repo.folder / "apps/web.yaml").unlink()
    result = call(encrypt.COMMAND, *flags, "apps", ".")
    assert (result.code, result.out, result.err) == (0, "", "nothing to encrypt in apps, .\n")
    assert call(encrypt.COMMAND, *flags, "-q", "apps").err == ""


def test_added_values_are_encrypted(repo):
    """What somebody added by hand is encrypted; every other value keeps its ciphertext; sops accepts the MAC."""
    path = repo.folder / "db.yaml"
    before = path.read_text()
    path.write_text(before.replace("stringData:\n", "stringData:\n    added: CANARY\n"))
    assert call(check.COMMAND, "-q", "db.yaml").code == 1
    result = call(encrypt.COMMAND, "-i", "--if-needed", ".")
    assert result.code == 0, result
    after = path.read_text()
    assert "CANARY" not in after
    assert next(line for line in before.splitlines() if "password:" in line) in after
    assert b"added: CANARY\n    password: one" in sops(["decrypt", "db.yaml"], repo.folder, ALICE)


def test_replaced_values_need_a_look(repo):
    """Where a ciphertext was replaced, the MAC can't vouch for the rest: that has to be accepted."""
    path = repo.folder / "db.yaml"
    lines = [line if "password:" not in line else "    password: two" for line in path.read_text().splitlines()]
    path.write_text("\n".join(lines) + "\n")
    refused = call(encrypt.COMMAND, "-i", "--if-needed", "db.yaml")
    assert refused.code == 51
    assert "--ignore-mac" in refused.err
    assert call(encrypt.COMMAND, "-i", "--if-needed", "--ignore-mac", "db.yaml").code == 0
    assert b"password: two" in sops(["decrypt", "db.yaml"], repo.folder, ALICE)


def test_nothing_to_do_touches_nothing(repo):
    """An encrypted file in order keeps bytes and time, and that is no error."""
    stamp = (repo.folder / "db.yaml").stat().st_mtime_ns
    assert call(encrypt.COMMAND, "-i", "--if-needed", "db.yaml").err == "db.yaml unchanged\n"
    assert call(encrypt.COMMAND, "-i", "db.yaml").code == 203
    assert (repo.folder / "db.yaml").stat().st_mtime_ns == stamp


def test_other_changes_are_not_blessed(repo):
    """A readable value beside a changed name: the MAC does not fit, so nothing is written."""
    path = repo.folder / "db.yaml"
    text = path.read_text().replace("stringData:\n", "stringData:\n    added: x\n").replace("name: db", "name: other")
    path.write_text(text)
    assert call(encrypt.COMMAND, "-i", "--if-needed", "db.yaml").code == 51
    assert path.read_text() == text


def test_a_file_that_was_decrypted_goes_back(repo):
    """Over the version that Git has: without a change where there was none, otherwise with the changed value alone."""
    repo.commit()
    path = repo.folder / "db.yaml"
    committed = path.read_bytes()
    plain = sops(["decrypt", "db.yaml"], repo.folder, ALICE)
    path.write_bytes(plain)
    assert call(encrypt.COMMAND, "-i", "db.yaml").err == "db.yaml encrypted over the version in Git\n"
    assert path.read_bytes() == committed
    path.write_bytes(plain + b"    other: two\n")
    assert call(encrypt.COMMAND, "-i", ".").code == 0
    changed = [line for line in repo.git("diff", "-U0", "db.yaml").stdout.splitlines() if line[:1] in b"+-"]
    assert all(b"other:" in line or b"mac:" in line or b"lastmodified:" in line for line in changed[2:])
    assert b"other: two" in sops(["decrypt", "db.yaml"], repo.folder, ALICE)
    assert repo.git("checkout", "-q", "db.yaml").returncode == 0


def test_a_file_is_encrypted_where_the_committed_one_does_not_open(repo, monkeypatch):
    """Recipients are enough to encrypt; and a staged plaintext does not hide the version before it."""
    repo.commit()
    path = repo.folder / "db.yaml"
    committed = path.read_bytes()
    path.write_bytes(sops(["decrypt", "db.yaml"], repo.folder, ALICE))
    repo.git("add", "db.yaml")
    monkeypatch.delenv("SOPS_AGE_KEY")
    assert call(encrypt.COMMAND, "-i", "db.yaml", "--dry-run").code == 0
    plain = path.read_bytes()
    assert call(encrypt.COMMAND, "-i", "db.yaml").code == 0
    assert path.read_bytes() not in (plain, committed)
    path.write_bytes(plain)
    monkeypatch.setenv("SOPS_AGE_KEY", ALICE.identity)
    assert call(encrypt.COMMAND, "-i", "db.yaml").code == 0
    assert path.read_bytes() == committed


def test_a_leaver_does_not_know_the_new_data_key(repo, tmp_path):
    """Who could open the version in Git, or the target, and is no longer in the rule, knows its data key."""
    (bob,) = people("bob")
    (repo.folder / ".sops.yaml").write_text(config(ALICE, bob))
    (repo.folder / "db.yaml").write_text(secret(password="one"))
    seal(repo.folder, "db.yaml")
    repo.commit()
    path = repo.folder / "db.yaml"
    committed = path.read_bytes()
    plain = sops(["decrypt", "db.yaml"], repo.folder, ALICE)
    line = next(line for line in committed.splitlines() if b"password:" in line)
    (repo.folder / ".sops.yaml").write_text(config(ALICE))
    path.write_bytes(plain)
    assert call(encrypt.COMMAND, "-i", "db.yaml").code == 0
    assert line not in path.read_bytes()
    (tmp_path / "plain.yaml").write_bytes(plain)
    (repo.folder / "out.yaml").write_bytes(committed)
    flags = ("--filename-override", "db.yaml", "--output", "out.yaml")
    assert call(encrypt.COMMAND, *flags, str(tmp_path / "plain.yaml")).code == 0
    assert line not in (repo.folder / "out.yaml").read_bytes()
    assert bob.recipient.encode() not in (repo.folder / "out.yaml").read_bytes()


def test_a_higher_threshold_is_not_forgotten(repo, monkeypatch):
    """Two of three groups opened the version in Git; now all three are needed."""
    others = people("b", "c")
    groups = "".join(f"      - age: [{person.recipient}]\n" for person in (ALICE, *others))
    rule = "creation_rules:\n  - shamir_threshold: {}\n    key_groups:\n" + groups
    path = repo.folder / "db.yaml"
    for threshold in (2, 3):
        (repo.folder / ".sops.yaml").write_text(rule.format(threshold))
        if threshold == 2:
            path.write_text(secret(password="one"))
            seal(repo.folder, "db.yaml")
            repo.commit()
            line = next(line.strip() for line in path.read_text().splitlines() if "password:" in line)
            monkeypatch.setenv("SOPS_AGE_KEY", f"{ALICE.identity}\n{others[0].identity}")
        path.write_text(secret(password="one"))
        assert call(encrypt.COMMAND, "-i", "db.yaml", "-q").code == 0
        assert f"shamir_threshold: {threshold}" in path.read_text()
        assert (line in path.read_text()) == (threshold == 2)


def test_encrypting_asks_nobody_for_a_key(repo, monkeypatch, tmp_path):
    """Not the cluster, no command and no person: whoever encrypts need not be able to open."""
    repo.commit()
    path = repo.folder / "db.yaml"
    path.write_text(secret(password="one"))
    asked = tmp_path / "asked"
    plugin = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "touch", "args": [str(asked)]}}
    write_kubeconfig(tmp_path / "kubeconfig", "https://127.0.0.1:1", **plugin)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    monkeypatch.delenv("SOPS_AGE_KEY")
    monkeypatch.setenv("SOPS_AGE_KEY_CMD", f"touch {asked}")
    result = call(encrypt.COMMAND, "-i", "db.yaml")
    assert (result.code, result.err) == (0, "db.yaml encrypted\n")
    assert not asked.exists()


def test_a_target_that_does_not_open_is_written_anew(repo, monkeypatch, tmp_path):
    """It is said; whoever encrypts need not be able to open."""
    (tmp_path / "plain.yaml").write_text(secret(password="one"))
    before = (repo.folder / "db.yaml").read_bytes()
    monkeypatch.setenv("SOPS_AGE_KEY", people("stranger")[0].identity)
    result = call(
        encrypt.COMMAND, "--filename-override", "db.yaml", "--output", "db.yaml", str(tmp_path / "plain.yaml")
    )
    assert result.code == 0, result
    assert "db.yaml does not open here, so all of it is encrypted anew" in result.err
    assert (repo.folder / "db.yaml").read_bytes() != before
    assert b"password: one" in sops(["decrypt", "db.yaml"], repo.folder, ALICE)


def test_people_who_could_open_it_together_do_not_know_the_new_key(repo, monkeypatch):
    """Somebody moves from one key group to another: the same recipients, and other people who are enough."""
    bob, carol = people("b", "c")
    rule = "creation_rules:\n  - shamir_threshold: 2\n    key_groups:\n" + "      - age: [{}]\n" * 2
    path = repo.folder / "db.yaml"
    (repo.folder / ".sops.yaml").write_text(rule.format(ALICE.recipient, f"{bob.recipient}, {carol.recipient}"))
    path.write_text(secret(password="one"))
    seal(repo.folder, "db.yaml")
    repo.commit()
    line = next(line.strip() for line in path.read_text().splitlines() if "password:" in line)
    monkeypatch.setenv("SOPS_AGE_KEY", f"{ALICE.identity}\n{bob.identity}\n{carol.identity}")
    (repo.folder / ".sops.yaml").write_text(rule.format(f"{ALICE.recipient}, {bob.recipient}", carol.recipient))
    from kubectl_sops.cli import updatekeys

    assert "new data key" in call(updatekeys.COMMAND, "-y").err
    assert line not in path.read_text()
    path.write_text(secret(password="one"))
    assert call(encrypt.COMMAND, "-i", "db.yaml", "-q").code == 0
    assert line not in path.read_text()


def test_a_document_that_was_appended_is_encrypted(repo):
    """A plain Secret in an encrypted stream, as `check` says; real sops opens what comes out."""
    path = repo.folder / "db.yaml"
    before = path.read_text()
    for added in ("---\n" + secret("web", token="CANARY"), "---\nkind: ConfigMap\nmetadata:\n  name: c\n"):
        path.write_text(before + added)
        result = call(encrypt.COMMAND, "-i", "--if-needed", "db.yaml")
        assert result.code == 0, result
        text = path.read_text()
        assert "CANARY" not in text
        assert text.count("\nsops:\n") == 2
        assert next(line for line in before.splitlines() if "password:" in line) in text
        opened = sops(["decrypt", "db.yaml"], repo.folder, ALICE).decode()
        assert "password: one" in opened
        assert opened.count("kind:") == 2


def test_the_hints_lead_out_of_a_replaced_value(repo):
    """What each command says about it ends with a file that opens."""
    from kubectl_sops.cli import rotate, set_value

    path = repo.folder / "db.yaml"
    line = next(line for line in path.read_text().splitlines() if "password:" in line)
    path.write_text(path.read_text().replace(line, "    password: CANARY"))
    for command, *arguments in ((rotate.COMMAND, "-i"), (set_value.UNSET, "-q"), (set_value.SET, "-q")):
        more = {set_value.UNSET: ["stringData.x"], set_value.SET: ["stringData.x", '"y"']}.get(command, [])
        result = call(command, *arguments, "db.yaml", *more)
        assert result.code == 25
        assert "encrypt -i --if-needed FILE" in result.err
    result = call(encrypt.COMMAND, "-i", "--if-needed", "db.yaml")
    assert result.code == 51
    assert "accept it with --ignore-mac" in result.err
    assert call(encrypt.COMMAND, "-i", "--if-needed", "--ignore-mac", "db.yaml").code == 0
    assert b"password: CANARY" in sops(["decrypt", "db.yaml"], repo.folder, ALICE)


def test_ciphertext_without_its_entry_is_not_encrypted_again(repo):
    """It would be text from then on, and `check` would be content."""
    path = repo.folder / "db.yaml"
    text = path.read_text()
    path.write_text(text + "---\n" + text.partition("sops:\n")[0])
    before = path.read_bytes()
    result = call(encrypt.COMMAND, "-i", "--if-needed", "db.yaml")
    assert result.code not in (0, 70)
    assert "document 2 of the stream holds ciphertexts, but no `sops` entry" in result.err
    assert path.read_bytes() == before


def test_a_plain_document_before_the_encrypted_ones_is_explained(repo):
    """sops takes the file for a plain one; what to do about it is said."""
    path = repo.folder / "db.yaml"
    path.write_text(secret("web", token="CANARY") + "---\n" + path.read_text())
    before = path.read_bytes()
    result = call(encrypt.COMMAND, "-i", "--if-needed", "db.yaml")
    assert result.code not in (0, 70)
    assert "move what has none behind it" in result.err
    assert path.read_bytes() == before


def test_other_key_groups_are_seen(repo):
    """By `status`, as by `check`."""
    from kubectl_sops.cli import status

    bob, carol = people("b", "c")
    rule = "creation_rules:\n  - shamir_threshold: 2\n    key_groups:\n" + "      - age: [{}]\n" * 2
    (repo.folder / ".sops.yaml").write_text(rule.format(ALICE.recipient, f"{bob.recipient}, {carol.recipient}"))
    (repo.folder / "db.yaml").write_text(secret(password="one"))
    seal(repo.folder, "db.yaml")
    assert '"drift": []' in call(status.COMMAND, "-o", "json", "db.yaml").out
    (repo.folder / ".sops.yaml").write_text(rule.format(f"{ALICE.recipient}, {bob.recipient}", carol.recipient))
    assert '"groups"' in call(status.COMMAND, "-o", "json", "db.yaml").out
    assert "groups" in call(status.COMMAND, "db.yaml").out
