"""The same cases, applied by the real kustomize-controller to a real API server: what it sends is what we build."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from kubectl_sops.flux.manifest import key_of
from tests.flux.test_cases import CASES, build
from tests.support import sealed
from tests.support.flux import NAMESPACE

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.flux import Applied, Flux
    from tests.support.flux_cases import Case, Manifest

KEY = "cases-age"

# the tree of a case is handed over as it is; what the source-controller leaves out is compared elsewhere
PUBLISHED = [case for case in CASES if case.id != "G3-sops-yaml-is-ignored"]


@pytest.fixture(scope="module")
def verdicts(flux: Flux, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Applied]:
    """Every case, reconciled once."""
    folder = tmp_path_factory.mktemp("trees")
    key = f"--from-literal=age.agekey={sealed.IDENTITY}"
    flux.api.kubectl("-n", NAMESPACE, "create", "secret", "generic", KEY, key)

    names = [name_of(number) for number in range(len(PUBLISHED))]
    spaces = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in names]
    flux.apply({"apiVersion": "v1", "kind": "List", "items": spaces})
    applied = flux.kustomize_all(
        {
            name: (case.lay_out(folder / name), {"decryption": None, **own(case, number)["spec"]})
            for number, (name, case) in enumerate(zip(names, PUBLISHED, strict=True))
        }
    )
    return {case.id: applied[name] for name, case in zip(names, PUBLISHED, strict=True)}


def name_of(number: int) -> str:
    """The name of a case's Kustomization, source and namespace."""
    return f"case-{number}"


def own(case: Case, number: int) -> Manifest:
    """The Kustomization of a case, with names of its own."""
    manifest = case.kustomization(name=name_of(number), namespace=NAMESPACE)
    manifest["spec"]["sourceRef"]["name"] = name_of(number)
    if "targetNamespace" in manifest["spec"]:
        manifest["spec"]["targetNamespace"] = name_of(number)
    if "decryption" in manifest["spec"]:
        manifest["spec"]["decryption"] = {"provider": "sops", "secretRef": {"name": KEY}}
    return manifest


def kept(manifest: Manifest) -> tuple[str, str, str]:
    return key_of(manifest)[1:]


def sent(live: Manifest) -> Manifest:
    """The part of a live object that the controller owns: what it sent."""
    owned = next(m["fieldsV1"] for m in live["metadata"]["managedFields"] if m["manager"] == "kustomize-controller")
    out: Manifest = pick(live, owned)
    # sent empty or 0, because Go prints them so, and filled by the server
    if owned.get("f:spec", {}).get("f:strategy") == {}:
        out["spec"].pop("strategy", None)
    for port in out.get("spec", {}).get("ports", ()):
        port.pop("targetPort", None)
    out |= {"apiVersion": live["apiVersion"], "kind": live["kind"]}
    identity = {key: live["metadata"][key] for key in ("name", "namespace") if key in live["metadata"]}
    out["metadata"] = {**out.get("metadata", {}), **identity}
    return out


def pick(value: Any, fields: Manifest) -> Any:
    """The parts of a value that ``fieldsV1`` names."""
    names = [name for name in fields if name != "."]
    if not names:
        return value
    if isinstance(value, dict):
        return {name[2:]: pick(value[name[2:]], fields[name]) for name in names if name[2:] in value}
    found = []
    for item in value:
        for name in names:
            kind, _, text = name.partition(":")
            wanted = json.loads(text)
            if (kind == "k" and wanted.items() <= item.items()) or (kind == "v" and wanted == item):
                found.append(pick(item, fields[name]))
    return found


def without_empty(value: Any) -> Any:
    """A value without nulls and empty containers, which the API server does not keep."""
    if isinstance(value, dict):
        parts = {key: without_empty(item) for key, item in value.items()}
        return {key: item for key, item in parts.items() if item not in (None, {}, [])}
    return [without_empty(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("number", range(len(PUBLISHED)), ids=[case.id for case in PUBLISHED])
def test_controller_sends_what_we_build(number: int, verdicts: dict[str, Applied], tmp_path: Path) -> None:
    """Same objects and same values for a success, a failure for a failure."""
    case = PUBLISHED[number]
    applied = verdicts[case.id]
    ours = build(case, tmp_path, manifest=own(case, number))
    if ours.error is not None or case.refused:
        assert not applied.ok
        return
    assert applied.ok, applied.message
    assert {kept(o): without_empty(sent(o)) for o in applied.objects} == {
        kept(o): without_empty(o) for o in ours.objects
    }
