"""A real Flux on loopback: etcd, kube-apiserver with RBAC, and the kustomize-controller; no kubelet, no containers.

Sources are published by a small web server in this process, the way source-controller would: a tarball, and a
GitRepository whose status names it.
"""

from __future__ import annotations

import functools
import hashlib
import http.server
import json
import os
import secrets
import shutil
import socket
import subprocess
import tarfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.support.tools import CACHE, need

if TYPE_CHECKING:
    from types import TracebackType

Manifest = dict[str, Any]

NAMESPACE = "flux-system"
KUSTOMIZATION = "kustomizations.kustomize.toolkit.fluxcd.io"
_ADMIN, _GUEST = "admin-token", "guest-token"


class Applied(NamedTuple):
    """What the controller made of a tree: whether it applied it, its words, and the objects in its inventory."""

    ok: bool
    message: str
    objects: list[Manifest]


class ApiServer:
    """A real kube-apiserver, on etcd."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._programs = {name: need(name) for name in ("etcd", "kube-apiserver", "kubectl")}
        self._processes: list[subprocess.Popen[bytes]] = []
        self.url = f"https://127.0.0.1:{free_port()}"
        self.kubeconfig = self.write_kubeconfig("admin", _ADMIN)

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End every program, the last one first, and forget their data."""
        # nothing of theirs is kept, so nobody waits for an orderly end
        for process in reversed(self._processes):
            process.kill()
            process.wait()
        shutil.rmtree(self.folder / "etcd", ignore_errors=True)

    def write_kubeconfig(self, user: str, token: str = _GUEST) -> str:
        """A kubeconfig for a user; ``guest`` is one without any permission."""
        path = self.folder / f"{user}.kubeconfig"
        # the server makes this certificate when it starts
        cluster = {"server": self.url, "certificate-authority": str(self.folder / "certs/apiserver.crt")}
        path.write_text(
            json.dumps(
                {
                    "apiVersion": "v1",
                    "kind": "Config",
                    "current-context": user,
                    "clusters": [{"name": "real", "cluster": cluster}],
                    "users": [{"name": user, "user": {"token": token}}],
                    "contexts": [{"name": user, "context": {"cluster": "real", "user": user}}],
                }
            )
        )
        return str(path)

    def kubectl(self, *args: str, stdin: Manifest | None = None, check: bool = True) -> str:
        """The output of the real kubectl, run as administrator."""
        result = subprocess.run(
            [self._programs["kubectl"], *args],
            env={"KUBECONFIG": self.kubeconfig, "PATH": os.defpath, "HOME": str(self.folder)},
            input=json.dumps(stdin) if stdin is not None else None,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert result.returncode == 0 or not check, f"kubectl {' '.join(args)}: {result.stderr}"
        return result.stdout

    def apply(self, manifest: Manifest) -> None:
        """Create or change an object."""
        self.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=manifest)

    def get(self, kind: str, name: str, namespace: str = NAMESPACE) -> Manifest:
        """An object as the server has it; empty where there is none."""
        text = self.kubectl("-n", namespace, "get", kind, name, "-o", "json", "--ignore-not-found")
        return json.loads(text) if text else {}  # type: ignore[no-any-return]  # a JSON object

    def _start(self) -> None:
        etcd, peer = f"http://127.0.0.1:{free_port()}", f"http://127.0.0.1:{free_port()}"
        self.run(
            "etcd", "--data-dir", str(self.folder / "etcd"), "--unsafe-no-fsync",
            "--listen-client-urls", etcd, "--advertise-client-urls", etcd, "--listen-peer-urls", peer,
            "--initial-advertise-peer-urls", peer, "--initial-cluster", f"default={peer}",
        )  # fmt: skip
        key = self.folder / "service-accounts.key"
        key.write_bytes(
            rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        tokens = self.folder / "tokens.csv"
        tokens.write_text(f'{_ADMIN},admin,admin,"system:masters"\n{_GUEST},guest,guest,""\n')
        self.run(
            "kube-apiserver", "--etcd-servers", etcd, "--cert-dir", str(self.folder / "certs"),
            "--bind-address", "127.0.0.1", "--secure-port", self.url.rpartition(":")[2],
            "--service-cluster-ip-range", "10.0.0.0/24", "--authorization-mode", "RBAC",
            "--token-auth-file", str(tokens), "--disable-admission-plugins", "ServiceAccount",
            "--service-account-issuer", "https://kubernetes.default.svc",
            "--service-account-key-file", str(key), "--service-account-signing-key-file", str(key),
        )  # fmt: skip
        self.wait_for("kube-apiserver", lambda: self.kubectl("get", "--raw", "/readyz", check=False) == "ok")

    def run(self, name: str, *args: str, env: dict[str, str] | None = None) -> None:
        """Start a program that ends with this server; its output goes to a file for failing tests."""
        program = self._programs.get(name) or need(name)
        with (self.folder / f"{name}.log").open("wb") as log:
            self._processes.append(
                subprocess.Popen([program, *args], stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env)
            )

    def wait_for(self, name: str, ready: Any, seconds: float = 90) -> None:
        """Wait until ``ready()``; fail with the end of the program's output otherwise."""
        deadline = time.monotonic() + seconds
        while not ready():
            alive = all(process.poll() is None for process in self._processes)
            if not alive or time.monotonic() > deadline:
                logs = (self.folder / f"{name}.log").read_text(errors="replace")[-1500:]
                raise AssertionError(f"{name} is not ready:\n{logs}")
            time.sleep(0.1)


class Flux(ApiServer):
    """That API server with Flux's kustomize-controller."""

    def __enter__(self) -> Self:
        need("kustomize-controller")
        super().__enter__()
        try:
            self._install()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """End the web server as well."""
        if hasattr(self, "_web"):
            self._web.shutdown()
            self._web.server_close()
        super().stop()

    def _install(self) -> None:
        self.kubectl("apply", "--server-side", "-f", str(CACHE / "crds"))
        self.kubectl("create", "namespace", NAMESPACE)
        self.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")
        artifacts = self.folder / "artifacts"
        artifacts.mkdir()
        handler = functools.partial(_Quiet, directory=str(artifacts))
        self._web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=self._web.serve_forever, daemon=True).start()
        home = self.folder / "controller"
        home.mkdir()
        self.run(
            "kustomize-controller", "--events-addr=", "--metrics-addr", f"127.0.0.1:{free_port()}",
            "--health-addr", f"127.0.0.1:{free_port()}", "--requeue-dependency=1s",
            env={"KUBECONFIG": self.kubeconfig, "RUNTIME_NAMESPACE": NAMESPACE, "HOME": str(home),
                 "PATH": os.environ["PATH"], "TMPDIR": str(home)},
        )  # fmt: skip

    def reconcile(self, kustomization: Manifest, tree: Path, seconds: float = 60) -> Applied:
        """Hand ``tree`` to the controller as the source of a Flux Kustomization, and wait for its verdict."""
        meta = kustomization["metadata"]
        revision = self._publish(meta["namespace"], kustomization["spec"]["sourceRef"]["name"], tree)
        self.apply(kustomization)
        answer: list[Applied] = []

        def done() -> bool:
            status = self.get(KUSTOMIZATION, meta["name"], meta["namespace"]).get("status", {})
            if status.get("lastAttemptedRevision") != revision:
                return False
            ready = next((c for c in status.get("conditions", []) if c["type"] == "Ready"), None)
            if ready is None or ready["status"] == "Unknown":
                return False
            ok = ready["status"] == "True"
            # the condition is there before the rest of the status is
            if ok and status.get("lastAppliedRevision") != revision:
                return False
            entries = status.get("inventory", {}).get("entries", [])
            answer.append(Applied(ok, ready["message"], [self._entry(e) for e in entries] if ok else []))
            return True

        self.wait_for("kustomize-controller", done, seconds)
        return answer[0]

    def _entry(self, entry: dict[str, str]) -> Manifest:
        namespace, name, group, kind = entry["id"].split("_")
        return self.get(f"{kind}.{entry['v']}.{group}" if group else kind, name, namespace or "default")

    def _publish(self, namespace: str, name: str, tree: Path) -> str:
        archive = self.folder / "artifacts" / f"{namespace}-{name}-{time.monotonic_ns()}.tar.gz"
        with tarfile.open(archive, "w:gz") as tar:
            tar.add(tree, arcname=".", filter=lambda member: None if Path(member.name).name == ".git" else member)
        digest = hashlib.sha256(archive.read_bytes()).hexdigest()
        # every call is a new revision, also of an unchanged tree: the controller looks at revisions only
        revision = f"main@sha1:{secrets.token_hex(20)}"
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        self.apply(
            {
                "apiVersion": "source.toolkit.fluxcd.io/v1",
                "kind": "GitRepository",
                "metadata": {"name": name, "namespace": namespace},
                "spec": {"url": "https://example.invalid/repository.git", "interval": "1h"},
            }
        )
        status = {
            "conditions": [
                {"type": "Ready", "status": "True", "reason": "Succeeded", "message": "", "lastTransitionTime": now}
            ],
            "artifact": {
                "digest": f"sha256:{digest}",
                "lastUpdateTime": now,
                "path": archive.name,
                "size": archive.stat().st_size,
                "revision": revision,
                "url": f"http://127.0.0.1:{self._web.server_port}/{archive.name}",
            },
        }
        patch = ["patch", "gitrepository", name, "--subresource=status", "--type=merge"]
        self.kubectl("-n", namespace, *patch, "-p", json.dumps({"status": status}))
        return revision


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


def free_port() -> int:
    """A port on loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
