"""Configurations of KSOPS and SopsSecretGenerator, through real kubectl and kustomize: the results that they gave."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.canary import PLAINTEXT, VALUE
from tests.support.kustomize import DB_CREDS, EVERYTHING, Door, Identity, Workshop, doors, objects, seal

if TYPE_CHECKING:
    from kubectl_sops.core.selectors import Selector

DB_CREDS_OBJECT = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "db-creds", "labels": {"app": "demo"}},
    "type": "Opaque",
    "stringData": {"username": "admin", "password": "hunter2", "multiline": "line1\nline2\n"},
}
DOTENV = """\
export X=1
Y="a\\nb"
Z=a # comment
Q='single $X'
V=${X}y
E=
SP = sp\x20
H="x # y"
D="d $X"
DUP=1
DUP=2
low.er=1
"""
TRAPS = """\
apiVersion: v1
kind: Secret
metadata: {name: traps}
stringData:
  e: "1e3"
  oct: "0o14"
  neg: "-1e-3"
  date: "2020-01-01"
  "yes": "yes"
  nul: "null"
  sexa: "1:30"
  under: "1_000"
  eq: "="
  merge: "<<"
  num: "007"
  hex: "0x1F"
  dot: ".5"
  emoji: "\U0001f600"
  crlf: "a\\r\\nb"
  doc: "a\\n---\\nb\\n"
