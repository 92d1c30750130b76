"""``set`` beyond what sops has: many values at once, new files, and what the API server would refuse."""

from __future__ import annotations

import os

import pytest

from kubectl_sops.cli import encrypt, session, set_value
from kubectl_sops.files.write import replace_file
from tests.support.command import call
from tests.support.repository import Repository
from tests.support.team import config, people, seal, secret, sops, work_as

ALICE = people("alice")[0]
SECRET = secret(user="app", password="one") + "data:\n  blob: AAE=\n"


@pytest.fixture
def repo(tmp_path, monkeypatch):
    repository = Repository(tmp_path / "repo")
    whole = f"  - path_regex: '^apps/(values.yaml|.*[.](env|ini|json))$'\n    age: {ALICE.recipient}\n"
    rules = config(ALICE, path_regex="^apps/").replace("creation_rules:\n", f"creation_rules:\n{whole}")
    repository.write({".sops.yaml": rules, "apps/db.yaml": SECRET})
    seal(repository.folder, "apps/db.yaml")
    work_as(monkeypatch, ALICE, home=tmp_path)
    monkeypatch.chdir(repository.folder)
    return repository


def opened(repo, name="apps/db.yaml"):
    return sops(["decrypt", name], repo.folder, ALICE).decode()


def test_many_values_at_once(repo, tmp_path):
    """Each goes where its key is; a new text to stringData, other bytes to data; one value is one changed line."""
    before = (repo.folder / "apps/db.yaml").read_text().splitlines()
    (tmp_path / "vars").write_bytes(b"# comment\nNEW=two words\nuser=me\n")
    (tmp_path / "raw").write_bytes(b"\x00\xff")
    result = call(
        set_value.SET, "apps/db.yaml", "--from-env-file", str(tmp_path / "vars"), "--from-literal", "blob=b",
        "--from-file", f"other={tmp_path / 'raw'}", "-q",
    )  # fmt: skip
    assert (result.code, result.out, result.err) == (0, "", "")
    text = opened(repo)
    assert "user: me\n" in text
    assert "password: one\n" in text
    assert "NEW: two words\n" in text
    assert "blob: Yg==\n" in text
    assert "other: AP8=\n" in text
    after = (repo.folder / "apps/db.yaml").read_text().splitlines()
    kept = next(line for line in before if "password:" in line)
    assert kept in after


def test_a_value_that_is_not_given_is_read_from_standard_input(repo):
    """One a line, so that nothing secret stands on a command line."""
    result = call(
        set_value.SET, "apps/db.yaml", "--from-literal", "a", "--from-literal", "b", stdin=b"CANARY-1\nCANARY 2\n"
    )
    assert result.code == 0
    assert "CANARY" not in result.err
    assert "a: CANARY-1\n" in opened(repo)
    assert "b: CANARY 2\n" in opened(repo)


def test_a_value_can_be_asked_for(repo, monkeypatch):
    """On a terminal; what is typed is text, not JSON."""
    assert call(set_value.SET, "apps/db.yaml", "stringData.password").code == 100
    asked = []
    monkeypatch.setattr(session, "is_interactive", lambda: True)
    monkeypatch.setattr(session, "read_passphrase", lambda prompt: asked.append(prompt) or '12 "x"')
    assert call(set_value.SET, "apps/db.yaml", "stringData.password").code == 0
    assert asked == ["stringData.password: "]
    assert 'password: 12 "x"\n' in opened(repo)


NEW = {
    "secret": ("apps/web.yaml", ["stringData.token", '"x"'],
               "apiVersion: v1\nkind: Secret\nmetadata:\n    name: web\nstringData:\n    token: x\n"),
    "from literal": ("apps/new/web.yaml", ["--from-literal", "token=x"],
                     "apiVersion: v1\nkind: Secret\nmetadata:\n    name: web\nstringData:\n    token: x\n"),
    "other yaml": ("apps/values.yaml", ["db.hosts", '["x"]'], "db:\n    hosts:\n        - x\n"),
    "json": ("apps/x.json", ["data.a.b", '"x"'], '{\n\t"data": {\n\t\t"a": {\n\t\t\t"b": "x"\n\t\t}\n\t}\n}\n'),
    "dotenv": ("apps/x.env", ["TOKEN", '"x"'], "TOKEN=x\n"),
    "dotenv from literal": ("apps/x.env", ["--from-literal", "A=1", "--from-literal", "B=2"], "A=1\nB=2\n"),
    "ini": ("apps/x.ini", ["data.a", '"x"'], "[data]\na = x\n"),
}  # fmt: skip


