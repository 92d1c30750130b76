"""The API server itself refuses what we say that it refuses, and takes the rest."""

from __future__ import annotations

import pytest

from tests.unit.files.test_kube_secret import ACCEPTED, REFUSED

OTHERS = {
    # not for the API server as they are: Flux substitutes first, or there is no such kind here
    "variables", "registry variable", "ssh variable", "other variables", "maps of variables",
    "keys of variables", "another kind", "another group",
}  # fmt: skip
TAKEN = {
    # kubectl makes text of it, Flux other text: `2026-01-01` becomes `2026-01-01T00:00:00Z`
    "time",
}  # fmt: skip


def answer(api, text):
    """What the server says to creating it, and whether it took it."""
    api.kubectl("delete", "secret", "--all", "-n", "default", check=False)
    flags = ("-n", "default", "--dry-run=server", "--validate=strict", "-o", "name")
    return api.kubectl("create", "-f", "-", *flags, stdin=text, check=False).strip()


@pytest.mark.parametrize("name", [name for name in REFUSED if name not in TAKEN])
def test_the_server_refuses_it(kube_api, name):
    """With strict validation of fields, which kubectl has on by default."""
    text, _, _ = REFUSED[name]
    assert len(answer(kube_api, text).splitlines()) < max(1, text.count("kind: Secret"))


@pytest.mark.parametrize("name", [name for name in ACCEPTED if name not in OTHERS])
def test_the_server_takes_it(kube_api, name):
    """As it is."""
    assert answer(kube_api, ACCEPTED[name]) != ""
