"""``build``: a folder of encrypted Secrets, and a repository of many Kustomizations; beside flux where it is there."""

from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING

from benchmarks.measure import OURS, Goal, case
from benchmarks.workshop import SECRET, find

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.workshop import Workshop

_DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {name}
spec:
  selector:
    matchLabels: {{app: {name}}}
  template:
    metadata:
      labels: {{app: {name}}}
    spec:
      containers:
        - name: app
          image: registry.example.org/app:1.2.3
          args: [--listen, ":8080"]
          ports: [{{name: http, containerPort: 8080}}]
          env:
            - {{name: LOG_LEVEL, value: info}}
          resources:
            requests: {{cpu: 100m, memory: 64Mi}}
            limits: {{memory: 256Mi}}
"""


def _kustomization(shop: Workshop, file: str, name: str, path: str, *, decrypts: bool = True) -> str:
    spec = {
        "interval": "10m", "prune": True, "path": path, "sourceRef": {"kind": "GitRepository", "name": "flux-system"},
        **({"decryption": {"provider": "sops", "secretRef": {"name": "sops-age"}}} if decrypts else {}),
    }  # fmt: skip
    manifest = {
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
        "metadata": {"name": name, "namespace": "flux-system"}, "spec": spec,
    }  # fmt: skip
    return shop.write(file, json.dumps(manifest))


def _with_kustomize(shop: Workshop, argv: list[str]) -> Callable[[], None]:
    shop.env["PATH"] = os.pathsep.join([os.path.dirname(find("kustomize")), shop.env["PATH"]])
    return lambda: shop.run(argv, cwd=str(shop.folder))


@case("build.secrets", rounds=9, goals=(Goal("flux", 2.0),))
def secrets(shop: Workshop) -> dict[str, Callable[[], None]]:
    """100 encrypted Secrets, decrypted and masked; flux and kustomize decrypt nothing."""
    names = [f"s{number}.yaml" for number in range(shop.count(100))]
    files = [
        shop.write(f"app/{name}", SECRET.replace("name: database", f"name: {name.removesuffix('.yaml')}", 1))
        for name in names
    ]
    shop.encrypt(*files)
    folder = os.path.dirname(shop.write("app/kustomization.yaml", json.dumps({"resources": names})))
    manifest = _kustomization(shop, "app.yaml", "app", "./app")
    contestants = {
        OURS: _with_kustomize(shop, [shop.ours, "build", folder, "--kustomization-file", manifest]),
        "kustomize": _with_kustomize(shop, [find("kustomize"), "build", folder]),
    }
    flux = shutil.which("flux")
    if flux is not None:
        flags = ["--path", folder, "--kustomization-file", manifest, "--dry-run"]
        contestants["flux"] = _with_kustomize(shop, [flux, "build", "kustomization", "app", *flags])
    return contestants


@case("build.repository", rounds=3)
def repository(shop: Workshop) -> dict[str, Callable[[], None]]:
    """30 Kustomizations with 1,000 objects, 90 of them encrypted, in one call; kustomize is called for each folder."""
    folders = []
    sealed = []
    _kustomization(shop, "cluster/root.yaml", "flux-system", "./cluster", decrypts=False)
    for number in range(shop.count(30)):
        _kustomization(shop, f"cluster/k{number}.yaml", f"k{number}", f"./apps/k{number}")
        names = [f"o{index}.yaml" for index in range(33)]
        for index, name in enumerate(names):
            path = f"apps/k{number}/{name}"
            if index < 3:
                sealed.append(shop.write(path, SECRET.replace("name: database", f"name: s{index}", 1)))
            else:
                shop.write(path, _DEPLOYMENT.format(name=f"d{index}"))
        listing = shop.write(f"apps/k{number}/kustomization.yaml", json.dumps({"resources": names}))
        folders.append(os.path.dirname(listing))
    shop.encrypt(*sealed)
    shop.run(["git", "init", "-q", str(shop.folder)])

    def each() -> None:
        for folder in folders:
            shop.run([find("kustomize"), "build", folder])

    return {
        OURS: _with_kustomize(shop, [shop.ours, "build", "-R", "kustomization/flux-system"]),
        "kustomize": each,
    }
