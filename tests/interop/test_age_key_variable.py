"""``SOPS_AGE_KEY`` in every spelling that people put into it, read as real sops reads it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.support.kustomize import Identity, seal
from tests.support.tools import need, run

PROGRAM = str(Path(sys.executable).parent / "kubectl-sops")
SPELLINGS = {
    "alone": "{key}",
    "blanks around": "  {key} \n\n",
    "two lines": "{other}\n{key}",
    "one line": "{other} {key}",
    "a tab": "{other}\t{key}",
    "a key file": "# created: 2026-11-22T04:15:28Z\n# public key: age1xyz\n{key}\n",
    "CRLF": "# a comment\r\n{key}\r\n",
    "all a comment": "# created: today {key}",
    "a comment behind": "{key} # mine",
    "empty": "",
}


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
def test_same_verdict_as_sops(spelling: str, tmp_path: Path) -> None:
    """What opens a file for sops opens it for us, and the other way round."""
    identity = Identity()
    (tmp_path / "a.yaml").write_bytes(seal("stringData: {a: b}\n", identity, "a.yaml"))
    env = {"SOPS_AGE_KEY": spelling.format(key=identity.secret, other=Identity().secret), "HOME": str(tmp_path)}
    codes = [
        run([program, "decrypt", "a.yaml"], cwd=tmp_path, env=env).returncode for program in (need("sops"), PROGRAM)
    ]
    assert codes[0] == codes[1]
