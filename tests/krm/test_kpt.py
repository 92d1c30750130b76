"""``kpt fn eval`` and ``kpt fn render``: packages that people read, so layout and comments stay."""

from __future__ import annotations

import binascii
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.canary import PLAINTEXT, VALUE
from tests.support.kustomize import Identity, Workshop, objects, seal
from tests.support.tools import need

SECRET = f"""\
# leading comment
apiVersion: v1
kind: Secret
metadata:
  name: db-creds
type: Opaque
stringData:
  # inner comment
  zeta: "quoted" # trailing
  alpha: {VALUE}
  many: |
    line1
    line2
"""
PLAIN = """\
# a plain file
apiVersion: v1
kind: ConfigMap
metadata:
  name: c
data:
  # why
  z: "1" # tail
  a: 'two'
"""
VALIDATOR = '{"apiVersion": "kubectl-sops.dev/v1", "kind": "SopsValidator", "metadata": {"name": "v"}}'


def package(workshop: Workshop, identity: Identity) -> Path:
    """A package with one plain and one encrypted file."""
    return workshop.write("pkg", {"s.yaml": seal(SECRET, identity), "c.yaml": PLAIN})


def kpt(workshop: Workshop, *args: str) -> subprocess.CompletedProcess[str]:
    """Run kpt with our function on PATH."""
    return subprocess.run(
        [need("kpt"), *args], env=workshop.environ(HOME=str(workshop.folder)), cwd=workshop.folder, capture_output=True,
        text=True, check=False, timeout=60, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def test_unwrapped_output_is_the_plaintext_in_its_own_order(workshop: Workshop, identity: Identity) -> None:
    """P01."""
    package(workshop, identity)
    done = kpt(workshop, "fn", "eval", "pkg", "--exec", "krm-sops", "-o", "unwrap")
    assert done.returncode == 0, done.stderr
    by_kind = {item["kind"]: item for item in objects(done.stdout)}
    assert list(by_kind["Secret"]["stringData"]) == ["zeta", "alpha", "many"]
    assert by_kind["Secret"]["stringData"]["alpha"] == VALUE
    assert "resources decrypted; in place they are written" in done.stderr + done.stdout


def test_in_place_only_the_encrypted_file_changes(workshop: Workshop, identity: Identity) -> None:
    """P02: the plain one keeps every byte, the decrypted one its layout and comments."""
    folder = package(workshop, identity)
    done = kpt(workshop, "fn", "eval", "pkg", "--exec", "krm-sops")
    assert done.returncode == 0, done.stderr
    assert (folder / "c.yaml").read_text() == PLAIN
    # kpt itself copies comments of its input back by position
    lines = [line for line in (folder / "s.yaml").read_text().splitlines() if "ENC[" not in line]
    assert "\n".join(lines) + "\n" == SECRET


def test_a_changed_file_is_a_result(workshop: Workshop, identity: Identity) -> None:
    """P03: exit code 1, a result with resource and file, no values, and nothing written."""
    folder = package(workshop, identity)
    sealed = (folder / "s.yaml").read_text().replace("type: Opaque", "type: evil")
    (folder / "s.yaml").write_text(sealed)
    done = kpt(workshop, "fn", "eval", "pkg", "--exec", "krm-sops", "--results-dir", "results")
    assert done.returncode != 0
    (report,) = objects((workshop.folder / "results/results.yaml").read_text())
    (result,) = report["items"][0]["results"]
    assert result["severity"] == "error"
    assert result["resourceRef"]["name"] == "db-creds"
    assert result["file"]["path"] == "s.yaml"
    assert "MAC" in result["message"]
    assert (folder / "s.yaml").read_text() == sealed
    assert not PLAINTEXT.is_in((done.stderr + done.stdout + json.dumps(report)).encode())


def test_a_pipeline_renders(workshop: Workshop, identity: Identity) -> None:
    """P04: ``kpt fn render --allow-exec``."""
    folder = package(workshop, identity)
    (folder / "Kptfile").write_text(
        "apiVersion: kpt.dev/v1\nkind: Kptfile\nmetadata: {name: pkg}\npipeline: {mutators: [{exec: krm-sops}]}\n"
    )
    done = kpt(workshop, "fn", "render", "pkg", "--allow-exec", "-o", "unwrap")
    assert done.returncode == 0, done.stderr
    secret = next(item for item in objects(done.stdout) if item["kind"] == "Secret")
    assert secret["stringData"]["alpha"] == VALUE


GENERATOR = """\
apiVersion: kubectl-sops.dev/v1
kind: SopsGenerator
metadata:
  name: g
  annotations:
    config.kubernetes.io/local-config: "true"
files:
- data.yaml
"""


@pytest.mark.parametrize("where", [".", "pkg"])
def test_a_generator_of_a_pipeline_reads_beside_its_configuration(
    where: str, workshop: Workshop, identity: Identity
) -> None:
    """Wherever below or at the folder of the call the package is; the configuration stays in the package."""
    folder = workshop.write(
        "pkg",
        {
            "Kptfile": "apiVersion: kpt.dev/v1\nkind: Kptfile\nmetadata: {name: pkg}\n"
            "pipeline: {mutators: [{exec: krm-sops, configPath: sub/g.yaml}]}\n",
            "sub/g.yaml": GENERATOR,
            ".krmignore": "data.yaml\n",
            "sub/data.yaml": seal(SECRET, identity),
        },
    )
    arguments = ["fn", "render", str(folder) if where == "." else "pkg", "--allow-exec"]
    done = kpt(workshop, *arguments)
    assert done.returncode == 0, done.stderr
    assert (folder / "sub/g.yaml").read_text() == GENERATOR
    found = [item for path in folder.rglob("*.yaml") for item in objects(path.read_text())]
    assert VALUE.encode() in [
        binascii.a2b_base64(item["data"]["alpha"]) for item in found if "alpha" in item.get("data", {})
    ]  # fmt: skip


def test_a_package_elsewhere_is_not_entered(workshop: Workshop) -> None:
    """The annotation comes with the configuration; it must not widen what is read."""
    config = {
        "apiVersion": "kubectl-sops.dev/v1", "kind": "SopsGenerator", "files": ["hostname"],
        "metadata": {"name": "g", "annotations": {"internal.config.kubernetes.io/package-path": "/etc"}},
    }  # fmt: skip
    tree = {"apiVersion": "config.kubernetes.io/v1", "kind": "ResourceList", "items": [], "functionConfig": config}
    done = workshop.call(stdin=json.dumps(tree), cwd=workshop.folder)
    assert done.returncode == 1
    assert f"the package is not below {workshop.folder}" in done.stderr


@pytest.mark.parametrize("words", [["--fn-config", "v.json"], ["--", "mode=verify"]], ids=["config", "key-value"])
def test_a_validator_returns_every_byte(words: list[str], workshop: Workshop, identity: Identity) -> None:
    """P05: kpt deletes what a function does not return."""
    folder = package(workshop, identity)
    shutil.copytree(folder, workshop.folder / "before")
    (workshop.folder / "v.json").write_text(VALIDATOR)
    place = words.index("--") if "--" in words else len(words)
    done = kpt(workshop, "fn", "eval", "pkg", "--exec", "krm-sops", *words[:place], *words[place:])
    assert done.returncode == 0, done.stderr
    for name in ("s.yaml", "c.yaml"):
        assert (folder / name).read_bytes() == (workshop.folder / "before" / name).read_bytes()


def test_a_function_of_the_guide_runs(workshop: Workshop) -> None:
    """``krm_fn.sdk`` reads what kpt writes, and the other way round; text beyond ASCII and its kind survive."""
    guide = Path(__file__).parents[2] / "docs/kustomize.md"
    code = guide.read_text().split("```python\n")[1].split("```")[0]
    script = workshop.bin / "scale"
    script.write_text(f"#!{sys.executable}\n{code}")
    script.chmod(0o755)
    deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  replicas: 1\n"
    workshop.write("pkg", {"d.yaml": deployment, "c.yaml": PLAIN.replace("'two'", '"zwölf"').replace('"1"', '"1e3"')})
    done = kpt(workshop, "fn", "eval", "pkg", "--exec", str(script), "-o", "unwrap", "--", "replicas=3")
    assert done.returncode == 0, done.stderr
    by_kind = {item["kind"]: item for item in objects(done.stdout)}
    assert by_kind["Deployment"]["spec"]["replicas"] == 3
    assert by_kind["ConfigMap"]["data"] == {"z": "1e3", "a": "zwölf"}


def settings(text: str) -> Any:
    """Key and value as kpt hands them over."""
    return dict(part.split("=") for part in text.split())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("requireMac=maybe", "expected error, warn or off"),
        ("cmd=encrypt", "only decrypt is possible"),
        ("mode=both", "expected verify or transform"),
        ("frobnicate=1", "unknown field"),
    ],
)
def test_settings_that_do_not_exist(text: str, words: str, workshop: Workshop) -> None:
    """The words after ``--`` are checked like any configuration."""
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "function-input"}, "data": settings(text)}
    tree = {"apiVersion": "config.kubernetes.io/v1", "kind": "ResourceList", "items": [], "functionConfig": config}
    done = workshop.call(stdin=json.dumps(tree))
    assert done.returncode == 1
    assert words in done.stderr
