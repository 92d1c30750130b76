"""kustomize quotes what it does not like; none of what was decrypted gets into our errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.flux.test_cases import build
from tests.support.flux_cases import SECRETS, Case, Sealed, config_map, kustomization, secret

if TYPE_CHECKING:
    from pathlib import Path

WORD = "hunter2-correct-horse"


def patched(text: str) -> dict[str, str | bytes | Sealed]:
    return {"kustomization.yaml": kustomization("s.yaml", patches=[{"path": "p.yaml"}]), "s.yaml": secret("a: b"),
            "p.yaml": Sealed(text)}  # fmt: skip


def generated(text: str) -> dict[str, str | bytes | Sealed]:
    entry = {"name": "g", "envs": ["a.env"]}
    return {"kustomization.yaml": kustomization(secretGenerator=[entry]), "a.env": Sealed(text, "dotenv")}


BROKEN = {
    "patch-name": patched(secret("a: b", WORD)),
    "patch-kind": patched(f"apiVersion: v1\nkind: {WORD}\nmetadata:\n  name: s\n"),
    "patch-no-object": patched(f"just: {WORD}\n"),
    "patch-type": patched(f"apiVersion: v1\nkind: Secret\nmetadata:\n  name: s\n  labels: {WORD}\n"),
    "env-name": generated(f"{WORD} x=1\n=2\n"),
    "twice": {"kustomization.yaml": kustomization("s.yaml", secretGenerator=[{"name": "s", "envs": ["a.env"]}]),
              "s.yaml": secret("a: b"), "a.env": Sealed(f"A={WORD}\n", "dotenv")},
    "name": {"kustomization.yaml": kustomization("s.yaml", namePrefix="x-", namespace="y"),
             "s.yaml": Sealed(secret(f"a: {WORD}"))},
    "substituted": {"kustomization.yaml": kustomization("s.yaml"),
                    "s.yaml": Sealed(secret(f"a: '${{{WORD}'"), selector=SECRETS)},
    "substituted-name": {"kustomization.yaml": kustomization("s.yaml"),
                         "s.yaml": Sealed(secret("a: ${hunter2}"), selector=SECRETS)},
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_decrypted_values_are_cut_out(name: str, tmp_path: Path) -> None:
    """Whatever fails, and however."""
    variables = {"postBuild": {"substitute": {"x": "*" + WORD}}} if name.startswith("sub") else {}
    out = build(Case(name, BROKEN[name], "", variables), tmp_path)
    shown = " ".join([f"{out.error} {out.error!r} {out.error.hint}" if out.error else "", *map(str, out.remarks)])
    assert WORD not in shown


def test_substituted_values_are_cut_out(tmp_path: Path) -> None:
    """A variable that breaks the YAML is not quoted."""
    files = {"kustomization.yaml": kustomization("c.yaml"), "c.yaml": config_map("a: ${x}")}
    for value in (f"*{WORD}", f"a: {WORD}: b", f"@{WORD}", f'"{WORD}', f"!!int {WORD}", f"[{WORD}"):
        case = Case("x", files, "", {"postBuild": {"substitute": {"x": value}}})
        error = build(case, tmp_path).error
        assert error is not None
        assert WORD not in f"{error} {error!r} {error.hint}"