@pytest.mark.parametrize(("name", "arguments", "expected"), NEW.values(), ids=NEW)
def test_a_file_is_created_where_a_rule_matches(repo, name, arguments, expected):
    """Real sops opens it; the values are encrypted from the start."""
    result = call(set_value.SET, name, *arguments)
    assert (result.code, result.err) == (0, f"{name} created\n"), result
    assert opened(repo, name) == expected
    assert (repo.folder / name).stat().st_mode & 0o777 == 0o666 & ~_umask()


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


STREAM = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: c\ndata:\n  a: b\n"


@pytest.mark.parametrize(
    ("plain", "line"),
    [
        (f"{STREAM}---\n{SECRET}", "password: CANARY"),
        (f"---\n{SECRET}---\n{STREAM}", "password: CANARY"),
        (f"--- # nothing\n---\n{SECRET}", "password: CANARY"),
        ("apiVersion: v1\nkind: List\nitems:\n- " + SECRET.replace("\n", "\n  ").rstrip(" "), "password: CANARY"),
    ],
    ids=["second", "first", "behind nothing", "in a list"],
)
def test_the_secret_of_the_file_is_meant(repo, plain, line):
    """Whichever document it is; every other one stays as it is."""
    rule = config(ALICE, encrypted_regex="^(data|stringData)$")
    repo.write({".sops.yaml": rule, "apps/s.yaml": plain})
    assert call(encrypt.COMMAND, "-i", "apps/s.yaml", "-q").code == 0
    result = call(set_value.SET, "apps/s.yaml", "--from-literal", "password=CANARY", "--from-literal", "blob=x")
    assert result.code == 0, result
    assert "CANARY" not in (repo.folder / "apps/s.yaml").read_text()
    text = opened(repo, "apps/s.yaml")
    assert text.count(line) == 1
    assert "password: one" not in text
    assert "blob: eA==" in text


@pytest.mark.parametrize(
    "plain",
    [
        STREAM,
        f"{SECRET}---\n{SECRET}",
        "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nspec:\n  values: {}\n",
    ],
    ids=["another kind", "two Secrets", "a HelmRelease"],
)
def test_values_without_a_place_are_refused(repo, plain):
    """They would be readable at the top of something else."""
    repo.write({".sops.yaml": config(ALICE, encrypted_regex="^(data|stringData|values)$"), "apps/s.yaml": plain})
    assert call(encrypt.COMMAND, "-i", "apps/s.yaml", "-q").code == 0
    before = (repo.folder / "apps/s.yaml").read_bytes()
    result = call(set_value.SET, "apps/s.yaml", "--from-literal", "password=CANARY")
    assert result.code != 0
    assert "not clear where the values belong" in result.err
    assert "CANARY" not in result.err
    assert (repo.folder / "apps/s.yaml").read_bytes() == before


