"""Merging encrypted files by value, and Git's drivers in random histories."""

from __future__ import annotations

import os
import random
import sys

import pytest

from kubectl_sops.core.selectors import Selector
from kubectl_sops.files import rotate
from kubectl_sops.files.decrypt import decrypt
from kubectl_sops.files.encrypt import Recipe, encrypt
from kubectl_sops.keys import system
from kubectl_sops.keys.keyring import Keyring
from kubectl_sops.repo import attributes, merge, merge_rules, merge_text
from tests.support.repository import Repository
from tests.support.team import config, people, secret, sops, work_as

ALICE, BOB, CAROL = people("alice", "bob", "carol")
KEYRING = Keyring({}, identities=[ALICE.identity], source="none")
NOW = "2026-01-01T00:00:00Z"
LATER = "2026-01-02T00:00:00Z"


def groups(*members):
    return [[key for person in members for key in system("age").parse_recipients(person.recipient)]]


def sealed(text, base=None, members=(ALICE, BOB)):
    recipe = Recipe(groups(*members), selector=Selector("encrypted_regex", "^(data|stringData)$"))
    return encrypt(text.encode(), "yaml", recipe, KEYRING, now=NOW, base=base).data


def merged(base, ours, theirs):
    """Merge three plaintexts, each encrypted on top of the base."""
    first = sealed(base)
    return merge.merge(first, sealed(ours, first), sealed(theirs, first), "yaml", KEYRING, now=LATER)


def plain(data):
    return decrypt(data, "yaml", KEYRING).decode()


BASE = secret(user="app", password="one", token="two") + "  list:\n    - a\n    - b\n"


CLEAN = {
    "neighbouring values": (
        BASE.replace("app", "xx"), BASE.replace("one", "yy"), BASE.replace("app", "xx").replace("one", "yy"),
    ),
    "the same change": (BASE.replace("app", "xx"), BASE.replace("app", "xx"), BASE.replace("app", "xx")),
    "values added at the same place": (
        BASE + "  ours: 1\n", BASE + "  theirs: 2\n", BASE + "  ours: 1\n  theirs: 2\n",
    ),
    "a value removed, another changed": (
        BASE.replace("  user: app\n", ""), BASE.replace("one", "yy"),
        BASE.replace("  user: app\n", "").replace("one", "yy"),
    ),
    "elements of a list": (
        BASE.replace("- a", "- xx"), BASE.replace("- b", "- yy"), BASE.replace("- a", "- xx").replace("- b", "- yy"),
    ),
    "comments of both": (
        BASE.replace("  user", "  # ours\n  user"), BASE.replace("  token", "  # theirs\n  token"),
        BASE.replace("  user", "  # ours\n  user").replace("  token", "  # theirs\n  token"),
    ),
    "readable and encrypted": (
        BASE.replace("name: db", "name: db2"), BASE.replace("one", "yy"),
        BASE.replace("name: db", "name: db2").replace("one", "yy"),
    ),
}  # fmt: skip


STREAM = secret(user="app") + "--- # two\n" + "kind: Secret\nstringData: {user: app, password: one, token: two}\n"


@pytest.mark.parametrize(
    "base",
    [STREAM, STREAM + "---\nkind: ConfigMap\n", STREAM + "...\n", STREAM.replace("\n", "\r\n"), "\ufeff" + STREAM],
    ids=["last", "in the middle", "ended", "crlf", "bom"],
)
def test_values_on_one_line_of_any_document_merge(base):
    """Where lines can't be merged, values are put into the text of their own document."""
    for ours, theirs in (("user: xx", "token: yy"), ("", "token: yy"), ("user: app, new: 1", "token: yy")):
        mine = base.replace("user: app, " if not ours else "user: app,", f"{ours}," if ours else "", 1)
        other = base.replace("token: two", theirs)
        assert mine not in (base, other)
        result = merged(base, mine, other)
        assert result.conflicts == []
        assert plain(result.data) == mine.replace("token: two", 'token: "yy"')


