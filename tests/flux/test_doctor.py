"""``doctor``: each thing that goes wrong with Flux and secrets is recognised."""

from __future__ import annotations

import base64
import itertools
import json
from typing import TYPE_CHECKING, Any

import pytest
from pyrage import x25519

from tests.support import sealed
from tests.support.flux_cases import config_map, kustomization, secret
from tests.support.flux_repository import SECRET_WORDS, files, fleet, flux_kustomization, seal

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.kube import KubeApi

    Program = Callable[..., subprocess.CompletedProcess[bytes]]

_numbers = itertools.count()
KEY_SECRET = "keys/sops-age.yaml"


def key_secret(entry: str = "age.agekey", identity: str = str(sealed.IDENTITY)) -> str:
    """A manifest of the decryption Secret."""
    return secret(f"{entry}: {identity}", "sops-age", more="  namespace: flux-system\n")


def findings(program: Program, folder: Path, *flags: str) -> list[dict[str, Any]]:
    result = program("doctor", "-o", "json", *flags, cwd=folder)
    assert result.returncode in (0, 1), result.stderr.decode()
    for word in SECRET_WORDS:
        assert word.encode() not in result.stdout + result.stderr
    items: list[dict[str, Any]] = json.loads(result.stdout)["items"]
    return items


def test_a_repository_in_order(tmp_path: Path, program: Program) -> None:
    """Nothing to find, exit code 0."""
    repository = fleet(tmp_path / "fleet")
    result = program("doctor", cwd=repository.folder)
    assert (result.returncode, result.stdout) == (0, b""), result.stdout.decode()


OTHER = str(x25519.Identity.generate())

