"""One workshop and one pair of throw-away identities for all builds of this folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.kustomize import Identity, Workshop

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def identity() -> Identity:
    return Identity()


@pytest.fixture(scope="session")
def stranger() -> Identity:
    """An identity that no build has."""
    return Identity()


@pytest.fixture
def workshop(tmp_path: Path, identity: Identity) -> Workshop:
    return Workshop(tmp_path, identity)
