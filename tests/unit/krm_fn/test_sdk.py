"""The library for other functions: the example of the documentation, and the specification's shapes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from krm_fn import sdk
from kubectl_sops.errors import SopsError
from kubectl_sops.formats.yaml_load import load_all

GUIDE = Path(__file__).parents[3] / "docs/kustomize.md"
STDIN = """\
apiVersion: config.kubernetes.io/v1
kind: ResourceList
items:
- apiVersion: apps/v1
  kind: Deployment
  metadata: {name: web, namespace: prod}
  spec: {replicas: 1}
- apiVersion: v1
  kind: ConfigMap
  metadata: {name: c}
  data: {answer: "yes", number: "0o14"}
functionConfig:
  apiVersion: v1
  kind: ConfigMap
  metadata: {name: f}
  data: {replicas: "3"}
"""


def example() -> str:
    """The first Python block of the guide."""
    return GUIDE.read_text().split("```python\n")[1].split("```")[0]


def run(code: str, stdin: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], input=stdin, capture_output=True, text=True, check=False, timeout=60
    )


def test_the_example_of_the_guide_works() -> None:
    """Ten lines, read from the documentation."""
    code = example()
    assert len([line for line in code.splitlines() if line.strip()]) <= 10
    done = run(code, STDIN)
    assert done.returncode == 0, done.stderr
    (tree,) = load_all(done.stdout)
    assert tree["items"][0]["spec"]["replicas"] == 3  # type: ignore[index, call-overload]
    assert tree["items"][1]["data"] == {"answer": "yes", "number": "0o14"}  # type: ignore[index, call-overload]


def test_a_result_of_severity_error_is_a_failure() -> None:
    """kustomize looks at the exit code and at stderr only, kpt at the results."""
    code = (
        "from krm_fn.sdk import run\n"
        "run(lambda rl: [rl.fail('no limits', item, 'spec.replicas') for item in rl.find('Deployment')])"
    )
    done = run(code, STDIN)
    assert done.returncode == 1
    assert done.stderr == "error: no limits\n"
    (tree,) = load_all(done.stdout)
    assert tree["results"] == [  # type: ignore[index, call-overload]
        {
            "message": "no limits", "severity": "error", "tags": {}, "field": {"path": "spec.replicas"},
            "resourceRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "namespace": "prod"},
        }
    ]  # fmt: skip


def test_a_result_reads_and_writes_as_the_specification_says() -> None:
    """All its fields, by their names there."""
    tree: dict[str, Any] = {
        "message": "m", "severity": "warning",
        "resourceRef": {"apiVersion": "v1", "kind": "Secret", "name": "n", "namespace": "ns"},
        "field": {"path": "data.a", "currentValue": 1, "proposedValue": [2]},
        "file": {"path": "a/b.yaml", "index": 2}, "tags": {"k": "v"},
    }  # fmt: skip
    result = sdk.Result.model_validate(tree)
    assert result.severity is sdk.Severity.WARNING
    assert result.resource_ref is not None
    assert result.model_dump(mode="json", by_alias=True, exclude_none=True) == tree
    assert sdk.Result.model_validate({"message": "m"}).severity is sdk.Severity.ERROR


def test_a_list_round_trips_with_what_is_unknown() -> None:
    """Order of keys included; fields of later versions are kept."""
    tree = {
        "apiVersion": "config.kubernetes.io/v1",
        "kind": "ResourceList",
        "items": [{"b": 1, "a": 2}],
        "later": {"x": 1},
    }
    again = load_all(sdk.ResourceList.parse(json.dumps(tree)).dump())
    assert again == [tree]
    assert list(again[0]["items"][0]) == ["b", "a"]  # type: ignore[index, call-overload]


@pytest.mark.parametrize("text", ["", "[]", "kind: List", '{"kind": "ResourceList", "items": ["hunter2"]}'])
def test_anything_else_is_an_error_without_values(text: str) -> None:
    """Only where it is wrong."""
    if text == "":
        text = "kind: hunter2"
    with pytest.raises(SopsError) as caught:
        sdk.ResourceList.parse(text)
    assert "hunter2" not in str(caught.value)
