"""``krm-sops`` inside builds: start-up, one file, many files, many generators, a transformer; beside KSOPS if there."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.measure import OURS, Goal, case
from benchmarks.workshop import SECRET, find

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.workshop import Workshop

_FLOOR = "import yaml, pyrage; from cryptography.hazmat.primitives.ciphers.aead import AESGCM"


def _program() -> str:
    return str(Path(sys.executable).parent / "krm-sops")


def _build(shop: Workshop, folder: str, program: str) -> Callable[[], None]:
    """A build in which the functions named ``ksops`` and ``krm-sops`` are ``program``."""
    return _with_tools(shop, program, [find("kustomize"), "build", "--enable-alpha-plugins", "--enable-exec", folder])


def _with_tools(shop: Workshop, program: str, command: list[str]) -> Callable[[], None]:
    tools = shop.folder / ("bin-" + os.path.basename(program))
    tools.mkdir(exist_ok=True)
    for name in ("ksops", "krm-sops"):
        if not (tools / name).is_symlink():
            (tools / name).symlink_to(program)

    def run() -> None:
        before = shop.env["PATH"]
        shop.env["PATH"] = f"{tools}:{before}"
        try:
            shop.run(command)
        finally:
            shop.env["PATH"] = before

    return run


def _contestants(shop: Workshop, folder: str) -> dict[str, Callable[[], None]]:
    found = {OURS: _build(shop, folder, _program())}
    ksops = shutil.which("ksops", path=shop.env["PATH"])
    if ksops:
        found["ksops"] = _build(shop, folder, ksops)
    return found


def _secret(shop: Workshop, name: str, number: int) -> str:
    return shop.write(name, SECRET.replace("name: database", f"name: database-{number}", 1))


def _config(shop: Workshop, path: str, kind: str, **fields: object) -> None:
    version, program = ("viaduct.ai/v1", "ksops") if kind == "ksops" else ("kubectl-sops.dev/v1", "krm-sops")
    function = json.dumps({"exec": {"path": program}})
    metadata = {"name": Path(path).stem, "annotations": {"config.kubernetes.io/function": function}}
    shop.write(path, json.dumps({"apiVersion": version, "kind": kind, "metadata": metadata, **fields}))


def _generators(shop: Workshop, generators: int, files: int) -> dict[str, Callable[[], None]]:
    listed = []
    sealed = []
    for number in range(generators):
        names = [f"s{number}-{index}.yaml" for index in range(files)]
        sealed += [_secret(shop, f"app/{name}", number * files + index) for index, name in enumerate(names)]
        _config(shop, f"app/g{number}.yaml", "ksops", files=names)
        listed.append(f"g{number}.yaml")
    shop.encrypt(*sealed)
    shop.write("app/kustomization.yaml", json.dumps({"generators": listed}))
    return _contestants(shop, str(shop.folder / "app"))


@case("krm.start", rounds=31, goals=(Goal("python", 1.2),))
def start(shop: Workshop) -> dict[str, Callable[[], None]]:
    """The function alone, as a legacy plugin: one file."""
    _generators(shop, 1, 1)
    folder = str(shop.folder / "app")
    config = shop.write("app/g0.yaml", json.dumps({
        "apiVersion": "viaduct.ai/v1", "kind": "ksops", "metadata": {"name": "g"}, "files": ["s0-0.yaml"],
    }))  # fmt: skip
    return {
        OURS: lambda: shop.run([_program(), config], cwd=folder),
        "python": lambda: shop.run([shop.python, "-c", _FLOOR]),
    }


@case("krm.one", rounds=15, goals=(Goal("ksops", 2.5),))
def one(shop: Workshop) -> dict[str, Callable[[], None]]:
    """kustomize build: one generator with one file."""
    return _generators(shop, 1, 1)


@case("krm.files", rounds=9, goals=(Goal("ksops", 1.0),))
def files(shop: Workshop) -> dict[str, Callable[[], None]]:
    """kustomize build: one generator with 100 files."""
    return _generators(shop, 1, shop.count(100))


@case("krm.generators", rounds=3)
def generators(shop: Workshop) -> dict[str, Callable[[], None]]:
    """kustomize build: 100 generators with a file each, and the same merged into one."""
    found = _generators(shop, shop.count(100), 1)
    merged = shop.folder / "merged"
    shutil.copytree(shop.folder / "app", merged)
    _with_tools(shop, _program(), [_program(), "merge", str(merged), "--kustomize", find("kustomize")])()
    return found | {"merged": _build(shop, str(merged), _program())}


@case("krm.transformer", rounds=9)
def transformer(shop: Workshop) -> dict[str, Callable[[], None]]:
    """kustomize build: a transformer over 100 encrypted Secrets, beside one that only copies them."""
    names = [f"s{index}.yaml" for index in range(shop.count(100))]
    shop.encrypt(*(_secret(shop, f"app/{name}", index) for index, name in enumerate(names)))
    _config(shop, "app/t.yaml", "SopsTransformer")
    tree = {"resources": names, "namePrefix": "pre-", "transformers": ["t.yaml"]}
    shop.write("app/kustomization.yaml", json.dumps(tree))
    folder = str(shop.folder / "app")
    return {OURS: _build(shop, folder, _program()), "cat": _build(shop, folder, find("cat"))}
