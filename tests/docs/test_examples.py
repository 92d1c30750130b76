"""Blocks of the documentation that can run do run."""

from __future__ import annotations

import os
import re
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

import kubectl_sops as ks
from kubectl_sops.keys import age
from tests.support.tools import need, run

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def _blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), re.S)


def test_python_of_the_api_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The example of the API page works as it stands, given a key, a file and a rule."""
    identity, recipient = age.generate()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SOPS_AGE_KEY", str(identity))
    plain = b"stringData:\n  password: hidden\n"
    data = ks.encrypt(plain, format="yaml", recipients=[recipient])
    rule = {"creation_rules": [{"path_regex": "^plain", "age": recipient}]}
    (tmp_path / ".sops.yaml").write_text(yaml.safe_dump(rule))
    (tmp_path / "secret.yaml").write_bytes(data)
    (tmp_path / "plain.yaml").write_bytes(plain)
    block = _blocks("docs/api.md", "python")[0]
    names: dict[str, object] = {"text": str(identity), "data": data}
    exec(block, names)
    assert names["plain"] == plain
    assert b"password: ENC[" in names["data"]  # type: ignore[operator]  # bytes


def test_names_of_the_api_page_are_promised() -> None:
    """Each function in the table of the API page is public."""
    table = (ROOT / "docs/api.md").read_text(encoding="utf-8").split("|---|---|")[1]
    listed = set(re.findall(r"^\| `(\w+)\(", table, re.M))
    assert listed
    assert listed <= set(ks.__all__)


def test_generator_of_the_readme_builds(tmp_path: Path) -> None:
    """The recipe for kustomize works as it stands: the generator, the installation, the build."""
    kubectl = need("kubectl")
    identity, recipient = age.generate()
    secret = b"apiVersion: v1\nkind: Secret\nmetadata:\n  name: database\nstringData:\n  password: hidden\n"
    rules = ks.Rules(encrypted_regex="^(data|stringData)$")
    sealed = ks.encrypt(secret, format="yaml", recipients=[recipient], rules=rules)
    (tmp_path / "database.enc.yaml").write_bytes(sealed)
    (tmp_path / "secrets.yaml").write_text(_blocks("README.md", "yaml")[0])
    (tmp_path / "kustomization.yaml").write_text("generators: [secrets.yaml]\n")
    env = {
        "HOME": str(tmp_path / "home"),
        "SOPS_AGE_KEY": str(identity),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
    }
    block = next(block for block in _blocks("README.md", "sh") if "install kustomize" in block)
    install, build = block.strip().splitlines()
    assert run(["sh", "-c", install], env=env, cwd=tmp_path).returncode == 0
    built = run(["sh", "-c", build.partition(" | ")[0].replace("kubectl", kubectl, 1)], env=env, cwd=tmp_path)
    assert built.returncode == 0, built.stderr
    (made,) = yaml.safe_load_all(built.stdout)
    assert (made["kind"], made["metadata"]["name"]) == ("Secret", "database")


def test_extras_of_the_readme_exist() -> None:
    """What the README lets people install is in the package's description, and nothing is left out."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    sentence = re.search(r"([A-Z][\w, ]+) keys need an\s+extra", README)
    assert sentence
    named = {name.lower() for name in re.findall(r"\w+", sentence[1]) if name != "and"}
    assert named == set(project["optional-dependencies"])
    assert set(re.findall(r"kubectl-sops\[(\w+)\]", README)) <= named
    assert "Python " + project["requires-python"].removeprefix(">=") in README


def test_scripts_of_the_readme_exist() -> None:
    """What is to be run in a checkout is there and can be run."""
    scripts = re.findall(r"^(scripts/\w+)", "\n".join(_blocks("README.md", "sh")), re.M)
    assert scripts
    assert all(os.access(ROOT / script, os.X_OK) for script in scripts)
