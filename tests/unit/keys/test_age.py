"""age keys: recipients, wrapping and unwrapping, and identities from every place."""

from __future__ import annotations

import base64
import shutil
from typing import TYPE_CHECKING

import pytest

from kubectl_sops.errors import KeyParseError, WrapError
from kubectl_sops.keys import UnwrapError, age
from kubectl_sops.keys.context import Context
from tests.support import age_passphrase, age_plugin
from tests.support.keys import DATA_KEY, Machine, Pair, age_entry
from tests.support.tools import need, run

if TYPE_CHECKING:
    from pathlib import Path

    from kubectl_sops.core.metadata import KeyEntry


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.fixture
def pair() -> Pair:
    return Pair()


def wrapped(recipient: str, machine: Machine) -> KeyEntry:
    return age.wrap(age_entry(recipient), DATA_KEY, machine.context())


def never(_prompt: str) -> str:
    raise AssertionError("nobody is to be asked")


def test_generated_keys_belong_together():
    """The recipient of a new identity is the one it was made with."""
    identity, recipient = age.generate()
    assert identity.startswith("AGE-SECRET-KEY-1")
    assert age.recipient_of(identity + "\n") == recipient


def test_recipients_are_separated_by_commas(pair, machine):
    """Blanks around a recipient go, the comment of an ssh key stays."""
    ssh = machine.ssh_key()
    entries = age.parse_recipients(f" {pair.recipient},{ssh} me@laptop ")
    assert [entry.id for entry in entries] == [pair.recipient, f"{ssh} me@laptop"]


@pytest.mark.parametrize(
    "text",
    ["", "bad", "age1xx", "ssh-rsa AAAA", "ecdsa-sha2-nistp256 AAAA", "age1notaplugin1xx", "age1,"],
)
def test_malformed_recipients_are_refused(text):
    """What no age program takes is refused when it is read, not when it is used."""
    with pytest.raises(KeyParseError):
        age.parse_recipients(text)


@pytest.mark.parametrize("text", ["AGE-SECRET-KEY-1QQQQ", "age-secret-key-1qqqq", "AGE-PLUGIN-X-1QQQ"])
def test_private_keys_are_no_recipients(text):
    """A private key in the place of a recipient is recognised, and never quoted."""
    with pytest.raises(KeyParseError, match="private key") as raised:
        age.parse_recipients(text)
    assert "QQQ" not in str(raised.value).upper()


def test_wrapped_text_is_an_armored_file_with_a_newline(pair, machine):
    """sops ends it with a newline, and every reader of YAML block scalars relies on it."""
    enc = wrapped(pair.recipient, machine).enc
    assert enc.startswith("-----BEGIN AGE ENCRYPTED FILE-----\n")
    assert enc.endswith("-----END AGE ENCRYPTED FILE-----\n")


@pytest.mark.parametrize("variable", ["SOPS_AGE_KEY", "SOPS_AGE_KEY_FILE", "SOPS_AGE_KEY_CMD", "keys.txt", "XDG"])
def test_identities_from_every_place(variable, machine, pair):
    """A variable, a file, a command and the default file each open a file."""
    path = machine.write("some/keys", f"# created: today\n# public key: {pair.recipient}\n{pair.identity}\n")
    environ: dict[str, str] = {}
    if variable == "SOPS_AGE_KEY":
        environ[variable] = pair.identity
    elif variable == "SOPS_AGE_KEY_FILE":
        environ[variable] = str(path)
    elif variable == "SOPS_AGE_KEY_CMD":
        environ[variable] = f"cat '{path}'"
    elif variable == "XDG":
        machine.write("xdg/sops/age/keys.txt", pair.identity)
        environ["XDG_CONFIG_HOME"] = str(machine.home / "xdg")
    else:
        machine.write(machine.keys_txt, pair.identity)
    assert age.unwrap(wrapped(pair.recipient, machine), machine.context(**environ)) == DATA_KEY


@pytest.mark.parametrize("kind", ["ed25519", "rsa"])
@pytest.mark.parametrize("place", ["home", "file", "command"])
def test_ssh_keys_from_every_place(kind, place, machine):
    """ssh keys open files from ~/.ssh, from a file named by a variable and from a command."""
    name = f"id_{kind}" if place == "home" else "other"
    recipient = machine.ssh_key(name, kind)
    path = machine.home / ".ssh" / name
    environ = {
        "home": {},
        "file": {"SOPS_AGE_SSH_PRIVATE_KEY_FILE": str(path)},
        "command": {"SOPS_AGE_SSH_PRIVATE_KEY_CMD": f"cat {path}"},
    }[place]
    assert age.unwrap(wrapped(f"{recipient} a comment", machine), machine.context(**environ)) == DATA_KEY


