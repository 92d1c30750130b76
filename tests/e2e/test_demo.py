"""The demo that a newcomer runs first does what it says."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_demo_shows_the_whole_way(tmp_path: Path) -> None:
    """A key, an encrypted Secret, a small diff, a build: each command succeeds, and nothing is left behind."""
    demo = subprocess.run(
        [ROOT / "scripts/demo"], env={**os.environ, "TMPDIR": str(tmp_path)},
        stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=300, check=False,
    )  # fmt: skip
    assert demo.returncode == 0, demo.stdout + demo.stderr
    steps = {part.split("\n", 1)[0]: part for part in demo.stdout.split("\n$ ")[1:]}
    assert "secret/sops-age created" in demo.stdout
    assert "secret/sops-age unchanged" in steps["kubectl sops init"]
    assert demo.stdout.count("AGE-SECRET-KEY-1") == 1
    assert "password: ENC[AES256_GCM," in steps["cat apps/shop/database.yaml"]
    assert "password: correct horse battery staple" in steps["kubectl sops decrypt apps/shop/database.yaml"]
    changed = [line for line in steps["git diff --unified=1"].splitlines() if line.startswith("+ ")]
    assert [line.split()[1] for line in changed] == ["password:", "lastmodified:", "mac:"]
    build = next(text for command, text in steps.items() if "kubectl kustomize" in command)
    assert "password: a new password" in build
    assert demo.stdout.rstrip().endswith("\n0")
    assert list(tmp_path.iterdir()) == []
