"""What ssh private keys tell without being used."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kubectl_sops.errors import KeyParseError
from kubectl_sops.keys import ssh_key
from tests.support.keys import Machine

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.mark.parametrize("passphrase", ["", "open sesame"])
@pytest.mark.parametrize("kind", ["ed25519", "rsa"])
def test_the_public_half_without_the_passphrase(kind, passphrase, machine):
    """It stands in the header of an OpenSSH key in the clear."""
    recipient = machine.ssh_key("key", kind, passphrase)
    assert ssh_key.recipient_of((machine.home / ".ssh" / "key").read_bytes()) == recipient


def test_the_public_half_of_an_old_key_is_in_the_file_beside_it(machine):
    """A PEM key does not tell."""
    recipient = machine.ssh_key("key", "rsa", "", "-m", "PEM")
    private = (machine.home / ".ssh" / "key").read_bytes()
    assert ssh_key.recipient_of(private) == ""
    assert ssh_key.recipient_of(private, f"{recipient} me@laptop\n".encode()) == recipient


@pytest.mark.parametrize("options", [(), ("-m", "PEM")], ids=["OpenSSH", "PEM"])
def test_opening(options, machine):
    """With the passphrase it becomes a key without; with another one, an error that quotes nothing."""
    recipient = machine.ssh_key("key", "rsa", "open sesame", *options)
    protected = ssh_key.protected((machine.home / ".ssh" / "key").read_bytes(), recipient.encode())
    assert protected is not None
    opened = protected.open("open sesame")
    assert ssh_key.protected(opened) is None
    assert ssh_key.recipient_of(opened) == recipient
    with pytest.raises(KeyParseError, match=r"^incorrect passphrase$"):
        protected.open("wrong")


def test_representations_hold_no_key(machine):
    """Not even a protected one."""
    recipient = machine.ssh_key("key", "ed25519", "open sesame")
    protected = ssh_key.protected((machine.home / ".ssh" / "key").read_bytes())
    assert repr(protected) == f"Protected('{recipient}')"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"x",
        b"-----BEGIN OPENSSH PRIVATE KEY-----\n!\n-----END OPENSSH PRIVATE KEY-----",
        b"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----",
        b"-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEA\n-----END OPENSSH PRIVATE KEY-----",
    ],
)
def test_what_is_no_key(data):
    """Damaged keys tell nothing and need no passphrase."""
    assert ssh_key.recipient_of(data) == ""
    assert ssh_key.protected(data) is None


def test_comments_do_not_distinguish_keys():
    """Two texts of one ssh key are the same key; other recipients stay as they are."""
    assert ssh_key.normalise("ssh-rsa AAAA me@laptop") == ssh_key.normalise("ssh-rsa  AAAA") == "ssh-rsa AAAA"
    assert ssh_key.normalise("age1xyz") == "age1xyz"
