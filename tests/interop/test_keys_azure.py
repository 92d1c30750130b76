"""Azure Key Vault keys on a stand-in that real sops reaches under the names of the real service."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from kubectl_sops import rules
from kubectl_sops.errors import NoMatchingKeyError, WrapError
from kubectl_sops.files.encrypt import Recipe, encrypt
from kubectl_sops.keys.keyring import Keyring
from kubectl_sops.repo import rekey
from kubectl_sops.repo.policy import drift
from tests.support.azure_kv import CLIENT, LOGIN, SECRET, TENANT, TOKEN
from tests.support.cloud import Reply
from tests.support.sealing import NOW, PLAIN, entry, of_sops, opened, opened_by_sops, ours

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.azure_kv import KeyVault
    from tests.support.cloud import Cloud

PRINCIPAL = {"tenantId": TENANT, "clientId": CLIENT, "clientSecret": SECRET}


@pytest.fixture(autouse=True)
def env(cloud: Cloud, key_vault: KeyVault, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The variables that lead to the stand-in, here and for sops."""
    found = {**cloud.environment, **key_vault.environment}
    for name, value in found.items():
        monkeypatch.setenv(name, value)
    return found


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch, key_vault: KeyVault) -> None:
    """This machine has no credentials."""
    for name in key_vault.environment:
        monkeypatch.delenv(name)


def test_sops_opens_what_we_seal(key_vault: KeyVault, tmp_path: Path, env: dict[str, str]) -> None:
    """What we wrap, sops unwraps."""
    assert opened_by_sops(tmp_path, ours("azure_kv", key_vault.create("sops")), env) == PLAIN


def test_we_open_what_sops_seals(key_vault: KeyVault, tmp_path: Path, env: dict[str, str]) -> None:
    """What sops wraps, we unwrap."""
    assert opened(of_sops(tmp_path, ["--azure-kv", key_vault.create("sops")], env)) == PLAIN


def test_metadata_is_that_of_sops(key_vault: KeyVault, tmp_path: Path, env: dict[str, str]) -> None:
    """The entry has the fields of sops, in its order and with its values, but for what is new each time."""
    url = key_vault.create("sops")
    mine, theirs = (
        entry(data, "azure_kv") for data in (ours("azure_kv", url), of_sops(tmp_path, ["--azure-kv", url], env))
    )
    assert list(mine) == list(theirs)
    for name in ("enc", "created_at"):
        assert mine.pop(name)
        theirs.pop(name)
    assert mine == theirs


def test_newest_version(key_vault: KeyVault, tmp_path: Path, env: dict[str, str]) -> None:
    """Without a version the newest is used, and recorded, so that the file opens after a rotation."""
    key_vault.create("sops")
    newest = key_vault.create("sops")
    data = ours("azure_kv", f"{key_vault.url}/keys/sops")
    assert f"{key_vault.url}/keys/sops/{entry(data, 'azure_kv')['version']}" == newest
    key_vault.create("sops")
    assert opened_by_sops(tmp_path, data, env) == opened(data) == PLAIN


def test_rule_without_a_version(key_vault: KeyVault, tmp_path: Path) -> None:
    """A rule that leaves the version open asks for no change of a file that has one, and none of its values."""
    key_vault.create("sops")
    config = f"creation_rules:\n  - azure_keyvault: {key_vault.url}/keys/sops\n"
    (rule,) = rules.parse(config.encode(), ".sops.yaml").creation_rules or []
    data = encrypt(PLAIN, "yaml", Recipe(rule.groups), Keyring({}), now=NOW).data
    key_vault.create("sops")
    assert rekey.plan("a.yaml", data, "yaml", rule) is None
    assert not drift(rekey.read_metadata(data, "yaml"), rule)
    assert encrypt(PLAIN, "yaml", Recipe(rule.groups), Keyring({}), now=NOW, base=data).data == data


