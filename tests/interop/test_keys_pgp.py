"""OpenPGP keys with real gpg and real sops."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kubectl_sops.errors import KeyParseError, WrapError
from kubectl_sops.keys import UnwrapError, pgp
from kubectl_sops.keys.context import Context
from kubectl_sops.keys.flux_secret import context_of
from kubectl_sops.keys.keyring import Keyring
from kubectl_sops.keys.memory import find_folder
from tests.support.gpg import GpgHome
from tests.support.keys import DATA_KEY, Pair, age_entry, metadata
from tests.support.strace import is_memory, trace
from tests.support.tools import need, run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_sops.core.metadata import KeyEntry


@pytest.fixture(scope="module")
def home() -> Iterator[GpgHome]:
    made = GpgHome()
    yield made
    made.close()


@pytest.fixture(scope="module")
def stranger() -> Iterator[GpgHome]:
    """Another user's home, without keys."""
    made = GpgHome()
    yield made
    made.close()


@pytest.fixture(scope="module")
def fingerprint(home: GpgHome) -> str:
    return home.create("somebody")


def context(home: GpgHome, **extra: str) -> Context:
    return Context({"PATH": os.environ["PATH"]} | home.environ | extra)


def entry(text: str) -> KeyEntry:
    return pgp.parse_recipients(text)[0]


@pytest.fixture
def memory() -> Iterator[Path]:
    """A folder of its own in memory, so that what is left there is ours."""
    parent = find_folder(dict(os.environ))
    if parent is None:
        pytest.skip("no memory-backed folder")
    folder = Path(tempfile.mkdtemp(dir=parent))
    yield folder
    shutil.rmtree(folder)


def flux(secret: dict[str, bytes], home: GpgHome, memory: Path) -> Context:
    """What Flux would have, on the machine of a user with this home."""
    return context_of(secret, {"PATH": os.environ["PATH"], "KUBECTL_SOPS_MEMORY_DIR": str(memory)} | home.environ)


def test_recipients_are_fingerprints(fingerprint):
    """Blanks go, as they stand in gpg's listing; case and the mark of an exact subkey stay."""
    spaced = " ".join(fingerprint[i : i + 4] for i in range(0, 40, 4))
    assert [key.id for key in pgp.parse_recipients(f"{spaced}, {fingerprint.lower()}!")] == [
        fingerprint,
        fingerprint.lower() + "!",
    ]


@pytest.mark.parametrize("text", ["", "somebody@example.invalid", "DEADBEEF", "--output", f"{'A' * 40},"])
def test_names_that_anybody_can_take_are_refused(text):
    """A user's name or a short id names no key for certain."""
    with pytest.raises(KeyParseError):
        pgp.parse_recipients(text)


def test_wrapping_and_unwrapping(home, fingerprint):
    """A new key gets the time, and its fields in the order of sops."""
    key = pgp.wrap(entry(fingerprint), DATA_KEY, context(home))
    assert list(key.fields) == ["created_at", "enc", "fp"]
    assert key.enc.startswith("-----BEGIN PGP MESSAGE-----")
    assert key.enc.endswith("-----END PGP MESSAGE-----")
    assert pgp.unwrap(key, context(home)) == DATA_KEY


def test_a_key_of_the_file_keeps_its_time(home, fingerprint):
    """Wrapping anew changes the wrapped copy only, in its place."""
    old = {"enc": "old", "fp": fingerprint, "created_at": "2020-01-01T00:00:00Z"}
    key = pgp.wrap(type(entry(fingerprint))("pgp", old), DATA_KEY, context(home))
    assert list(key.fields) == ["enc", "fp", "created_at"]
    assert key.fields["created_at"] == "2020-01-01T00:00:00Z"


