"""Age identities as text."""

import pyrage
import pytest

from kubectl_sops.cluster.failure import UnusableSecretError
from kubectl_sops.cluster.identities import Identity, dump, parse_entry, read_key_file
from kubectl_sops.errors import KeyParseError
from tests.support.tools import need, run

KEY = pyrage.x25519.Identity.generate()
PRIVATE, PUBLIC = str(KEY), str(KEY.to_public())
OTHER = str(pyrage.x25519.Identity.generate())
NOW = "2026-01-02T03:04:05Z"


def test_a_key_file_of_age_keygen_is_read():
    """Date and public key of the real program's file."""
    text = run([need("age-keygen")]).stdout
    (found,) = parse_entry("e.agekey", text, "ns", "s")
    assert f"# public key: {found.recipient}".encode() in text
    assert f"# created: {found.created}".encode() in text


def test_what_we_write_is_what_age_keygen_writes(tmp_path):
    """The real program reads our file, and its layout is the same."""
    path = tmp_path / "key"
    path.write_text(dump([Identity("", PRIVATE, PUBLIC, NOW)]))
    assert run([need("age-keygen"), "-y", str(path)]).stdout.decode().strip() == PUBLIC
    theirs = run([need("age-keygen")]).stdout.decode().splitlines()
    ours = path.read_text().splitlines()
    assert [line.split(":")[0].split("-1")[0] for line in ours] == [
        line.split(":")[0].split("-1")[0] for line in theirs
    ]


def test_several_identities_keep_their_comments_apart():
    """A comment counts for the identity below it only."""
    text = f"# created: {NOW}\n{PRIVATE}\n\n{OTHER}\r\n"
    first, second = parse_entry("e.agekey", text.encode(), "ns", "s")
    assert (first.created, second.created, second.text) == (NOW, "", OTHER)


def test_the_public_key_is_computed_not_believed():
    """A comment that says otherwise does not count."""
    (found,) = parse_entry("e.agekey", f"# public key: age1other\n{PRIVATE}\n".encode(), "ns", "s")
    assert found.recipient == PUBLIC


def test_a_plugin_identity_has_the_public_key_of_its_comment():
    """Only the plugin could compute it."""
    (found,) = parse_entry("e.agekey", b"# public key: age1yubikey1xyz\nAGE-PLUGIN-YUBIKEY-1QQ\n", "ns", "s")
    assert found.recipient == "age1yubikey1xyz"


@pytest.mark.parametrize(
    "text",
    [
        f" {PRIVATE}", f"{PRIVATE} ", "ssh-ed25519 AAAA", "-----BEGIN OPENSSH PRIVATE KEY-----", PRIVATE[:-1] + "X",
        PRIVATE.lower(), "\udcff",
    ],
    ids=["blank before", "blank behind", "ssh", "pem", "checksum", "lower case", "bytes"],
)  # fmt: skip
def test_what_flux_refuses_is_refused(text):
    """Such a line stops Flux's reconciliation; the error names the entry and quotes nothing."""
    with pytest.raises(UnusableSecretError, match=r"entry e\.agekey of secret/s in namespace ns") as caught:
        parse_entry("e.agekey", text.encode("utf-8", "surrogateescape"), "ns", "s")
    assert text.strip()[:20] not in str(caught.value) + repr(caught.value) + str(caught.value.hint)


def test_a_key_that_a_user_brings_is_tidied():
    """Blanks go, an identity without a date gets today's."""
    (found,) = read_key_file(f"  # mine\n\t{PRIVATE} \n".encode(), NOW)
    assert (found.text, found.recipient, found.created) == (PRIVATE, PUBLIC, NOW)


@pytest.mark.parametrize("text", [b"", b"# only a comment\n", b"hunter2", b"AGE-PLUGIN-X-1QQ\n", b"\xff"])
def test_text_without_a_usable_identity_is_refused(text):
    """No identity, something else, or one whose public key nobody knows."""
    with pytest.raises(KeyParseError) as caught:
        read_key_file(text, NOW)
    assert "hunter2" not in str(caught.value)


def test_a_private_key_is_in_no_representation():
    """An identity may appear in a traceback; its text may not."""
    assert PRIVATE not in repr(Identity("e", PRIVATE, PUBLIC, NOW))
