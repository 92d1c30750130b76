"""API servers for tests: the real one with RBAC, and an emulator that needs nothing but Python.

``kube_api`` and ``emulator`` are fixtures (``tests/conftest.py`` makes them known); the real server is started once for
a whole run, so that a test takes a namespace of its own from it.
"""

from __future__ import annotations

import asyncio
import base64
import json
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.support.tools import need, run

USERS = ("admin", "alice", "bob", "carol")
"""Who the server knows. ``admin`` may do everything, the others what ``KubeApi.grant`` allows."""


def free_port() -> int:
    """A TCP port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def write_kubeconfig(path: Path, server: str, *, token: str | None = None, ca: Path | None = None, **user) -> Path:
    """A kubeconfig with the one context ``test``; ``user`` are further fields of its user."""
    cluster = {"server": server}
    if ca is not None:
        cluster["certificate-authority-data"] = base64.b64encode(ca.read_bytes()).decode()
    if token is not None:
        user["token"] = token
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "test",
        "clusters": [{"name": "test", "cluster": cluster}],
        "users": [{"name": "test", "user": user}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
    }
    path.write_text(json.dumps(config))
    return path


class KubeApi:
    """A real kube-apiserver with etcd, RBAC and token users, on loopback.

    Attributes:
        server: its URL.
        folder: where its files are: ``kubeconfig`` of the administrator, ``etcd.log``, ``kube-apiserver.log``.
    """

    def __init__(self, folder: Path, etcd: str, kube_apiserver: str) -> None:
        self.folder = folder
        self._processes: list[subprocess.Popen[bytes]] = []
        client, peer, port = free_port(), free_port(), free_port()
        self.server = f"https://127.0.0.1:{port}"
        (folder / "tokens.csv").write_text(
            "".join(
                f'{self.token(user)},{user},{user},"{"system:masters" if user == "admin" else "people"}"\n'
                for user in USERS
            )
        )
        key = folder / "service-account.key"
        key.write_bytes(
            rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        self._start(
            "etcd", etcd, "--data-dir", str(folder / "etcd"), "--unsafe-no-fsync",
            "--listen-client-urls", f"http://127.0.0.1:{client}", "--advertise-client-urls", f"http://127.0.0.1:{client}",
            "--listen-peer-urls", f"http://127.0.0.1:{peer}",
        )  # fmt: skip
        self._start(
            "kube-apiserver", kube_apiserver, "--etcd-servers", f"http://127.0.0.1:{client}",
            "--cert-dir", str(folder / "certs"), "--secure-port", str(port), "--bind-address", "127.0.0.1",
            "--service-cluster-ip-range", "10.0.0.0/24", "--service-account-issuer", "https://kubernetes.default.svc",
            "--service-account-key-file", str(key), "--service-account-signing-key-file", str(key),
            "--authorization-mode", "RBAC", "--token-auth-file", str(folder / "tokens.csv"),
            "--disable-admission-plugins", "ServiceAccount",
        )  # fmt: skip
        self._wait()

    @staticmethod
    def token(user: str) -> str:
        """The bearer token of a user."""
        return f"{user}-token"

    def kubeconfig(self, user: str = "admin", *, token: str | None = None) -> Path:
        """The path of a kubeconfig for one of ``USERS``; ``token`` replaces the right one."""
        path = self.folder / (f"kubeconfig-{user}" if token is None else f"kubeconfig-{user}-other")
        return write_kubeconfig(path, self.server, token=token or self.token(user), ca=self.certificate)

    @property
    def certificate(self) -> Path:
        """What the server's certificate can be checked with."""
        return self.folder / "certs" / "apiserver.crt"

    def kubectl(self, *args: str, stdin: str | None = None, check: bool = True) -> str:
        """Run the real kubectl as the administrator; its standard output."""
        done = run(
            [need("kubectl"), *args],
            stdin=(stdin or "").encode(),
            env={"KUBECONFIG": str(self.folder / "kubeconfig-admin"), "HOME": str(self.folder)},
        )
        if check and done.returncode:
            raise AssertionError(f"kubectl {' '.join(args)}: {done.stderr.decode()}")
        return done.stdout.decode()

    def namespace(self, name: str) -> str:
        """Make a namespace."""
        self.kubectl("create", "namespace", name)
        return name

    def grant(self, user: str, namespace: str, *verbs: str, resource: str = "secrets") -> None:
        """Let a user do ``verbs`` in a namespace."""
        name = f"{user}-{'-'.join(verbs)}-{resource}"
        self.kubectl("-n", namespace, "create", "role", name, f"--verb={','.join(verbs)}", f"--resource={resource}")
        self.kubectl("-n", namespace, "create", "rolebinding", name, f"--role={name}", f"--user={user}")

    def secret(self, namespace: str, name: str = "sops-age") -> dict:
        """A Secret, with ``data`` decoded."""
        found = json.loads(self.kubectl("-n", namespace, "get", "secret", name, "-o", "json"))
        return found | {"data": {k: base64.b64decode(v) for k, v in (found.get("data") or {}).items()}}

    def stop(self) -> None:
        """End the server and etcd."""
        for process in reversed(self._processes):
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _start(self, name: str, *argv: str) -> None:
        with (self.folder / f"{name}.log").open("wb") as log:
            self._processes.append(subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log))

    def _wait(self) -> None:
        deadline = time.monotonic() + 120
        while True:
            if self.certificate.exists():
                self.kubeconfig()
                if self.kubectl("get", "--raw", "/readyz", check=False) == "ok":
                    return
            if time.monotonic() > deadline or any(process.poll() is not None for process in self._processes):
                self.stop()
                log = (self.folder / "kube-apiserver.log").read_text(errors="replace")
                raise AssertionError("kube-apiserver does not become ready: " + log[-2000:])
            time.sleep(0.1)


