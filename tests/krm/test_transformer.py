"""Encrypted resources under ``resources:``, decrypted after kustomize changed them: the build is that of plaintext."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from kubectl_sops.core.selectors import Selector
from tests.support.canary import PLAINTEXT, VALUE
from tests.support.kustomize import DB_CREDS, EVERYTHING, SECRET_REGEX, Door, Identity, Workshop, doors, objects, seal

if TYPE_CHECKING:
    from pathlib import Path

MULTI = """\
apiVersion: v1
kind: Secret
metadata: {name: one}
stringData: {z: "1", a: "2"}
---
apiVersion: v1
kind: Secret
metadata: {name: two}
stringData: {b: "3"}
"""
WIDE = "apiVersion: v1\nkind: Secret\nmetadata: {name: wide}\nstringData:\n" + "".join(
    f"  k{number}: v{number}\n" for number in (7, 3, 9, 1, 0, 8, 2, 6, 4, 5)
)
TYPES = """\
apiVersion: example.org/v1
kind: Thing
metadata: {name: t}
data: {int: 42, float: 1.5, yes: true, text: "42", list: [b, 2, a], nested: {x: {y: z}}}
"""
CONFIG_MAP = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {z: "1", a: "2"}\n'
POD = (
    "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n"
    "  - {name: c, envFrom: [{secretRef: {name: sg}}]}\n"
)
JSON = '{"kind": "Secret", "apiVersion": "v1", "metadata": {"name": "j"}, "stringData": {"b": "1", "a": "2"}}\n'
COMPONENT = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nresources: [c.yaml]\n"
LONG = "".join(f"a line of text, number {number}\n" for number in range(20))
TRANSFORMER: dict[str, Any] = {
    "apiVersion": "kubectl-sops.dev/v1",
    "kind": "SopsTransformer",
    "metadata": {"name": "dec"},
}
LEGACY_AND_EXEC = ("legacy", "exec")


def _patch(op: str, path: str) -> str:
    """A patch of every Secret, as a line of a kustomization."""
    operation = f'{{"op": "{op}", "path": "{path}", "value": "plain"}}'
    return f"patches: [{{target: {{kind: Secret}}, patch: '[{operation}]'}}]\n"


@dataclass
class Case:
    """A kustomization whose encrypted files are also there in plaintext, without the function."""

    kustomization: str
    sealed: dict[str, str | bytes]
    plain: dict[str, str] = field(default_factory=dict)
    selector: Selector = SECRET_REGEX
    mac_only_encrypted: bool = False
    config: dict[str, Any] = field(default_factory=dict)
    at: str = "kustomization.yaml"
    modes: tuple[str, ...] = LEGACY_AND_EXEC


CASES: dict[str, Case] = {
    "T01-regex": Case("resources: [s.yaml]\n", {"s.yaml": DB_CREDS}, modes=("legacy", "exec", "container")),
    "T02-after-prefix-ns-labels": Case(
        "namePrefix: pre-\nnameSuffix: -x\nnamespace: prod\nresources: [s.yaml]\n"
        "labels: [{pairs: {team: x, tier: z}}]\ncommonAnnotations: {note: text}\n"
        + _patch("add", "/metadata/labels/patched"),
        {"s.yaml": DB_CREDS},
    ),
    "T03-base-then-overlay": Case(
        "namePrefix: pre-\nnamespace: prod\nresources: [base]\n",
        {"base/s.yaml": DB_CREDS},
        {"base/kustomization.yaml": "resources: [s.yaml]\n"},
        at="base/kustomization.yaml",
    ),
    "T03-overlay-of-a-base": Case(
        "namePrefix: pre-\nnamespace: prod\nresources: [../base]\n",
        {"../base/s.yaml": DB_CREDS},
        {"../base/kustomization.yaml": "resources: [s.yaml]\n"},
    ),
    "T03-one-base-twice": Case(
        "resources: [../a, ../b]\n",
        {"../base/m.yaml": MULTI},
        {
            "../base/kustomization.yaml": "resources: [m.yaml]\n",
            "../a/kustomization.yaml": "namePrefix: a-\nresources: [../base]\n",
            "../b/kustomization.yaml": "namePrefix: b-\nresources: [../base]\n",
        },
    ),
    "T04-mac-only-encrypted": Case(
        "namePrefix: pre-\nresources: [s.yaml]\n", {"s.yaml": DB_CREDS}, mac_only_encrypted=True
    ),
    "T05-multidoc": Case("resources: [m.yaml]\n", {"m.yaml": MULTI}),
    "T07-mixed-with-plain": Case("resources: [cm.yaml, s.yaml]\n", {"s.yaml": DB_CREDS}, {"cm.yaml": CONFIG_MAP}),
    "T08-secretGenerator-files": Case(
        "secretGenerator:\n- name: sg\n  files: [n.txt, conf.yaml, renamed=v.json, long.txt, blob.bin]\n",
        {
            "n.txt": "plain text\n",
            "conf.yaml": 'A: "1"\n# c\nB: two\n',
            "v.json": '{"a": "b"}\n',
            "long.txt": LONG,
            "blob.bin": bytes(range(256)),
        },
    ),
    "T09-hash-and-reference": Case(
        "resources: [pod.yaml]\nsecretGenerator: [{name: sg, files: [n.txt]}]\n",
        {"n.txt": "plain text\n"},
        {"pod.yaml": POD},
    ),
    "T10-all-fields-encrypted": Case("resources: [s.yaml]\n", {"s.yaml": DB_CREDS}, selector=EVERYTHING),
    "T12-wide-10-keys": Case("namePrefix: pre-\nresources: [s.yaml]\n", {"s.yaml": WIDE}),
    "T13-configMapGenerator-file": Case(
        "configMapGenerator: [{name: cg, files: [n.txt, conf.yaml, blob.bin]}]\n",
        {"n.txt": "plain text\n", "conf.yaml": 'A: "1"\nB: two\n', "blob.bin": bytes(range(256))},
    ),
    "Z05-secretGenerator-envs": Case(
        "secretGenerator: [{name: sg, envs: [v.env]}]\n", {"v.env": "USER=admin\nPASS=hunter2\n# c\nE=\nNL=a\\nb\n"}
    ),
    "Z05-configMapGenerator-envs": Case(
        "configMapGenerator: [{name: cg, envs: [v.env]}]\n",
        {"v.env": "".join(f"K{number}=v{number}\n" for number in range(12))},
    ),
    "types-of-any-kind": Case("resources: [t.yaml]\n", {"t.yaml": TYPES}),
    "selected-by-comments": Case(
        "resources: [s.yaml]\n",
        {"s.yaml": DB_CREDS.replace("# inner comment", "# sops:enc")},
        selector=Selector("encrypted_comment_regex", "sops:enc"),
    ),
    "json-resource": Case("resources: [s.json]\n", {"s.json": JSON}),
    "component": Case(
        "resources: [s.yaml]\ncomponents: [part]\n",
        {"part/c.yaml": MULTI, "s.yaml": DB_CREDS},
        {"part/kustomization.yaml": COMPONENT},
    ),
    "origin-annotations": Case(
        "buildMetadata: [originAnnotations]\nresources: [s.yaml]\nnamePrefix: pre-\n", {"s.yaml": WIDE}
    ),
}


def _runs(*names: str) -> list[Any]:
    return [
        pytest.param(name, door, id=f"{name}-{door.id}")
        for name, case in CASES.items()
        if not names or name in names
        for door in doors(*case.modes)
    ]  # fmt: skip


def _doors(*modes: str) -> list[Any]:
    return [pytest.param(door, id=door.id) for door in doors(*modes)]


def prepare(workshop: Workshop, case: Case, door: Door, identity: Identity) -> Path:
    """The folder of a case."""
    files: dict[str, Any] = {"kustomization.yaml": case.kustomization, **case.plain}
    files[case.at] = files[case.at] + "transformers: [g.yaml]\n"
    for name, plain in case.sealed.items():
        files[name] = seal(
            plain, identity, name, selector=case.selector, mac_only_encrypted=case.mac_only_encrypted
        )  # fmt: skip
    folder = workshop.write("app/root", files)
    workshop.config((folder / case.at).parent / "g.yaml", TRANSFORMER | case.config, door.mode)
    return folder


@pytest.mark.parametrize(("name", "door"), _runs())
def test_the_build_is_that_of_the_plaintext(name: str, door: Door, workshop: Workshop, identity: Identity) -> None:
    """Byte for byte, hashes and references included."""
    case = CASES[name]
    folder = prepare(workshop, case, door, identity)
    built = workshop.build(folder, door)
    twin = workshop.write("twin/root", {"kustomization.yaml": case.kustomization, **case.plain, **case.sealed})
    expected = workshop.build(twin, door)
    assert expected.returncode == 0, expected.stderr
    assert built.returncode == 0, built.stderr
    assert built.stdout == expected.stdout


@pytest.mark.parametrize("door", _doors(*LEGACY_AND_EXEC))
def test_a_list_is_explained(door: Door, workshop: Workshop, identity: Identity) -> None:
    """T06: kustomize drops the sops entry of a List, and says nothing."""
    items = "".join(
        f"- {line}" if not at else f"  {line}" for at, line in enumerate(DB_CREDS.splitlines(keepends=True)[1:])
    )
    listed = f"apiVersion: v1\nkind: List\nitems:\n{items}"
    folder = prepare(workshop, Case("resources: [l.yaml]\n", {"l.yaml": listed}), door, identity)
    built = workshop.build(folder, door)
    assert built.returncode != 0
    assert "Secret db-creds: stringData.multiline" in built.stderr
    assert "kustomize takes a List apart" in built.stderr


@pytest.mark.parametrize("door", _doors(*LEGACY_AND_EXEC))
def test_without_the_key_the_resource_is_named(
    door: Door, workshop: Workshop, identity: Identity, stranger: Identity
) -> None:
    """T11: and nothing is emitted."""
    folder = prepare(workshop, CASES["T01-regex"], door, stranger)
    built = workshop.build(folder, door)
    assert built.returncode != 0
    assert "Secret db-creds: no key opens the file" in built.stderr
    assert stranger.recipient in built.stderr
    assert built.stdout == ""


def _rolled_back(folder: Path, identity: Identity, *, selector: Selector = SECRET_REGEX) -> None:
    """An older ciphertext of the same file, under the same data key, put back."""
    from kubectl_sops.core.metadata import KeyEntry
    from kubectl_sops.files.encrypt import Recipe, encrypt
    from kubectl_sops.keys.keyring import Keyring

    path = folder / "s.yaml"
    old = path.read_bytes()
    keyring = Keyring(environ={}, identities=[identity.secret], source="none")
    recipe = Recipe([[KeyEntry("age", {"recipient": identity.recipient})]], selector=selector)
    changed = DB_CREDS.replace("hunter2", "hunter3").encode()
    new = encrypt(changed, "yaml", recipe, keyring, now="2026-11-23T00:00:00Z", base=old).data
    line = next(line for line in old.decode().splitlines() if line.startswith("  password: "))
    newer = next(line for line in new.decode().splitlines() if line.startswith("  password: "))
    assert line != newer
    path.write_bytes(new.replace(newer.encode(), line.encode()))


@pytest.mark.parametrize("door", _doors("legacy", "exec", "container"))
def test_an_older_ciphertext_is_never_accepted(door: Door, workshop: Workshop, identity: Identity) -> None:
    """T14: every value authenticates, only the MAC knows; with the source at hand and without."""
    folder = prepare(workshop, CASES["T01-regex"], door, identity)
    _rolled_back(folder, identity)
    built = workshop.build(folder, door)
    assert built.returncode != 0
    assert "MAC mismatch" in built.stderr
    assert built.stdout == ""


def test_an_older_ciphertext_is_not_found_by_search(workshop: Workshop, identity: Identity) -> None:
    """T14 on a bare stream, where only the search is left."""
    folder = prepare(workshop, CASES["T01-regex"], Door("", "legacy"), identity)
    _rolled_back(folder, identity)
    stream = (folder / "s.yaml").read_text()
    elsewhere = workshop.write("elsewhere", {"keep": ""})
    done = workshop.call(str(folder / "g.yaml"), stdin=stream, cwd=elsewhere)
    assert done.returncode == 1
    assert "no file of the kustomization has its MAC" in done.stderr
    assert "a value was changed, added or removed" in done.stderr


@pytest.mark.parametrize("door", _doors(*LEGACY_AND_EXEC))
@pytest.mark.parametrize("place", ["leaf", "comment"])
def test_a_forged_source_is_no_source(place: str, door: Door, workshop: Workshop, identity: Identity) -> None:
    """Anybody can encrypt a file to the recipients that names the MAC and has old ciphertexts as plain text in it."""
    folder = prepare(workshop, CASES["T01-regex"], door, identity)
    workshop.config(folder / "g.yaml", TRANSFORMER | {"selectors": [{"name": "db-creds"}]}, door.mode)
    _rolled_back(folder, identity)
    (tree,) = objects((folder / "s.yaml").read_text())
    sops = tree.pop("sops")
    tree["metadata"]["name"] = "forged"
    forged = json.dumps(tree)
    if place == "leaf":
        forged = json.dumps(tree | {"note": "see " + sops["mac"]})
    sealed = seal(forged + "\n", identity, selector=Selector("encrypted_regex", "^nothing$"))
    if place == "comment":
        sealed = f"# {sops['mac']}\n".encode() + sealed
    (folder / "a.yaml").write_bytes(sealed)
    (folder / "kustomization.yaml").write_text("resources: [a.yaml, s.yaml]\ntransformers: [g.yaml]\n")
    built = workshop.build(folder, door)
    assert built.returncode != 0
    assert "MAC mismatch" in built.stderr


@pytest.mark.parametrize("door", _doors("legacy"))
def test_kustomize_itself_fails_on_encrypted_names(door: Door, workshop: Workshop, identity: Identity) -> None:
    """T15: it never comes to us."""
    case = Case("namePrefix: pre-\nnamespace: prod\nresources: [s.yaml]\n", {"s.yaml": DB_CREDS}, selector=EVERYTHING)
    built = workshop.build(prepare(workshop, case, door, identity), door)
    assert built.returncode != 0


@pytest.mark.parametrize("door", _doors(*LEGACY_AND_EXEC))
def test_a_patch_over_an_encrypted_value_needs_permission(door: Door, workshop: Workshop, identity: Identity) -> None:
    """The error names the value; allowPatched accepts it, and the others are still verified."""
    case = Case("resources: [s.yaml]\n" + _patch("replace", "/stringData/password"), {"s.yaml": DB_CREDS})
    folder = prepare(workshop, case, door, identity)
    built = workshop.build(folder, door)
    assert built.returncode != 0
    assert "a patch replaced what s.yaml has encrypted: stringData.password" in built.stderr
    assert "allowPatched" in built.stderr
    workshop.config(folder / "g.yaml", TRANSFORMER | {"allowPatched": True}, door.mode)
    built = workshop.build(folder, door)
    assert objects(built.stdout)[0]["stringData"] == {
        "username": "admin", "password": "plain", "multiline": "line1\nline2\n"
    }  # fmt: skip


def _without_source(workshop: Workshop, folder: Path, door: Door, config: dict[str, Any]) -> Path:
    """The same stream with the files out of reach, as from a remote base: the kustomization is built from a copy."""
    stream = workshop.build(folder, Door(door.tool, "legacy"), KUSTOMIZE_PLUGIN_HOME=str(_tee(workshop)))
    assert stream.returncode == 0, stream.stderr
    elsewhere = workshop.write("elsewhere", {"keep": ""})
    workshop.config(elsewhere / "g.yaml", TRANSFORMER | config, "legacy")
    return elsewhere


def _tee(workshop: Workshop) -> Path:
    """A plugin home whose transformer keeps what it gets."""
    home = workshop.folder / "tee"
    path = home / "kubectl-sops.dev/v1/sopstransformer/SopsTransformer"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\ntee {workshop.folder}/stream.yaml\n")
    path.chmod(0o755)
    return home


SEARCHED = [
    "T01-regex", "T02-after-prefix-ns-labels", "T04-mac-only-encrypted", "T05-multidoc", "T10-all-fields-encrypted",
    "types-of-any-kind",
]  # fmt: skip


@pytest.mark.parametrize("name", SEARCHED)
@pytest.mark.parametrize("door", _doors("legacy"))
def test_without_the_source_the_order_is_searched(
    name: str, door: Door, workshop: Workshop, identity: Identity
) -> None:
    """Renamed, labelled and sorted as kustomize hands it over, with the files out of reach."""
    folder = prepare(workshop, CASES[name], door, identity)
    elsewhere = _without_source(workshop, folder, door, {})
    done = workshop.call(
        str(elsewhere / "g.yaml"), stdin=(workshop.folder / "stream.yaml").read_text(), cwd=elsewhere
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for item in objects(done.stdout)[0]["items"]:
        del item["metadata"]["annotations"]  # kustomize's own, with the names before
        assert "ENC[" not in str(item)


@pytest.mark.parametrize("policy", ["error", "warn", "off"])
def test_what_cannot_be_searched_follows_the_policy(policy: str, workshop: Workshop, identity: Identity) -> None:
    """Ten keys without their source: the default refuses and says why, warn says so, off is silent."""
    door = doors("legacy")[0]
    folder = prepare(workshop, CASES["T12-wide-10-keys"], door, identity)
    elsewhere = _without_source(workshop, folder, door, {"requireMac": policy})
    stream = (workshop.folder / "stream.yaml").read_text()
    done = workshop.call(str(elsewhere / "g.yaml"), stdin=stream, cwd=elsewhere)
    told = "the order of more than 8 keys in stringData is too much to search" in done.stderr
    assert (done.returncode, told) == {"error": (1, True), "warn": (0, True), "off": (0, False)}[policy]
    assert ("v7" in done.stdout) is (policy != "error")


@pytest.mark.parametrize("door", _doors(*LEGACY_AND_EXEC))
def test_selectors_leave_the_rest_alone(door: Door, workshop: Workshop, identity: Identity) -> None:
    """What is not selected passes through, still encrypted."""
    case = Case("resources: [m.yaml]\n", {"m.yaml": MULTI}, config={"selectors": [{"kind": "Secret", "name": "t.*"}]})
    built = workshop.build(prepare(workshop, case, door, identity), door)
    one, two = objects(built.stdout)
    assert one["stringData"]["a"].startswith("ENC[AES256_GCM,")
    assert two["stringData"] == {"b": "3"}
    assert "sops" not in two


@pytest.mark.parametrize("door", _doors(*LEGACY_AND_EXEC))
def test_data_has_to_be_base64(door: Door, workshop: Workshop, identity: Identity) -> None:
    """Otherwise the API server refuses it, much later."""
    plain = f"apiVersion: v1\nkind: Secret\nmetadata: {{name: s}}\ndata: {{a: {VALUE}}}\n"
    built = workshop.build(prepare(workshop, Case("resources: [s.yaml]\n", {"s.yaml": plain}), door, identity), door)
    assert built.returncode != 0
    assert "Secret s: data.a: the decrypted value is not base64" in built.stderr
    assert not PLAINTEXT.is_in(built.stderr.encode())


@pytest.mark.parametrize("door", _doors(*LEGACY_AND_EXEC))
def test_an_embedded_file_is_verified_exactly(door: Door, workshop: Workshop, identity: Identity) -> None:
    """A changed plain value in a file that a generator embedded."""
    case = Case("configMapGenerator: [{name: cg, files: [c.yaml]}]\n", {"c.yaml": "data: {a: b}\nplain: yes\n"})
    folder = prepare(workshop, case, door, identity)
    path = folder / "c.yaml"
    path.write_text(path.read_text().replace("plain: yes", "plain: no"))
    built = workshop.build(folder, door)
    assert built.returncode != 0
    assert "ConfigMap cg: data" in built.stderr
    assert "MAC mismatch" in built.stderr


@pytest.mark.parametrize("door", _doors(*LEGACY_AND_EXEC))
def test_detached_annotations_take_no_part(door: Door, workshop: Workshop, identity: Identity) -> None:
    """Annotations that something else added are named in the configuration; everything is encrypted here."""
    case = Case(
        "resources: [s.yaml]\ncommonAnnotations: {example.org/tool: x}\n",
        {"s.yaml": DB_CREDS},
        config={"detachAnnotations": ["example.org/*"]},
    )
    built = workshop.build(prepare(workshop, case, door, identity), door)
    assert built.returncode == 0, built.stderr


VALIDATOR: dict[str, Any] = {"apiVersion": "kubectl-sops.dev/v1", "kind": "SopsValidator", "metadata": {"name": "v"}}


def _validated(workshop: Workshop, door: Door, identity: Identity) -> Path:
    folder = workshop.write(
        "app", {"kustomization.yaml": "resources: [s.yaml]\nvalidators: [g.yaml]\n", "s.yaml": seal(DB_CREDS, identity)}
    )
    workshop.config(folder / "g.yaml", VALIDATOR, door.mode)
    return folder


@pytest.mark.parametrize("door", _doors(*LEGACY_AND_EXEC))
def test_a_validator_changes_nothing(door: Door, workshop: Workshop, identity: Identity) -> None:
    """V01: the output is still encrypted, and kustomize finds no difference to print."""
    built = workshop.build(_validated(workshop, door, identity), door)
    assert built.returncode == 0, built.stderr
    (item,) = objects(built.stdout)
    assert item["stringData"]["password"].startswith("ENC[AES256_GCM,")


@pytest.mark.parametrize("door", _doors(*LEGACY_AND_EXEC))
def test_a_validator_stops_a_changed_file(door: Door, workshop: Workshop, identity: Identity) -> None:
    """V02, and nothing decrypted is shown."""
    folder = _validated(workshop, door, identity)
    path = folder / "s.yaml"
    path.write_text(path.read_text().replace("app: demo", "app: evil"))
    built = workshop.build(folder, door)
    assert built.returncode != 0
    assert "MAC mismatch" in built.stderr
    assert "hunter2" not in built.stderr


def test_base64_in_lines_is_that_of_kustomize(workshop: Workshop) -> None:
    """Lines of 70 characters, each ended, where there are 70 or more: the hash in a name depends on it."""
    from krm_fn.secret import base64_as_kustomize

    door = doors("legacy")[0]
    sizes = (0, 1, 50, 51, 52, 53, 104, 105, 106, 200)
    files = {f"f{size}": b"x" * size for size in sizes}
    listed = ", ".join(files)
    folder = workshop.write(
        "app", {"kustomization.yaml": f"secretGenerator: [{{name: s, files: [{listed}]}}]\n", **files}
    )
    (item,) = objects(workshop.build(folder, door).stdout)
    assert item["data"] == {name: base64_as_kustomize(data) for name, data in files.items()}
    assert base64.b64decode(item["data"]["f200"]) == b"x" * 200
