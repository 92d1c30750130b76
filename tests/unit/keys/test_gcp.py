"""GCP KMS: resource ids, endpoints, and entries of a Flux Secret that can't be used."""

from __future__ import annotations

import sys

import pytest

from kubectl_sops.errors import KeyParseError
from kubectl_sops.keys import ServiceError, UnwrapError, gcp
from kubectl_sops.keys.context import Context
from tests.support.tools import need_module

NAME = "projects/p/locations/global/keyRings/r/cryptoKeys/k"


def test_resource_ids() -> None:
    """Ids are separated by commas; blanks don't count, as in sops."""
    assert [entry.id for entry in gcp.parse_recipients(f"{NAME}, {NAME}2 ,")] == [NAME, f"{NAME}2"]


@pytest.mark.parametrize("text", ["x", f"{NAME}/cryptoKeyVersions/1", "projects//locations/a/keyRings/b/cryptoKeys/c"])
def test_not_a_resource_id(text: str) -> None:
    """What sops finds out when it calls the service, we find out at once."""
    with pytest.raises(KeyParseError):
        gcp.parse_recipients(text)


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, "https://cloudkms.googleapis.com"),
        ({"SOPS_GCP_KMS_UNIVERSE_DOMAIN": "s3nsapis.fr"}, "https://cloudkms.s3nsapis.fr"),
        ({"SOPS_GCP_KMS_ENDPOINT": "cloudkms.example:443"}, "https://cloudkms.example:443"),
        ({"SOPS_GCP_KMS_ENDPOINT": "https://kms/", "SOPS_GCP_KMS_UNIVERSE_DOMAIN": "x"}, "https://kms"),
    ],
)
def test_endpoint(environ: dict[str, str], expected: str) -> None:
    """The endpoint wins over the universe domain, as in sops."""
    assert gcp.endpoint(environ) == expected


@pytest.mark.parametrize("content", [b"", b"[]", b'{"type": "service_account", "private_key": "canary"}', b"\xff"])
def test_unusable_entry_of_a_flux_secret(content: bytes) -> None:
    """An entry without credentials is named, and not quoted."""
    need_module("google.auth")
    with pytest.raises(ServiceError, match=r"sops\.gcp-kms of the Secret holds no Google credentials") as caught:
        gcp.unwrap(gcp.parse_recipients(NAME)[0].with_enc("YQ=="), Context({}, secret={"sops.gcp-kms": content}))
    assert "canary" not in caught.value.message


def test_secret_without_an_entry() -> None:
    """The credentials of this machine are not lent to the cluster."""
    need_module("google.auth")
    with pytest.raises(ServiceError, match=r"no entry sops\.gcp-kms"):
        gcp.unwrap(gcp.parse_recipients(NAME)[0].with_enc("YQ=="), Context({}, secret={}))


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the packages are missing, the error says what to install."""
    monkeypatch.setitem(sys.modules, "google.auth", None)
    with pytest.raises(ServiceError) as caught:
        gcp.unwrap(gcp.parse_recipients(NAME)[0].with_enc("YQ=="), Context({}))
    assert caught.value.hint == "install them: pip install 'kubectl-sops[gcp]'"


def test_damaged_copy() -> None:
    """A wrapped key that is not base64 is not sent."""
    with pytest.raises(UnwrapError, match="base64"):
        gcp.unwrap(gcp.parse_recipients(NAME)[0].with_enc("%"), Context({}))
