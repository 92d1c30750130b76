"""Key services for tests: OpenBao and moto as servers, stand-ins for Azure and Google; each is started once."""

from __future__ import annotations

import json
import subprocess
import time
from importlib import import_module
from typing import TYPE_CHECKING
from urllib import error, request

import pytest

from tests.support.azure_kv import KeyVault
from tests.support.cloud import Cloud
from tests.support.kube import free_port
from tests.support.tools import missing, need

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.gcp_kms import Kms

ROOT_TOKEN = "root-token"


def need_package(name: str) -> None:
    """Skip where an extra of ours is not installed, or fail where ``KUBECTL_SOPS_REQUIRE`` names the module."""
    try:
        import_module(name)
    except ImportError:
        missing(name)


class Bao:
    """An OpenBao server with a transit engine at ``sops``.

    Attributes:
        address: its URL.
        certificate: the authority of its certificate, where it speaks TLS.
    """

    def __init__(self, address: str, certificate: Path | None = None) -> None:
        self.address = address
        self.certificate = certificate
        self.environment = {"VAULT_TOKEN": ROOT_TOKEN}
        if certificate is not None:
            self.environment["VAULT_CACERT"] = str(certificate)

    def call(self, method: str, path: str, body: dict | None = None, *, namespace: str = "") -> dict:
        """A request of the administrator."""
        import ssl

        headers = {"X-Vault-Token": ROOT_TOKEN}
        if namespace:
            headers["X-Vault-Namespace"] = namespace
        data = None if body is None else json.dumps(body).encode()
        tls = ssl.create_default_context(cafile=str(self.certificate)) if self.certificate else None
        with request.urlopen(
            request.Request(f"{self.address}/v1/{path}", data=data, method=method, headers=headers), context=tls
        ) as response:
            return json.loads(response.read() or b"{}")

    def engine(self, path: str, *, namespace: str = "") -> None:
        """Mount a transit engine."""
        self.call("POST", f"sys/mounts/{path}", {"type": "transit"}, namespace=namespace)

    def create(self, name: str, *, engine: str = "sops", namespace: str = "") -> str:
        """A new key; its URI."""
        self.call("POST", f"{engine}/keys/{name}", {}, namespace=namespace)
        return f"{self.address}/v1/{engine}/keys/{name}"

    def token(self, *rules: str) -> str:
        """A token that may do what the policy ``rules`` say."""
        self.call("PUT", "sys/policies/acl/limited", {"policy": "\n".join(rules)})
        return self.call("POST", "auth/token/create", {"policies": ["limited"]})["auth"]["client_token"]


def _wait(process: subprocess.Popen, ready) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        assert process.poll() is None, "the server ended"
        try:
            ready()
        except (OSError, error.URLError):
            time.sleep(0.1)
        else:
            return
    raise AssertionError("the server did not start")


def _start_bao(folder: Path, *, tls: bool) -> tuple[Bao, subprocess.Popen]:
    port = free_port()
    argv = [
        need("bao"), "server", "-dev", "-dev-no-store-token", f"-dev-root-token-id={ROOT_TOKEN}",
        f"-dev-listen-address=127.0.0.1:{port}",
    ]  # fmt: skip
    certificate = folder / "vault-ca.pem"
    if tls:
        argv += ["-dev-tls", f"-dev-tls-cert-dir={folder}"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(argv, stdout=log, stderr=log, cwd=folder, env={"HOME": str(folder)})
    bao = Bao(f"{'https' if tls else 'http'}://127.0.0.1:{port}", certificate if tls else None)
    _wait(process, lambda: bao.call("GET", "sys/health"))
    bao.engine("sops")
    return bao, process


def _end(process: subprocess.Popen) -> None:
    process.terminate()
    process.wait(20)


@pytest.fixture(scope="session")
def bao(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bao]:
    """OpenBao over plain HTTP."""
    server, process = _start_bao(tmp_path_factory.mktemp("bao"), tls=False)
    yield server
    _end(process)


@pytest.fixture(scope="session")
def bao_tls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bao]:
    """OpenBao over TLS, under an authority that nobody knows."""
    server, process = _start_bao(tmp_path_factory.mktemp("bao-tls"), tls=True)
    yield server
    _end(process)


class Aws:
    """AWS as moto stands in for it; every region, any credentials.

    Attributes:
        environment: what programs need to reach it.
    """

    ACCOUNT = "123456789012"

    def __init__(self, url: str) -> None:
        self.url = url
        self.environment = {
            "AWS_ENDPOINT_URL": url,
            "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "aws-canary-secret",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def client(self, service: str, region: str = "eu-west-1"):
        """A client of the administrator."""
        import boto3

        return boto3.client(
            service, region_name=region, endpoint_url=self.url, aws_access_key_id="a", aws_secret_access_key="b"
        )

    def create(self, region: str = "eu-west-1", **details) -> str:
        """A new key; its ARN."""
        return self.client("kms", region).create_key(**details)["KeyMetadata"]["Arn"]

    def reset(self) -> None:
        """Forget every key and bucket."""
        request.urlopen(request.Request(f"{self.url}/moto-api/reset", method="POST")).close()


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    """AWS KMS, STS and S3."""
    need_package("boto3")
    folder, port = tmp_path_factory.mktemp("moto"), free_port()
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [need("moto_server"), "-H", "127.0.0.1", "-p", str(port)], stdout=log, stderr=log, cwd=folder
        )
    server = Aws(f"http://127.0.0.1:{port}")
    _wait(process, server.reset)
    yield server
    _end(process)


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """The proxy to stand-ins of cloud services."""
    server = Cloud(tmp_path_factory.mktemp("cloud"))
    yield server
    server.close()


@pytest.fixture
def key_vault(cloud: Cloud) -> KeyVault:
    """A new Azure Key Vault."""
    need_package("azure.keyvault.keys")
    cloud.requests.clear()
    cloud.failures.clear()
    return KeyVault(cloud)


@pytest.fixture
def gcp_kms(cloud: Cloud) -> Kms:
    """GCP KMS without keys."""
    need_package("google_crc32c")
    from tests.support.gcp_kms import Kms

    cloud.requests.clear()
    cloud.failures.clear()
    return Kms(cloud)
