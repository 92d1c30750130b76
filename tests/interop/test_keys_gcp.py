"""GCP KMS keys on a stand-in that real sops reaches under the names of the real service."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kubectl_sops.errors import NoMatchingKeyError, WrapError
from tests.support.cloud import Reply
from tests.support.gcp_kms import ACCESS_TOKEN
from tests.support.sealing import PLAIN, entry, of_sops, opened, opened_by_sops, ours

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.cloud import Cloud
    from tests.support.gcp_kms import Kms


@pytest.fixture(autouse=True)
def env(cloud: Cloud, gcp_kms: Kms, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The variables that lead to the stand-in, here and for sops."""
    found = {**cloud.environment, **gcp_kms.environment, "GOOGLE_CREDENTIALS": gcp_kms.service_account}
    for name, value in found.items():
        monkeypatch.setenv(name, value)
    return found


def test_sops_opens_what_we_seal(gcp_kms: Kms, tmp_path: Path, env: dict[str, str]) -> None:
    """What we wrap, sops unwraps."""
    assert opened_by_sops(tmp_path, ours("gcp_kms", gcp_kms.create("k")), env) == PLAIN


def test_we_open_what_sops_seals(gcp_kms: Kms, tmp_path: Path, env: dict[str, str]) -> None:
    """What sops wraps, we unwrap."""
    assert opened(of_sops(tmp_path, ["--gcp-kms", gcp_kms.create("k")], env)) == PLAIN


def test_metadata_is_that_of_sops(gcp_kms: Kms, tmp_path: Path, env: dict[str, str]) -> None:
    """The entry has the fields of sops, in its order."""
    name = gcp_kms.create("k")
    mine, theirs = (
        entry(data, "gcp_kms") for data in (ours("gcp_kms", name), of_sops(tmp_path, ["--gcp-kms", name], env))
    )
    assert list(mine) == list(theirs)
    assert mine["resource_id"] == theirs["resource_id"] == name


def test_credentials_in_a_file(gcp_kms: Kms, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``GOOGLE_CREDENTIALS`` may name a file."""
    path = tmp_path / "account.json"
    path.write_text(gcp_kms.service_account)
    monkeypatch.setenv("GOOGLE_CREDENTIALS", str(path))
    assert opened(ours("gcp_kms", gcp_kms.create("k"))) == PLAIN


def test_access_token(gcp_kms: Kms, cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """``GOOGLE_OAUTH_ACCESS_TOKEN`` is used as it is."""
    monkeypatch.delenv("GOOGLE_CREDENTIALS")
    monkeypatch.setenv("GOOGLE_OAUTH_ACCESS_TOKEN", ACCESS_TOKEN)
    assert opened(ours("gcp_kms", gcp_kms.create("k"))) == PLAIN
    assert {request.host for request in cloud.requests} == {"cloudkms.googleapis.com"}


def test_application_default_credentials(gcp_kms: Kms, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What ``gcloud`` and other Google tools use, counts too."""
    path = tmp_path / "adc.json"
    path.write_text(gcp_kms.service_account)
    monkeypatch.delenv("GOOGLE_CREDENTIALS")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
    assert opened(ours("gcp_kms", gcp_kms.create("k"))) == PLAIN


def test_credentials_of_a_flux_secret(gcp_kms: Kms, monkeypatch: pytest.MonkeyPatch) -> None:
    """The entry ``sops.gcp-kms`` opens the file where this machine has nothing."""
    data = ours("gcp_kms", gcp_kms.create("k"))
    monkeypatch.delenv("GOOGLE_CREDENTIALS")
    secret = {"sops.gcp-kms": gcp_kms.service_account.encode() + b"\n"}
    assert opened(data, {}, cluster=lambda: secret, source="cluster") == PLAIN


def test_damaged_answer(gcp_kms: Kms) -> None:
    """An answer whose checksum is wrong is not used: the data key would be lost or wrong."""
    name = gcp_kms.create("k")
    data = ours("gcp_kms", name)
    gcp_kms.damages = True
    with pytest.raises(WrapError, match="damaged on its way"):
        ours("gcp_kms", name)
    assert "damaged on its way" in _reason(data)


def test_requests_carry_a_checksum(gcp_kms: Kms, cloud: Cloud) -> None:
    """The service can tell whether the data key arrived whole, and must say that it did."""
    opened(ours("gcp_kms", gcp_kms.create("k")))
    asked = [request.json for request in cloud.requests if request.host == "cloudkms.googleapis.com"]
    assert [set(body) for body in asked] == [{"plaintext", "plaintextCrc32c"}, {"ciphertext", "ciphertextCrc32c"}]


def test_missing_key(gcp_kms: Kms) -> None:
    """Encrypting to a key that is not there fails, and says so."""
    name = gcp_kms.create("k")
    with pytest.raises(WrapError, match="there is no such key"):
        ours("gcp_kms", f"{name}2")


def test_busy_service_is_asked_again(gcp_kms: Kms, cloud: Cloud) -> None:
    """A short failure passes."""
    data = ours("gcp_kms", gcp_kms.create("k"))
    cloud.failures += [Reply(503), Reply(200, {"access_token": ACCESS_TOKEN, "expires_in": 60}), Reply(429)]
    assert opened(data) == PLAIN


def _reason(data: bytes) -> str:
    with pytest.raises(NoMatchingKeyError) as caught:
        opened(data)
    return "\n".join([*caught.value.tried, caught.value.hint or ""])


def test_credentials_that_are_not_accepted(gcp_kms: Kms, monkeypatch: pytest.MonkeyPatch) -> None:
    """A token that has expired is not repeated, and the hint says what to do."""
    data = ours("gcp_kms", gcp_kms.create("k"))
    monkeypatch.delenv("GOOGLE_CREDENTIALS")
    monkeypatch.setenv("GOOGLE_OAUTH_ACCESS_TOKEN", "canary")
    reason = _reason(data)
    assert "the credentials are not accepted" in reason
    assert "gcloud auth application-default login" in reason
    assert "canary" not in reason


def test_endpoint_of_another_cloud(gcp_kms: Kms, monkeypatch: pytest.MonkeyPatch) -> None:
    """``SOPS_GCP_KMS_ENDPOINT`` sends requests elsewhere; a host that is not there is an error of the service."""
    data = ours("gcp_kms", gcp_kms.create("k"))
    monkeypatch.setenv("SOPS_GCP_KMS_ENDPOINT", "cloudkms.example.invalid")
    assert "can't be reached" in _reason(data)
