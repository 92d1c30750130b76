"""``diff`` against a real API server, where the real controller has applied before."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.support import sealed
from tests.support.flux import NAMESPACE
from tests.support.flux_cases import config_map, kustomization, secret
from tests.support.flux_repository import flux_kustomization, seal

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.flux import Flux

    Program = Callable[..., subprocess.CompletedProcess[bytes]]

KEY = "diff-age"
_numbers = itertools.count()


class Cluster:
    """A source and its Kustomization, applied by the controller, in a namespace of their own."""

    def __init__(self, flux: Flux, program: Program, folder: Path, name: str | None = None) -> None:
        self.flux = flux
        self._program = program
        self.folder = folder
        self.name = name or f"diff-{next(_numbers)}"
        self.spec: dict[str, Any] = {
            "path": "./app", "targetNamespace": self.name,
            "decryption": {"provider": "sops", "secretRef": {"name": KEY}},
        }  # fmt: skip
        if name is None:
            flux.api.namespace(self.name)
        if not flux.get("secret", KEY, NAMESPACE):
            literal = f"--from-literal=age.agekey={sealed.IDENTITY}"
            flux.api.kubectl("-n", NAMESPACE, "create", "secret", "generic", KEY, literal)
        self.write(**{"c.yaml": config_map("a: b"), "s.yaml": seal(secret("password: hunter2-hunter2"))})

    def write(self, **files: str | bytes) -> None:
        """Files of the source, all of them listed in its kustomization.yaml."""
        app = self.folder / "app"
        app.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (app / name).write_bytes(content.encode() if isinstance(content, str) else content)
        self.list_resources()

    def remove(self, name: str) -> None:
        (self.folder / "app" / name).unlink()
        self.list_resources()

    def list_resources(self) -> None:
        app = self.folder / "app"
        names = sorted(path.name for path in app.iterdir() if path.name != "kustomization.yaml")
        (app / "kustomization.yaml").write_text(kustomization(*names))

    def apply(self) -> None:
        """Have the controller apply the source."""
        applied = self.flux.kustomize(self.name, self.folder, **self.spec)
        assert applied.ok, applied.message

    def diff(self, *flags: str) -> subprocess.CompletedProcess[bytes]:
        """``diff`` of the source as it is, with the key that the cluster holds."""
        spec = {field: value for field, value in self.spec.items() if field != "path"}
        (self.folder / "ks.yaml").write_text(flux_kustomization(self.name, self.spec["path"], **spec))
        return self._program(
            "diff", "app", "--kustomization-file", "ks.yaml", *flags, cwd=self.folder, SOPS_AGE_KEY="",
            KUBECONFIG=str(self.flux.api.kubeconfig()),
        )  # fmt: skip

    def lines(self, *flags: str) -> list[str]:
        """The titles of the changes."""
        result = self.diff("-o", "name", *flags)
        assert result.returncode in (0, 1), result.stderr.decode()
        return result.stdout.decode().splitlines()


@pytest.fixture
def cluster(flux: Flux, program: Program, tmp_path: Path) -> Cluster:
    """One that nothing was applied to."""
    return Cluster(flux, program, tmp_path / "source")


@pytest.fixture(scope="module")
def first(flux: Flux, tmp_path_factory: pytest.TempPathFactory) -> Cluster:
    """One that was applied, for all tests that leave the cluster as it is."""
    cluster = Cluster(flux, _not_run, tmp_path_factory.mktemp("first"))
    cluster.apply()
    return cluster


def _not_run(*_: str, **__: object) -> subprocess.CompletedProcess[bytes]:
    raise AssertionError


@pytest.fixture
def applied(first: Cluster, program: Program, tmp_path: Path) -> Cluster:
    """The source of the one that was applied, to be changed."""
    return Cluster(first.flux, program, tmp_path / "source", first.name)


def test_before_the_first_apply_everything_is_created(cluster: Cluster) -> None:
    """Objects that are not there are created."""
    assert cluster.lines() == [f"ConfigMap/{cluster.name}/c created", f"Secret/{cluster.name}/s created"]


def test_what_the_controller_applied_is_no_difference(applied: Cluster) -> None:
    """Right after a reconciliation there is nothing to say: we would send what was sent."""
    result = applied.diff()
    assert (result.returncode, result.stdout, result.stderr) == (0, b"", b"")


def test_changed_values_are_masked(applied: Cluster) -> None:
    """The live and the new value of a Secret show as different masks."""
    applied.write(**{"s.yaml": seal(secret("password: swordfish-swordfish"))})
    result = applied.diff()
    assert result.returncode == 1
    text = (result.stdout + result.stderr).decode()
    assert f"► Secret/{applied.name}/s changed" in text
    assert "*** (15 bytes" in text
    assert "*** (19 bytes" in text
    for word in ("hunter2", "swordfish", "aHVudGVy", "c3dvcmRm"):
        assert word not in text


def test_drift_shows(cluster: Cluster) -> None:
    """Somebody changed an object in the cluster."""
    cluster.apply()
    cluster.flux.api.kubectl("-n", cluster.name, "patch", "configmap", "c", "--type=merge", "-p", '{"data":{"a":"x"}}')
    (change,) = json.loads(cluster.diff("-o", "json").stdout)["changes"]
    assert change["changes"] == [{"op": "replace", "path": "/data/a", "before": "x", "after": "b"}]


def test_prune_deletes_what_is_gone(applied: Cluster) -> None:
    """What the inventory has and the build has not would be deleted."""
    applied.remove("c.yaml")
    assert applied.lines() == [f"ConfigMap/{applied.name}/c deleted"]
    applied.spec["prune"] = False
    assert applied.lines() == []


def test_prune_spares_what_is_annotated(cluster: Cluster) -> None:
    """``prune: disabled`` keeps an object."""
    kept = config_map("a: b").replace(
        "metadata:\n", "metadata:\n  annotations:\n    kustomize.toolkit.fluxcd.io/prune: disabled\n"
    )
    cluster.write(**{"c.yaml": kept})
    cluster.apply()
    cluster.remove("c.yaml")
    assert cluster.lines() == [f"ConfigMap/{cluster.name}/c skipped (kept: prune is disabled for it)"]


def test_excluded_objects_are_skipped(applied: Cluster) -> None:
    """``reconcile: disabled`` means that Flux does not touch it."""
    skipped = config_map("a: other").replace(
        "metadata:\n", "metadata:\n  annotations:\n    kustomize.toolkit.fluxcd.io/reconcile: disabled\n"
    )
    applied.write(**{"c.yaml": skipped})
    result = applied.diff("-o", "name")
    assert result.returncode == 0
    assert result.stdout.decode() == f"ConfigMap/{applied.name}/c skipped (excluded by an annotation)\n"


def test_immutable_fields(cluster: Cluster) -> None:
    """A change that the API server refuses is a failure, or a new object with ``force``."""
    cluster.write(**{"c.yaml": config_map("a: b") + "immutable: true\n"})
    cluster.apply()
    cluster.write(**{"c.yaml": config_map("a: x") + "immutable: true\n"})
    result = cluster.diff()
    assert result.returncode == 2
    assert b"ConfigMap" in result.stderr
    assert b"force" in result.stderr
    cluster.spec["force"] = True
    assert cluster.lines() == [f"ConfigMap/{cluster.name}/c recreated (an immutable field changes)"]


def test_unknown_namespace(cluster: Cluster) -> None:
    """In a namespace that is not there yet everything is created."""
    cluster.spec["targetNamespace"] = "not-there-yet"
    assert all("created (its namespace is not there yet)" in line for line in cluster.lines())


def test_variables_of_the_cluster(cluster: Cluster) -> None:
    """``substituteFrom`` is read from the cluster."""
    cluster.flux.api.kubectl("-n", NAMESPACE, "create", "configmap", cluster.name, "--from-literal=greeting=hello")
    cluster.write(**{"c.yaml": config_map("a: ${greeting}")})
    cluster.spec["postBuild"] = {"substituteFrom": [{"kind": "ConfigMap", "name": cluster.name}]}
    changes = json.loads(cluster.diff("-o", "json").stdout)["changes"]
    assert [change["action"] for change in changes] == ["created", "created"]
    assert b"+  a: hello" in cluster.diff().stdout


def test_ignored_fields(cluster: Cluster) -> None:
    """What ``spec.ignore`` leaves to others is no drift, what it does not is."""
    cluster.apply()
    patch = '{"data":{"a":"x"}}'
    cluster.flux.api.kubectl("-n", cluster.name, "patch", "configmap", "c", "--type=merge", "-p", patch)
    cluster.spec["ignore"] = [{"paths": ["/data/a"], "target": {"kind": "ConfigMap", "name": "c.*"}}]
    assert cluster.lines() == []
    cluster.spec["ignore"] = [{"paths": ["/data/a"], "target": {"kind": "Secret"}}]
    assert cluster.lines() == [f"ConfigMap/{cluster.name}/c changed"]