@pytest.mark.usefixtures("nobody")
def test_managed_identity(
    cloud: Cloud, key_vault: KeyVault, tmp_path: Path, env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The identity of the machine, as Azure's App Service hands it out, opens the file here and for sops."""
    identity = {"IDENTITY_ENDPOINT": "https://identity.internal/token", "IDENTITY_HEADER": "x"}
    for name, value in identity.items():
        monkeypatch.setenv(name, value)
    token = {"access_token": TOKEN, "expires_on": "4102444800", "resource": "https://vault.azure.net"}
    cloud.serve("identity.internal", lambda _: Reply(body={**token, "token_type": "Bearer"}))
    data = ours("azure_kv", key_vault.create("sops"))
    env = {name: value for name, value in env.items() if not name.startswith("AZURE_")}
    assert opened_by_sops(tmp_path, data, env | identity) == opened(data) == PLAIN


@pytest.mark.usefixtures("nobody")
def test_login_of_the_command_line(
    key_vault: KeyVault, tmp_path: Path, env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who is logged in with ``az`` can open the file, here and with sops."""
    token = {"accessToken": TOKEN, "expiresOn": "2099-01-01 00:00:00.000000", "expires_on": 4070908800}
    (tmp_path / "az").write_text(f"#!/bin/sh\necho '{json.dumps({**token, 'tokenType': 'Bearer'})}'\n")
    (tmp_path / "az").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    # neither asks the network that hands out identities of machines, which takes its time where there is none
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "dev")
    data = ours("azure_kv", key_vault.create("sops"))
    env = {name: value for name, value in env.items() if not name.startswith("AZURE_")}
    env |= {"AZURE_TOKEN_CREDENTIALS": "dev", "PATH": os.environ["PATH"]}
    assert opened_by_sops(tmp_path, data, env) == opened(data) == PLAIN


def test_least_privilege(key_vault: KeyVault) -> None:
    """Who may encrypt and decrypt needs not be allowed to read the public key."""
    url = key_vault.create("sops")
    key_vault.may_get = False
    assert opened(ours("azure_kv", url)) == PLAIN


@pytest.mark.usefixtures("nobody")
@pytest.mark.parametrize(
    "content",
    [
        json.dumps(PRINCIPAL).encode(),
        f"tenantId: {TENANT}\nclientId: {CLIENT}\nclientSecret: {SECRET}\n".encode(),
        json.dumps({"appId": CLIENT, "tenant": TENANT, "password": SECRET, "displayName": "x"}).encode(),
        json.dumps(PRINCIPAL).encode("utf-16"),
        json.dumps(PRINCIPAL).encode("utf-8-sig"),
        json.dumps({**PRINCIPAL, "authorityHost": f"https://{LOGIN}/"}).encode(),
    ],
    ids=["json", "yaml", "az output", "UTF-16", "UTF-8 with a mark", "authority"],
)
def test_credentials_of_a_flux_secret(
    content: bytes, key_vault: KeyVault, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The entry ``sops.azure-kv`` opens the file in every form that Flux reads."""
    with monkeypatch.context() as admin:
        for name, value in key_vault.environment.items():
            admin.setenv(name, value)
        data = ours("azure_kv", key_vault.create("sops"))
    assert opened(data, {}, cluster=lambda: {"sops.azure-kv": content}, source="cluster") == PLAIN


def test_certificate_of_a_flux_secret(key_vault: KeyVault, cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service principal may have a certificate instead of a password."""
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.x509 import CertificateBuilder, Name, random_serial_number

    data = ours("azure_kv", key_vault.create("sops"))
    for name in key_vault.environment:
        monkeypatch.delenv(name)
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    year = __import__("datetime").datetime
    certificate = (
        CertificateBuilder(Name([]), Name([]), key.public_key(), random_serial_number())
        .not_valid_before(year(2020, 1, 1))
        .not_valid_after(year(2099, 1, 1))
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ) + certificate.public_bytes(serialization.Encoding.PEM)
    content = json.dumps({"tenantId": TENANT, "clientId": CLIENT, "clientCertificate": pem.decode()}).encode()
    assert opened(data, {}, cluster=lambda: {"sops.azure-kv": content}, source="cluster") == PLAIN


def _reason(data: bytes) -> str:
    with pytest.raises(NoMatchingKeyError) as caught:
        opened(data)
    return "\n".join([*caught.value.tried, caught.value.hint or ""])


def test_wrong_secret_is_not_printed(key_vault: KeyVault, monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials that are not accepted are not repeated, nor is what the service says about them."""
    data = ours("azure_kv", key_vault.create("sops"))
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "canary")
    reason = _reason(data)
    assert "Azure Key Vault https://team-secrets.vault.azure.net" in reason
    assert "credentials" in reason
    assert "canary" not in reason
    assert "AADSTS" not in reason


def test_other_version(key_vault: KeyVault) -> None:
    """A version of the key that did not encrypt the data key is told apart from a lack of permission."""
    before, after = key_vault.create("sops"), key_vault.create("sops")
    versions = [url.rpartition("/")[2].encode() for url in (before, after)]
    data = ours("azure_kv", before).replace(*versions)
    assert "not the key that it was encrypted with" in _reason(data)


def test_missing_key(key_vault: KeyVault) -> None:
    """Encrypting to a key that is not there fails, and says so."""
    with pytest.raises(WrapError, match="there is no such key"):
        ours("azure_kv", f"{key_vault.url}/keys/nothing")


def test_throttled_vault_is_asked_again(key_vault: KeyVault, cloud: Cloud) -> None:
    """An answer that says `later` is followed by another request."""
    data = ours("azure_kv", key_vault.create("sops"))
    cloud.failures += [Reply(429, headers={"Retry-After": "0"})]
    assert opened(data) == PLAIN


def test_host_that_is_not_there(key_vault: KeyVault) -> None:
    """A vault that can't be reached is named."""
    data = ours("azure_kv", key_vault.create("sops"))
    assert "can't be reached" in _reason(data.replace(b"team-secrets", b"other-secrets"))
