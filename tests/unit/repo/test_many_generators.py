"""kustomize starts a process for each generator."""

from __future__ import annotations

import pytest

from kubectl_sops.repo import generators

KINDS = {"viaduct.ai/v1": "ksops", "kubectl-sops.dev/v1": "SopsGenerator", "goabout.com/v1beta1": "SopsSecretGenerator"}


def files(count: int, version: str = "viaduct.ai/v1", documents: int = 1) -> dict[str, bytes]:
    """A kustomization with generators."""
    config = f"apiVersion: {version}\nkind: {KINDS.get(version, 'Other')}\nmetadata: {{name: g}}\n"
    names = [f"g{number}.yaml" for number in range(count)]
    found = {f"app/{name}": "---\n".join([config] * documents).encode() for name in names}
    found["app/kustomization.yaml"] = f"generators: [{', '.join(names)}, https://example.org/g.yaml]\n".encode()
    return found


def messages(tree: dict[str, bytes]) -> list[str]:
    name = "app/kustomization.yaml"
    return [finding.message for finding in generators.check(name, tree[name], tree.get)]


@pytest.mark.parametrize("version", KINDS)
def test_many_generators_are_pointed_out(version: str) -> None:
    """As a warning, of whatever kind they are."""
    assert messages(files(3, version)) == []
    assert messages(files(4, version)) == ["4 generators start a process each, one after the other"]


def test_documents_of_a_file_are_processes_too() -> None:
    """One file with many configurations saves nothing."""
    assert messages(files(2, documents=3)) == ["6 generators start a process each, one after the other"]


def test_generators_of_others_are_theirs() -> None:
    """Only ours can be merged."""
    assert messages(files(9, "example.org/v1")) == []