@pytest.mark.parametrize(("ours", "theirs", "expected"), CLEAN.values(), ids=CLEAN)
def test_changes_of_different_values_merge(ours, theirs, expected):
    """No conflict, a valid MAC, and the layout of both sides."""
    result = merged(BASE, ours, theirs)
    assert result.conflicts == []
    assert plain(result.data) == expected


def test_untouched_values_keep_their_ciphertext():
    """A value that one side changed has the ciphertext of that side, all others that of the base."""
    base = sealed(BASE)
    ours, theirs = sealed(BASE.replace("app", "xx"), base), sealed(BASE.replace("one", "yy"), base)
    result = merge.merge(base, ours, theirs, "yaml", KEYRING, now=LATER).data.decode().splitlines()
    known = {*base.decode().splitlines(), *ours.decode().splitlines(), *theirs.decode().splitlines()}
    assert [line.split(":")[0].strip() for line in result if line not in known] == ["lastmodified", "mac"]


def test_changes_of_the_same_value_conflict():
    """Both whole sides come back, each with everything else of the other side, each with a valid MAC."""
    result = merged(BASE, BASE.replace("one", "xx").replace("app", "u"), BASE.replace("one", "yy").replace("two", "t"))
    assert result.conflicts == [("stringData", "password")]
    everything = BASE.replace("app", "u").replace("two", "t")
    assert plain(result.data) == everything.replace("one", "xx")
    assert plain(result.other) == everything.replace("one", "yy")


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (BASE.replace("  password: one\n", ""), BASE.replace("one", "yy")),
        (BASE.replace("password: one", "password: 1"), BASE.replace("password: one", "password: '1'")),
        (BASE.replace("- b", "- b\n    - c"), BASE.replace("- b", "- b\n    - d")),
    ],
    ids=["removed and changed", "types differ", "lists of different length"],
)
def test_other_conflicts(ours, theirs):
    """Contradictions are never resolved silently."""
    assert merged(BASE, ours, theirs).conflicts


def test_recipients_of_both_sides_merge():
    """Added on either side: in. Removed on either side: out, and under a data key that the leaver never had."""
    base = sealed(BASE)
    ours = sealed(BASE.replace("app", "xx"), base, (ALICE, BOB, CAROL))
    theirs = rotate.rotate(base, "yaml", KEYRING, now=NOW, remove=[BOB.recipient])
    result = merge.merge(base, ours, theirs, "yaml", KEYRING, now=LATER)
    assert plain(result.data) == BASE.replace("app", "xx")
    assert CAROL.recipient in result.data.decode()
    assert BOB.recipient not in result.data.decode()
    bob = Keyring({}, identities=[BOB.identity], source="none")
    carol = Keyring({}, identities=[CAROL.identity], source="none")
    from kubectl_sops.files.decrypt import parse_encrypted

    known = bob.data_key(parse_encrypted(base, "yaml")[1])
    assert carol.data_key(parse_encrypted(result.data, "yaml")[1]) != known


def test_one_side_that_did_nothing_is_kept():
    """Where one side has everything, its bytes come back unchanged."""
    base = sealed(BASE)
    ours = sealed(BASE.replace("app", "xx"), base)
    assert merge.merge(base, ours, base, "yaml", KEYRING, now=LATER).data == ours
    assert merge.merge(base, base, ours, "yaml", KEYRING, now=LATER).data == ours


def test_marks_are_around_differences_only():
    """The text for an editor has one block for each difference."""
    assert merge_text.mark("a\nb\nc\n", "a\nx\nc\n") == "a\n<<<<<<< ours\nb\n=======\nx\n>>>>>>> theirs\nc\n"


RULES = {
    "list": config(ALICE),
    "text": f"creation_rules:\n  - age: {ALICE.recipient}\n",
}


@pytest.mark.parametrize("base", RULES.values(), ids=RULES)
def test_rules_merge(base):
    """Both sides add a person to .sops.yaml, at the same place."""
    from kubectl_sops import rules
    from kubectl_sops.rules import edit

    first = base.encode()
    ours = edit.add_recipient(first, 0, BOB.recipient, name="bob")
    theirs = edit.add_recipient(first, 0, CAROL.recipient, name="carol")
    result = merge_rules.merge(first, ours, theirs, ".sops.yaml")
    assert result is not None
    parsed = rules.parse(result)
    assert set(parsed.creation_rules[0].recipients) == {ALICE.recipient, BOB.recipient, CAROL.recipient}
    assert (parsed.names[BOB.recipient], parsed.names[CAROL.recipient]) == ("bob", "carol")


