"""A GitOps repository as people have it: a cluster's entry point, infrastructure, apps, encrypted files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.support import sealed
from tests.support.flux_cases import SECRETS, config_map, kustomization, secret
from tests.support.repository import Repository

if TYPE_CHECKING:
    from pathlib import Path

PASSWORD = "correct-horse-battery-staple"


def flux_kustomization(name: str, path: str, **spec: Any) -> str:
    """A manifest of a Flux Kustomization that decrypts."""
    fields = {
        "interval": "10m", "path": path, "prune": True, "sourceRef": {"kind": "GitRepository", "name": "flux-system"},
        "decryption": {"provider": "sops", "secretRef": {"name": "sops-age"}}, **spec,
    }  # fmt: skip
    return json.dumps(
        {
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
            "metadata": {"name": name, "namespace": "flux-system"},
            "spec": {key: value for key, value in fields.items() if value is not None},
        }
    )  # fmt: skip


def seal(text: str, format: str = "yaml") -> bytes:
    """An encrypted file; of manifests the Secret parts only."""
    manifest = format == "yaml" and "kind:" in text
    return sealed.encrypt(text.encode(), format, selector=SECRETS if manifest else None)


def files() -> dict[str, str | bytes]:
    """Everything that is in order."""
    return {
        "clusters/prod/flux-system/gotk-sync.yaml": flux_kustomization(
            "flux-system", "./clusters/prod", decryption=None) + "\n---\n" + json.dumps(
            {"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository",
             "metadata": {"name": "flux-system", "namespace": "flux-system"},
             "spec": {"url": "https://example.invalid/fleet.git", "interval": "1m", "ignore": "/docs\n"}}),
        "clusters/prod/flux-system/kustomization.yaml": kustomization("gotk-sync.yaml"),
        "clusters/prod/settings.yaml": flux_kustomization("settings", "./settings"),
        "clusters/prod/apps.yaml": flux_kustomization(
            "apps", "./apps/prod", targetNamespace="apps", dependsOn=[{"name": "settings"}],
            postBuild={"substituteFrom": [{"kind": "ConfigMap", "name": "cluster"},
                                          {"kind": "Secret", "name": "cluster-secret"}]}),
        "settings/kustomization.yaml": kustomization("cluster.yaml", "secret.yaml", namespace="flux-system"),
        "settings/cluster.yaml": config_map("domain: example.org", "cluster"),
        "settings/secret.yaml": seal(secret("db_host: db.internal.example.org", "cluster-secret")),
        "apps/base/kustomization.yaml": kustomization(
            "web.yaml", secretGenerator=[{"name": "web", "envs": ["web.env"]}]),
        "apps/base/web.yaml": config_map("url: https://${domain}/\ndatabase: postgres://${db_host}/web", "web"),
        "apps/base/web.env": seal("TOKEN=t0ken-of-the-base\n", "dotenv"),
        "apps/prod/kustomization.yaml": kustomization("../base", "db.yaml"),
        "apps/prod/db.yaml": seal(secret(f"password: {PASSWORD}", "db")),
        "docs/values.yaml": "replicas: 3\n",
        ".sops.yaml": "creation_rules:\n  - encrypted_regex: ^(data|stringData)$\n    age: "
                      + str(sealed.IDENTITY.to_public()) + "\n",
    }  # fmt: skip


SECRET_WORDS = (PASSWORD, "t0ken-of-the-base", "db.internal.example.org")
"""What must not be shown by default."""


def fleet(folder: Path, **changes: str | bytes) -> Repository:
    """The repository, committed; ``changes`` replace files before that."""
    repository = Repository(folder)
    repository.commit("fleet", files() | changes)
    return repository
