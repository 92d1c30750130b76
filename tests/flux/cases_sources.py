"""Cases of generation, and of decryption before the build."""

from __future__ import annotations

from tests.support.flux_cases import SECRETS, Case, Sealed, b64, config_map, kustomization, secret

YAML = "user: alice\nport: 5432\n"
PLAIN = Sealed(secret("password: hunter2"), selector=SECRETS)
ENV = Sealed("A=1\nB='two words'\n", "dotenv")


def generator(**fields: object) -> str:
    return kustomization(secretGenerator=[{"name": "g", **fields}])


GENERATION = [
    Case("G1-empty", {"readme.txt": "nothing\n"}, {}),
    Case(
        "G2-no-kustomization",
        {"b.yaml": config_map("a: b", "b"), "a/x.yml": config_map("a: a", "x"), "c/kustomization.yaml":
         kustomization("y.yaml"), "c/y.yaml": config_map("a: y", "y"), "c/z.yaml": config_map("a: z", "z")},
        {"ConfigMap/b": {}, "ConfigMap/x": {}, "ConfigMap/y": {}},
    ),
    Case(
        "G3-values-file",
        {"values.yaml": "replicas: 2\n", "c.yaml": config_map("a: b")},
        "failed to decode Kubernetes YAML",
    ),
    Case("G3-sops-yaml-is-ignored", {".sops.yaml": "creation_rules: []\n", "c.yaml": config_map("a: b")},
         {"ConfigMap/c": {}}),
    Case("G4-no-resources", {"kustomization.yaml": "resources: []\n"}, {}),
    Case(
        "G5-only-generator",
        {"kustomization.yaml": generator(literals=["a=b"])},
        {"Secret/g-…": {"metadata": {"annotations": {"config.kubernetes.io/origin":
            "configuredIn: kustomization.yaml\nconfiguredBy:\n  apiVersion: builtin\n  kind: SecretGenerator\n"}}}},
    ),
    Case(
        "G6-prefix-of-the-spec",
        {"kustomization.yaml": kustomization("c.yaml", namePrefix="own-", nameSuffix="-own"),
         "c.yaml": config_map("a: b")},
        {"ConfigMap/flux-c-own": {}}, {"namePrefix": "flux-"},
    ),
    Case(
        "G7-transformed-secret",
        {"kustomization.yaml": kustomization("s.yaml", labels=[{"pairs": {"team": "a"}}]), "s.yaml": PLAIN},
        {"Secret/x-s-y": {"metadata": {"namespace": "target", "labels": {"team": "a"}},
                          "data": {"password": b64("hunter2")}}},
        {"namePrefix": "x-", "nameSuffix": "-y"},
    ),
    Case(
        "G8-missing-component",
        {"app/kustomization.yaml": kustomization("c.yaml"), "app/c.yaml": config_map("a: b"),
         "there/kustomization.yaml": '{"apiVersion": "kustomize.config.k8s.io/v1alpha1", "kind": "Component", '
                                     '"nameSuffix": "-there"}'},
        {"ConfigMap/c-there": {}},
        {"path": "./app", "components": ["../there", "../gone"], "ignoreMissingComponents": True},
    ),
    Case("G9-remote-component", {"c.yaml": config_map("a: b")}, "must be local and relative",
         {"components": ["https://example.invalid/c"]}),
    Case(
        "G10-image-name",
        {"kustomization.yaml": kustomization("p.yaml", images=[{"name": "nginx", "newTag": "1.2"}]),
         "p.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers: [{name: c, image: nginx}]\n"},
        {"Pod/p": {"spec": {"containers": [{"image": "mirror/nginx:1.2"}]}}},
        {"images": [{"name": "nginx", "newName": "mirror/nginx"}]},
    ),
    Case(
        "G11-image-tag-clears-digest",
        {"kustomization.yaml": kustomization(
            "p.yaml", images=[{"name": "nginx", "digest": "sha256:" + "0" * 64}]),
         "p.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers: [{name: c, image: nginx}]\n"},
        {"Pod/p": {"spec": {"containers": [{"image": "nginx:9"}]}}},
        {"images": [{"name": "nginx", "newTag": "9"}]},
    ),
    Case(
        "G12-two-names",
        {"kustomization.yaml": kustomization("c.yaml"), "Kustomization": kustomization("c.yaml"),
         "c.yaml": config_map("a: b")},
        "found multiple kustomization files",
    ),
    Case("G13-folder-without-kustomization",
         {"kustomization.yaml": kustomization("d"), "d/c.yaml": config_map("a: b")}, "no kustomization file found"),
    Case(
        "G14-unknown-root-key",
        {"kustomization.yaml": kustomization("c.yaml", resource=["x.yaml"], NAMEPREFIX="p-"),
         "c.yaml": config_map("a: b")},
        {"ConfigMap/p-c": {}}, remark="unknown-key",
    ),
    Case(
        "G15-unknown-nested-key",
        {"kustomization.yaml": kustomization("d"), "d/kustomization.yaml": kustomization("c.yaml", resource=["x"]),
         "d/c.yaml": config_map("a: b")},
        "unknown field",
    ),
    Case(
        "G16-base-outside-of-the-path",
        {"app/kustomization.yaml": kustomization("../base"), "base/kustomization.yaml": kustomization("c.yaml"),
         "base/c.yaml": config_map("a: b")},
        {"ConfigMap/c": {}}, {"path": "./app"},
    ),
    Case("G17-base-outside-of-the-source", {"kustomization.yaml": kustomization("../../elsewhere/c.yaml")},
         "fs-security-constraint"),
    Case(
        "G18-everything-encrypted",
        {"kustomization.yaml": kustomization("s.yaml"), "s.yaml": Sealed(secret("a: b"))},
        "panic: number of previous names",
    ),
    Case("G19-helm", {"kustomization.yaml": kustomization(helmCharts=[{"name": "x"}])}, "must specify --enable-helm"),
    Case(
        "G20-list",
        {"kustomization.yaml": kustomization("l.yaml"), "l.yaml":
         "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: one}}\n"
         "- {apiVersion: v1, kind: ConfigMap, metadata: {name: two}}\n"},
        {"ConfigMap/one": {}, "ConfigMap/two": {}},
    ),
]  # fmt: skip

