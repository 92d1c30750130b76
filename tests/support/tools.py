"""Real programs to compare with: on PATH, in the virtual environment, or in the cache of ``.ci/build-tools``."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from types import ModuleType

CACHE = Path(
    os.environ.get("KUBECTL_SOPS_CACHE")
    or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kubectl-sops"
)
SHARED_CASES = Path(__file__).parents[3] / "shared" / "cases"
"""Files made by real programs, kept beside the checkout; their tests run only where it is there."""


def find(name: str) -> str | None:
    """The path of a program, or ``None``. Our own virtual environment and cache come before PATH."""
    folders = [str(Path(sys.executable).parent), str(CACHE / "bin")]
    return shutil.which(name, path=os.pathsep.join([*folders, os.environ.get("PATH", "")]))


def required() -> set[str]:
    """Names in ``KUBECTL_SOPS_REQUIRE``: what must not be missing."""
    return {name for name in os.environ.get("KUBECTL_SOPS_REQUIRE", "").replace(",", " ").split() if name}


def need(name: str) -> str:
    """The path of a program; skips the test where it is missing, and fails where ``KUBECTL_SOPS_REQUIRE`` names it."""
    path = find(name)
    if path is None:
        missing(name)
    return path


def need_module(name: str) -> ModuleType:
    """An optional package; skips the test where it is missing, and fails where ``KUBECTL_SOPS_REQUIRE`` names it."""
    try:
        return import_module(name)
    except ModuleNotFoundError:
        missing(name)
        raise


def missing(name: str) -> None:
    """Skip, or fail where ``KUBECTL_SOPS_REQUIRE`` names it."""
    if name in required():
        pytest.fail(f"{name} is required (KUBECTL_SOPS_REQUIRE) and missing", pytrace=False)
    pytest.skip(f"{name} is not installed")


def need_shared(folder: str) -> Path:
    """A folder of the shared cases; skips where it is not there."""
    path = SHARED_CASES / folder
    if not path.is_dir():
        missing("shared-cases")
    return path


def run(
    argv: list[str],
    *,
    stdin: bytes | None = None,
    env: dict[str, str] | None = None,
    cwd: Path | str | None = None,
    timeout: float = 120,
) -> subprocess.CompletedProcess[bytes]:
    """Run a program with a clean, small environment plus ``env``."""
    clean = {k: v for k, v in os.environ.items() if k in ("PATH", "LANG", "TMPDIR")}
    clean["HOME"] = "/nonexistent"
    clean["SOPS_DISABLE_VERSION_CHECK"] = "1"
    return subprocess.run(
        argv, input=stdin if stdin is not None else b"", env=clean | (env or {}), cwd=cwd, capture_output=True,
        timeout=timeout, check=False,
    )  # fmt: skip
