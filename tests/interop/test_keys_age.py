"""age keys with real sops and real age: what one side wraps, the other opens, and both say the same when they can't."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pyrage
import pytest

from kubectl_sops import formats
from kubectl_sops.keys import UnwrapError, age, gpg_agent
from kubectl_sops.keys.keyring import DataKeyError, Keyring
from kubectl_sops.keys.report import report
from tests.support import age_passphrase, age_plugin
from tests.support.gpg import GpgHome
from tests.support.keys import DATA_KEY, Machine, Pair, age_entry
from tests.support.tools import need, run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PLAIN = b"a: b\n"


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def ours(machine: Machine, *arguments: str, **extra: str) -> tuple[int, bytes, str]:
    """Run our program on that machine."""
    result = run([sys.executable, "-m", "kubectl_sops", *arguments], env=machine.environ | extra, cwd=machine.home)
    return result.returncode, result.stdout, result.stderr.decode()


def both_ways(machine: Machine, *recipients: str, **extra: str) -> None:
    """Encrypt with each side for all recipients, decrypt with each side."""
    machine.write("a.yaml", PLAIN.decode())
    for number, encrypt in enumerate((machine.sops, lambda *args, **env: ours(machine, *args, **env))):
        code, data, said = encrypt("encrypt", "--age", ",".join(recipients), "a.yaml", **extra)
        assert code == 0, said
        machine.write(f"{number}.yaml", data.decode())
        assert machine.sops("decrypt", f"{number}.yaml", **extra)[:2] == (0, PLAIN)
        assert ours(machine, "decrypt", f"{number}.yaml", **extra)[:2] == (0, PLAIN)


def post_quantum() -> tuple[str, str]:
    """A post-quantum key file, and its recipient."""
    key = run([need("age-keygen"), "-pq"]).stdout
    return key.decode(), run([need("age-keygen"), "-y"], stdin=key).stdout.decode().strip()


def test_x25519(machine):
    """The default place of keys, one recipient of several."""
    mine = Pair()
    machine.write(machine.keys_txt, mine.identity)
    both_ways(machine, Pair().recipient, mine.recipient)


@pytest.mark.parametrize("kind", ["ed25519", "rsa"])
def test_ssh(kind, machine):
    """ssh keys in ~/.ssh, beside recipients that can't be opened here."""
    both_ways(machine, machine.ssh_key(f"id_{kind}", kind), Pair().recipient)


def test_post_quantum(machine):
    """Through the real age program, beside an ordinary recipient."""
    key, recipient = post_quantum()
    machine.write(machine.keys_txt, key)
    both_ways(machine, Pair().recipient, recipient)


def test_a_plugin(machine):
    """The same plugin serves both."""
    age_plugin.install(machine.bin)
    machine.write(machine.keys_txt, age_plugin.identity())
    both_ways(machine, age_plugin.recipient(), PYTHONDONTWRITEBYTECODE="1")


def test_commands(machine):
    """A command that both run, told the recipient."""
    mine = Pair()
    machine.write(f"keys/{mine.recipient}", mine.identity)
    script = machine.write("find", f'#!/bin/sh\nexec cat "{machine.home}/keys/$SOPS_AGE_RECIPIENT"\n')
    script.chmod(0o700)
    both_ways(machine, mine.recipient, SOPS_AGE_KEY_CMD=str(script))


def test_shamir_groups(machine):
    """Two of three groups, ssh and X25519 mixed; each side opens what the other split."""
    mine, other = Pair(), Pair()
    ssh = machine.ssh_key()
    machine.write(machine.keys_txt, mine.identity)
    groups = "".join(f"      - age: ['{recipient}']\n" for recipient in (other.recipient, ssh, mine.recipient))
    machine.write(".sops.yaml", f"creation_rules:\n  - shamir_threshold: 2\n    key_groups:\n{groups}")
    machine.write("a.yaml", PLAIN.decode())
    for number, encrypt in enumerate((machine.sops, lambda *args: ours(machine, *args))):
        code, data, said = encrypt("encrypt", "a.yaml")
        assert code == 0, said
        machine.write(f"{number}.yaml", data.decode())
        assert machine.sops("decrypt", f"{number}.yaml")[:2] == (0, PLAIN)
        assert ours(machine, "decrypt", f"{number}.yaml")[:2] == (0, PLAIN)


