"""What the libraries of the controller make of texts: vectors made by running them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kubectl_sops.flux import envsubst, go_yaml
from kubectl_sops.flux.ignore import Ignore, read_patterns
from kubectl_sops.flux.quantity import canonical
from tests.support.tools import SHARED_CASES, need_shared

VECTORS = Path(__file__).parents[2] / "vectors/flux"


def load(name: str) -> dict[str, Any]:
    vectors: dict[str, Any] = json.loads((VECTORS / name).read_text())
    assert vectors["cases"]
    return vectors


NAMES = ("envsubst", "yaml_emit", "yaml_load", "ignore", "quantity")
SUBSTITUTION, EMIT, LOAD, IGNORE, QUANTITIES = (load(f"{name}.json") for name in NAMES)


def substituted(text: str, variables: dict[str, str], *, strict: bool) -> dict[str, object]:
    """The result in the form of a vector."""
    try:
        out = envsubst.substitute(text, variables, strict=strict)
    except (envsubst.ExpressionError, envsubst.UnsetVariablesError) as error:
        return {"panic": True} if "panics" in error.message else {"error": error.message}
    return {"out": out.encode("utf-8", "surrogateescape").decode("utf-8", "replace")}


def same(one: Any, other: Any) -> bool:
    """Whether two JSON values are equal, large numbers as precise as JSON writes them."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, int | float) and isinstance(other, int | float) and not isinstance(one, bool):
        return not isinstance(other, bool) and float(one) == float(other)
    return bool(one.__class__ is other.__class__ and one == other)


@pytest.mark.parametrize("case", SUBSTITUTION["cases"], ids=lambda case: f"{case['in']!r}-{case['strict']}")
def test_substitution(case: dict[str, Any]) -> None:
    """Every form, escape and error of the language."""
    wanted = {key: case[key] for key in ("out", "error", "panic") if key in case}
    assert substituted(case["in"], SUBSTITUTION["variables"], strict=case["strict"]) == wanted


@pytest.mark.parametrize("case", EMIT["cases"], ids=lambda case: repr(case["value"])[:50])
def test_printed_yaml(case: dict[str, Any]) -> None:
    """Quotes, blocks, line folding, the order of keys and the form of numbers."""
    assert go_yaml.dump(case["value"]) == case["yaml"]


@pytest.mark.parametrize("case", LOAD["cases"], ids=lambda case: repr(case["yaml"])[:50])
def test_read_yaml(case: dict[str, Any]) -> None:
    """The type of every scalar, merges, tags and what is refused."""
    if "error" in case:
        with pytest.raises(go_yaml.NotYamlError):
            go_yaml.load(case["yaml"])
        return
    assert same(go_yaml.load(case["yaml"]), case["value"])


@pytest.mark.parametrize("case", IGNORE["cases"], ids=lambda case: f"{case['patterns']}-{case['domain']}")
def test_ignored_paths(case: dict[str, Any]) -> None:
    """Which paths of a source stay out of its artifact."""
    rules = Ignore(read_patterns("\n".join(case["patterns"]), case["domain"]))
    found = [p for p in IGNORE["paths"] if rules.reason(p.rstrip("/").split("/"), is_directory=p.endswith("/"))]
    assert found == case["excluded"]


@pytest.mark.parametrize("case", QUANTITIES["cases"], ids=lambda case: case["in"])
def test_quantities(case: dict[str, Any]) -> None:
    """The spelling of resource requests and the like."""
    assert canonical(case["in"]) == case["out"]


def test_shared_substitution_vectors() -> None:
    """The vectors kept beside the checkout, where they are."""
    need_shared("flux/vectors")
    lines = (SHARED_CASES / "flux/vectors/envsubst.jsonl").read_text().splitlines()
    assert lines
    for case in map(json.loads, lines):
        got = substituted(case["in"], case["vars"], strict=case["strict"])
        if "panic" in case:
            assert "panic" in got, case
        else:
            assert got == {key: case[key] for key in ("out", "error") if key in case}, case


def test_shared_yaml_vectors() -> None:
    """The same for printed scalars and for what a substituted value becomes."""
    need_shared("flux/vectors")
    odd = ("a\x85b", "\ufeffa")  # go-yaml does not read back what it prints for these
    for case in json.loads((SHARED_CASES / "flux/vectors/yaml-emit.json").read_text()):
        if case["string"] not in odd:
            assert go_yaml.dump({"p": {"k": case["string"]}}) == case["yaml"]
    for case in json.loads((SHARED_CASES / "flux/vectors/yaml-retype.json").read_text()):
        if case["raw"].startswith("ERR"):
            with pytest.raises(go_yaml.NotYamlError):
                go_yaml.load(case["yaml"])
        else:
            assert same(go_yaml.load(case["yaml"]), json.loads(case["raw"])), case
