"""The tree keeps its shape: every package has a layer, modules stay small, documentation lists what is there."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = sorted(path for package in ("kubectl_sops", "krm_fn") for path in (ROOT / package).rglob("*.py"))
LINES = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}


def _layers() -> list[list[str]]:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    layers = next(contract["layers"] for contract in contracts if contract["name"] == "layers")
    return [layer.split(" | ") for layer in layers]


def test_every_package_has_a_layer() -> None:
    """No package or module at the top escapes the rule that imports go down only."""
    placed = {name for layer in _layers() for name in layer}
    top = {
        "kubectl_sops." + path.stem
        for path in (ROOT / "kubectl_sops").iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    # the public names, and `python -m`, stand above all layers
    assert top | {"krm_fn"} == placed | {"kubectl_sops.__init__", "kubectl_sops.__main__"}


def test_layers_stand_in_the_order_of_the_architecture() -> None:
    """The order that import-linter enforces is the one that the documentation draws."""
    drawn = (ROOT / "docs/architecture.md").read_text(encoding="utf-8").split("```")[1]
    order = [[name.strip() for name in layer.split("|")] for layer in drawn.split("→")]
    enforced = [[name.removeprefix("kubectl_sops.") for name in layer] for layer in _layers()]
    # names between bars are independent of each other; a drawing may leave that out, not the order
    assert [name for layer in order for name in layer] == [name for layer in enforced for name in layer]


@pytest.mark.parametrize("module", LINES)
def test_no_module_is_longer_than_500_lines(module: str) -> None:
    """What is longer does two things."""
    assert LINES[module] <= 500


def test_half_of_the_modules_are_shorter_than_200_lines() -> None:
    """A module holds one noun."""
    assert statistics.median(LINES.values()) < 200


def test_every_module_says_what_it_holds() -> None:
    """The first sentence of a module is its row in the documentation."""
    assert [
        str(path.relative_to(ROOT)) for path in MODULES if not path.read_text(encoding="utf-8").startswith('"""')
    ] == []


def test_lists_in_the_documentation_are_those_of_the_code() -> None:
    """Modules in ``docs/architecture.md`` and exit codes in ``docs/exit-codes.md``; ``scripts/tables`` renews them."""
    check = subprocess.run(
        [sys.executable, "scripts/tables", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (check.returncode, check.stderr) == (0, "")
