"""What Flux makes of sources, row by row."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kubectl_sops.errors import SopsError
from kubectl_sops.flux import profile, spec
from kubectl_sops.flux.ciphertext import StillEncryptedError
from kubectl_sops.flux.mask import Masker
from kubectl_sops.flux.pipeline import Build
from kubectl_sops.flux.session import Session
from kubectl_sops.keys.keyring import Keyring
from tests.flux.cases_objects import AFTER_THE_BUILD, SUBSTITUTION
from tests.flux.cases_sources import BEFORE_THE_BUILD, GENERATION
from tests.support import sealed
from tests.support.flux_cases import Case, holds
from tests.support.tools import need

CASES = [*GENERATION, *BEFORE_THE_BUILD, *AFTER_THE_BUILD, *SUBSTITUTION]


def build(case: Case, folder: Path, *, allow_encrypted: bool = True, manifest: dict | None = None) -> Build:
    """Build a case as ``kubectl sops build`` does."""
    path = os.pathsep.join([str(Path(need("kustomize")).parent), os.environ["PATH"]])
    session = Session(
        str(case.lay_out(folder)), Keyring({"SOPS_AGE_KEY": str(sealed.IDENTITY)}, source="local"),
        profile=profile.Profile(), masker=Masker(), environ={**os.environ, "PATH": path},
        allow_encrypted=allow_encrypted,
    )  # fmt: skip
    with session:
        return session.try_build(spec.Kustomization(manifest or case.kustomization()))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_build_has_the_outcome_that_flux_has(case: Case, tmp_path: Path) -> None:
    """Objects or the cause of the failure are those of the controller."""
    out = build(case, tmp_path)
    if isinstance(case.expect, str) and not case.encrypted:
        assert out.error is not None
        assert case.expect in str(out.error) + str(getattr(out.error, "path", ""))
        return
    assert out.error is None, out.error
    if isinstance(case.expect, dict):
        found = {_key(o, case): o for o in out.objects}
        assert sorted(found) == sorted(case.expect)
        for name, expected in case.expect.items():
            assert holds(found[name], expected), (name, found[name])


def _key(manifest: dict, case: Case) -> str:
    """``Kind/name``, the hash of a generated name as the case writes it."""
    name = f"{manifest['kind']}/{manifest['metadata']['name']}"
    cut = name[:-10] + "…"
    return cut if isinstance(case.expect, dict) and cut in case.expect else name


@pytest.mark.parametrize("case", [c for c in CASES if c.encrypted], ids=lambda case: case.id)
def test_ciphertext_is_refused_by_default(case: Case, tmp_path: Path) -> None:
    """Objects that would be applied encrypted fail the build, whatever Flux does with them."""
    assert isinstance(build(case, tmp_path, allow_encrypted=False).error, StillEncryptedError | SopsError)


@pytest.mark.parametrize("case", [c for c in CASES if c.remark], ids=lambda case: case.id)
def test_it_is_explained(case: Case, tmp_path: Path) -> None:
    """What Flux does silently is said."""
    assert case.remark in {remark.code for remark in build(case, tmp_path).remarks}


@pytest.mark.parametrize("case", [c for c in CASES if isinstance(c.expect, dict) and not c.encrypted][:40],
                         ids=lambda case: case.id)  # fmt: skip
def test_remarks_are_only_the_expected_ones(case: Case, tmp_path: Path) -> None:
    """A build that is in order has nothing to remark."""
    assert {remark.code for remark in build(case, tmp_path).remarks} <= {case.remark}