@pytest.mark.parametrize("kind", ["x25519", "ed25519", "rsa"])
def test_age_itself_opens_what_we_wrap(kind, machine):
    """A wrapped data key is an age file like any other."""
    if kind == "x25519":
        pair = Pair()
        recipient, path = pair.recipient, machine.write("key", pair.identity)
    else:
        recipient, path = machine.ssh_key("key", kind), machine.home / ".ssh" / "key"
    entry = age.wrap(age_entry(recipient), DATA_KEY, machine.context())
    opened = run([need("age"), "--decrypt", "--identity", str(path)], stdin=entry.enc.encode())
    assert opened.stdout == DATA_KEY


@pytest.mark.parametrize("kind", ["x25519", "ed25519", "rsa", "post-quantum"])
def test_we_open_what_age_itself_wraps(kind, machine):
    """Every kind of recipient that age knows."""
    if kind == "post-quantum":
        key, recipient = post_quantum()
        machine.write(machine.keys_txt, key)
    elif kind == "x25519":
        pair = Pair()
        recipient = pair.recipient
        machine.write(machine.keys_txt, pair.identity)
    else:
        recipient = machine.ssh_key(f"id_{kind}", kind)
    armored = run([need("age"), "--armor", "--recipient", recipient], stdin=DATA_KEY).stdout.decode()
    assert age.unwrap(age_entry(recipient).with_enc(armored), machine.context()) == DATA_KEY


def test_an_identity_file_that_rage_protects(machine):
    """With the work factor of a real one, once: the other tests use files that open at once."""
    pair = Pair()
    data = pyrage.passphrase.encrypt(pair.identity.encode(), "open sesame", armored=True)
    machine.write(machine.keys_txt, data.decode())
    entry = age.wrap(age_entry(pair.recipient), DATA_KEY, machine.context())
    assert age.unwrap(entry, machine.context(ask=lambda _prompt: "open sesame")) == DATA_KEY


@pytest.fixture
def agent() -> Iterator[GpgHome]:
    """A running gpg-agent that takes passphrases in advance."""
    home = GpgHome()
    (home.path / "gpg-agent.conf").write_text("allow-preset-passphrase\npinentry-program /bin/false\n")
    home.gpg("--list-keys")
    run([need("gpg-connect-agent"), "/bye"], env=home.environ)
    yield home
    home.close()


@pytest.mark.parametrize("armored", [False, True])
def test_a_passphrase_that_the_agent_remembers(armored, machine, agent):
    """sops and we ask the same agent for the same entry, so nobody has to type."""
    pair = Pair()
    path = machine.home / "protected"
    path.write_bytes(age_passphrase.encrypt(pair.identity, "open sesame", armored=armored))
    machine.write("a.yaml", PLAIN.decode())
    machine.write("e.yaml", machine.sops("encrypt", "--age", pair.recipient, "a.yaml")[1].decode())
    cache = gpg_agent.cache_id(path.read_bytes())
    environ = {"SOPS_AGE_KEY_FILE": str(path), "GPG_AGENT_INFO": f"{agent.path}/S.gpg-agent:0:1", "TERM": "xterm"}
    preset = f"PRESET_PASSPHRASE {cache} -1 {b'open sesame'.hex()}"
    run([need("gpg-connect-agent"), preset, "/bye"], env=agent.environ)
    assert machine.sops("decrypt", "e.yaml", **environ)[:2] == (0, PLAIN)
    assert ours(machine, "decrypt", "e.yaml", **environ)[:2] == (0, PLAIN)


def test_the_agent_forgets_a_wrong_passphrase(machine, agent):
    """So that the next try can ask for another one."""
    pair = Pair()
    path = machine.home / "protected"
    path.write_bytes(age_passphrase.encrypt(pair.identity, "open sesame"))
    cache = gpg_agent.cache_id(path.read_bytes())
    run([need("gpg-connect-agent"), f"PRESET_PASSPHRASE {cache} -1 {b'wrong'.hex()}", "/bye"], env=agent.environ)
    context = machine.context(SOPS_AGE_KEY_FILE=str(path), GNUPGHOME=str(agent.path))
    entry = age.wrap(age_entry(pair.recipient), DATA_KEY, machine.context())
    with pytest.raises(UnwrapError):
        age.unwrap(entry, context)
    assert context.age.errors() == ["SOPS_AGE_KEY_FILE: incorrect passphrase"]
    remembered = run([need("gpg-connect-agent"), f"GET_PASSPHRASE --no-ask {cache} X X X", "/bye"], env=agent.environ)
    assert b"ERR" in remembered.stdout


