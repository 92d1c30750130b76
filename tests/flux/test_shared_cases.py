"""Cases made by real programs and checked against the real controller."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from kubectl_sops.errors import SopsError
from kubectl_sops.flux import profile, source, spec
from kubectl_sops.flux.mask import Masker
from kubectl_sops.flux.opening import Opener
from kubectl_sops.flux.pipeline import Builder
from kubectl_sops.flux.tree import Tree
from kubectl_sops.keys.keyring import Keyring
from tests.support.tools import SHARED_CASES, need, need_shared

DERIVED = SHARED_CASES / "flux/derived"
NAMES = sorted(path.name for path in DERIVED.iterdir() if path.is_dir()) if DERIVED.is_dir() else []

CAUSES = {
    "07": "no binary data found in tree",
    "23": "stringData.b",
    "27": "stringData.a",
    "32b": "panic: number of previous names",
    "34": "immutable",
    "48": "no kustomization file found",
    "50": "exceeding limit (5242880)",
    "56": "unknown anchor",
}
"""What the error of a case must name."""


def build(case: Path, folder: Path) -> list[dict]:
    """What leaves the build step of the controller."""
    key = need_shared("flux") / "upstream/kustomize-controller/sops/keys/age.txt"
    shutil.copytree(case / "tree", folder, dirs_exist_ok=True)
    if (case / "MAKE-BIG-FILE.txt").exists():
        (folder / "big.txt").write_bytes(b"x" * ((5 << 20) + 1))
    path = os.pathsep.join([str(Path(need("kustomize")).parent), os.environ["PATH"]])
    keys = Keyring({"SOPS_AGE_KEY_FILE": str(key)}, source="local")
    kustomization = spec.choose(spec.read_kustomizations(str(case / "flux-kustomization.yaml")), None, case.name)
    with Tree(source.read_folder(str(folder)), os.environ) as tree:
        builder = Builder(
            tree, Opener(keys), lambda *_: None, profile=profile.Profile(), environ={**os.environ, "PATH": path},
            masker=Masker(),
        )  # fmt: skip
        return builder.build(kustomization, final=False).objects


def comparable(manifest: dict[str, Any]) -> dict[str, Any]:
    """An object with base64 in one spelling; YAML breaks it into lines."""
    out = {**manifest, "data": dict(manifest.get("data") or {})}
    if out["kind"] == "Secret":
        for key, value in out["data"].items():
            out["data"][key] = "".join(str(value).split())
    return out if out["data"] else {key: value for key, value in out.items() if key != "data"}


@pytest.mark.parametrize("name", NAMES)
def test_build_step(name: str, tmp_path: Path) -> None:
    """The objects, in their order, or the cause of the failure."""
    case = need_shared("flux/derived") / name
    expected = case / "expected.yaml"
    if not expected.exists():
        with pytest.raises(SopsError, match=re.escape(CAUSES[name.partition("-")[0]])):
            build(case, tmp_path)
        return
    want = [comparable(o) for o in yaml.safe_load_all(expected.read_text()) if o]
    assert [comparable(o) for o in build(case, tmp_path)] == want


def test_there_are_cases() -> None:
    """The folder was found, where the shared cases are there at all."""
    need_shared("flux/derived")
    assert NAMES
