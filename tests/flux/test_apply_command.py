"""``apply`` to a real API server without Flux."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from tests.support.flux_cases import config_map, kustomization
from tests.support.flux_repository import PASSWORD, SECRET_WORDS, fleet, flux_kustomization

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.kube import KubeApi
    from tests.support.repository import Repository

    Program = Callable[..., subprocess.CompletedProcess[bytes]]

_numbers = itertools.count()
DOMAIN = {"postBuild": {"substitute": {"domain": "example.org", "db_host": "db"}}}


def prepared(kube_api: KubeApi, folder: Path) -> tuple[Repository, str]:
    """A fleet whose apps go to a namespace of their own, which is part of it."""
    namespace = f"apply-{next(_numbers)}"
    changes = {
        "clusters/prod/apps.yaml": flux_kustomization("apps", "./apps/prod", targetNamespace=namespace, **DOMAIN),
        "apps/prod/kustomization.yaml": kustomization("../base", "db.yaml", "ns.yaml"),
        "apps/prod/ns.yaml": f"apiVersion: v1\nkind: Namespace\nmetadata: {{name: {namespace}}}\n",
    }
    return fleet(folder, **changes), namespace


def test_objects_are_applied(kube_api: KubeApi, program: Program, tmp_path: Path) -> None:
    """In order, decrypted, with a line for each; again nothing changes; values are never printed."""
    repository, namespace = prepared(kube_api, tmp_path / "fleet")
    env = {"KUBECONFIG": str(kube_api.kubeconfig())}
    first = program("apply", "apps/prod", cwd=repository.folder, **env)
    assert first.returncode == 0, first.stderr.decode()
    lines = first.stdout.decode().splitlines()
    assert lines[:3] == [f"namespace/{namespace} created", "configmap/web created", "secret/db created"]
    assert kube_api.secret(namespace, "db")["data"]["password"] == PASSWORD.encode()
    again = program("apply", "apps/prod", cwd=repository.folder, **env)
    assert {line.rpartition(" ")[2] for line in again.stdout.decode().splitlines()} == {"unchanged"}
    for word in SECRET_WORDS:
        assert word.encode() not in first.stdout + first.stderr


def test_dry_run_changes_nothing(kube_api: KubeApi, program: Program, tmp_path: Path) -> None:
    """The same lines, and no object."""
    repository, namespace = prepared(kube_api, tmp_path / "fleet")
    result = program("apply", "apps/prod", "--dry-run", cwd=repository.folder, KUBECONFIG=str(kube_api.kubeconfig()))
    assert result.returncode == 0, result.stderr.decode()
    assert f"namespace/{namespace} created (dry run)" in result.stdout.decode()
    assert kube_api.kubectl("get", "namespace", namespace, "--ignore-not-found") == ""


def test_nothing_is_applied_when_something_does_not_build(kube_api: KubeApi, program: Program, tmp_path: Path) -> None:
    """All or nothing, before the first request."""
    repository, namespace = prepared(kube_api, tmp_path / "fleet")
    repository.write({"settings/kustomization.yaml": kustomization("gone.yaml")})
    argv = ("apply", "-R", "kustomization/flux-system")
    result = program(*argv, cwd=repository.folder, KUBECONFIG=str(kube_api.kubeconfig()))
    assert result.returncode == 1
    assert result.stdout == b""
    assert kube_api.kubectl("get", "namespace", namespace, "--ignore-not-found") == ""


def test_a_refused_object_does_not_stop_the_others(kube_api: KubeApi, program: Program, tmp_path: Path) -> None:
    """It is named, and decides the exit code."""
    repository, _ = prepared(kube_api, tmp_path / "fleet")
    repository.write({"apps/base/web.yaml": config_map("a: b", "Not_A_Name")})
    result = program("apply", "apps/prod", cwd=repository.folder, KUBECONFIG=str(kube_api.kubeconfig()))
    assert result.returncode == 1
    assert b"Not_A_Name" in result.stderr
    assert b"secret/db created" in result.stdout