def test_nothing_stays_readable_unnoticed(repo):
    """A new file with a readable value is none; in an old one it is said, except for what names an object."""
    repo.write({".sops.yaml": config(ALICE, encrypted_regex="^(data|stringData)$")})
    for words in (
        ["apps/n.yaml", "password", '"CANARY"'],
        ["apps/n.env", "--from-literal", "a=CANARY"],
        ["apps/values.yaml", "--from-literal", "a=CANARY"],
        ["apps/n.json", "a", '{"b": "CANARY"}'],
    ):
        result = call(set_value.SET, *words)
        assert result.code == 7
        assert "would not be encrypted" in result.err
        assert "CANARY" not in result.err
        assert not (repo.folder / words[0]).exists()
    plain = "a: 1\nstringData:\n  b: x\n"
    repo.write({"apps/f.yaml": plain})
    assert call(encrypt.COMMAND, "-i", "apps/f.yaml", "-q").code == 0
    result = call(set_value.SET, "apps/f.yaml", "c.d", '"x"')
    assert (result.code, result.err.splitlines()[0]) == (
        0, "apps/f.yaml: warning: c.d stays readable: the file's selector does not cover it",
    )  # fmt: skip
    assert call(set_value.SET, "apps/f.yaml", "stringData.d", '"x"').err == "apps/f.yaml updated\n"
    assert call(set_value.SET, "apps/db.yaml", "metadata.labels.a", '"x"').err == "apps/db.yaml updated\n"


def test_a_file_is_not_created_without_a_rule(repo):
    """A mistyped name is more likely; sops' code for a missing file."""
    result = call(set_value.SET, "elsewhere.yaml", "a", '"x"')
    assert result.code == 100
    assert "no matching creation rules" in result.err
    assert not (repo.folder / "elsewhere.yaml").exists()


def test_a_dry_run_creates_nothing(repo):
    """It says what would be done."""
    result = call(set_value.SET, "apps/web.yaml", "stringData.token", '"x"', "--dry-run")
    assert (result.code, result.err) == (0, "apps/web.yaml created (dry run)\n")
    assert not (repo.folder / "apps/web.yaml").exists()


REFUSED = {
    "number": (["stringData.port", "5432"], "stringData.port: is a number, not text"),
    "base64": (["data.blob", '"CANARY!"'], "data.blob: is not base64"),
    "nested": (["stringData.a.b", '"x"'], "stringData.a.b: is nested"),
    "key": (['["stringData"]["a b"]', '"x"'], "is not a key that Kubernetes takes"),
    "field": (["stringdata.a", '"x"'], "stringdata: a Secret has no such field"),
    "name": (["metadata.name", '"Not a name"'], "metadata.name: is not a name"),
}


@pytest.mark.parametrize(("arguments", "message"), REFUSED.values(), ids=REFUSED)
def test_what_the_api_server_would_refuse_is_not_written(repo, arguments, message):
    """With the key named, and never the value; under sops' name it is written, as sops does."""
    before = (repo.folder / "apps/db.yaml").read_bytes()
    result = call(set_value.SET, "apps/db.yaml", *arguments)
    assert result.code == 1
    assert message in result.err
    assert "hint: " in result.err
    assert "CANARY" not in result.err
    assert (repo.folder / "apps/db.yaml").read_bytes() == before


def test_what_was_wrong_before_does_not_matter(repo):
    """A file that sops wrote with a number in it can be changed elsewhere, and corrected."""
    sops(["set", "apps/db.yaml", '["stringData"]["port"]', "5432"], repo.folder, ALICE)
    assert call(set_value.SET, "apps/db.yaml", "stringData.user", '"me"').code == 0
    assert call(set_value.SET, "apps/db.yaml", "stringData.other", "1").code == 1
    assert call(set_value.SET, "apps/db.yaml", "stringData.port", '"5432"').code == 0


def test_keys_and_a_value_exclude_each_other(repo):
    """The hint shows how it is written."""
    for more in (["a", '"b"'], ["--generate", "3"], ["--value-stdin"]):
        result = call(set_value.SET, "apps/db.yaml", "--from-literal", "x=y", *more)
        assert result.code == 1 or "set FILE --from-literal" in result.err
        assert "set FILE --from-literal" in result.err


def test_bytes_that_are_no_text_need_a_secret(repo, tmp_path):
    """Named by key; nothing is written."""
    (tmp_path / "raw").write_bytes(b"\x00\xff")
    call(set_value.SET, "apps/x.env", "--from-literal", "A=1")
    result = call(set_value.SET, "apps/x.env", "--from-file", f"B={tmp_path / 'raw'}")
    assert result.code != 0
    assert "the value of B is not text" in result.err
    assert opened(repo, "apps/x.env") == "A=1\n"