def test_an_ssh_key_in_the_old_format(machine):
    """A PEM key, which does not tell its public half, still opens what it can."""
    recipient = machine.ssh_key("id_rsa", "rsa", "", "-m", "PEM")
    entry = wrapped(recipient, machine)
    assert age.unwrap(entry, machine.context()) == DATA_KEY
    (machine.home / ".ssh" / "id_rsa.pub").unlink()
    assert age.unwrap(entry, machine.context()) == DATA_KEY


@pytest.mark.parametrize(("kind", "options"), [("ed25519", ()), ("rsa", ()), ("rsa", ("-m", "PEM"))])
def test_a_protected_ssh_key_asks_for_its_passphrase(kind, options, machine):
    """The passphrase is asked for once, whatever is opened with the key after that."""
    recipient = machine.ssh_key(f"id_{kind}", kind, "open sesame", *options)
    asked: list[str] = []
    context = machine.context(ask=lambda prompt: asked.append(prompt) or "open sesame")
    for _ in range(2):
        assert age.unwrap(wrapped(recipient, machine), context) == DATA_KEY
    assert asked == [f"Enter passphrase for ssh key '{machine.home}/.ssh/id_{kind}': "]


def test_nobody_is_asked_for_an_ssh_key_that_does_not_fit(machine, pair):
    """A protected ssh key tells its public half, so that its passphrase is asked for only where it helps."""
    machine.ssh_key("id_ed25519", "ed25519", "open sesame")
    with pytest.raises(UnwrapError, match="no age identity was found"):
        age.unwrap(wrapped(pair.recipient, machine), machine.context(ask=never))


def test_nobody_is_asked_where_another_key_fits(machine, pair):
    """What needs a person comes last: commands, passphrases."""
    machine.ssh_key("id_ed25519", "ed25519", "open sesame")
    encrypted = machine.home / "encrypted"
    encrypted.write_bytes(age_passphrase.encrypt(Pair().identity, "open sesame"))
    machine.write(machine.keys_txt, pair.identity)
    environ = {"SOPS_AGE_KEY_FILE": str(encrypted), "SOPS_AGE_KEY_CMD": f"touch {machine.home}/ran"}
    assert age.unwrap(wrapped(pair.recipient, machine), machine.context(ask=never, **environ)) == DATA_KEY
    assert not (machine.home / "ran").exists()


@pytest.mark.parametrize("armored", [False, True])
def test_a_protected_identity_file(armored, machine, pair):
    """An identity file that is itself an age file with a passphrase."""
    encrypted = machine.home / "encrypted"
    text = f"# mine\n{pair.identity}\n"
    encrypted.write_bytes(age_passphrase.encrypt(text, "open sesame", armored=armored))
    context = machine.context(ask=lambda _prompt: "open sesame", SOPS_AGE_KEY_FILE=str(encrypted))
    assert age.unwrap(wrapped(pair.recipient, machine), context) == DATA_KEY


def test_a_wrong_passphrase_is_asked_for_once(machine, pair):
    """It is reported as such, and not asked for again for the next file."""
    encrypted = machine.home / "encrypted"
    encrypted.write_bytes(age_passphrase.encrypt(pair.identity, "open sesame"))
    asked: list[str] = []
    context = machine.context(ask=lambda prompt: asked.append(prompt) or "wrong", SOPS_AGE_KEY_FILE=str(encrypted))
    for _ in range(2):
        with pytest.raises(UnwrapError):
            age.unwrap(wrapped(pair.recipient, machine), context)
    assert asked == ["Enter passphrase for identity 'SOPS_AGE_KEY_FILE': "]
    assert context.age.errors() == ["SOPS_AGE_KEY_FILE: incorrect passphrase"]


def test_without_a_terminal_a_passphrase_is_an_error(machine, pair):
    """The error says that there is nobody to ask."""
    recipient = machine.ssh_key("id_ed25519", "ed25519", "open sesame")
    context = machine.context()
    with pytest.raises(UnwrapError):
        age.unwrap(wrapped(recipient, machine), context)
    assert "there is no terminal to ask for it" in context.age.errors()[0]


def test_commands_are_told_the_recipient(machine, pair):
    """A command can choose its answer by SOPS_AGE_RECIPIENT, is asked once for each, and never through a shell."""
    machine.write(f"keys/{pair.recipient}", pair.identity)
    script = machine.write(
        "choose", f'#!/bin/sh\necho $1 >> {machine.home}/log\ncat "{machine.home}/keys/$SOPS_AGE_RECIPIENT"\n'
    )
    script.chmod(0o700)
    context = machine.context(SOPS_AGE_KEY_CMD=f"{script} '$(a; b)'")
    for _ in range(2):
        assert age.unwrap(wrapped(pair.recipient, machine), context) == DATA_KEY
    assert (machine.home / "log").read_text() == "$(a; b)\n"