def test_rules_that_contradict_are_left_to_people():
    """Both sides change what is encrypted."""
    base = config(ALICE).encode()
    assert merge_rules.merge(base, base.replace(b"data|", b"x|"), base.replace(b"data|", b"y|"), ".sops.yaml") is None


def test_patterns_are_as_narrow_as_names_allow():
    """Names that tell encrypted files apart make a pattern of their own."""
    assert attributes.patterns_for(["a/db.sops.yaml", "b/x.sops.yaml"], ["a/kustomization.yaml"]) == ["*.sops.yaml"]
    assert attributes.patterns_for(["a/db.yaml", "x.enc.json"], ["a/c.yaml"]) == ["*.enc.json", "*.yaml"]
    assert attributes.patterns_for(["a/db.enc.yaml", "c.yaml"], []) == ["*.yaml"]


@pytest.fixture
def repo(tmp_path, monkeypatch):
    """A repository with an encrypted file and the drivers, called through a program of its own."""
    repository = Repository(tmp_path / "repo")
    root = os.fspath(merge.__file__).rpartition("/kubectl_sops/")[0]
    program = tmp_path / "bin" / "kubectl-sops"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nPYTHONPATH={root} exec {sys.executable} -m kubectl_sops "$@"\n')
    program.chmod(0o755)
    work_as(monkeypatch)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SOPS_AGE_KEY", ALICE.identity)
    monkeypatch.chdir(repository.folder)
    repository.write({".sops.yaml": config(ALICE, BOB), "db.yaml": sealed(BASE), "plain.yaml": "a: 1\n"})
    attributes.install(str(repository.folder), "kubectl-sops", ["*.yaml"])
    repository.commit()
    return repository


def edit(repo, old, new, name="db.yaml"):
    """What an editor session does, and a commit."""
    path = repo.folder / name
    text = plain(path.read_bytes())
    assert old in text
    path.write_bytes(sealed_over(path.read_bytes(), text.replace(old, new)))
    repo.commit("edit")


def sealed_over(data, text):
    version = merge.read_version(data, "yaml", KEYRING)
    return merge.reseal(version, text.encode(), now=NOW)


def test_git_shows_decrypted_differences(repo):
    """``git diff`` and ``git log -p`` show values, and nothing of it stays in Git's objects."""
    edit(repo, "one", "CANARY-diff")
    out = repo.git("log", "-p", "-1").stdout.decode()
    assert "-  password: one" in out
    assert "+  password: CANARY-diff" in out
    assert b"CANARY" not in b"".join(p.read_bytes() for p in repo.folder.rglob("*") if p.is_file())
    assert repo.git("for-each-ref").stdout.count(b"\n") == 1


def test_git_without_a_key_shows_ciphertext(repo, monkeypatch):
    """A colleague without a key still gets a difference."""
    monkeypatch.setenv("SOPS_AGE_KEY", CAROL.identity)
    edit_text = (repo.folder / "db.yaml").read_text()
    (repo.folder / "db.yaml").write_text(edit_text.replace("name: db", "name: other"))
    out = repo.git("diff").stdout.decode()
    assert "+    name: other" in out or "+  name: other" in out


def test_git_without_the_tool_works(repo, monkeypatch):
    """A clone without the configuration merges as Git always did."""
    attributes_file = (repo.folder / ".gitattributes").read_text()
    for section in ("diff.sops", "merge.sops", "merge.sops-rules"):
        repo.git("config", "--remove-section", section)
    assert "merge=sops" in attributes_file
    repo.git("checkout", "-qb", "side")
    edit(repo, "one", "yy")
    repo.git("checkout", "-q", "main")
    assert repo.git("merge", "-q", "side", check=False).returncode == 0
    assert plain((repo.folder / "db.yaml").read_bytes()) == BASE.replace("one", "yy")


