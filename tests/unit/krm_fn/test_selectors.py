"""Which resources a transformer works on."""

from __future__ import annotations

from typing import Any

import pytest

from krm_fn.problems import ConfigError
from krm_fn.selectors import compile_all

WEB: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {
        "name": "web",
        "namespace": "prod",
        "labels": {"app": "web", "tier": "front"},
        "annotations": {"a": "1"},
    },
}
CORE: dict[str, Any] = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "web-db"}}

CASES = [
    ([], True, True),
    ([{}], True, True),
    ([{"kind": "Secret"}], False, True),
    ([{"kind": "Sec"}], False, False),
    ([{"kind": "Sec.*"}], False, True),
    ([{"kind": "Secret|Deployment"}], True, True),
    ([{"group": "apps"}], True, False),
    ([{"group": ""}], False, True),
    ([{"version": "v1"}], True, True),
    ([{"name": "web"}], True, False),
    ([{"name": "web.*", "namespace": "prod"}], True, False),
    ([{"namespace": "prod"}, {"kind": "Secret"}], True, True),
    ([{"labelSelector": "app=web"}], True, False),
    ([{"labelSelector": "app==web, tier!=back"}], True, False),
    ([{"labelSelector": "tier!=front"}], False, True),
    ([{"labelSelector": "tier"}], True, False),
    ([{"labelSelector": "!tier"}], False, True),
    ([{"labelSelector": "tier in (front, back), app"}], True, False),
    ([{"labelSelector": "tier notin (front,back)"}], False, True),
    ([{"annotationSelector": "a=1"}], True, False),
]


@pytest.mark.parametrize(("selectors", "web", "core"), CASES)
def test_every_field_of_one_selector_has_to_fit(selectors: list[dict[str, Any]], web: bool, core: bool) -> None:
    """Names as a whole, as in the targets of kustomize's patches."""
    test = compile_all(selectors)
    assert (test(WEB), test(CORE)) == (web, core)


@pytest.mark.parametrize(
    ("selector", "message"),
    [
        ({"name": "("}, "selectors[0].name: the regular expression does not compile"),
        ({"name": "(?<=x)y"}, "selectors[0].name: the regular expression does not compile"),
        ({"labelSelector": "a b c"}, "selectors[0].labelSelector: expected k=v"),
        ({"labelSelector": "a in b"}, "selectors[0].labelSelector: expected k=v"),
        ({"labelSelector": "a=b,,c=d"}, "selectors[0].labelSelector: expected k=v"),
        ({"labelSelector": "!"}, "selectors[0].labelSelector: expected k=v"),
    ],
)
def test_what_cannot_be_read_is_named(selector: dict[str, Any], message: str) -> None:
    """By its field."""
    with pytest.raises(ConfigError) as caught:
        compile_all([selector])
    assert message in str(caught.value)
