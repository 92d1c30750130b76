"""``init`` against an emulated API server: what it stores, prints, writes and leaves alone."""

import os

import pyrage
import pytest

from kubectl_sops import rules
from kubectl_sops.cli.init import COMMAND
from kubectl_sops.cluster.identities import Identity, dump
from tests.support.command import call
from tests.support.kube import free_port, write_kubeconfig
from tests.support.tools import run

SSH = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHsKLqeplhpW+uObz5dvMgjz1OxfM/XXUB+VHtZ6isGN alice@laptop"
PERSON = str(pyrage.x25519.Identity.generate().to_public())
KEY = pyrage.x25519.Identity.generate()
PRIVATE, PUBLIC = str(KEY), str(KEY.to_public())
RULES = "creation_rules:\n  # ours\n  - path_regex: ^dev/\n    age: {0} # dev\n  - path_regex: ^prod/\n    age: {0}\n"


@pytest.fixture
def here(tmp_path, monkeypatch, emulator):
    """An empty working directory and a cluster."""
    folder = tmp_path / "repo"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("KUBECONFIG", str(write_kubeconfig(tmp_path / "kubeconfig", emulator.url)))
    return folder


def private(text):
    """The private keys in a text."""
    return [line for line in text.splitlines() if line.startswith("AGE-SECRET-KEY-")]


def recipient_of(out):
    """The public key of the key that was printed."""
    (line,) = private(out)
    return str(pyrage.x25519.Identity.from_str(line).to_public())


def recipients(folder):
    """The recipients of each rule."""
    found = rules.load(str(folder / ".sops.yaml"))
    return [(rule.path_regex, rule.recipients) for rule in found.creation_rules]


def test_key_goes_to_the_cluster_and_once_to_standard_output(here, emulator):
    """The Secret holds exactly what is printed, and the messages hold no private key."""
    done = call(COMMAND)
    assert done.code == 0
    assert emulator.secret("flux-system")["data"] == {"age.agekey": done.out.encode()}
    assert len(private(done.out)) == 1
    assert not private(done.err)
    assert "secret/sops-age created\n" in done.err


def test_private_key_is_in_no_file(here):
    """All that is written is .sops.yaml, with the public key."""
    done = call(COMMAND)
    assert os.listdir(here) == [".sops.yaml"]
    text = (here / ".sops.yaml").read_text()
    assert "SECRET" not in text
    assert text == (
        "creation_rules:\n  - path_regex: \\.ya?ml$\n    encrypted_regex: ^(data|stringData)$\n"
        f"    age: {recipient_of(done.out)} # flux-system/sops-age\n"
    )


def test_second_run_changes_nothing(here, emulator):
    """Exit 0, the recipient, where it is routed to, no key, and neither Secret nor file is written."""
    first = call(COMMAND)
    secret, before = emulator.secret("flux-system"), os.stat(here / ".sops.yaml")
    second = call(COMMAND)
    assert (second.code, second.out) == (0, "")
    assert second.err == (
        f"secret/sops-age unchanged\n  recipient {recipient_of(first.out)}\n.sops.yaml encrypts for it: \\.ya?ml$\n"
    )
    after = os.stat(here / ".sops.yaml")
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert emulator.secret("flux-system") == secret


def test_run_after_a_crash_completes_the_config(here):
    """The Secret is ours and no rule has its key: the rule is added, the key not printed again."""
    first = call(COMMAND)
    os.unlink(here / ".sops.yaml")
    second = call(COMMAND)
    assert (second.code, second.out) == (0, "")
    assert ".sops.yaml created\n" in second.err
    assert "`keys export`" in second.err
    assert recipients(here) == [(r"\.ya?ml$", [recipient_of(first.out)])]


def test_secret_of_somebody_else_is_reported_only(here, emulator):
    """A key that we did not make is shown, and no file is written unasked."""
    emulator.put("flux-system", "sops-age", {"age.agekey": dump([Identity("", PRIVATE, PUBLIC, "")]).encode()})
    done = call(COMMAND)
    assert (done.code, done.out, os.listdir(here)) == (0, "", [])
    assert done.err == (
        f"secret/sops-age unchanged\n  recipient {PUBLIC}\n"
        ".sops.yaml has no rule that encrypts for it; `init --path-regex REGEX` adds one\n"
    )


