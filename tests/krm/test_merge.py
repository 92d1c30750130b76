"""``krm-sops merge``: many generators in one process, with the same build."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.kustomize import Door, Identity, Workshop, doors, kustomize, objects, seal
from tests.support.tools import need

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "apiVersion: v1\nkind: Secret\nmetadata: {{name: {0}}}\nstringData: {{a: b}}\n"
BLOCK = """\
# the top
resources: []
generators: # all of them
- a.yaml
# between
- b.yaml
- c.yaml # the last
namePrefix: p-
"""
FLOW = "namePrefix: p-\ngenerators: [a.yaml, b.yaml, c.yaml]\n"


def _doors(*modes: str) -> list[Any]:
    return [pytest.param(door, id=door.id) for door in doors(*modes)]


def folder_of(workshop: Workshop, identity: Identity, door: Door, kustomization: str, kind: str) -> Path:
    """Three generators over a file each."""
    version = "viaduct.ai/v1" if kind == "ksops" else "kubectl-sops.dev/v1"
    folder = workshop.write("app", {"kustomization.yaml": kustomization})
    for name in "abc":
        (folder / f"{name}.enc.yaml").write_bytes(seal(SECRET.format(name), identity))
        config = {"apiVersion": version, "kind": kind, "metadata": {"name": name}, "files": [f"{name}.enc.yaml"]}
        workshop.config(folder / f"{name}.yaml", config, door.mode)
    return folder


@pytest.mark.parametrize("kind", ["ksops", "SopsGenerator"])
@pytest.mark.parametrize("kustomization", [BLOCK, FLOW], ids=["block", "flow"])
@pytest.mark.parametrize("door", _doors("legacy", "exec"))
def test_the_build_is_the_same(
    door: Door, kustomization: str, kind: str, workshop: Workshop, identity: Identity
) -> None:
    """Three configurations become one, the rest of the kustomization stays as it was written."""
    folder = folder_of(workshop, identity, door, kustomization, kind)
    before = workshop.build(folder, door).stdout
    done = workshop.call("merge", str(folder), "--kustomize", door.tool)
    assert done.returncode == 0, done.stderr
    assert workshop.build(folder, door).stdout == before
    name = "ksops.yaml" if kind == "ksops" else "sops-generator.yaml"
    text = (folder / "kustomization.yaml").read_text()
    if kustomization is FLOW:
        assert text == f"namePrefix: p-\ngenerators: [{name}]\n"
    else:
        assert text == BLOCK.replace("- a.yaml", f"- {name}").replace("- b.yaml\n", "").replace(
            "- c.yaml # the last\n", ""
        )  # fmt: skip
    (config,) = objects((folder / name).read_text())
    assert config["files"] == ["a.enc.yaml", "b.enc.yaml", "c.enc.yaml"]
    assert len(objects(before)) == 3


@pytest.mark.parametrize("door", _doors("legacy", "exec"))
def test_secret_generators_become_one_of_ours(door: Door, workshop: Workshop, identity: Identity) -> None:
    """Names with hashes included."""
    folder = workshop.write(
        "app",
        {
            "kustomization.yaml": "generators:\n- a.yaml\n- b.yaml\n",
            "v.env": seal("A=1\nB= x \n", identity, "v.env"),
            "f.txt": seal("x\n", identity, "f.txt"),
        },
    )
    common = {"apiVersion": "goabout.com/v1beta1", "kind": "SopsSecretGenerator"}
    one = common | {"metadata": {"name": "a", "labels": {"l": "1"}}, "envs": ["v.env"], "files": ["f.txt", "k=f.txt"]}
    two = common | {
        "metadata": {"name": "b"},
        "envs": ["v.env"],
        "disableNameSuffixHash": True,
        "type": "example.org/t",
    }
    workshop.config(folder / "a.yaml", one, door.mode)
    workshop.config(folder / "b.yaml", two, door.mode)
    before = workshop.build(folder, door).stdout
    done = workshop.call("merge", str(folder), "--kustomize", door.tool)
    assert done.returncode == 0, done.stderr
    assert workshop.build(folder, door).stdout == before
    assert len(objects(before)) == 2


def test_a_dry_run_changes_nothing(workshop: Workshop, identity: Identity) -> None:
    """It shows the configuration."""
    folder = folder_of(workshop, identity, Door("", "legacy"), BLOCK, "ksops")
    done = workshop.call("merge", str(folder), "--dry-run")
    assert "ksops.yaml would replace a.yaml, b.yaml, c.yaml:" in done.stdout
    assert (folder / "kustomization.yaml").read_text() == BLOCK
    assert not (folder / "ksops.yaml").exists()


def test_another_result_is_taken_back(workshop: Workshop, identity: Identity) -> None:
    """Order counts where the kustomization keeps it: the generator between the two comes last afterwards."""
    kustomization = "generators: [a.yaml, x.yaml, c.yaml]\nsortOptions: {order: fifo}\n"
    (door, *_) = doors("legacy")
    folder = folder_of(workshop, identity, door, kustomization, "ksops")
    config = {"apiVersion": "kubectl-sops.dev/v1", "kind": "SopsGenerator", "metadata": {"name": "x"}}
    workshop.config(folder / "x.yaml", config | {"files": ["b.enc.yaml"], "encode": "stringData"}, "legacy")
    done = workshop.call("merge", str(folder), "--kustomize", door.tool)
    assert done.returncode == 1
    assert "builds something else, so nothing was changed" in done.stderr
    assert (folder / "kustomization.yaml").read_text() == kustomization
    assert not (folder / "ksops.yaml").exists()


def test_kubectl_is_no_proof_for_functions(workshop: Workshop, identity: Identity) -> None:
    """It skips them before and after, so that any change would look the same."""
    folder = folder_of(workshop, identity, Door("", "exec"), BLOCK, "ksops")
    done = workshop.call("merge", str(folder), "--kustomize", need("kubectl"))
    assert done.returncode == 1
    assert "kubectl skips KRM functions" in done.stderr


def test_a_build_that_fails_before_is_no_proof(workshop: Workshop, stranger: Identity) -> None:
    """Without keys nothing can be proved, and what the build printed is not repeated."""
    tool = kustomize() or need("kustomize")
    folder = folder_of(workshop, stranger, Door(tool, "exec"), BLOCK, "ksops")
    done = workshop.call("merge", str(folder), "--kustomize", tool)
    assert done.returncode == 1
    assert "the build fails before anything was changed" in done.stderr
    assert (folder / "kustomization.yaml").read_text() == BLOCK


def test_nothing_to_merge(workshop: Workshop, identity: Identity) -> None:
    """One generator is one process already."""
    folder = folder_of(workshop, identity, Door("", "legacy"), "generators: [a.yaml]\n", "ksops")
    assert workshop.call("merge", str(folder)).stdout == "nothing to merge\n"


@pytest.mark.parametrize(
    "value", ["1e3", "yes", ".5", "0o14", "a: b", "# x", "", " x", "tab\there", "ok", "./a/b.yaml", "*"]
)
def test_what_is_written_reads_back(value: str) -> None:
    """Text stays text for every reader of YAML."""
    from krm_fn.merge import dump

    config = {"a": value, "l": [value, {"m": value, "n": [value]}], "e": [], "d": {"k": {"x": True, "y": 1}}}
    assert objects(dump(config)) == [config]
    assert json.loads(json.dumps(objects(dump(config)))) == [config]