@contextmanager
def running_kube_api():
    """A real API server for a ``with`` block; skips the test where the programs are missing."""
    etcd, server = need("etcd"), need("kube-apiserver")
    need("kubectl")
    folder = Path(tempfile.mkdtemp(prefix="kube-api-"))
    api = None
    try:
        api = KubeApi(folder, etcd, server)
        yield api
    finally:
        if api is not None:
            api.stop()
        shutil.rmtree(folder, ignore_errors=True)


class Emulator:
    """kmock's Kubernetes API in a thread: stores objects, checks nothing, has no PUT and no dry run.

    Attributes:
        handler: kmock's ``KubernetesEmulator``, to look at objects and requests.
        url: where it listens.
    """

    def __init__(self) -> None:
        self._ready = threading.Event()
        self._stop: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self._thread.start()
        assert self._ready.wait(30), "the emulator does not start"

    async def _serve(self) -> None:
        from kmock import KubernetesEmulator, Server

        self._stop, self._loop = asyncio.Event(), asyncio.get_running_loop()
        async with KubernetesEmulator() as self.handler, Server(self.handler) as server:
            self.url = f"http://127.0.0.1:{server.port}"
            self.handler.resources["v1/secrets"] = {"kind": "Secret", "namespaced": True}
            self.handler.resources["v1/namespaces"] = {"kind": "Namespace", "namespaced": False}
            self._ready.set()
            await self._stop.wait()

    def stop(self) -> None:
        """End the server."""
        assert self._loop is not None
        assert self._stop is not None
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(30)

    def put(self, namespace: str, name: str, data: dict[str, bytes], **metadata: object) -> None:
        """Store a Secret."""
        self.handler.objects["v1/secrets", namespace, name] = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name, "namespace": namespace, **metadata},
            "data": {key: base64.b64encode(value).decode() for key, value in data.items()},
        }

    def secret(self, namespace: str, name: str = "sops-age") -> dict | None:
        """A Secret with ``data`` decoded, or ``None``."""
        found = next(
            (o.last.raw for (_, ns, n), o in self.handler.objects.items() if (ns, n) == (namespace, name)), None
        )
        return found and found | {"data": {k: base64.b64decode(v) for k, v in found["data"].items()}}


@pytest.fixture(scope="session")
def kube_api():
    """The real API server of this run."""
    with running_kube_api() as api:
        yield api


@pytest.fixture
def emulator():
    """An emulated API server of this test."""
    server = Emulator()
    yield server
    server.stop()