def test_encrypt_says_what_would_be_refused(repo):
    """It encrypts nevertheless: the file may be a patch. Quiet and as sops it says nothing."""
    plain = secret(port="5432").encode()
    for quiet in ([], ["-q"]):
        replace_file("apps/p.yaml", plain)
        result = call(encrypt.COMMAND, "-i", "apps/p.yaml", *quiet)
        assert result.code == 0
        assert ("apps/p.yaml: stringData.port: warning: is a number, not text" in result.err) is not quiet or quiet
        assert bool(result.err) is not bool(quiet)
    replace_file("apps/p.yaml", secret(port="'5432'").encode())
    assert call(encrypt.COMMAND, "-i", "apps/p.yaml").err == "apps/p.yaml encrypted\n"


def test_a_patch_may_have_its_own_fields(repo):
    """kustomize takes ``$patch`` out."""
    replace_file("apps/p.yaml", secret(port="'1'").encode() + b"$patch: merge\n")
    assert call(encrypt.COMMAND, "-i", "apps/p.yaml").err == "apps/p.yaml encrypted\n"


def test_bytes_are_taken_as_they_are(repo):
    """From an argument and from standard input; a line end is none of the value, on no system."""
    result = call(set_value.SET, "apps/db.yaml", "--from-literal", "a=\udcff", "--from-literal", "b", stdin=b"\xfe\r\n")
    assert result.code == 0, result
    assert call(set_value.SET, "apps/db.yaml", "--from-literal", "c", stdin=b"abc\r\n").code == 0
    text = opened(repo)
    assert "a: /w==" in text
    assert "b: /g==" in text
    assert "c: abc\n" in text
    result = call(set_value.SET, "apps/db.yaml", "--from-literal", "k\udcff=x")
    assert result.code == 2
    assert "is not text" in result.err


def test_of_two_that_create_a_file_one_is_told(repo, monkeypatch):
    """Nobody's value is lost without a word."""
    from kubectl_sops.files import scaffold

    bare = scaffold.bare

    def late(*args, **settings):
        repo.write({"apps/web.yaml": "somebody else's\n"})
        return bare(*args, **settings)

    monkeypatch.setattr(scaffold, "bare", late)
    result = call(set_value.SET, "apps/web.yaml", "--from-literal", "a=1")
    assert result.code != 0
    assert "created by someone else meanwhile" in result.err
    assert (repo.folder / "apps/web.yaml").read_text() == "somebody else's\n"


@pytest.mark.parametrize("encrypted", [False, True])
def test_no_encrypted_value_becomes_readable(repo, encrypted):
    """Where comments select, a change may leave one above another value; sops writes that in the clear."""
    name = f"{'' if encrypted else 'un'}encrypted_comment_regex"
    rule = f"creation_rules:\n  - {name}: MARK\n    age: {ALICE.recipient}\n"
    lines = ("# MARK\n  a: one\n  b: CANARY\n", "# MARK\n  b: CANARY\n  a: one\n")[encrypted]
    repo.write({".sops.yaml": rule, "apps/c.yaml": f"stringData:\n  {lines}"})
    assert call(encrypt.COMMAND, "-i", "apps/c.yaml", "-q").code == 0
    before = (repo.folder / "apps/c.yaml").read_bytes()
    assert b"CANARY" not in before
    whole = '{"b": "CANARY"}' if not encrypted else '{"a": "one", "b": "CANARY"}'
    results = [call(set_value.SET, "apps/c.yaml", '["stringData"]', whole)]
    if not encrypted:
        results.append(call(set_value.UNSET, "apps/c.yaml", "stringData.a"))
    for result in results:
        text = (repo.folder / "apps/c.yaml").read_bytes()
        assert b"CANARY" not in text
        assert "CANARY" not in result.err
        if result.code:
            assert "would become readable" in result.err
            assert text == before
    assert encrypted or all(result.code for result in results)
