"""``build`` as people run it."""

from __future__ import annotations

import base64
import json
import os
import re
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.support import sealed
from tests.support.flux_cases import config_map, kustomization, secret
from tests.support.flux_repository import PASSWORD, SECRET_WORDS, fleet, flux_kustomization, seal
from tests.support.tools import need, run

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    Program = Callable[..., subprocess.CompletedProcess[bytes]]

MASK = re.compile(r"\*\*\* \((\d+) bytes?, [0-9a-f]{8}\)")


def objects(result: subprocess.CompletedProcess[bytes]) -> dict[str, dict[str, Any]]:
    """The objects printed, by kind and name."""
    assert result.returncode == 0, result.stderr.decode()
    found = [o for o in yaml.safe_load_all(result.stdout) if o]
    return {f"{o['kind']}/{o['metadata']['name']}": o for o in found}


def test_path_finds_its_kustomization(tmp_path: Path, program: Program) -> None:
    """A folder is built with the Kustomization of the repository that applies it."""
    repository = fleet(tmp_path / "fleet")
    found = objects(program("build", "apps/prod", cwd=repository.folder))
    assert found["Secret/db"]["metadata"]["namespace"] == "apps"
    assert found["Secret/db"]["metadata"]["labels"]["kustomize.toolkit.fluxcd.io/name"] == "apps"


def test_name_finds_its_kustomization(tmp_path: Path, program: Program) -> None:
    """``kustomization/NAME`` builds the same as its folder."""
    repository = fleet(tmp_path / "fleet")
    names = [program("build", what, "-o", "name", cwd=repository.folder).stdout for what in ("kustomization/apps",
             "ks/flux-system/apps", "apps/prod")]  # fmt: skip
    assert names[0] == names[1] == names[2] != b""


def test_the_namespace_is_given_as_in_kubectl(tmp_path: Path, program: Program) -> None:
    """``-n`` belongs to a name; with another namespace, or a folder, it is a mistake."""
    repository = fleet(tmp_path / "fleet")
    named = program("build", "kustomization/apps", "-n", "flux-system", "-o", "name", cwd=repository.folder)
    assert named.stdout == program("build", "apps/prod", "-o", "name", cwd=repository.folder).stdout != b""
    assert program("build", "ks/flux-system/apps", "-n", "flux-system", cwd=repository.folder).returncode == 0
    for words in (["kustomization/apps", "-n", "other"], ["apps/prod", "-n", "other"], ["ks/a/apps", "-n", "b"]):
        result = program("build", *words, cwd=repository.folder)
        assert result.returncode not in (0, 70)
        assert b"hint: " in result.stderr


def test_kustomization_file_serves_outside_of_git(tmp_path: Path, program: Program) -> None:
    """With the manifest named, a plain folder will do; its path says where the source begins."""
    (tmp_path / "app").mkdir()
    (tmp_path / "app/c.yaml").write_text(config_map("a: b"))
    (tmp_path / "ks.yaml").write_text(flux_kustomization("app", "./app"))
    found = objects(program("build", "app", "--kustomization-file", "ks.yaml", cwd=tmp_path))
    assert list(found) == ["ConfigMap/c"]


def test_values_are_masked(tmp_path: Path, program: Program) -> None:
    """Nothing that was decrypted is printed: Secrets, generated ones, and what variables brought elsewhere."""
    repository = fleet(tmp_path / "fleet")
    result = program("build", "-R", "kustomization/flux-system", cwd=repository.folder)
    found = objects(result)
    for word in SECRET_WORDS:
        assert word.encode() not in result.stdout + result.stderr
        assert base64.b64encode(word.encode()) not in result.stdout + result.stderr
    match = MASK.fullmatch(found["Secret/db"]["data"]["password"])
    assert match is not None
    assert int(match[1]) == len(PASSWORD)
    assert MASK.sub("…", found["ConfigMap/web"]["data"]["database"]) == "postgres://…/web"
    assert found["ConfigMap/web"]["data"]["url"] == "https://example.org/"


def test_show_secrets_prints_values(tmp_path: Path, program: Program) -> None:
    """``--show-secrets`` is what gives values away."""
    repository = fleet(tmp_path / "fleet")
    found = objects(program("build", "--show-secrets", "apps/prod", cwd=repository.folder))
    assert base64.b64decode(found["Secret/db"]["data"]["password"]).decode() == PASSWORD
    assert found["ConfigMap/web"]["data"]["database"] == "postgres://db.internal.example.org/web"


def test_equal_values_look_equal(tmp_path: Path, program: Program) -> None:
    """Within one output the same value has the same mask, another value another one."""
    text = secret("a: same-value\nb: same-value\nc: else-value")
    repository = fleet(tmp_path / "fleet", **{"apps/prod/db.yaml": seal(text)})
    data = objects(program("build", "apps/prod", cwd=repository.folder))["Secret/s"]["data"]
    assert data["a"] == data["b"] != data["c"]