PATCHED = Sealed(secret("password: hunter2"), selector=SECRETS)

BEFORE_THE_BUILD = [
    Case("B1-binary", {"kustomization.yaml": generator(files=["token=token.encrypted"]),
                       "token.encrypted": Sealed(b"t\x00ken", "binary")},
         {"Secret/g-…": {"data": {"token": b64(b"t\x00ken")}}}),
    Case("B2-json", {"kustomization.yaml": generator(files=["config.json=config.enc"]),
                     "config.enc": Sealed('{"a": {"b": 1}}', "json")},
         {"Secret/g-…": {"data": {"config.json": b64('{\n\t"a": {\n\t\t"b": 1\n\t}\n}\n')}}}),
    Case("B3-yaml", {"kustomization.yaml": generator(files=["values.yaml"]),
                     "values.yaml": Sealed("a:\n  b: 1\n  c: [x]\n")},
         {"Secret/g-…": {"data": {"values.yaml": b64("a:\n    b: 1\n    c:\n        - x\n")}}}),
    Case("B4-key-without-extension", {"kustomization.yaml": generator(files=["config=values.yaml"]),
                                      "values.yaml": Sealed(YAML)}, "no binary data found in tree"),
    Case("B5-top-level-data", {"kustomization.yaml": generator(files=["config=values.yaml"]),
                               "values.yaml": Sealed("data: only this\n")},
         {"Secret/g-…": {"data": {"config": b64("only this")}}}),
    Case("B6-converted-after-the-build", {"kustomization.yaml": generator(files=["values.yaml=values.json"]),
                                          "values.json": Sealed('{"a": {"b": 1}}', "json")},
         {"Secret/g-…": {"data": {"values.yaml": b64("a:\n    b: 1\n")}}}, remark="decrypted-late"),
    Case("B7-dockerconfigjson",
         {"kustomization.yaml": generator(files=[".dockerconfigjson=x.enc"], type="kubernetes.io/dockerconfigjson"),
          "x.enc": Sealed('{"auths": {}}', "json")},
         {"Secret/g-…": {"type": "kubernetes.io/dockerconfigjson",
                         "data": {".dockerconfigjson": b64('{\n\t"auths": {}\n}\n')}}}),
    Case("B8-ini", {"kustomization.yaml": generator(files=["app.ini"]), "app.ini": Sealed("[s]\na = 1\n", "ini")},
         {"Secret/g-…": {"data": {"app.ini": b64("[s]\na = 1\n")}}}),
    Case("B9-envs", {"kustomization.yaml": generator(envs=["a.env", "b.txt"]), "a.env": ENV,
                     "b.txt": Sealed("C=3\n", "dotenv")},
         {"Secret/g-…": {"data": {"A": b64("1"), "B": b64("'two words'"), "C": b64("3")}}}),
    Case("B10-newline-in-dotenv", {"kustomization.yaml": generator(envs=["a.env"]),
                                   "a.env": Sealed("A=one\\ntwo\n", "dotenv")},
         {"Secret/g-…": {"data": {"A": b64("one\\ntwo")}}}),
    Case("B11-singular-env", {"kustomization.yaml": generator(env="a.env"), "a.env": ENV},
         {"Secret/g-…": {}}, encrypted=True, remark="singular-env"),
    Case("B12-config-map-generator",
         {"kustomization.yaml": kustomization(configMapGenerator=[{"name": "m", "files": ["v.yaml"]}]),
          "v.yaml": Sealed(YAML)},
         {"ConfigMap/m-…": {}}, encrypted=True, remark="config-map-encrypted"),
    Case("B13-both-generators",
         {"kustomization.yaml": kustomization(configMapGenerator=[{"name": "m", "files": ["v.yaml"]}],
                                              secretGenerator=[{"name": "g", "files": ["v.yaml"]}]),
          "v.yaml": Sealed(YAML)},
         {"ConfigMap/m-…": {"data": {"v.yaml": YAML}}, "Secret/g-…": {"data": {"v.yaml": b64(YAML)}}}),
    Case("B15-compact-json",
         {"kustomization.yaml": generator(files=["c.json"]),
          "c.json": Sealed('{"a": "x"}', "json", change=(('"mac": ', '"mac":'),))},
         {"Secret/g-…": {}}, encrypted=True, remark="no-marker"),
    Case("B16-quoted-mac",
         {"kustomization.yaml": generator(files=["c.yaml"]),
          "c.yaml": Sealed("a: x\n", change=((r"mac: (.*)", r'mac: "\1"'),))},
         {"Secret/g-…": {}}, encrypted=True, remark="no-marker"),
    Case("B17-nested",
         {"kustomization.yaml": kustomization("a", components=["c"]),
          "a/kustomization.yaml": kustomization(secretGenerator=[{"name": "a", "envs": ["a.env"]}]), "a/a.env": ENV,
          "c/kustomization.yaml": kustomization(
              apiVersion="kustomize.config.k8s.io/v1alpha1", kind="Component",
              secretGenerator=[{"name": "c", "envs": ["a.env"]}]), "c/a.env": ENV},
         {"Secret/a-…": {"data": {"A": b64("1")}}, "Secret/c-…": {"data": {"A": b64("1")}}}),
    Case("B18-component-of-the-spec",
         {"app/kustomization.yaml": kustomization("c.yaml"), "app/c.yaml": config_map("a: b"),
          "c/kustomization.yaml": kustomization(
              apiVersion="kustomize.config.k8s.io/v1alpha1", kind="Component",
              secretGenerator=[{"name": "g", "envs": ["a.env"]}]), "c/a.env": ENV},
         {"Secret/g-…": {"data": {"A": b64("1")}}, "ConfigMap/c": {}}, {"path": "./app", "components": ["../c"]}),
    Case("B19-bases",
         {"kustomization.yaml": kustomization(bases=["b"]), "b/kustomization.yaml": generator(envs=["a.env"]),
          "b/a.env": ENV},
         {"Secret/g-…": {}}, encrypted=True, remark="bases"),
    Case("B20-missing-file", {"kustomization.yaml": generator(files=["gone.txt"])}, "no such file or directory"),
    Case("B21-huge-file", {"kustomization.yaml": generator(files=["big.txt"]), "big.txt": b"x" * ((5 << 20) + 1)},
         "exceeding limit (5242880)"),
    Case("B22-folder", {"kustomization.yaml": generator(files=["d"]), "d/x": "x"}, "irregular file"),
    Case("B24-clamped-path", {"app/kustomization.yaml": generator(files=["k=../../../k.txt"]), "k.txt": "x"},
         "fs-security-constraint", {"path": "./app"}),
    Case("B25-cycle", {"kustomization.yaml": kustomization("a"), "a/kustomization.yaml": kustomization("../b"),
                       "b/kustomization.yaml": kustomization("../a")}, "cycle detected"),
    Case("B27-patch-on-generated",
         {"kustomization.yaml": kustomization(secretGenerator=[{"name": "s", "literals": ["user=alice"]}],
                                              patches=[{"path": "p.yaml"}, {"path": "q.yaml"}]),
          "p.yaml": PATCHED, "q.yaml": Sealed(secret("token: t"), selector=SECRETS)},
         {"Secret/s-…": {"data": {"user": b64("alice"), "password": b64("hunter2"), "token": b64("t")}}}),
    Case("B28-patch-on-plain",
         {"kustomization.yaml": kustomization("s.yaml", patches=[{"path": "p.yaml"}]), "p.yaml": PATCHED,
          "s.yaml": secret("user: alice")},
         {"Secret/s": {"data": {"user": b64("alice"), "password": b64("hunter2")}}}),
    Case("B29-patch-on-encrypted",
         {"kustomization.yaml": kustomization("s.yaml", patches=[{"path": "p.yaml"}]), "p.yaml": PATCHED,
          "s.yaml": Sealed(secret("user: alice"), selector=SECRETS)},
         "stringData.password"),
    Case("B30-strategic-merge",
         {"kustomization.yaml": kustomization("s.yaml", patchesStrategicMerge=["p.yaml"]), "p.yaml": PATCHED,
          "s.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\n"},
         {"Secret/s": {"data": {"password": b64("hunter2")}}}),
    Case("B31-strategic-merge-on-values",
         {"kustomization.yaml": kustomization("s.yaml", patchesStrategicMerge=["p.yaml"]), "p.yaml": PATCHED,
          "s.yaml": secret("user: alice")}, "stringData.user"),
    Case("B32-plain-file", {"kustomization.yaml": generator(files=["plain.txt"]), "plain.txt": "as it is\n"},
         {"Secret/g-…": {"data": {"plain.txt": b64("as it is\n")}}}),
    Case("B33-wrong-format", {"kustomization.yaml": generator(envs=["a.env"]), "a.env": Sealed('{"A": "1"}', "json")},
         "decryption failed", remark="wrong-format"),
]  # fmt: skip