def test_secret_of_somebody_else_gets_a_rule_on_request(here, emulator):
    """--path-regex asks for the rule."""
    emulator.put("flux-system", "sops-age", {"age.agekey": PRIVATE.encode()})
    assert call(COMMAND, "--path-regex", "^apps/").code == 0
    assert recipients(here) == [("^apps/", [PUBLIC])]


def test_config_keeps_its_text(here):
    """Comments and layout stay; the recipient is added to the rule that --path-regex names."""
    (here / ".sops.yaml").write_text(RULES.format(PERSON))
    done = call(COMMAND, "--path-regex", "^prod/")
    new = recipient_of(done.out)
    assert (here / ".sops.yaml").read_text() == RULES.format(PERSON).removesuffix(f"    age: {PERSON}\n") + (
        f"    # {new} flux-system/sops-age\n    age: {PERSON},{new}\n"
    )
    assert ".sops.yaml configured\n" in done.err


def test_several_rules_need_a_choice_before_anything_happens(here, emulator):
    """No Secret is created as long as it is not clear which rule is meant."""
    (here / ".sops.yaml").write_text(RULES.format(PERSON))
    done = call(COMMAND)
    assert (done.code, done.out) == (2, "")
    assert "--path-regex" in done.err
    assert emulator.secret("flux-system") is None


def test_broken_config_stops_before_anything_happens(here, emulator):
    """A .sops.yaml that can't be used is found out first."""
    (here / ".sops.yaml").write_text("creation_rules: [{path_regx: x}]")
    done = call(COMMAND)
    assert (done.code, done.out) == (1, "")
    assert ".sops.yaml:1: a creation rule has no field 'path_regx'" in done.err
    assert emulator.secret("flux-system") is None


def test_people_are_added_beside_the_cluster(here):
    """--recipient takes ssh keys with their comment, and age recipients with a name behind."""
    done = call(COMMAND, "--recipient", SSH, "--recipient", f"{PERSON} Bob Example")
    assert recipients(here) == [(r"\.ya?ml$", [recipient_of(done.out), SSH, PERSON])]
    assert rules.load(str(here / ".sops.yaml")).names[PERSON] == "Bob Example"


def test_people_can_be_added_later(here):
    """The Secret stays, the rule that has its key gets the person."""
    first = call(COMMAND)
    assert call(COMMAND, "--recipient", SSH).code == 0
    assert recipients(here) == [(r"\.ya?ml$", [recipient_of(first.out), SSH])]


@pytest.mark.parametrize("text", ["", "hunter2", "age1nonsense", PRIVATE, "ssh-ed25519 nonsense"])
def test_what_is_no_recipient_is_refused(here, emulator, text):
    """Nothing is created, and the text, which could be a private key, is not repeated."""
    done = call(COMMAND, "--recipient", text)
    assert (done.code, done.out) == (1, "")
    assert emulator.secret("flux-system") is None
    assert "hunter2" not in done.err
    assert PRIVATE not in done.err


@pytest.mark.parametrize("text", [PRIVATE, f"{PRIVATE}\n", f"# created: 2026-01-02T03:04:05Z\r\n  {PRIVATE}\r\n"])
def test_key_that_the_user_brings(here, emulator, text):
    """--from-stdin stores it as age-keygen would write it, and does not print it."""
    done = call(COMMAND, "--from-stdin", stdin=text.encode())
    assert (done.code, done.out) == (0, "")
    assert PRIVATE not in done.err
    created, public, key = emulator.secret("flux-system")["data"]["age.agekey"].decode().splitlines()
    assert created.startswith("# created: 2")
    assert (public, key) == (f"# public key: {PUBLIC}", PRIVATE)
    assert recipients(here) == [(r"\.ya?ml$", [PUBLIC])]


def test_bringing_the_same_key_again_changes_nothing(here):
    """Stored already: unchanged."""
    call(COMMAND, "--from-stdin", stdin=PRIVATE.encode())
    done = call(COMMAND, "--from-stdin", stdin=PRIVATE.encode())
    assert (done.code, done.out) == (0, "")
    assert "secret/sops-age unchanged\n" in done.err


def test_bringing_another_key_is_refused(here, emulator):
    """The key of a cluster is not replaced in passing."""
    call(COMMAND)
    before = emulator.secret("flux-system")
    done = call(COMMAND, "--from-stdin", stdin=PRIVATE.encode())
    assert done.code == 1
    assert "already holds another key" in done.err
    assert emulator.secret("flux-system") == before