def test_one_broken_place_does_not_stop_the_others(machine, pair):
    """Each place that fails is reported, and the rest is used."""
    machine.write(machine.keys_txt, pair.identity)
    machine.write(".ssh/id_rsa", "-----BEGIN OPENSSH PRIVATE KEY-----\nCANARY\n")
    context = machine.context(
        SOPS_AGE_KEY="CANARY", SOPS_AGE_KEY_FILE="/nonexistent/CANARY", SOPS_AGE_KEY_CMD="false CANARY"
    )
    assert age.unwrap(wrapped(pair.recipient, machine), context) == DATA_KEY
    with pytest.raises(UnwrapError):
        age.unwrap(wrapped(Pair().recipient, machine), context)
    assert context.age.errors() == [
        f"{machine.home}/.ssh/id_rsa: not an ssh key of type ed25519 or rsa",
        "SOPS_AGE_KEY: unknown identity type",
        "SOPS_AGE_KEY_FILE: no such file or directory",
        "SOPS_AGE_KEY_CMD: the command false failed with exit status 1",
    ]


@pytest.mark.parametrize("text", ["AGE-SECRET-KEY-1CANARY", " {key}", "{key} # mine", "{key}\nage1canary", "ssh-rsa x"])
def test_one_bad_line_rejects_a_file(text, machine, pair):
    """Lines are not trimmed and nothing is skipped but comments and empty lines, as in sops and Flux."""
    machine.write(machine.keys_txt, text.format(key=pair.identity))
    context = machine.context()
    with pytest.raises(UnwrapError) as raised:
        age.unwrap(wrapped(pair.recipient, machine), context)
    assert len(context.age.errors()) == 1
    assert "CANARY" not in raised.value.sops + context.age.errors()[0]


def test_places_are_read_no_further_than_needed(machine, pair):
    """The default file is not opened where a variable has the key."""
    machine.write(machine.keys_txt, "broken")
    context = machine.context(SOPS_AGE_KEY=pair.identity)
    assert age.unwrap(wrapped(pair.recipient, machine), context) == DATA_KEY
    assert context.age.errors() == []


def test_a_key_is_found_whatever_the_metadata_calls_it(machine, pair):
    """The recipient in the metadata is not authenticated: a wrong one hides no key."""
    machine.write(machine.keys_txt, f"{Pair().identity}\n{pair.identity}\n")
    entry = age_entry(Pair().recipient).with_enc(wrapped(pair.recipient, machine).enc)
    assert age.unwrap(entry, machine.context()) == DATA_KEY


def test_only_given_identities_where_local_ones_are_excluded(machine, pair):
    """Without local keys, neither variables nor files are looked at."""
    machine.write(machine.keys_txt, pair.identity)
    context = Context(machine.environ | {"SOPS_AGE_KEY": pair.identity}, local=False)
    with pytest.raises(UnwrapError):
        age.unwrap(wrapped(pair.recipient, machine), context)
    given = Context(machine.environ, local=False, identities=[("mine", pair.identity)])
    assert age.unwrap(wrapped(pair.recipient, machine), given) == DATA_KEY


@pytest.mark.parametrize(
    "enc", ["", "x", "-----BEGIN AGE ENCRYPTED FILE-----\nAAAA\n-----END AGE ENCRYPTED FILE-----\n", "\udcff"]
)
def test_damaged_text_is_an_error(enc, machine, pair):
    """What is no age file is reported, not a bug."""
    machine.write(machine.keys_txt, pair.identity)
    with pytest.raises(UnwrapError):
        age.unwrap(age_entry(pair.recipient).with_enc(enc), machine.context())


def test_an_own_key_that_fails_says_why(machine, pair):
    """A damaged copy of the data key is told from a key that does not fit."""
    machine.write(machine.keys_txt, pair.identity)
    lines = wrapped(pair.recipient, machine).enc.split("\n")
    body = bytearray(base64.b64decode("".join(lines[1:-2])))
    body[-1] ^= 1
    damaged = "\n".join([lines[0], base64.encodebytes(body).decode().replace("\n", ""), *lines[-2:]])
    with pytest.raises(UnwrapError) as raised:
        age.unwrap(age_entry(pair.recipient).with_enc(damaged), machine.context())
    assert "no identity fits" not in raised.value.message


def test_representations_hold_no_key(machine, pair):
    """An identity that ends up in a traceback shows its recipient only."""
    machine.write(machine.keys_txt, f"{pair.identity}\nAGE-SECRET-KEY-PQ-1QQQQ\n")
    context = machine.context()
    with pytest.raises(UnwrapError):
        age.unwrap(wrapped(Pair().recipient, machine), context)
    shown = repr(context) + repr(context.age) + repr(list(context.age.stages("")))
    assert "SECRET" not in shown


