"""Optional packages: they install together, and errors name extras that exist."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

from tests.support.key_services import need_package

ROOT = Path(__file__).parents[2]
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]


def test_errors_name_extras_that_exist() -> None:
    """Whoever installs what an error says gets what was missing."""
    code = "".join(path.read_text() for path in (ROOT / "kubectl_sops").rglob("*.py"))
    named = set(re.findall(r'missing_extra\("(\w+)"', code))
    assert named == set(EXTRAS)


def test_documentation_names_every_extra() -> None:
    """The guide says what to install."""
    guide = (ROOT / "docs/key-systems.md").read_text()
    assert set(re.findall(r"kubectl-sops\[(\w+)\]", guide)) == set(EXTRAS)


def test_extras_install_together() -> None:
    """With each other, and with the package for the cluster: no requirement of one breaks another."""
    for package in ("boto3", "azure.keyvault.keys", "google_crc32c", "kubernetes"):
        need_package(package)
    check = subprocess.run([sys.executable, "-m", "pip", "check"], capture_output=True, text=True, check=False)
    assert check.returncode == 0, check.stdout