def test_standard_input_without_a_key_is_refused(here, emulator):
    """Nothing is stored, nothing is repeated."""
    done = call(COMMAND, "--from-stdin", stdin=b"hunter2\n")
    assert (done.code, done.out) == (1, "")
    assert "hunter2" not in done.err
    assert emulator.secret("flux-system") is None


def test_unusable_secret_is_an_error(here, emulator):
    """A Secret with a name that Flux ignores is the usual mistake, and nothing is overwritten."""
    emulator.put("flux-system", "sops-age", {"age.key": PRIVATE.encode()})
    done = call(COMMAND)
    assert (done.code, done.out, os.listdir(here)) == (1, "", [])
    assert "holds no age key that Flux can use; it ignores the entry age.key" in done.err
    assert emulator.secret("flux-system")["data"] == {"age.key": PRIVATE.encode()}


def test_print_only_touches_nothing(here, emulator):
    """A key pair on standard output, and no cluster is needed."""
    done = call(COMMAND, "--print-only", "--kubeconfig", "/nonexistent")
    assert done.code == 0
    assert len(private(done.out)) == 1
    assert (emulator.secret("flux-system"), os.listdir(here)) == (None, [])


def test_dry_run_touches_nothing(here, emulator):
    """It says what would happen; there is no key to print, because none is kept."""
    emulator.handler["get /api/v1/namespaces/flux-system"] << {"kind": "Namespace", "metadata": {"name": "flux-system"}}
    done = call(COMMAND, "--dry-run")
    assert (done.code, done.out) == (0, "")
    assert done.err == "secret/sops-age created (dry run)\n.sops.yaml created (dry run)\n"
    assert (emulator.secret("flux-system"), os.listdir(here)) == (None, [])


@pytest.mark.parametrize(
    ("argv", "place"),
    [
        (["-n", "apps"], ("apps", "sops-age")),
        (["--key-secret", "team/our-key"], ("team", "our-key")),
        (["--key-secret", "our-key"], ("flux-system", "our-key")),
        (["--key-secret", "team/our-key", "--namespace", "apps"], ("apps", "our-key")),
    ],
)
def test_secret_has_the_name_that_is_asked_for(here, emulator, argv, place):
    """--key-secret and --namespace; the name is written beside the recipient."""
    assert call(COMMAND, *argv).code == 0
    assert emulator.secret(*place)
    assert f"# {place[0]}/{place[1]}\n" in (here / ".sops.yaml").read_text()


def test_quiet_prints_the_key_only(here):
    """-q leaves nothing but the key."""
    done = call(COMMAND, "-q")
    assert (done.err, len(private(done.out))) == ("", 1)


def test_config_goes_to_the_top_of_the_repository(here, monkeypatch):
    """A new .sops.yaml is for the whole repository, wherever in it one stands."""
    run(["git", "init", "-q", str(here)])
    (here / "apps").mkdir()
    monkeypatch.chdir(here / "apps")
    done = call(COMMAND)
    assert "../.sops.yaml created\n" in done.err
    assert (here / ".sops.yaml").exists()


def test_config_that_is_named_is_used(here):
    """--config, also for a file that is not there yet."""
    assert call(COMMAND, "--config", "other.yaml").code == 0
    assert os.listdir(here) == ["other.yaml"]


def test_config_that_cannot_be_written_does_not_lose_the_key(here, emulator, monkeypatch):
    """The key is stored and printed before the file is written, and the next run completes it."""
    from kubectl_sops.cli import config_file
    from kubectl_sops.errors import UnwritableFileError

    def refuse(path, data, **_):
        raise UnwritableFileError("can't be written: disk full", file=path)

    with monkeypatch.context() as patched:
        patched.setattr(config_file, "replace_file", refuse)
        first = call(COMMAND)
    assert first.code == 3
    assert emulator.secret("flux-system")["data"] == {"age.agekey": first.out.encode()}
    assert call(COMMAND).code == 0
    assert recipients(here) == [(r"\.ya?ml$", [recipient_of(first.out)])]


def test_unreachable_cluster_changes_nothing(here, tmp_path):
    """Nobody listens: an error that names the server, and no file."""
    path = write_kubeconfig(tmp_path / "k", f"http://127.0.0.1:{free_port()}")
    done = call(COMMAND, "--kubeconfig", str(path))
    assert (done.code, done.out, os.listdir(here)) == (1, "", [])
    assert "can't be reached: connection refused" in done.err