CASES: list[tuple[str, dict[str, str | bytes | None], str, str]] = [
    ("no-agekey", {KEY_SECRET: key_secret("age.key")}, "Secret/flux-system/sops-age", "rename it to age.agekey"),
    ("recipients", {KEY_SECRET: key_secret(identity=OTHER)}, "apps/prod/db.yaml", "updatekeys"),
    ("not-decrypted", {"clusters/prod/apps.yaml": flux_kustomization("apps", "./apps/prod", decryption=None,
                       targetNamespace="x", postBuild={"substitute": {"domain": "d", "db_host": "h"}})},
     "apps/prod/db.yaml", "spec.decryption"),
    ("failed", {"clusters/prod/apps.yaml": flux_kustomization("apps", "./apps/prod", decryption=None)},
     "clusters/prod/apps.yaml", "--allow-encrypted"),
    ("two-owners", {"clusters/prod/again.yaml": flux_kustomization("again", "./settings")},
     "ConfigMap/flux-system/cluster", "leave it to one"),
    ("no-secret-ref", {"clusters/prod/settings.yaml": flux_kustomization("settings", "./settings",
                       decryption={"provider": "sops"})}, "clusters/prod/settings.yaml", "name the Secret"),
    ("plain-secret", {"settings/secret.yaml": secret("db_host: x", "cluster-secret")}, "settings/secret.yaml",
     "encrypt it"),
    ("unused", {"apps/prod/kustomization.yaml": kustomization("../base")}, "apps/prod/db.yaml", "kustomization.yaml"),
    ("failed", {"settings/cluster.yaml": config_map("other: x", "cluster")}, "clusters/prod/apps.yaml",
     "${VAR:=value}"),
    ("failed", {"settings/kustomization.yaml": None, "settings/values.yaml": "replicas: 1\n"}, "settings/values.yaml",
     ".sourceignore"),
    ("secret-substituted", {"apps/prod/db.yaml": seal(secret("password: pa$$word", "db"))}, "Secret/apps/db",
     "substitute: disabled"),
    ("singular-env", {"apps/base/kustomization.yaml": kustomization(
        "web.yaml", secretGenerator=[{"name": "web", "env": "web.env"}])}, "apps/base/web.env", "envs: [web.env]"),
    ("mac-mismatch", {"apps/prod/db.yaml": files()["apps/prod/db.yaml"].replace(  # type: ignore[union-attr,arg-type]
        b"  name: db\n", b"  name: db\n  labels:\n    edited: 'yes'\n")}, "apps/prod/db.yaml", "Git history"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("code", "changes", "where", "hint"), CASES, ids=lambda value: value if isinstance(value, str) else ""
)
def test_recognised(
    code: str, changes: dict[str, str | bytes | None], where: str, hint: str, tmp_path: Path, program: Program
) -> None:
    """With the place and what to do."""
    repository = fleet(tmp_path / "fleet", **{name: data for name, data in changes.items() if data is not None})
    for name in [name for name, data in changes.items() if data is None]:
        (repository.folder / name).unlink()
    found = findings(program, repository.folder)
    assert any(f["code"] == code and where in f["where"] and hint in f["hint"] for f in found), found


def test_old_flux(tmp_path: Path, program: Program) -> None:
    """What older versions do not decrypt is said for them, and only for them."""
    component = kustomization(
        apiVersion="kustomize.config.k8s.io/v1alpha1", kind="Component",
        secretGenerator=[{"name": "c", "envs": ["c.env"]}],
    )  # fmt: skip
    changes = {
        "settings/kustomization.yaml": kustomization(
            "cluster.yaml", "secret.yaml", namespace="flux-system", components=["../extra"]),
        "extra/kustomization.yaml": component, "extra/c.env": seal("A=1\n", "dotenv"),
    }  # fmt: skip
    repository = fleet(tmp_path / "fleet", **changes)
    assert "components" in {f["code"] for f in findings(program, repository.folder, "--flux-version", "2.4")}
    assert findings(program, repository.folder) == []


def test_exit_code_counts_errors(tmp_path: Path, program: Program) -> None:
    """1 where something fails, 0 where there are only warnings."""
    repository = fleet(tmp_path / "fleet", **{KEY_SECRET: key_secret("age.key")})
    assert program("doctor", cwd=repository.folder).returncode == 0
    repository.write({"settings/kustomization.yaml": kustomization("gone.yaml")})
    assert program("doctor", cwd=repository.folder).returncode == 1


def in_the_cluster(kube_api: KubeApi, program: Program, folder: Path, **entries: str) -> tuple[int, list[list[str]]]:
    """Exit code and findings (level, code, place) for a fleet whose decryption Secret is in the cluster alone."""
    namespace = kube_api.namespace(f"doctor-{next(_numbers)}")
    data = {name.replace("_", "."): base64.b64encode(value.encode()).decode() for name, value in entries.items()}
    kube_api.kubectl("-n", namespace, "apply", "-f", "-", stdin=json.dumps(
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "sops-age"}, "data": data}))  # fmt: skip
    changes = {
        name: text.replace('"namespace": "flux-system"', f'"namespace": "{namespace}"').replace(
            "namespace: flux-system", f"namespace: {namespace}")
        for name, text in files().items() if isinstance(text, str)
    }  # fmt: skip
    repository = fleet(folder, **{"settings/kustomization.yaml": kustomization(
        "cluster.yaml", "secret.yaml", namespace=namespace), **{
        name: text for name, text in changes.items() if name.startswith("clusters/")}})  # fmt: skip
    env = {"KUBECONFIG": str(kube_api.kubeconfig())}
    result = program("doctor", "--from-cluster", "-o", "json", cwd=repository.folder, **env)
    assert result.returncode in (0, 1), result.stderr.decode()
    assert "AGE-SECRET-KEY" not in result.stdout.decode() + result.stderr.decode()
    found = [[f["level"], f["code"], f["where"]] for f in json.loads(result.stdout)["items"]]
    return result.returncode, found


def test_a_key_of_the_cluster_that_opens_nothing(kube_api: KubeApi, program: Program, tmp_path: Path) -> None:
    """An error for each file, once: Flux fails, whatever the keys of this machine open."""
    encrypted = [["error", "recipients", path] for path in ("apps/base/web.env", "apps/prod/db.yaml",
                                                            "settings/secret.yaml")]  # fmt: skip
    assert in_the_cluster(kube_api, program, tmp_path / "good", age_agekey=str(sealed.IDENTITY)) == (0, [])
    code, found = in_the_cluster(kube_api, program, tmp_path / "other", age_agekey=OTHER)
    assert (code, sorted(found)) == (1, encrypted)
    code, found = in_the_cluster(kube_api, program, tmp_path / "pgp", age_agekey=OTHER, more_asc="x")
    assert (code, sorted(found)) == (1, encrypted)
    code, found = in_the_cluster(kube_api, program, tmp_path / "ignored", age_key=OTHER)
    assert code == 1
    assert [item for item in found if item[1] == "recipients"] != []
