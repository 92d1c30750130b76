"""``spec.ignore``."""

from __future__ import annotations

import pytest

from kubectl_sops.flux.drift import ignored, without
from kubectl_sops.flux.spec import Kustomization

OBJECT = {
    "apiVersion": "apps/v1", "kind": "Deployment",
    "metadata": {"name": "web", "namespace": "apps", "labels": {"team": "a"}},
}  # fmt: skip


@pytest.mark.parametrize(
    ("target", "chosen"),
    [
        (None, True), ({"kind": "Deployment"}, True), ({"kind": "Deploy"}, False), ({"name": "w.*"}, True),
        ({"group": "apps", "version": "v1"}, True), ({"namespace": "other"}, False),
        ({"labelSelector": "team=a"}, True), ({"labelSelector": "team==b"}, False),
        ({"labelSelector": "team!=b"}, True), ({"labelSelector": "team,!old"}, True),
        ({"annotationSelector": "x"}, False),
        ({"labelSelector": "team in (a)"}, False),
    ],
)  # fmt: skip
def test_targets(target: dict | None, *, chosen: bool) -> None:
    """Whole names as regular expressions, labels by equality and presence."""
    rule = {"paths": ["/spec/replicas"], **({"target": target} if target else {})}
    kustomization = Kustomization({"metadata": {"name": "x"}, "spec": {"ignore": [rule]}})
    assert ignored(kustomization, OBJECT) == (["/spec/replicas"] if chosen else [])


def test_pointers() -> None:
    """A field is as it was, gone where it was not, and others stay."""
    before = {"spec": {"replicas": 5, "list": [1, 2], "a/b": 1}}
    after = {"spec": {"replicas": 1, "list": [3, 4], "a/b": 2, "new": 1, "other": 2}}
    pointers = ["/spec/replicas", "/spec/list/1", "/spec/a~1b", "/spec/new", "/spec/gone/deep", ""]
    assert without(after, before, pointers) == {"spec": {"replicas": 5, "list": [3, 2], "a/b": 1, "other": 2}}
    assert after["spec"]["replicas"] == 1