def test_a_plugin_wraps_and_unwraps(machine, monkeypatch):
    """A plugin on PATH is run for its recipients and identities, and what it says is shown."""
    age_plugin.install(machine.bin)
    monkeypatch.setenv("PATH", machine.environ["PATH"])
    machine.write(machine.keys_txt, age_plugin.identity())
    said: list[str] = []
    entry = wrapped(age_plugin.recipient(), machine)
    context = Context(machine.environ, tell=said.append)
    assert age.unwrap(entry, context) == DATA_KEY
    assert said == ["the plugin speaks"]


def test_a_plugin_may_ask(machine, monkeypatch):
    """Its question reaches the person; without a person the plugin decides, and refuses."""
    age_plugin.install(machine.bin)
    monkeypatch.setenv("PATH", machine.environ["PATH"])
    machine.write(machine.keys_txt, age_plugin.identity(asks=True))
    entry = wrapped(age_plugin.recipient(), machine)
    assert age.unwrap(entry, machine.context(ask=lambda _prompt: age_plugin.WORD)) == DATA_KEY
    with pytest.raises(UnwrapError):
        age.unwrap(entry, machine.context())


def test_an_interrupt_at_the_question_of_a_plugin_arrives(machine, monkeypatch):
    """Ctrl-C while a plugin asks stops the command, as anywhere else."""

    def interrupt(_prompt: str) -> str:
        raise KeyboardInterrupt

    age_plugin.install(machine.bin)
    monkeypatch.setenv("PATH", machine.environ["PATH"])
    machine.write(machine.keys_txt, age_plugin.identity(asks=True))
    entry = wrapped(age_plugin.recipient(), machine)
    with pytest.raises(KeyboardInterrupt):
        age.unwrap(entry, machine.context(ask=interrupt))


def test_a_missing_plugin_is_named(machine, pair):
    """Wrapping fails; an identity of it does not hide the others of its file."""
    with pytest.raises(WrapError, match="testing"):
        wrapped(age_plugin.recipient(), machine)
    machine.write(machine.keys_txt, f"{age_plugin.identity()}\n{pair.identity}\n")
    assert age.unwrap(wrapped(pair.recipient, machine), machine.context()) == DATA_KEY


def test_post_quantum_keys_without_the_program(machine):
    """Without age 1.3 on PATH, the error says what to install."""
    entry = age_entry("age1pq1qqqq")
    nowhere = Context({"PATH": "/nonexistent"}, identities=[("a", "AGE-SECRET-KEY-PQ-1QQQQ")])
    with pytest.raises(WrapError, match=r"age, 1\.3 or newer") as wrapping:
        age.wrap(entry, DATA_KEY, nowhere)
    with pytest.raises(UnwrapError, match=r"age, 1\.3 or newer"):
        age.unwrap(entry, nowhere)
    assert "install age" in str(wrapping.value.hint)


def test_an_old_age_program_is_named_as_the_cause(machine):
    """A program that does not know post-quantum keys is told from a key that does not fit."""
    (machine.bin / "age").write_text("#!/bin/sh\necho unknown recipient type >&2\nexit 1\n")
    (machine.bin / "age").chmod(0o755)
    machine.write(machine.keys_txt, "AGE-SECRET-KEY-PQ-1QQQQ")
    with pytest.raises(UnwrapError, match=r"older than 1\.3"):
        age.unwrap(age_entry("age1pq1qqqq").with_enc("x"), machine.context())
    with pytest.raises(WrapError, match=r"older than 1\.3"):
        age.wrap(age_entry("age1pq1qqqq"), DATA_KEY, machine.context())


def test_post_quantum_identities_reach_the_program_through_a_pipe(machine, tmp_path):
    """Neither arguments nor environment of the program hold the private key."""
    shutil.copy(need("age"), tmp_path / "age")
    log = tmp_path / "log"
    (machine.bin / "age").write_text(
        f'#!/bin/sh\ncat /proc/$$/cmdline /proc/$$/environ >> {log}\nexec {tmp_path}/age "$@"\n'
    )
    (machine.bin / "age").chmod(0o755)
    key = run([need("age-keygen"), "-pq"]).stdout.decode()
    identity = key.splitlines()[-1]
    recipient = run([need("age-keygen"), "-y"], stdin=key.encode()).stdout.decode().strip()
    machine.write(machine.keys_txt, key)
    assert age.unwrap(wrapped(recipient, machine), machine.context()) == DATA_KEY
    assert "--identity" in log.read_text()
    assert identity not in log.read_text()
