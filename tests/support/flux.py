"""A real Flux on loopback: the kustomize-controller beside the real API server; no kubelet, no containers.

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
import subprocess
import tarfile
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from tests.support.kube import free_port
from tests.support.tools import CACHE, need

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.kube import KubeApi

Manifest = dict[str, Any]

NAMESPACE = "flux-system"
KUSTOMIZATION = "kustomizations.kustomize.toolkit.fluxcd.io"


class Applied(NamedTuple):
    """What the controller made of a tree: whether it applied it, its words, and the objects in its inventory."""

    ok: bool
    message: str
    objects: list[Manifest]


class Flux:
    """Flux's kustomize-controller, running against an API server."""

    def __init__(self, api: KubeApi, folder: Path) -> None:
        self.api = api
        self.folder = folder
        api.kubectl("apply", "--server-side", "-f", str(CACHE / "crds"))
        api.kubectl("create", "namespace", NAMESPACE, check=False)
        api.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")
        artifacts = folder / "artifacts"
        artifacts.mkdir()
        handler = functools.partial(_Quiet, directory=str(artifacts))
        self._web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=self._web.serve_forever, daemon=True).start()
        environment = {
            "KUBECONFIG": str(api.kubeconfig()),
            "RUNTIME_NAMESPACE": NAMESPACE,
            "HOME": str(folder),
            "TMPDIR": str(folder),
            "PATH": os.environ["PATH"],
        }
        addresses = [
            "--events-addr=",
            f"--metrics-addr=127.0.0.1:{free_port()}",
            f"--health-addr=127.0.0.1:{free_port()}",
        ]
        with (folder / "controller.log").open("wb") as log:
            self._controller = subprocess.Popen(
                [need("kustomize-controller"), *addresses],
                env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip

    def stop(self) -> None:
        """End the controller and the web server; nobody waits for an orderly end."""
        self._controller.kill()
        self._controller.wait()
        self._web.shutdown()
        self._web.server_close()

    def apply(self, manifest: Manifest) -> None:
        """Create or change an object."""
        self.api.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=json.dumps(manifest))

    def get(self, kind: str, name: str, namespace: str) -> Manifest:
        """An object as the server has it; empty where there is none."""
        text = self.api.kubectl("-n", namespace, "get", kind, name, "-o", "json", "--ignore-not-found")
        return json.loads(text) if text else {}

    def kustomize(self, name: str, tree: Path, **spec: object) -> Applied:
        """Have ``tree`` applied by a Kustomization of that name, decrypted with the cluster's key; what came of it."""
        revision = self._publish(name, tree)
        self.apply(
            {
                "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
                "kind": "Kustomization",
                "metadata": {"name": name, "namespace": NAMESPACE},
                "spec": {
                    "interval": "1h",
                    "path": "./",
                    "prune": True,
                    "sourceRef": {"kind": "GitRepository", "name": name},
                    "decryption": {"provider": "sops", "secretRef": {"name": "sops-age"}},
                    **spec,
                },
            }
        )
        deadline = time.monotonic() + 60
        while (answer := self._answer(name, revision)) is None:
            if self._controller.poll() is not None or time.monotonic() > deadline:
                log = (self.folder / "controller.log").read_text(errors="replace")
                raise AssertionError("the kustomize-controller gives no answer: " + log[-2000:])
            time.sleep(0.1)
        return answer

    def _answer(self, name: str, revision: str) -> Applied | None:
        status = self.get(KUSTOMIZATION, name, NAMESPACE).get("status", {})
        ready = next((c for c in status.get("conditions", []) if c["type"] == "Ready"), None)
        if status.get("lastAttemptedRevision") != revision or ready is None or ready["status"] == "Unknown":
            return None
        if ready["status"] != "True":
            return Applied(False, ready["message"], [])
        # the condition is there before the rest of the status is
        if status.get("lastAppliedRevision") != revision:
            return None
        objects = []
        for entry in status.get("inventory", {}).get("entries", []):
            namespace, object_name, group, kind = entry["id"].split("_")
            kind = f"{kind}.{entry['v']}.{group}" if group else kind
            objects.append(self.get(kind, object_name, namespace or "default"))
        return Applied(True, ready["message"], objects)

    def _publish(self, name: str, tree: Path) -> str:
        archive = self.folder / "artifacts" / f"{name}-{time.monotonic_ns()}.tar.gz"
        with tarfile.open(archive, "w:gz") as tar:
            tar.add(tree, arcname=".", filter=lambda member: None if Path(member.name).name == ".git" else member)
        # every call is a new revision, also of an unchanged tree: the controller looks at revisions only
        revision = f"main@sha1:{secrets.token_hex(20)}"
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        self.apply(
            {
                "apiVersion": "source.toolkit.fluxcd.io/v1",
                "kind": "GitRepository",
                "metadata": {"name": name, "namespace": NAMESPACE},
                "spec": {"url": "https://example.invalid/repository.git", "interval": "1h"},
            }
        )
        ready = {"type": "Ready", "status": "True", "reason": "Succeeded", "message": "", "lastTransitionTime": now}
        artifact = {
            "digest": f"sha256:{hashlib.sha256(archive.read_bytes()).hexdigest()}",
            "lastUpdateTime": now,
            "path": archive.name,
            "size": archive.stat().st_size,
            "revision": revision,
            "url": f"http://127.0.0.1:{self._web.server_port}/{archive.name}",
        }
        self.api.kubectl(
            "-n", NAMESPACE, "patch", "gitrepository", name, "--subresource=status", "--type=merge",
            "-p", json.dumps({"status": {"conditions": [ready], "artifact": artifact}}),
        )  # fmt: skip
        return revision


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(scope="session")
def flux(kube_api: KubeApi) -> Iterator[Flux]:
    """The kustomize-controller of this run; each test takes a Kustomization name and a namespace of its own."""
    need("kustomize-controller")
    folder = Path(tempfile.mkdtemp(prefix="flux-"))
    controller = Flux(kube_api, folder)
    try:
        yield controller
    finally:
        controller.stop()
        shutil.rmtree(folder, ignore_errors=True)
