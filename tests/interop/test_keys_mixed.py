"""Several key systems in one file, in groups, and in many files; services that are slow or dead."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kubectl_sops.errors import NoMatchingKeyError
from kubectl_sops.files import decrypt as files_decrypt
from kubectl_sops.files import remote
from kubectl_sops.files.encrypt import Recipe, encrypt
from kubectl_sops.keys import system
from kubectl_sops.keys.keyring import Keyring
from tests.support.gpg import GpgHome
from tests.support.sealing import NOW, PLAIN, opened, opened_by_sops, ours
from tests.support.team import people
from tests.support.tools import run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.azure_kv import KeyVault
    from tests.support.cloud import Cloud
    from tests.support.gcp_kms import Kms
    from tests.support.key_services import Aws, Bao

PROGRAM = str(Path(sys.executable).parent / "kubectl-sops")
FUNCTION = str(Path(sys.executable).parent / "krm-sops")
SECRET = b"CANARY-v9Tq-hunter2-Zp4w"
(ANN,) = people("ann")
CREDENTIALS = {
    # what each system needs, and nothing that another could use
    "age": ("SOPS_AGE_KEY",),
    "pgp": ("GNUPGHOME",),
    "kms": ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
    "gcp_kms": ("GOOGLE_CREDENTIALS",),
    "azure_kv": ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"),
    "hc_vault": ("VAULT_TOKEN",),
}


@pytest.fixture(scope="module")
def gpg() -> Iterator[GpgHome]:
    """A home of gpg with a key pair."""
    made = GpgHome()
    yield made
    made.close()


@pytest.fixture(scope="module")
def fingerprint(gpg: GpgHome) -> str:
    return gpg.create("mixed")


@pytest.fixture
def env(
    aws: Aws, bao: Bao, cloud: Cloud, key_vault: KeyVault, gcp_kms: Kms, gpg: GpgHome, monkeypatch: pytest.MonkeyPatch
) -> dict[str, str]:
    """Credentials for everything."""
    found = {
        **aws.environment, **bao.environment, **cloud.environment, **key_vault.environment, **gcp_kms.environment,
        "GOOGLE_CREDENTIALS": gcp_kms.service_account, "SOPS_AGE_KEY": ANN.identity, "NO_PROXY": "127.0.0.1",
        **gpg.environ,
    }  # fmt: skip
    for name, value in found.items():
        monkeypatch.setenv(name, value)
    return found


@pytest.fixture
def recipients(
    env: dict[str, str], aws: Aws, bao: Bao, key_vault: KeyVault, gcp_kms: Kms, fingerprint: str
) -> dict[str, str]:
    """One recipient of each system."""
    return {
        "age": ANN.recipient,
        "pgp": fingerprint,
        "kms": aws.create(),
        "gcp_kms": gcp_kms.create("mixed"),
        "azure_kv": key_vault.create("mixed"),
        "hc_vault": bao.create("mixed"),
    }


def _sealed(recipients: dict[str, str], *groups: str, threshold: int = 0, plain: bytes = PLAIN) -> bytes:
    keys = [
        [key for kind in group.split() for key in system(kind).parse_recipients(recipients[kind])] for group in groups
    ]
    recipe = Recipe(keys, shamir_threshold=threshold)
    return encrypt(plain, "yaml", recipe, Keyring(os.environ), now=NOW).data


@pytest.mark.parametrize("kind", CREDENTIALS)
def test_any_key_of_a_file_opens_it(
    kind: str, recipients: dict[str, str], env: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever has access to one of six systems opens the file, with us and with sops."""
    data = _sealed(recipients, "age pgp kms gcp_kms azure_kv hc_vault")
    for name in [name for other, names in CREDENTIALS.items() if other != kind for name in names]:
        monkeypatch.delenv(name)
        del env[name]
    order = ["pgp", "kms", "gcp_kms", "azure_kv", "hc_vault", "age"]
    order.sort(key=lambda other: other != kind)  # the others would look for credentials in many places
    assert opened(data, order=order) == PLAIN
    assert opened_by_sops(tmp_path, data, {**env, "SOPS_DECRYPTION_ORDER": ",".join(order)}) == PLAIN


@pytest.mark.parametrize(
    "groups",
    [("hc_vault", "kms"), ("gcp_kms age", "azure_kv"), ("age", "hc_vault kms", "azure_kv pgp"), ("pgp", "kms")],
)
def test_groups_of_several_systems(
    groups: tuple[str, ...], recipients: dict[str, str], env: dict[str, str], tmp_path: Path
) -> None:
    """The shares of a data key may be held by different systems."""
    data = _sealed(recipients, *groups, threshold=2)
    assert opened_by_sops(tmp_path, data, env) == opened(data) == PLAIN


