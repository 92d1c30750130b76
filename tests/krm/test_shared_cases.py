"""Fixtures made with the real predecessors, where they are beside the checkout; the rest of this folder needs none."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from tests.support.kustomize import kubectls, kustomize
from tests.support.tools import need_shared

if TYPE_CHECKING:
    from tests.support.kustomize import Workshop


def test_all_cases_pass_but_the_one_that_reads_outside(workshop: Workshop) -> None:
    """Through every kubectl and kustomize; K28 is refused on purpose."""
    cases = need_shared("krm")
    tool = kustomize()
    command = [sys.executable, str(cases / "tools/run_cases.py"), "--fn-dir", str(workshop.bin), "-v"]
    command += [word for path in kubectls() for word in ("--kubectl", path)]
    command += ["--kustomize", tool] if tool else []
    done = subprocess.run(command, env=workshop.environ(), capture_output=True, text=True, check=False, timeout=600)
    failed = [line.split()[1] for line in done.stdout.splitlines() if line.startswith("FAIL")]
    assert set(failed) == {"K28-parent-dir"}, done.stdout
    assert sum(line.startswith("ok") for line in done.stdout.splitlines()) > 50