@pytest.mark.parametrize("style", ["whole", "exact subkey", "long id"])
def test_sops_opens_what_we_wrap(style, home, fingerprint, tmp_path):
    """And the other way round, for each way to name a key."""
    subkey = home.gpg("--with-colons", "--list-keys", fingerprint).decode().split("fpr:")[2].split(":")[8]
    name = {"whole": fingerprint, "exact subkey": f"{subkey}!", "long id": fingerprint[-16:]}[style]
    (tmp_path / "a.yaml").write_text("a: b\n")
    sealed = run([need("sops"), "encrypt", "--pgp", name, "a.yaml"], env=home.environ, cwd=tmp_path)
    assert sealed.returncode == 0, sealed.stderr.decode()
    ours = run(
        [sys.executable, "-m", "kubectl_sops", "encrypt", "--pgp", name, "a.yaml"], env=home.environ, cwd=tmp_path
    )
    assert ours.returncode == 0, ours.stderr.decode()
    for number, data in enumerate((sealed.stdout, ours.stdout)):
        (tmp_path / f"{number}.yaml").write_bytes(data)
        for program in ([need("sops")], [sys.executable, "-m", "kubectl_sops"]):
            opened = run([*program, "decrypt", f"{number}.yaml"], env=home.environ, cwd=tmp_path)
            assert opened.stdout == b"a: b\n", opened.stderr.decode()


def test_untrusted_keys_take_the_data_key(home, stranger, fingerprint):
    """Whose key it is, its fingerprint says: no signature and no owner trust is needed."""
    stranger.gpg("--import", stdin=home.public(fingerprint))
    key = pgp.wrap(entry(fingerprint), DATA_KEY, context(stranger))
    assert pgp.unwrap(key, context(home)) == DATA_KEY


@pytest.mark.parametrize("trouble", ["revoked", "expired", "without encryption", "unknown"])
def test_unusable_keys_are_explained(trouble, home):
    """Each with what is wrong with it, where gpg itself says `unusable public key`."""
    if trouble == "revoked":
        fingerprint = home.create("revoked")
        home.revoke(fingerprint)
    elif trouble == "expired":
        fingerprint = _expired(home)
    elif trouble == "without encryption":
        fingerprint = home.create("signer", algorithm="ed25519")
    else:
        fingerprint = "0123456789ABCDEF0123456789ABCDEF01234567"
    expected = {
        "revoked": "the key is revoked",
        "expired": "the key is expired",
        "without encryption": "the key has no valid subkey for encryption",
        "unknown": "the public key is not in the keyring",
    }[trouble]
    with pytest.raises(WrapError) as raised:
        pgp.wrap(entry(fingerprint), DATA_KEY, context(home))
    assert raised.value.message == f'failed to encrypt new data key with master key "{fingerprint}": {expected}'


def _expired(home: GpgHome) -> str:
    # made in the past with an end in the past: no waiting
    home.gpg("--faked-system-time", "20200101T000000", "--passphrase", "", "--quick-generate-key",
             "expired <expired@example.invalid>", "future-default", "default", "20200102T000000")  # fmt: skip
    listing = home.gpg("--with-colons", "--list-keys", "expired").decode().split("\n")
    return next(line.split(":")[9] for line in listing if line.startswith("fpr:"))


def test_a_missing_secret_key(home, stranger, fingerprint):
    """The reason is ours, and for users of sops it is that of sops."""
    key = pgp.wrap(entry(fingerprint), DATA_KEY, context(home))
    with pytest.raises(UnwrapError) as raised:
        pgp.unwrap(key, context(stranger))
    assert raised.value.message == "the secret key is not in the keyring of gpg"
    assert raised.value.sops.startswith("could not decrypt data key with PGP key: github.com/ProtonMail/go-crypto")
    assert "decryption failed: No secret key" in raised.value.sops


@pytest.mark.parametrize("enc", ["", "x", "-----BEGIN PGP MESSAGE-----\n\nAAAA\n-----END PGP MESSAGE-----", "\udcff"])
def test_damaged_text_is_an_error(enc, home, fingerprint):
    """What is no message is reported, not a bug."""
    with pytest.raises(UnwrapError):
        pgp.unwrap(entry(fingerprint).with_enc(enc), context(home))


