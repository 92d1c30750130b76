"""Azure Key Vault: URLs, keys without a version, and entries of a Flux Secret that can't be used."""

from __future__ import annotations

import sys

import pytest

from kubectl_sops.core.metadata import KeyEntry
from kubectl_sops.errors import KeyParseError
from kubectl_sops.keys import RefusedError, ServiceError, UnwrapError, azure
from kubectl_sops.keys.context import Context
from tests.support.tools import need_module

URL = "https://team.vault.azure.net/keys/sops/0123456789abcdef"


@pytest.mark.parametrize(
    ("url", "version"), [(URL, "0123456789abcdef"), (URL.rpartition("/")[0], ""), (URL.rpartition("/")[0] + "/", "")]
)
def test_url(url: str, version: str) -> None:
    """The version may be left out, as in sops."""
    (entry,) = azure.parse_recipients(f" {url} ")
    fields = {"vault_url": "https://team.vault.azure.net", "name": "sops", "version": version}
    assert entry.fields == fields


@pytest.mark.parametrize("text", ["x", "http://v/keys/a/b", "https://v/secrets/a/b", "https://v/keys/", f"{URL}/x"])
def test_not_a_url(text: str) -> None:
    """What is no key is refused."""
    with pytest.raises(KeyParseError):
        azure.parse_recipients(text)


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"tenantId: a", b"{", b"\xff\xfe\x00", b"clientSecret: canary", b"\xff"]
)
def test_unusable_entry_of_a_flux_secret(content: bytes) -> None:
    """An entry without credentials is named, and not quoted."""
    need_module("azure.identity")
    with pytest.raises(ServiceError, match=r"sops\.azure-kv of the Secret holds no Azure credentials") as caught:
        azure.unwrap(azure.parse_recipients(URL)[0].with_enc("YQ"), Context({}, secret={"sops.azure-kv": content}))
    assert "canary" not in caught.value.message


def test_secret_without_an_entry() -> None:
    """The credentials of this machine are not lent to the cluster."""
    need_module("azure.identity")
    with pytest.raises(ServiceError, match=r"no entry sops\.azure-kv"):
        azure.unwrap(azure.parse_recipients(URL)[0].with_enc("YQ"), Context({}, secret={}))


def test_client_id_alone_is_a_managed_identity() -> None:
    """The managed identity of that client, as Flux decides."""
    identity = need_module("azure.identity")
    assert isinstance(azure._of_secret(b"clientId: a"), identity.ManagedIdentityCredential)


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the packages are missing, the error says what to install."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "azure"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "azure.identity", None)
    with pytest.raises(ServiceError) as caught:
        azure.unwrap(azure.parse_recipients(URL)[0].with_enc("YQ"), Context({}))
    assert caught.value.hint == "install them: pip install 'kubectl-sops[azure]'"


def test_damaged_copy() -> None:
    """A wrapped key that is not base64 is not sent."""
    with pytest.raises(UnwrapError, match="base64"):
        azure.unwrap(azure.parse_recipients(URL)[0].with_enc("%"), Context({}))


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, RefusedError), (403, RefusedError), (418, RefusedError), (429, ServiceError), (500, ServiceError)],
)
def test_refusals(status: int, kind: type) -> None:
    """Only a service that is overloaded or failing is unusable for all of its keys."""
    assert type(azure._refusal(status, "x")) is kind


def test_key_without_version_is_the_one_in_the_file() -> None:
    """A rule that leaves the version open means the version that the file has."""
    open_, other = azure.parse_recipients(f"{URL.rpartition('/')[0]},https://team.vault.azure.net/keys/other")
    held = azure.parse_recipients(URL)[0].with_enc("YQ")
    age = KeyEntry("age", {"recipient": "age1x"})
    settled = azure.settled([[age, open_], [other]], [[held]])
    assert [[key.id for key in group] for group in settled] == [["age1x", URL], [other.id]]
    assert settled[0][1].enc == ""
