"""The key Secret, read and written through an emulated API server."""

import pyrage
import pytest

from kubectl_sops.cluster import age_secret
from kubectl_sops.cluster.client import connect
from kubectl_sops.cluster.failure import AlreadyExistsError, ObjectNotFoundError, UnusableSecretError
from kubectl_sops.cluster.identities import Identity, dump
from tests.support.kube import write_kubeconfig

KEY = pyrage.x25519.Identity.generate()
TEXT = dump([Identity("", str(KEY), str(KEY.to_public()), "2026-01-02T03:04:05Z")])


@pytest.fixture
def client(emulator, tmp_path):
    """A client of the emulator."""
    return connect({"kubeconfig": str(write_kubeconfig(tmp_path / "k", emulator.url))})


def test_created_as_flux_wants_it(client, emulator):
    """Data key age.agekey, and who made it."""
    age_secret.create(client, "flux-system", "sops-age", TEXT, "1.2.3")
    found = emulator.secret("flux-system")
    assert found["data"] == {"age.agekey": TEXT.encode()}
    assert found["type"] == "Opaque"
    assert found["metadata"]["labels"] == {"app.kubernetes.io/managed-by": "kubectl-sops"}
    assert found["metadata"]["annotations"] == {"kubectl-sops.dev/created-by": "kubectl-sops/1.2.3"}


def test_read_back(client):
    """What was created is read, and known as ours."""
    age_secret.create(client, "flux-system", "sops-age", TEXT, "1")
    secret = age_secret.read(client, "flux-system", "sops-age")
    (identity,) = secret.require_usable()
    assert (identity.entry, identity.recipient, secret.ours) == ("age.agekey", str(KEY.to_public()), True)


def test_not_there(client):
    """Missing is None, or an error for who needs it."""
    assert age_secret.find(client, "flux-system", "sops-age") is None
    with pytest.raises(ObjectNotFoundError, match="there is no secret/sops-age in namespace flux-system"):
        age_secret.entries(client, "flux-system", "sops-age")


def test_created_once(client):
    """The second creation is refused."""
    age_secret.create(client, "flux-system", "sops-age", TEXT, "1")
    with pytest.raises(AlreadyExistsError):
        age_secret.create(client, "flux-system", "sops-age", TEXT, "1")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, "holds no age key that Flux can use$"),
        ({"age.agekey": b"# nothing\n"}, "holds no age key that Flux can use$"),
        ({"age.key": TEXT.encode()}, "can use; it ignores the entry age.key"),
        ({"keys.txt": b"x", "identity": b"y"}, "it ignores the entries keys.txt, identity"),
        ({"age.agekey": b"ssh-ed25519 AAAA"}, "entry age.agekey .* has a line that is not an age identity"),
    ],
)
def test_a_secret_without_a_usable_key_says_why(client, emulator, data, message):
    """Names that Flux ignores are the usual cause."""
    emulator.put("flux-system", "sops-age", data)
    with pytest.raises(UnusableSecretError, match=message):
        age_secret.read(client, "flux-system", "sops-age").require_usable()


def test_entries_for_the_keyring_are_all_of_them(client, emulator):
    """Keys of other systems too; only a Secret of which Flux would use nothing is refused."""
    emulator.put("flux-system", "pgp", {"team.asc": b"x"})
    assert age_secret.entries(client, "flux-system", "pgp") == {"team.asc": b"x"}
    emulator.put("flux-system", "bad", {"age.key": b"x"})
    with pytest.raises(UnusableSecretError):
        age_secret.entries(client, "flux-system", "bad")


def test_changed_entry_by_entry(client, emulator):
    """Entries are set and removed, others stay."""
    emulator.put("flux-system", "sops-age", {"a.agekey": b"a", "b.agekey": b"b"})
    secret = age_secret.read(client, "flux-system", "sops-age")
    age_secret.change(client, secret, {"b.agekey": None, "c.agekey": b"c"})
    assert emulator.secret("flux-system")["data"] == {"a.agekey": b"a", "c.agekey": b"c"}


def test_data_that_is_not_base64_is_refused(client, emulator):
    """A stand-in may hold anything."""
    emulator.put("flux-system", "sops-age", {})
    emulator.handler.objects["v1/secrets", "flux-system", "sops-age"].patch({"data": {"age.agekey": "*"}})
    with pytest.raises(UnusableSecretError, match="is not base64"):
        age_secret.read(client, "flux-system", "sops-age")


def test_private_keys_are_in_no_representation(client):
    """Neither the Secret nor its identities show them."""
    age_secret.create(client, "flux-system", "sops-age", TEXT, "1")
    secret = age_secret.read(client, "flux-system", "sops-age")
    assert str(KEY) not in repr(secret) + repr(secret.identities())
