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
    from collections.abc import Iterable, Iterator, Mapping

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
        """Have ``tree`` applied by a Kustomization of that name, decrypted with the cluster's key; what came of it.

        A field of the spec that is ``None`` is left out.
        """
        return self.kustomize_all({name: (tree, spec)})[name]

    def kustomize_all(self, wanted: Mapping[str, tuple[Path, Manifest]]) -> dict[str, Applied]:
        """The same for many Kustomizations at once: each kubectl call serves all of them."""
        artifacts = {name: self._archive(name, tree) for name, (tree, _) in wanted.items()}
        self._apply_all([_source(name) for name in wanted])
        self._apply_all([_source(name, artifact) for name, artifact in artifacts.items()], "--subresource=status")
        self._apply_all([_kustomization(name, spec) for name, (_, spec) in wanted.items()])
        answers: dict[str, Manifest] = {}
        deadline = time.monotonic() + 60 + len(wanted)
        while len(answers) < len(wanted):
            for found in self._list(KUSTOMIZATION):
                name, status = found["metadata"]["name"], found.get("status", {})
                if name in wanted and _is_answered(status, artifacts[name]["revision"]):
                    answers[name] = status
            if self._controller.poll() is not None or time.monotonic() > deadline:
                log = (self.folder / "controller.log").read_text(errors="replace")
                raise AssertionError("the kustomize-controller gives no answer: " + log[-2000:])
            time.sleep(0.1)
        live = self._objects(answers.values())
        return {
            name: Applied(_ready(status)["status"] == "True", _ready(status)["message"],
                          [live[entry["id"]] for entry in _inventory(status)])
            for name, status in answers.items()
        }  # fmt: skip

    def _apply_all(self, manifests: list[Manifest], *flags: str) -> None:
        document = json.dumps({"apiVersion": "v1", "kind": "List", "items": manifests})
        self.api.kubectl("apply", "--server-side", "--force-conflicts", *flags, "-f", "-", stdin=document)

    def _list(self, kinds: str) -> list[Manifest]:
        return json.loads(self.api.kubectl("get", kinds, "-A", "-o", "json", "--show-managed-fields"))["items"]

    def _objects(self, statuses: Iterable[Manifest]) -> dict[str, Manifest]:
        """Live objects by their id in an inventory."""
        kinds = set()
        for entry in [entry for status in statuses for entry in _inventory(status)]:
            _, _, group, kind = entry["id"].split("_")
            kinds.add(f"{kind}.{entry['v']}.{group}" if group else kind)
        found: dict[str, Manifest] = {}
        for manifest in self._list(",".join(sorted(kinds))) if kinds else []:
            group, _, _ = manifest["apiVersion"].rpartition("/")
            meta = manifest["metadata"]
            found[f"{meta.get('namespace', '')}_{meta['name']}_{group}_{manifest['kind']}"] = manifest
        return found

    def _archive(self, name: str, tree: Path) -> Manifest:
        """Make the artifact of a source."""
        archive = self.folder / "artifacts" / f"{name}-{time.monotonic_ns()}.tar.gz"
        with tarfile.open(archive, "w:gz", compresslevel=1) as tar:
            tar.add(tree, arcname=".", filter=lambda member: None if Path(member.name).name == ".git" else member)
        return {
            "digest": f"sha256:{hashlib.sha256(archive.read_bytes()).hexdigest()}",
            "lastUpdateTime": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "path": archive.name,
            "size": archive.stat().st_size,
            # every call is a new revision, also of an unchanged tree: the controller looks at revisions only
            "revision": f"main@sha1:{secrets.token_hex(20)}",
            "url": f"http://127.0.0.1:{self._web.server_port}/{archive.name}",
        }


def _source(name: str, artifact: Manifest | None = None) -> Manifest:
    """A GitRepository, or with an artifact its status."""
    manifest: Manifest = {
        "apiVersion": "source.toolkit.fluxcd.io/v1",
        "kind": "GitRepository",
        "metadata": {"name": name, "namespace": NAMESPACE},
    }
    if artifact is None:
        return manifest | {"spec": {"url": "https://example.invalid/repository.git", "interval": "1h"}}
    now = artifact["lastUpdateTime"]
    ready = {"type": "Ready", "status": "True", "reason": "Succeeded", "message": "", "lastTransitionTime": now}
    return manifest | {"status": {"conditions": [ready], "artifact": artifact}}


def _kustomization(name: str, spec: Manifest) -> Manifest:
    defaults = {
        "interval": "1h",
        "path": "./",
        "prune": True,
        "sourceRef": {"kind": "GitRepository", "name": name},
        "decryption": {"provider": "sops", "secretRef": {"name": "sops-age"}},
    }
    return {
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
        "kind": "Kustomization",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {field: value for field, value in {**defaults, **spec}.items() if value is not None},
    }


def _ready(status: Manifest) -> Manifest:
    return next((c for c in status.get("conditions", []) if c["type"] == "Ready"), {"status": "Unknown"})


def _is_answered(status: Manifest, revision: str) -> bool:
    verdict = _ready(status)["status"]
    if status.get("lastAttemptedRevision") != revision or verdict == "Unknown":
        return False
    # the condition is there before the rest of the status is
    return verdict != "True" or status.get("lastAppliedRevision") == revision


def _inventory(status: Manifest) -> list[Manifest]:
    """The entries of what was applied; nothing after a failure."""
    applied = _ready(status)["status"] == "True"
    return status.get("inventory", {}).get("entries", []) if applied else []


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