def test_a_missing_program_is_named(fingerprint):
    """SOPS_GPG_EXEC chooses it; where it is not there, the error says so."""
    nowhere = Context({"SOPS_GPG_EXEC": "no-such-gpg", "PATH": "/usr/bin"})
    with pytest.raises(UnwrapError, match="the program no-such-gpg is not installed"):
        pgp.unwrap(entry(fingerprint).with_enc("x"), nowhere)
    with pytest.raises(WrapError, match="the program no-such-gpg is not installed"):
        pgp.wrap(entry(fingerprint), DATA_KEY, nowhere)


def test_the_data_key_is_in_no_argument(home, fingerprint, tmp_path):
    """It reaches gpg through a pipe, and nothing of ours is in its environment."""
    log = tmp_path / "log"
    script = tmp_path / "gpg"
    script.write_text(f'#!/bin/sh\necho "$@" >> {log}\nenv >> {log}\nexec {need("gpg")} "$@"\n')
    script.chmod(0o755)
    secret = b"CANARY of thirty-two bytes 12345"
    key = pgp.wrap(entry(fingerprint), secret, context(home, SOPS_GPG_EXEC=str(script)))
    assert pgp.unwrap(key, context(home, SOPS_GPG_EXEC=str(script))) == secret
    assert "--decrypt" in log.read_text()
    assert "CANARY" not in log.read_text()


def test_keys_of_a_flux_secret(home, stranger, fingerprint, memory):
    """They are imported into a home of their own in memory, which goes with its agent."""
    key = pgp.wrap(entry(fingerprint), DATA_KEY, context(home))
    surroundings = flux({"team.asc": home.secret(fingerprint), "sops.asc.txt": b"ignored"}, stranger, memory)
    for _ in range(2):
        assert pgp.unwrap(key, surroundings) == DATA_KEY
    (made,) = memory.iterdir()
    assert made.stat().st_mode & 0o777 == 0o700
    del surroundings
    assert list(memory.iterdir()) == []
    assert str(made) not in run(["ps", "-eo", "args"]).stdout.decode()


def test_the_users_keyring_is_not_used_for_a_flux_secret(home, fingerprint, memory):
    """A key that only the user has opens nothing for Flux; entries that are no keys are named."""
    other = home.create("other")
    key = pgp.wrap(entry(fingerprint), DATA_KEY, context(home))
    with pytest.raises(UnwrapError, match=r"is not in the Secret; no OpenPGP key in broken\.asc"):
        pgp.unwrap(key, flux({"a.asc": home.secret(other), "broken.asc": b"CANARY"}, home, memory))
    with pytest.raises(UnwrapError, match=r"the Secret has no entry ending in \.asc"):
        pgp.unwrap(key, flux({"age.agekey": b""}, home, memory))


def test_a_key_with_a_passphrase_in_a_flux_secret(home, stranger, memory):
    """Flux can't give it, so neither do we, and nobody is asked."""
    fingerprint = home.create("protected", passphrase="open sesame")
    key = pgp.wrap(entry(fingerprint), DATA_KEY, context(home))
    with pytest.raises(UnwrapError, match="has a passphrase, which Flux can't give"):
        pgp.unwrap(key, flux({"a.asc": home.secret(fingerprint, "open sesame")}, stranger, memory))


def test_without_memory_no_private_key_is_written(monkeypatch, home, fingerprint, memory):
    """Where there is no memory-backed folder, the keys of a Secret are not imported at all."""
    key = pgp.wrap(entry(fingerprint), DATA_KEY, context(home))
    monkeypatch.setattr("kubectl_sops.keys.pgp_home.find_folder", lambda _environ: None)
    with pytest.raises(UnwrapError, match="no memory-backed folder"):
        pgp.unwrap(key, flux({"a.asc": home.secret(fingerprint)}, home, memory))


_HOLDER = """
import os, sys
from pathlib import Path
from kubectl_sops.keys import pgp
from kubectl_sops.keys.flux_secret import context_of
context = context_of({"a.asc": Path("key.asc").read_bytes()}, os.environ)
key = pgp.parse_recipients("A" * 40)[0].with_enc(Path("enc").read_text())
print(len(pgp.unwrap(key, context)), flush=True)
sys.stdin.read()
"""