"""
TRAP_VALUES = {
    "e": "1e3", "oct": "0o14", "neg": "-1e-3", "date": "2020-01-01", "yes": "yes", "nul": "null", "sexa": "1:30",
    "under": "1_000", "eq": "=", "merge": "<<", "num": "007", "hex": "0x1F", "dot": ".5", "emoji": "\U0001f600",
    "crlf": "a\r\nb", "doc": "a\n---\nb\n",
}  # fmt: skip


def secret(name: str, string_data: str = "a: b", extra: str = "") -> str:
    """A small Secret."""
    return f"apiVersion: v1\nkind: Secret\nmetadata: {{name: {name}{extra}}}\nstringData: {{{string_data}}}\n"


def secret_object(name: str, **fields: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, **fields}


@dataclass
class Case:
    """A kustomization with one generator, and what comes out."""

    config: dict[str, Any]
    sealed: dict[str, str | bytes] = field(default_factory=dict)
    want: list[dict[str, Any]] | None = None
    error: str = ""
    plain: dict[str, str] = field(default_factory=dict)
    kustomization: str = "generators: [g.yaml]\n"
    version: str = "viaduct.ai/v1"
    kind: str = "ksops"
    name: str = "g"
    selector: Selector | None = None
    modes: tuple[str, ...] = ("legacy", "exec")
    foreign: bool = False


HASHED = "type: Opaque\n" + secret("hashed", extra=', annotations: {kustomize.config.k8s.io/needs-hash: "true"}')
BASE_DATA = "apiVersion: v1\nkind: Secret\nmetadata: {name: base}\ndata: {keep: a2VlcA==, k: b2xk}\ntype: Opaque\n"


def _over_base(behavior: str) -> str:
    annotation = f"kustomize.config.k8s.io/behavior: {behavior}"
    return f"apiVersion: v1\nkind: Secret\nmetadata: {{name: base, annotations: {{{annotation}}}}}\ntype: Opaque\n"


KSOPS: dict[str, Case] = {
    "K01-single": Case(
        {"files": ["./s.yaml"]}, {"s.yaml": DB_CREDS}, [DB_CREDS_OBJECT], modes=("legacy", "exec", "container")
    ),
    "K02-many-in-order": Case(
        {"files": ["c.yaml", "a.yaml", "b.yaml"]},
        {f"{name}.yaml": secret(name) for name in "abc"},
        [secret_object(name, stringData={"a": "b"}) for name in "abc"],
    ),
    "K03-multidoc": Case(
        {"files": ["m.yaml"]},
        {"m.yaml": secret("one", 'z: "1", a: "2"') + "---\n" + secret("two", 'b: "3"')},
        [secret_object("one", stringData={"z": "1", "a": "2"}), secret_object("two", stringData={"b": "3"})],
    ),
    "K04-all-fields-encrypted": Case(
        {"files": ["s.yaml"]}, {"s.yaml": DB_CREDS}, [DB_CREDS_OBJECT], selector=EVERYTHING
    ),
    "K05-needs-hash": Case(
        {"files": ["s.yaml"]},
        {"s.yaml": HASHED},
        [
            secret_object("hashed-925dbhhk98", type="Opaque", stringData={"a": "b"}),
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": "p"},
                "spec": {"containers": [{"name": "c", "envFrom": [{"secretRef": {"name": "hashed-925dbhhk98"}}]}]},
            },
        ],
        plain={
            "pod.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n"
            "  - {name: c, envFrom: [{secretRef: {name: hashed}}]}\n"
        },
        kustomization="resources: [pod.yaml]\ngenerators: [g.yaml]\n",
    ),
    "K06-behavior-merge-data": Case(
        {"files": ["s.yaml"]},
        {"s.yaml": _over_base("merge") + "data: {k: bmV3}\n"},
        [secret_object("base", type="Opaque", data={"keep": "a2VlcA==", "k": "bmV3"})],
        plain={"base.yaml": BASE_DATA},
        kustomization="resources: [base.yaml]\ngenerators: [g.yaml]\n",
    ),
    "K06-behavior-replace-data": Case(
        {"files": ["s.yaml"]},
        {"s.yaml": _over_base("replace") + "data: {k: bmV3}\n"},
        [secret_object("base", type="Opaque", data={"k": "bmV3"})],
        plain={"base.yaml": BASE_DATA},
        kustomization="resources: [base.yaml]\ngenerators: [g.yaml]\n",
    ),
    "K07-merge-stringData": Case(
        {"files": ["s.yaml"]},
        {"s.yaml": _over_base("merge") + "stringData: {k: new}\n"},
        [secret_object("base", type="Opaque", stringData={"k": "new"})],
        plain={"base.yaml": BASE_DATA.replace("data: {keep: a2VlcA==, k: b2xk}", "stringData: {keep: keep, k: old}")},
        kustomization="resources: [base.yaml]\ngenerators: [g.yaml]\n",
    ),
    "K08-secretFrom-files": Case(
        {"secretFrom": [{"metadata": {"name": "s"}, "type": "Opaque", "files": ["note.txt", "x.yaml=./conf.yaml"]}]},
        {"note.txt": "plain text\n", "conf.yaml": 'A: "1"\nB: two\n'},
        [secret_object("s", type="Opaque", stringData={"note.txt": "plain text\n", "x.yaml": 'A: "1"\nB: two\n'})],
    ),
    "K09-secretFrom-binary": Case(
        {"secretFrom": [{"metadata": {"name": "s"}, "binaryFiles": ["blob.bin", "k=blob.bin"]}]},
        {"blob.bin": b"\x00\x01\xff"},
        [secret_object("s", data={"blob.bin": "AAH/", "k": "AAH/"})],
    ),
    "K10-secretFrom-envs": Case(
        {"secretFrom": [{"metadata": {"name": "s"}, "envs": ["v.env"]}]},
        {"v.env": 'USER=admin\nEQ=a=b=c\n# note\nQ="quoted val"\nE=\n'},
        [secret_object("s", stringData={"USER": "admin", "EQ": "a=b=c", "Q": "quoted val", "E": ""})],
    ),
    "K11-metadata": Case(
        {
            "secretFrom": [
                {
                    "metadata": {
                        "name": "s",
                        "namespace": "ns",
                        "labels": {"l": "1"},
                        "annotations": {"a": "2", "kustomize.config.k8s.io/needs-hash": "true"},
                    },
                    "type": "example.org/t",
                    "envs": ["v.env"],
                }
            ]
        },
        {"v.env": "a=b\n"},
        [
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "type": "example.org/t",
                "stringData": {"a": "b"},
                "metadata": {
                    "name": "s-dkb5khmctm",
                    "namespace": "ns",
                    "labels": {"l": "1"},
                    "annotations": {"a": "2"},
                },
            }
        ],
    ),
    "K12-files-plus-secretFrom": Case(
        {
            "files": ["s.yaml"],
            "secretFrom": [
                {"metadata": {"name": "s1"}, "envs": ["v.env"]},
                {"metadata": {"name": "s2"}, "envs": ["v.env"]},
            ],
        },
        {"s.yaml": DB_CREDS, "v.env": "a=b\n"},
        [DB_CREDS_OBJECT, *(secret_object(name, stringData={"a": "b"}) for name in ("s1", "s2"))],
    ),
    "K13-any-kind": Case(
        {"files": ["m.yaml"]},
        {
            "m.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {a: b}\n---\n"
            "apiVersion: example.org/v1\nkind: Thing\nmetadata: {name: t}\n"
            "data: {int: 42, float: 1.5, whole: 1.0, yes: true, nothing: null, list: [1, two, false]}\n"
        },
        [
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"a": "b"}},
            {
                "apiVersion": "example.org/v1",
                "kind": "Thing",
                "metadata": {"name": "t"},
                "data": {
                    "int": 42,
                    "float": 1.5,
                    "whole": 1,
                    "yes": True,
                    "nothing": None,
                    "list": [1, "two", False],
                },
            },
        ],
    ),
    "K14-json-manifest": Case(
        {"files": ["s.json"]},
        {"s.json": '{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "j"}, "stringData": {"a": "b"}}\n'},
        [secret_object("j", stringData={"a": "b"})],
    ),
    "K15-env-from-yaml": Case(
        {"secretFrom": [{"metadata": {"name": "s"}, "envs": ["v.yaml"]}]},
        {"v.yaml": "A: one\nB: two\n"},
        [secret_object("s", stringData={"A": "one", "B": "two"})],
    ),
    "K16-dotenv-rules": Case(
        {"secretFrom": [{"metadata": {"name": "s"}, "envs": ["v.env"]}]},
        {"v.env": DOTENV},
        [
            secret_object(
                "s",
                stringData={
                    "X": "1",
                    "Y": "a\nb",
                    "Z": "a",
                    "Q": "single $X",
                    "V": "1y",
                    "E": "",
                    "SP": "sp",
                    "H": "x # y",
                    "D": "d 1",
                    "DUP": "2",
                    "low.er": "1",
                },
            )
        ],
    ),
    "K17-api-v2": Case(
        {"files": ["s.yaml"]}, {"s.yaml": DB_CREDS}, [DB_CREDS_OBJECT], version="viaduct.ai/v2", modes=("exec",)
    ),
    "K18-prefix-namespace": Case(
        {"files": ["s.yaml"]},
        {"s.yaml": DB_CREDS},
        [
            {
                **DB_CREDS_OBJECT,
                "metadata": {"name": "pre-db-creds", "namespace": "prod", "labels": {"app": "demo", "team": "x"}},
            }
        ],
        kustomization="namePrefix: pre-\nnamespace: prod\nlabels: [{pairs: {team: x}}]\ngenerators: [g.yaml]\n",
    ),
    "K19-empty-lists": Case({"files": []}, {}, []),
    "K20-missing-file": Case(
        {"files": ["./nope.yaml"]}, error='error reading "./nope.yaml": open ./nope.yaml: no such file or directory'
    ),
    "K21-no-key": Case(
        {"files": ["s.yaml"]},
        {"s.yaml": secret("s", f"a: {VALUE}")},
        error='error decrypting file "s.yaml" from manifest.Files',
        foreign=True,
    ),
    "K22-not-encrypted": Case(
        {"files": ["s.yaml"]},
        plain={"s.yaml": secret("s", f"a: {VALUE}")},
        error="trouble decrypting file: sops metadata not found",
    ),
    "K23-neither-key": Case({}, error="missing the required 'files' or 'secretFrom' key"),
    "K24-two-equals": Case(
        {"secretFrom": [{"metadata": {"name": "s"}, "files": ["a=b=c"]}]},
        error="invalid format in file generator a=b=c",
    ),
    "K25-duplicate-id": Case(
        {"files": ["a.yaml", "b.yaml"]}, {"a.yaml": secret("s"), "b.yaml": secret("s", f"a: {VALUE}")}, error="Secret s"
    ),
    "K26-bad-env-no-leak": Case(
        {"secretFrom": [{"metadata": {"name": "s"}, "envs": ["v.env"]}]},
        {"v.env": f"OK=1\nlow-er={VALUE}\n"},
        error='error unmarshalling .env file "v.env"',
    ),
    "K28-parent-dir": Case(
        {"secretFrom": [{"metadata": {"name": "s"}, "files": ["../outside.txt"]}]},
        {"../outside.txt": VALUE},
        error="../outside.txt",
    ),
    "K29-empty-string-values": Case(
        {"files": ["s.yaml"]},
        {"s.yaml": secret("s", r'empty: "", blank: " ", newline: "\n", unicode: "ä€\U0001F600 \u2028"')},
        [secret_object("s", stringData={"empty": "", "blank": " ", "newline": "\n", "unicode": "ä€\U0001f600 \u2028"})],
    ),
    "K30-scalar-traps": Case(
        {"files": ["s.yaml"]}, {"s.yaml": TRAPS}, [secret_object("traps", stringData=TRAP_VALUES)]
    ),
    "K31-control-chars-no-leak": Case(
        {"secretFrom": [{"metadata": {"name": "s"}, "files": ["f.txt"]}]},
        {"f.txt": "a\x7fb"},
        [secret_object("s", data={"f.txt": "YX9i"})],
    ),
    "K32-not-a-mapping-no-leak": Case({"files": ["f.txt"]}, {"f.txt": VALUE}, error="f.txt"),
    "K33-resource-control-chars-no-leak": Case(
        {"files": ["s.yaml"]},
        {"s.yaml": secret("s", r'a: "x\x7fy", nel: "x\x85y", b: ok')},
        [secret_object("s", stringData={"b": "ok"}, data={"a": "eH95", "nel": "eMKFeQ=="})],
    ),
}

SSG = {"version": "goabout.com/v1beta1", "kind": "SopsSecretGenerator"}
SECRET_GENERATOR: dict[str, Case] = {
    "S01-basic": Case(
        {"envs": ["v.env"], "files": ["f.txt", "k=f.txt"]},
        {"v.env": 'FOO=secret\nQ="quoted"\n', "f.txt": "secret\n"},
        [
            secret_object(
                "my-secret-hm9km4km4k",
                data={"FOO": "c2VjcmV0", "Q": "InF1b3RlZCI=", "f.txt": "c2VjcmV0Cg==", "k": "c2VjcmV0Cg=="},
            )
        ],
        name="my-secret",
        **SSG,
    ),
    "S02-options": Case(
        {
            "envs": ["v.yaml", "w.json"],
            "type": "example.org/t",
            "disableNameSuffixHash": True,
            "metadata": {"name": "s", "namespace": "ns", "labels": {"l": "1"}, "annotations": {"a": "2"}},
        },
        {"v.yaml": "A: 1\nB: true\nC: null\nD: text\n", "w.json": '{"J": "j"}\n'},
        [
            {
                "apiVersion": "v1", "kind": "Secret", "type": "example.org/t",
                "metadata": {"name": "s", "namespace": "ns", "labels": {"l": "1"}, "annotations": {"a": "2"}},
                "data": {"A": "MQ==", "B": "dHJ1ZQ==", "C": "", "D": "dGV4dA==", "J": "ag=="},
            }
        ],
        selector=EVERYTHING,
        **SSG,
    ),
    "S03-merge": Case(
        {"envs": ["v.env"], "behavior": "merge", "disableNameSuffixHash": True},
        {"v.env": "k=new\n"},
        [secret_object("base", data={"k": "bmV3", "keep": "MQ=="})],
        kustomization="secretGenerator:\n- name: base\n  literals: [k=old, keep=1]\n"
        "  options: {disableNameSuffixHash: true}\ngenerators: [g.yaml]\n",
        name="base",
        **SSG,
    ),
    "S04-wrong-api": Case(
        {"envs": ["v.env"]}, {"v.env": "k=new\n"}, error="apiVersion goabout.com/v1beta1", version="goabout.com/v1",
        kind="SopsSecretGenerator", modes=("exec",),
    ),
    "S05-bad-env-format": Case(
        {"envs": ["c.ini"]}, {"c.ini": f"[s]\nk = {VALUE}\n"}, error='"c.ini": unknown file format, use dotenv', **SSG
    ),
    "S06-dotenv-raw": Case(
        {"envs": ["v.env"], "disableNameSuffixHash": True},
        {"v.env": "A= padded \nC='q'\nD=$A\n"},
        [secret_object("g", data={"A": "IHBhZGRlZCA=", "C": "J3En", "D": "JEE="})],
        **SSG,
    ),
}  # fmt: skip
CASES = KSOPS | SECRET_GENERATOR


def _runs() -> list[Any]:
    return [
        pytest.param(name, door, id=f"{name}-{door.id}")
        for name, case in CASES.items()
        for door in doors(*case.modes)
    ]  # fmt: skip


def prepare(workshop: Workshop, case: Case, door: Door, identity: Identity) -> Any:
    """The folder of a case."""
    files: dict[str, Any] = {"kustomization.yaml": case.kustomization, **case.plain}
    for name, plain in case.sealed.items():
        selector = {} if case.selector is None else {"selector": case.selector}
        files[name] = seal(plain, identity, name, **selector)
    folder = workshop.write("app/root", files)
    config = {"apiVersion": case.version, "kind": case.kind, "metadata": {"name": case.name}, **case.config}
    workshop.config(folder / "g.yaml", config, door.mode)
    return folder


@pytest.mark.parametrize(("name", "door"), _runs())
def test_a_configuration_gives_what_its_program_gave(
    name: str, door: Door, workshop: Workshop, identity: Identity, stranger: Identity
) -> None:
    """Same resources, or an error with the text that scripts look for and nothing decrypted in it."""
    case = CASES[name]
    folder = prepare(workshop, case, door, stranger if case.foreign else identity)
    built = workshop.build(folder, door)
    assert not PLAINTEXT.is_in(built.stderr.encode("utf-8", "surrogateescape"))
    if case.want is None:
        assert built.returncode != 0
        assert case.error in built.stderr
        return
    assert built.returncode == 0, built.stderr
    assert objects(built.stdout) == sorted(case.want, key=lambda item: item["kind"] == "Pod")


@pytest.mark.parametrize("door", [pytest.param(door, id=door.id) for door in doors("legacy", "exec")])
def test_a_changed_plain_value_breaks_the_build(door: Door, workshop: Workshop, identity: Identity) -> None:
    """K27: the MAC covers labels, too."""
    case = KSOPS["K01-single"]
    folder = prepare(workshop, case, door, identity)
    path = folder / "s.yaml"
    path.write_text(path.read_text().replace("app: demo", "app: evil"))
    built = workshop.build(folder, door)
    assert built.returncode != 0
    assert "MAC mismatch" in built.stderr


@pytest.mark.parametrize("door", [pytest.param(door, id=door.id) for door in doors("legacy", "exec")])
def test_the_environment_of_the_build_may_allow_files_outside(
    door: Door, workshop: Workshop, identity: Identity
) -> None:
    """K28: what KSOPS always did, on request."""
    folder = prepare(workshop, KSOPS["K28-parent-dir"], door, identity)
    built = workshop.build(folder, door, KUBECTL_SOPS_ALLOW_OUTSIDE_ROOT="1")
    assert objects(built.stdout) == [secret_object("s", stringData={"outside.txt": VALUE})]
