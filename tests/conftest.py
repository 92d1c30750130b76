"""What holds for every test: nothing of the user who runs it is seen or touched, and hypothesis keeps its pace."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from tests.support.flux import flux  # noqa: F401  # fixtures for every test
from tests.support.key_services import aws, bao, bao_tls, cloud, gcp_kms, key_vault  # noqa: F401
from tests.support.kube import emulator, kube_api  # noqa: F401

if TYPE_CHECKING:
    from collections.abc import Iterator

# few examples each day, many when somebody looks for more: HYPOTHESIS_PROFILE=thorough scripts/test tests/props.
# No deadline: how long an example takes says more about the machine than about the code.
settings.register_profile("quick", max_examples=50, deadline=None)
settings.register_profile("thorough", max_examples=2000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))

_KEEP = {"PATH", "LANG", "LC_ALL", "TMPDIR", "TZ", "TERM", "PYTHON", "XDG_CACHE_HOME"}
_KEEP_PREFIXES = ("KUBECTL_SOPS_CACHE", "KUBECTL_SOPS_REQUIRE", "PYTEST", "PYTHON", "HYPOTHESIS", "COVERAGE", "PIP_")


@pytest.fixture(scope="session", autouse=True)
def _nobody(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """An empty home and a small environment: no keys, kubeconfig, editor or Git settings of whoever runs the tests."""
    before = dict(os.environ)
    for name in before:
        if name not in _KEEP and not name.startswith(_KEEP_PREFIXES):
            del os.environ[name]
    os.environ |= {
        "HOME": str(tmp_path_factory.mktemp("home")),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": "Test",
        "GIT_AUTHOR_EMAIL": "test@example.invalid",
        "GIT_COMMITTER_NAME": "Test",
        "GIT_COMMITTER_EMAIL": "test@example.invalid",
        "SOPS_DISABLE_VERSION_CHECK": "1",
    }
    yield
    os.environ.clear()
    os.environ.update(before)
