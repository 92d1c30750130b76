"""What the tests of the preview share: the program with a key and the real kustomize."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support import sealed
from tests.support.tools import need, run

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

PROGRAM = str(Path(sys.executable).parent / "kubectl-sops")


@pytest.fixture
def program() -> Callable[..., subprocess.CompletedProcess[bytes]]:
    """Runs ``kubectl-sops`` in a folder, with ``sealed.IDENTITY``."""
    path = os.pathsep.join([str(Path(need("kustomize")).parent), os.environ["PATH"]])

    def call(*argv: str, cwd: Path, **env: str) -> subprocess.CompletedProcess[bytes]:
        return run([PROGRAM, *argv], cwd=cwd, env={"PATH": path, "SOPS_AGE_KEY": str(sealed.IDENTITY), **env})

    return call