def test_masks_differ_between_runs(tmp_path: Path, program: Program) -> None:
    """The digest is keyed with random bytes, so that nobody can try values against it."""
    repository = fleet(tmp_path / "fleet")
    first, second = (program("build", "apps/prod", cwd=repository.folder).stdout for _ in range(2))
    assert first != second


def test_masks_agree_with_a_key(tmp_path: Path, program: Program) -> None:
    """A key that the user keeps makes two runs comparable."""
    repository = fleet(tmp_path / "fleet")
    (tmp_path / "key").write_bytes(b"k" * 32)
    flag = ("--mask-key-file", str(tmp_path / "key"))
    first, second = (program("build", "apps/prod", *flag, cwd=repository.folder).stdout for _ in range(2))
    assert first == second


def test_source_ignore_of_the_repository(tmp_path: Path, program: Program) -> None:
    """``spec.ignore`` of the GitRepository and ``.sourceignore`` leave files out, as in an artifact."""
    changes = {"docs/.sourceignore": "", "apps/prod/.sourceignore": "db.yaml\n"}
    repository = fleet(tmp_path / "fleet", **changes)
    result = program("build", "apps/prod", cwd=repository.folder)
    assert result.returncode != 0
    assert b"db.yaml" in result.stderr


def test_uncommitted_changes_count(tmp_path: Path, program: Program) -> None:
    """What is built is the work tree, new files too, but not what Git ignores."""
    repository = fleet(tmp_path / "fleet")
    changes = {"apps/prod/kustomization.yaml": kustomization("new.yaml"), "apps/prod/new.yaml": config_map("a: b")}
    repository.write(changes)
    assert list(objects(program("build", "apps/prod", cwd=repository.folder))) == ["ConfigMap/c"]
    repository.write({".gitignore": "new.yaml\n"})
    result = program("build", "apps/prod", cwd=repository.folder)
    assert result.returncode == 1


def test_work_tree_is_not_touched(tmp_path: Path, program: Program) -> None:
    """No file of the repository is written, created or deleted."""
    repository = fleet(tmp_path / "fleet")
    before = {p: (p.stat().st_mtime_ns, p.stat().st_ino) for p in repository.folder.rglob("*") if ".git/" not in str(p)}
    program("build", "-R", "kustomization/flux-system", cwd=repository.folder)
    after = {p: (p.stat().st_mtime_ns, p.stat().st_ino) for p in repository.folder.rglob("*") if ".git/" not in str(p)}
    assert before == after
    assert repository.git("status", "--porcelain").stdout == b""


def test_recursion_follows_dependencies(tmp_path: Path, program: Program) -> None:
    """``-R`` builds what the root creates, dependencies first, each once."""
    repository = fleet(tmp_path / "fleet")
    result = program("build", "-R", "kustomization/flux-system", "-o", "name", cwd=repository.folder)
    lines = result.stdout.decode().splitlines()
    order = [lines.index(name) for name in ("Kustomization/flux-system/apps", "ConfigMap/flux-system/cluster",
                                            "ConfigMap/apps/web")]  # fmt: skip
    assert order == sorted(order)
    assert len(lines) == len(set(lines))


def test_recursion_uses_patched_kustomizations(tmp_path: Path, program: Program) -> None:
    """A Kustomization is built as its parent applies it, not as its file has it."""
    patch = [{"target": {"kind": "Kustomization", "name": "apps"},
              "patch": '[{"op": "add", "path": "/spec/targetNamespace", "value": "patched"}]'}]  # fmt: skip
    root = kustomization("flux-system", "settings.yaml", "apps.yaml", patches=patch)
    repository = fleet(tmp_path / "fleet", **{"clusters/prod/kustomization.yaml": root})
    found = objects(program("build", "-R", "kustomization/flux-system", cwd=repository.folder))
    assert found["Secret/db"]["metadata"]["namespace"] == "patched"


def test_one_failure_does_not_hide_the_rest(tmp_path: Path, program: Program) -> None:
    """With ``-R`` the Kustomizations that build are printed, and the failure decides the exit code."""
    repository = fleet(tmp_path / "fleet", **{"settings/kustomization.yaml": kustomization("gone.yaml")})
    result = program("build", "-R", "kustomization/flux-system", cwd=repository.folder)
    assert result.returncode == 1
    assert b"Kustomization/flux-system/settings" in result.stderr
    assert b"gone.yaml" in result.stderr
    assert b"kind: Secret" in result.stdout


def test_ciphertext_is_an_error(tmp_path: Path, program: Program) -> None:
    """An object that would be applied encrypted is named, with its place and the Kustomization."""
    manifest = flux_kustomization("apps", "./apps/prod", decryption=None, targetNamespace="x")
    repository = fleet(tmp_path / "fleet", **{"clusters/prod/apps.yaml": manifest})
    result = program("build", "apps/prod", cwd=repository.folder)
    assert result.returncode == 1
    assert result.stdout == b""
    assert b"Secret/x/db" in result.stderr
    assert b"data.password" in result.stderr
    allowed = program("build", "apps/prod", "--allow-encrypted", cwd=repository.folder)
    assert allowed.returncode == 0