def test_an_agent_without_an_answer(machine, agent):
    """Then the terminal is asked, where there is one."""
    pair = Pair()
    path = machine.home / "protected"
    path.write_bytes(age_passphrase.encrypt(pair.identity, "open sesame"))
    environ = {"SOPS_AGE_KEY_FILE": str(path), "GNUPGHOME": str(agent.path)}
    entry = age.wrap(age_entry(pair.recipient), DATA_KEY, machine.context())
    assert age.unwrap(entry, machine.context(ask=lambda _prompt: "open sesame", **environ)) == DATA_KEY


class Place:
    """What is wrong on a machine: files, and variables in which ``{home}`` stands for its home."""

    def __init__(self, *, files: dict[str, str] | None = None, **variables: str) -> None:
        self.files = files or {}
        self.variables = variables


KEY = Pair().identity
TROUBLES = {
    "nothing": Place(),
    "another key": Place(SOPS_AGE_KEY=KEY),
    "an empty variable": Place(SOPS_AGE_KEY=""),
    "only comments": Place(files={".config/sops/age/keys.txt": "# nothing here\n"}),
    "a variable that is no key": Place(SOPS_AGE_KEY="nonsense"),
    "a missing file": Place(SOPS_AGE_KEY_FILE="/nonexistent/keys.txt"),
    "an empty file name": Place(SOPS_AGE_KEY_FILE=""),
    "a folder": Place(SOPS_AGE_SSH_PRIVATE_KEY_FILE="/nonexistent/id"),
    "a broken default file": Place(files={".config/sops/age/keys.txt": f" {KEY}\n"}),
    "a failing command": Place(SOPS_AGE_KEY_CMD="false"),
    "a failing ssh command": Place(SOPS_AGE_SSH_PRIVATE_KEY_CMD="false", SOPS_AGE_KEY=KEY),
    "another key in the default file": Place(files={".config/sops/age/keys.txt": KEY}),
}


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES)
@pytest.mark.parametrize("groups", [1, 2])
def test_the_report_is_that_of_sops(trouble, groups, machine):
    """Word for word, line for line, with the same exit code."""
    people = [Pair(), Pair()]
    if groups == 1:
        machine.write(".sops.yaml", f"creation_rules: [{{age: '{people[0].recipient},{people[1].recipient}'}}]\n")
    else:
        listed = ", ".join(f"{{age: [{pair.recipient}]}}" for pair in people)
        machine.write(".sops.yaml", f"creation_rules: [{{key_groups: [{listed}], shamir_threshold: 2}}]\n")
    machine.write("a.yaml", PLAIN.decode())
    machine.write("e.yaml", machine.sops("encrypt", "a.yaml")[1].decode())
    for name, text in trouble.files.items():
        machine.write(name, text)
    code, _, said = machine.sops("decrypt", "e.yaml", **trouble.variables)
    document = formats.parse((machine.home / "e.yaml").read_bytes(), "yaml")
    assert document.metadata is not None
    with pytest.raises(DataKeyError) as raised:
        Keyring(machine.environ | trouble.variables).data_key(document.metadata)
    assert report(raised.value) == said.strip("\n")
    assert raised.value.exit_code == code == 128


def test_the_report_names_the_group_that_opened(machine):
    """With a group that opened and one that did not."""
    mine, other = Pair(), Pair()
    machine.write(
        ".sops.yaml",
        f"creation_rules: [{{key_groups: [{{age: [{mine.recipient}]}}, {{age: [{other.recipient}]}}]}}]\n",
    )
    machine.write("a.yaml", PLAIN.decode())
    machine.write("e.yaml", machine.sops("encrypt", "a.yaml")[1].decode())
    said = machine.sops("decrypt", "e.yaml", SOPS_AGE_KEY=mine.identity)[2]
    document = formats.parse((machine.home / "e.yaml").read_bytes(), "yaml")
    assert document.metadata is not None
    with pytest.raises(DataKeyError) as raised:
        Keyring(machine.environ | {"SOPS_AGE_KEY": mine.identity}).data_key(document.metadata)
    assert report(raised.value) == said.strip("\n")


def test_errors_of_wrapping_are_those_of_sops(machine):
    """A recipient that is no recipient stops both, with the same exit code."""
    machine.write("a.yaml", PLAIN.decode())
    codes = [
        program("encrypt", "--age", "age1bad", "a.yaml")[0] for program in (machine.sops, lambda *a: ours(machine, *a))
    ]
    assert codes == [1, 1]
    assert "a.yaml" in os.listdir(machine.home)