def test_parallel_edits_merge(repo):
    """Different values on two branches: no conflict, and real sops opens what came out."""
    repo.git("checkout", "-qb", "side")
    edit(repo, "one", "yy")
    repo.git("checkout", "-q", "main")
    edit(repo, "app", "xx")
    repo.git("merge", "-q", "side")
    assert b"user: xx\n    password: yy\n" in sops(["decrypt", "db.yaml"], repo.folder, BOB)


def test_a_conflict_holds_whole_sides(repo):
    """The work tree has both encrypted files between markers, and no plaintext."""
    from kubectl_sops.cli import git
    from tests.support.command import call

    repo.git("checkout", "-qb", "side")
    edit(repo, "one", "CANARY-y")
    repo.git("checkout", "-q", "main")
    edit(repo, "one", "CANARY-x")
    result = repo.git("merge", "-q", "side", check=False)
    assert result.returncode == 1
    text = (repo.folder / "db.yaml").read_bytes()
    assert b"CANARY" not in text + result.stdout + result.stderr
    ours, _, theirs = text.partition(b"<<<<<<< ours\n")[2].partition(b"\n=======\n")
    assert "CANARY-x" in plain(ours + b"\n")
    assert "CANARY-y" in plain(theirs.partition(b">>>>>>> theirs\n")[0])
    assert call(git.RESOLVE, "--theirs").err == "db.yaml resolved\n"
    assert "CANARY-y" in plain((repo.folder / "db.yaml").read_bytes())
    assert repo.git("status", "--porcelain").stdout == b"M  db.yaml\n"


def test_a_conflict_is_resolved_in_an_editor(repo, monkeypatch, tmp_path):
    """The editor sees marked plaintext; what it saves is sealed."""
    from kubectl_sops.cli import git
    from tests.support.command import call

    repo.git("checkout", "-qb", "side")
    edit(repo, "one", "yy")
    repo.git("checkout", "-q", "main")
    edit(repo, "one", "xx")
    repo.git("merge", "-q", "side", check=False)
    editor = tmp_path / "editor"
    script = "/^[<=>]\\{7\\}/d; s/password: xx/password: new/; /password: yy/d"
    editor.write_text(f'#!/bin/sh\ncp "$1" {tmp_path}/seen\nsed -i \'{script}\' "$1"\n')
    editor.chmod(0o755)
    monkeypatch.setenv("EDITOR", "true")
    assert call(git.RESOLVE).code == 1
    monkeypatch.setenv("EDITOR", str(editor))
    assert call(git.RESOLVE).code == 0
    assert "<<<<<<< ours\n  password: xx\n=======\n  password: yy\n>>>>>>> theirs\n" in (tmp_path / "seen").read_text()
    assert plain((repo.folder / "db.yaml").read_bytes()) == BASE.replace("one", "new")


def test_uninstall_leaves_nothing(repo):
    """Configuration and our lines in .gitattributes go; other lines stay."""
    path = repo.folder / ".gitattributes"
    ours = path.read_text()
    path.write_text("*.png binary\n" + ours + "*.sh eol=lf\n")
    attributes.uninstall(str(repo.folder))
    assert path.read_text() == "*.png binary\n*.sh eol=lf\n"
    assert repo.git("config", "--get-regexp", "sops", check=False).stdout == b""


KEYS = ("user", "password", "token")