def test_wrong_key_is_explained(tmp_path: Path, program: Program) -> None:
    """Without a key that fits, the file and its recipients are named, and nothing is printed."""
    repository = fleet(tmp_path / "fleet")
    other = sealed.pyrage.x25519.Identity.generate()
    result = program("build", "apps/prod", cwd=repository.folder, SOPS_AGE_KEY=str(other))
    assert result.returncode == 128
    assert result.stdout == b""
    assert str(sealed.IDENTITY.to_public()).encode() in result.stderr


def test_key_of_a_local_decryption_secret(tmp_path: Path, program: Program) -> None:
    """A manifest of the decryption Secret in the repository, encrypted to the reader, gives the cluster's key."""
    mine = sealed.pyrage.x25519.Identity.generate()
    manifest = secret(f"age.agekey: {sealed.IDENTITY}", "sops-age", more="  namespace: flux-system\n")
    repository = fleet(tmp_path / "fleet")
    (repository.folder / "keys.yaml").write_text(manifest)
    args = ["encrypt", "-i", "--age", str(mine.to_public()), "--encrypted-regex", "^(data|stringData)$", "keys.yaml"]
    done = run([need("sops"), "--config", os.devnull, *args], cwd=repository.folder)
    assert done.returncode == 0, done.stderr
    result = program("build", "apps/prod", cwd=repository.folder, SOPS_AGE_KEY=str(mine))
    assert "Secret/db" in objects(result)


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_forms(form: str, tmp_path: Path, program: Program) -> None:
    """JSON and YAML hold the same objects."""
    repository = fleet(tmp_path / "fleet")
    result = program("build", "apps/prod", "-o", form, cwd=repository.folder)
    found = json.loads(result.stdout)["items"] if form == "json" else list(yaml.safe_load_all(result.stdout))
    assert [o["kind"] for o in found] == ["ConfigMap", "Secret", "Secret"]


def test_nothing_to_build(tmp_path: Path, program: Program) -> None:
    """Without a folder or name the user is told what to write."""
    result = program("build", cwd=tmp_path)
    assert result.returncode == 2
    assert b"kustomization/NAME" in result.stderr


def test_other_sources_are_passed_over(tmp_path: Path, program: Program) -> None:
    """A Kustomization of another repository is named, and is no failure."""
    other = flux_kustomization("elsewhere", "./deploy", sourceRef={"kind": "GitRepository", "name": "other"})
    repository = fleet(tmp_path / "fleet", **{"clusters/prod/elsewhere.yaml": other})
    result = program("build", "-R", "kustomization/flux-system", cwd=repository.folder)
    assert result.returncode == 0
    assert b"GitRepository/flux-system/other is not this repository" in result.stderr


def test_suspended(tmp_path: Path, program: Program) -> None:
    """What would be applied is shown, and that it is not."""
    manifest = flux_kustomization("settings", "./settings", suspend=True)
    repository = fleet(tmp_path / "fleet", **{"clusters/prod/settings.yaml": manifest})
    result = program("build", "settings", cwd=repository.folder)
    assert b"kind: Secret" in result.stdout
    assert b"suspended" in result.stderr


def test_unset_variables_without_strictness(tmp_path: Path, program: Program) -> None:
    """They become empty, and are told."""
    repository = fleet(tmp_path / "fleet", **{"settings/cluster.yaml": config_map("other: x", "cluster")})
    result = program("build", "apps/prod", "--no-strict", cwd=repository.folder)
    assert objects(result)["ConfigMap/web"]["data"]["url"] == "https:///"
    assert b"variables without a value: domain" in result.stderr


def test_completion_of_names(tmp_path: Path, program: Program) -> None:
    """kubectl and flux ask for candidates in Cobra's protocol: Kustomizations by name, and folders."""
    repository = fleet(tmp_path / "fleet")
    result = program("__complete", "build", "kustomization/", cwd=repository.folder)
    lines = result.stdout.decode().splitlines()
    assert "kustomization/apps\tapps/prod" in lines
    assert lines[-1] == ":0"


def test_kubectl_serves_where_kustomize_is_missing(tmp_path: Path, program: Program) -> None:
    """``kubectl kustomize`` builds the same objects, decrypted files included."""
    repository = fleet(tmp_path / "fleet")
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("kubectl", "git"):
        (tools / name).symlink_to(need(name))
    key = tmp_path / "key"
    key.write_bytes(b"k" * 32)
    argv = ("build", "apps/prod", "--mask-key-file", str(key))
    with_kubectl = program(*argv, cwd=repository.folder, PATH=str(tools))
    assert with_kubectl.returncode == 0, with_kubectl.stderr.decode()
    assert with_kubectl.stdout == program(*argv, cwd=repository.folder).stdout
    tools.joinpath("kubectl").unlink()
    neither = program(*argv, cwd=repository.folder, PATH=str(tools))
    assert b"neither kustomize nor kubectl is installed" in neither.stderr
