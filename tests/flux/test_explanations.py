"""What to do about a failure: hints that name the file and the fix."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.flux.test_cases import CASES, build

if TYPE_CHECKING:
    from pathlib import Path

HINTS = {
    "G3-values-file": ".sourceignore",
    "G13-folder-without-kustomization": "needs a kustomization.yaml",
    "G15-unknown-nested-key": "spec.path only",
    "G18-everything-encrypted": "encrypted_regex",
    "G19-helm": "HelmRelease",
    "B4-key-without-extension": "config.yaml",
    "B29-patch-on-encrypted": "p.yaml sets it",
    "B31-strategic-merge-on-values": "in an object whose stringData is encrypted",
    "R11-plain-patch": "an inline patch in kustomization.yaml sets it",
    "R16-annotation-under-the-regex": "a patch or transformer set it",
    "R26-no-decryption": "spec.decryption with provider sops to Kustomization/apps/app",
    "S3-unset": "$${VAR}",
    "S8-breaks-yaml": "${q}${value}${q}",
    "S14-missing": "--from-cluster",
    "S15-name": "rename the key",
    "S17-shell-default": "not bash",
    "S27-array": "not bash",
}


@pytest.mark.parametrize("case", [case for case in CASES if case.id in HINTS], ids=lambda case: case.id)
def test_hint(case, tmp_path: Path) -> None:
    """The next step is said with the failure."""
    error = build(case, tmp_path).error
    assert error is not None
    assert HINTS[case.id] in (error.hint or "")


def test_every_hint_has_a_case() -> None:
    """No entry above is out of use."""
    assert HINTS.keys() <= {case.id for case in CASES}


@pytest.mark.parametrize("case", [c for c in CASES if isinstance(c.expect, str)], ids=lambda case: case.id)
def test_no_value_in_an_error(case, tmp_path: Path) -> None:
    """Neither the message nor the hint quotes what was decrypted."""
    error = build(case, tmp_path).error
    for word in ("hunter2", "alice", "Qr2"):
        assert word not in f"{error} {error.hint if error else ''} {error!r}"