@pytest.mark.parametrize("seed", range(50 if os.environ.get("HYPOTHESIS_PROFILE") == "thorough" else 4))
def test_random_histories(repo, seed):
    """Merges, rebases and cherry-picks of random edits of different values end with files that real sops opens."""
    rng = random.Random(seed)
    expected = {"user": "app", "password": "one", "token": "two"}
    mine = rng.sample(KEYS, rng.choice((1, 2)))
    count = 0

    def work(keys, times):
        nonlocal count
        for _ in range(times):
            key = rng.choice(keys)
            count += 1
            edit(repo, f"{key}: {expected[key]}\n", f"{key}: v{count}\n")
            expected[key] = f"v{count}"

    start = dict(expected)
    repo.git("checkout", "-qb", "side")
    work(mine, rng.randint(1, 2))
    side = dict(expected)
    repo.git("checkout", "-q", "main")
    expected.update(start)
    work([key for key in KEYS if key not in mine], rng.randint(1, 2))
    expected.update({key: side[key] for key in mine})
    how = rng.choice(("merge", "rebase", "cherry-pick"))
    if how == "merge":
        repo.git("merge", "-q", "side")
    elif how == "rebase":
        repo.git("checkout", "-q", "side")
        repo.git("rebase", "-q", "main")
    else:
        repo.git("cherry-pick", "main..side")
    out = sops(["decrypt", "db.yaml"], repo.folder, BOB).decode()
    for key, value in expected.items():
        assert f"    {key}: {value}\n" in out


def test_two_people_join_on_two_branches(repo):
    """Both get into .sops.yaml and into the file, whose values were changed on both sides too."""
    from kubectl_sops.cli import recipients, updatekeys
    from tests.support.command import call

    dave = people("dave")[0]
    for branch, person, words in (("side", CAROL, ("one", "yy")), ("main", dave, ("app", "xx"))):
        repo.git("checkout", "-q", *(["-b"] if branch == "side" else []), branch)
        assert call(recipients.COMMAND, "add", person.recipient, "--name", person.name).code == 0
        assert call(updatekeys.COMMAND, ".").code == 0
        edit(repo, *words)
    repo.git("merge", "-q", "side")
    for person in (ALICE, BOB, CAROL, dave):
        assert b"user: xx\n    password: yy\n" in sops(["decrypt", "db.yaml"], repo.folder, person)
    stale = call(recipients.COMMAND, "--stale")
    assert stale.code == 0, stale
    listed = call(recipients.COMMAND, "--who", "dave", "-o", "name")
    assert listed.out == "db.yaml\n"


def test_one_leaves_while_another_edits(repo):
    """The leaver is out, the edit is in, and the data key is one that the leaver never had."""
    from kubectl_sops.cli import recipients, updatekeys
    from tests.support.command import call

    repo.git("checkout", "-qb", "side")
    assert call(recipients.COMMAND, "rm", "bob").code == 0
    assert call(updatekeys.COMMAND, ".").code == 0
    repo.commit()
    repo.git("checkout", "-q", "main")
    edit(repo, "one", "yy")
    repo.git("merge", "-q", "side")
    text = (repo.folder / "db.yaml").read_bytes()
    assert BOB.recipient.encode() not in text
    assert b"password: yy" in sops(["decrypt", "db.yaml"], repo.folder, ALICE)
    assert call(recipients.COMMAND, "--stale").code == 0


def test_a_file_that_both_sides_make(repo):
    """Values of both are in, recipients of both too; what differs is a conflict."""
    repo.git("checkout", "-qb", "side")
    repo.commit(files={"new.yaml": sealed(secret(a="1", theirs="2"), None, (ALICE, CAROL))})
    repo.git("checkout", "-q", "main")
    repo.commit(files={"new.yaml": sealed(secret(a="1", ours="3"), None, (ALICE, BOB))})
    repo.git("merge", "-q", "side")
    for person in (BOB, CAROL):
        out = sops(["decrypt", "new.yaml"], repo.folder, person)
        assert b"ours: 3" in out
        assert b"theirs: 2" in out


def test_without_a_key_whole_sides_are_left(repo, monkeypatch):
    """Somebody who can't open the file gets both versions whole, never their lines mixed."""
    repo.git("checkout", "-qb", "side")
    edit(repo, "one", "yy")
    side = (repo.folder / "db.yaml").read_bytes()
    repo.git("checkout", "-q", "main")
    edit(repo, "app", "xx")
    main = (repo.folder / "db.yaml").read_bytes()
    monkeypatch.setenv("SOPS_AGE_KEY", CAROL.identity)
    assert repo.git("merge", "-q", "side", check=False).returncode == 1
    assert (repo.folder / "db.yaml").read_bytes() == merge_text.sides(main, side)