@pytest.mark.parametrize("kind", CREDENTIALS)
def test_any_key_serves_the_function(
    kind: str, recipients: dict[str, str], env: dict[str, str], tmp_path: Path
) -> None:
    """``krm-sops`` opens files with every system that ``kubectl sops`` opens them with."""
    plain = b"apiVersion: v1\nkind: Secret\nmetadata:\n  name: a\nstringData:\n  password: " + SECRET + b"\n"
    (tmp_path / "secret.yaml").write_bytes(_sealed(recipients, kind, plain=plain))
    config = {"apiVersion": "kubectl-sops.dev/v1", "kind": "SopsGenerator", "metadata": {"name": "a"}}
    call = {
        "apiVersion": "config.kubernetes.io/v1", "kind": "ResourceList", "items": [],
        "functionConfig": {**config, "files": ["secret.yaml"]},
    }  # fmt: skip
    done = run([FUNCTION], stdin=json.dumps(call).encode(), env=env, cwd=tmp_path)
    assert done.returncode == 0, done.stderr.decode()
    assert b64encode(SECRET) in done.stdout


def test_local_key_asks_no_service(recipients: dict[str, str], cloud: Cloud) -> None:
    """Where an age key fits, nothing is sent."""
    data = _sealed(recipients, "gcp_kms azure_kv age")
    cloud.requests.clear()
    assert opened(data) == PLAIN
    assert cloud.requests == []


def test_no_service_is_asked_for_a_share_that_is_not_needed(recipients: dict[str, str], cloud: Cloud) -> None:
    """With two of three shares at hand, the third is left alone."""
    data = _sealed(recipients, "gcp_kms", "age", "age", threshold=2)
    cloud.requests.clear()
    assert opened(data) == PLAIN
    assert cloud.requests == []


@contextlib.contextmanager
def _mute() -> Iterator[str]:
    """The address of a server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def test_server_that_never_answers(bao: Bao) -> None:
    """A slow service is given up, once for all files, and named."""
    files = [ours("hc_vault", bao.create(f"mute{n}"), bao.environment) for n in range(3)]
    with _mute() as address:
        keyring = Keyring({**bao.environment, "VAULT_CLIENT_TIMEOUT": "0.2"})
        for data in files:
            with pytest.raises(NoMatchingKeyError) as caught:
                files_decrypt.decrypt(data.replace(bao.address.encode(), address.encode()), "yaml", keyring)
            assert caught.value.tried == (f"hc_vault {address}: can't be reached: it does not answer in time",)


def test_keys_of_many_files_are_asked_for_at_once(bao: Bao) -> None:
    """Ten requests are under way before the first is answered."""
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

    files = [ours("hc_vault", bao.create(f"many{n}"), bao.environment) for n in range(10)]
    together = threading.Barrier(10, timeout=20)

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            together.wait()
            from urllib import request

            headers = {"X-Vault-Token": self.headers["X-Vault-Token"]}
            asked = request.Request(f"{bao.address}{self.path}", data=body, method="PUT", headers=headers)
            with request.urlopen(asked) as answer:
                data = answer.read()
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    address = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        moved = [data.replace(bao.address.encode(), address.encode()) for data in files]
        keyring = Keyring(bao.environment)
        remote.prefetch(((data, "yaml") for data in moved), keyring)
    finally:
        server.shutdown()
        server.server_close()
    # the server is gone: the answers are here
    assert [files_decrypt.decrypt(data, "yaml", keyring) for data in moved] == [PLAIN] * 10


@pytest.mark.parametrize("count", [1, 4])
def test_interrupt_ends_at_once(count: int, bao: Bao, tmp_path: Path) -> None:
    """Ctrl-C does not wait for a service, whether one file is opened or many."""
    with _mute() as address:
        names = [f"{n}.yaml" for n in range(count)]
        for name in names:
            data = ours("hc_vault", bao.create(f"c{name}"), bao.environment)
            (tmp_path / name).write_bytes(data.replace(bao.address.encode(), address.encode()))
        env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "VAULT_TOKEN": "t", "VAULT_CLIENT_TIMEOUT": "60"}
        process = subprocess.Popen(
            [PROGRAM, "decrypt", *names], cwd=tmp_path, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        try:
            _wait_for_connection(process, address)
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=20)
        finally:
            process.kill()
    assert process.returncode == 130, said.decode()


def _wait_for_connection(process: subprocess.Popen[bytes], address: str) -> None:
    # /proc/net/tcp of this machine: an established connection to the port
    port = f":{int(address.rpartition(':')[2]):04X}"
    until = time.monotonic() + 30
    while time.monotonic() < until and process.poll() is None:
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[2].endswith(port) and fields[3] == "01":
                return
        time.sleep(0.02)
    raise AssertionError("the server was not asked")