def emptied(folder: Path) -> bool:
    """Whether a folder is empty within ten seconds."""
    for _ in range(1000):
        if not list(folder.iterdir()):
            return True
        time.sleep(0.01)
    return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL, signal.SIGINT, None])
def test_the_home_goes_with_the_program(number, home, fingerprint, memory, tmp_path):
    """However the program ends, killed or not, no private key stays."""
    (tmp_path / "key.asc").write_bytes(home.secret(fingerprint))
    (tmp_path / "enc").write_text(pgp.wrap(entry(fingerprint), DATA_KEY, context(home)).enc)
    with subprocess.Popen(
        [sys.executable, "-c", _HOLDER], cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, start_new_session=True,
        env=os.environ | {"KUBECTL_SOPS_MEMORY_DIR": str(memory), "PYTHONPATH": str(Path(__file__).parents[2])},
    ) as child:  # fmt: skip
        assert child.stdout is not None
        assert child.stdin is not None
        assert child.stdout.readline() == b"32\n"
        (made,) = memory.iterdir()
        if number is not None:
            os.killpg(child.pid, number)
        else:
            child.stdin.close()
        child.wait(30)
    assert emptied(memory)
    assert str(made) not in run(["ps", "-eo", "args"]).stdout.decode()


def test_commands_that_leave_in_a_hurry_leave_nothing(home, fingerprint, memory, tmp_path):
    """The program ends without the exit handlers of Python; the home goes nevertheless."""
    (tmp_path / "key.asc").write_bytes(home.secret(fingerprint))
    (tmp_path / "enc").write_text(pgp.wrap(entry(fingerprint), DATA_KEY, context(home)).enc)
    program = _HOLDER.replace("sys.stdin.read()", "os._exit(0)")
    environ = {"KUBECTL_SOPS_MEMORY_DIR": str(memory), "PYTHONPATH": str(Path(__file__).parents[2])}
    assert run([sys.executable, "-c", program], cwd=tmp_path, env=environ).stdout == b"32\n"
    assert emptied(memory)


def test_keys_of_a_secret_are_written_to_memory_only(home, stranger, fingerprint, memory, tmp_path):
    """Whatever gpg and its agent write goes through pipes and sockets, or into the memory-backed folder."""
    (tmp_path / "key.asc").write_bytes(home.secret(fingerprint))
    (tmp_path / "enc").write_text(pgp.wrap(entry(fingerprint), DATA_KEY, context(home)).enc)
    environ = stranger.environ | {"KUBECTL_SOPS_MEMORY_DIR": str(memory), "PYTHONPATH": str(Path(__file__).parents[2])}
    traced = trace([sys.executable, "-c", _HOLDER], tmp_path, env=environ, cwd=tmp_path)
    assert traced.result.stdout == b"32\n", traced.result.stderr.decode()
    files = {name for name in traced.written() if name.startswith("/") and not name.startswith("/dev/")}
    assert any(name.startswith(f"{memory}/") for name in files) or not files
    assert {name for name in files if not is_memory(name, tmp_path)} == set()


def test_age_comes_before_pgp(home, fingerprint):
    """gpg is not started where an age key fits."""
    pair = Pair()
    ring = Keyring({"SOPS_GPG_EXEC": "no-such-gpg"}, identities=[pair.identity])
    wrapped, _ = Keyring(home.environ | {"PATH": os.environ["PATH"]}).wrap(
        DATA_KEY, [[entry(fingerprint), age_entry(pair.recipient)]], 0, os.urandom
    )
    assert ring.data_key(metadata(*wrapped)) == DATA_KEY


def test_a_group_of_each_kind(home, fingerprint):
    """Shares of a data key, one under age, one under OpenPGP."""
    pair = Pair()
    environ = home.environ | {"PATH": os.environ["PATH"]}
    ring = Keyring(environ, identities=[pair.identity])
    groups, threshold = ring.wrap(DATA_KEY, [[entry(fingerprint)], [age_entry(pair.recipient)]], 0, os.urandom)
    assert ring.data_key(metadata(*groups, threshold=threshold)) == DATA_KEY
