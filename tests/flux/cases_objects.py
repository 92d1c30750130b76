"""Cases of decryption after the build, and of substitution."""

from __future__ import annotations

from kubectl_sops.core.selectors import Selector
from tests.support import sealed
from tests.support.flux_cases import SECRETS, Case, Sealed, b64, config_map, kustomization, secret

PLAIN = Sealed(secret("password: hunter2"), selector=SECRETS)
DECRYPT = "kustomize.toolkit.fluxcd.io/decrypt"
LONG = "x" * 200


def one(content: object, **fields: object) -> dict:
    """A kustomization with one manifest."""
    return {"kustomization.yaml": kustomization("s.yaml", **fields), "s.yaml": content}


def patch(text: str) -> list[dict]:
    return [{"patch": text, "target": {"kind": "Secret"}}]


def payloads() -> str:
    entries = {
        "a.yaml": sealed.encrypt(b"a: 1\n", "yaml"), "a.json": sealed.encrypt(b'{"a": 1}', "json"),
        "a.env": sealed.encrypt(b"A=1\n", "dotenv"), "plain": sealed.encrypt(b"raw", "binary"), "text": b"as it is",
    }  # fmt: skip
    return secret("\n".join(f"{key}: {b64(data)}" for key, data in entries.items()), field="data")


AFTER_THE_BUILD = [
    Case("R1-secret", one(Sealed(secret("password: hunter2", more="data:\n  user: YWxpY2U=\n"), selector=SECRETS)),
         {"Secret/s": {"data": {"password": b64("hunter2"), "user": b64("alice")}, "sops": None, "stringData": None}}),
    Case("R3-config-map", one(Sealed(config_map("a: secret"), selector=SECRETS)),
         {"ConfigMap/c": {"data": {"a": "secret"}, "sops": None}}),
    Case("R4-custom-resource",
         one(Sealed("apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata:\n  name: g\nspec:\n"
                    "  url: https://example.invalid/g.git\n  interval: 1h\n  suspend: true\n  ref: {}\n"
                    "  sparseCheckout: [a, b]\n", selector=Selector("encrypted_regex", "^spec$"))),
         {"GitRepository/g": {"sops": None, "spec": {"url": "https://example.invalid/g.git", "interval": "1h",
                                                     "suspend": True, "sparseCheckout": ["a", "b"]}}}),
    Case("R5-payloads", one(payloads()),
         {"Secret/s": {"data": {"a.yaml": b64("a: 1\n"), "a.json": b64('{\n\t"a": 1\n}\n'), "a.env": b64("A=1\n"),
                                "plain": b64("raw"), "text": b64("as it is")}}}),
    Case("R7-block-and-payload",
         one(Sealed(secret(f"a.yaml: {b64(sealed.encrypt(b'a: 1', 'yaml'))}", field="data"), selector=SECRETS)),
         {"Secret/s": {}}, encrypted=True),
    Case("R8-sops-without-mac", one(secret("a: b") + "sops:\n  version: 3.9.0\n"),
         {"Secret/s": {"data": {"a": b64("b")}, "sops": None}}),
    Case("R9-annotation", one(Sealed(secret("a: b").replace(
        "metadata:\n", f"metadata:\n  annotations:\n    {DECRYPT}: Disabled\n"), selector=SECRETS)),
        {"Secret/s": {}}, encrypted=True),
    Case("R10-label", one(Sealed(secret("a: b").replace(
        "metadata:\n", f"metadata:\n  labels:\n    {DECRYPT}: disabled\n"), selector=SECRETS)),
        {"Secret/s": {"data": {"a": b64("b")}}}, remark="decrypt-label"),
    Case("R11-plain-patch", one(PLAIN, patches=patch('[{"op": "add", "path": "/stringData/b", "value": "plain"}]')),
         "stringData.b"),
    Case("R12-empty-patch", one(PLAIN, patches=patch('[{"op": "add", "path": "/stringData/b", "value": ""}]')),
         {"Secret/s": {"data": {"b": "", "password": b64("hunter2")}}}),
    Case("R13-metadata-patch", one(PLAIN, patches=patch(
        '[{"op": "add", "path": "/metadata/annotations", "value": {"a": "b"}}, '
        '{"op": "add", "path": "/immutable", "value": true}]')),
        {"Secret/s": {"immutable": True, "metadata": {"annotations": {"a": "b"}},
                      "data": {"password": b64("hunter2")}}}),
    Case("R14-new-field", one(
        Sealed(secret("a: b"), selector=Selector("unencrypted_regex", "^(apiVersion|metadata|kind|type)$")),
        patches=patch('[{"op": "add", "path": "/immutable", "value": true}]')), "immutable"),
    Case("R15-unencrypted-regex", one(
        Sealed(secret("a: b"), selector=Selector("unencrypted_regex", "^(apiVersion|metadata|kind|type)$"))),
        {"Secret/s": {"data": {"a": b64("b")}}}),
    Case("R16-annotation-under-the-regex", one(PLAIN, commonAnnotations={"data": "x"}), "metadata.annotations.data"),
    Case("R17-encrypted-suffix",
         one(Sealed(secret("a_secret: x\nb: y"), selector=Selector("encrypted_suffix", "_secret"))),
         {"Secret/s": {"data": {"a_secret": b64("x"), "b": b64("y")}}}),
    Case("R18-edited", one(Sealed(secret("a: b", more="type: Opaque\n"), selector=SECRETS,
                                  change=(("type: Opaque", "type: example.org/edited"),))),
         {"Secret/s": {"type": "example.org/edited", "data": {"a": b64("b")}}}, remark="mac-mismatch"),
    Case("R19-swapped", one(Sealed(secret("a: one\nb: two"), selector=SECRETS,
                                   change=((r"a: (ENC.*)\n  b: (ENC.*)\n", r"a: \2\n  b: \1\n"),))), "stringData.a"),
    Case("R20-key-removed", one(Sealed(secret("a: one\nb: two"), selector=SECRETS, change=((r"  a: ENC.*\n", ""),))),
         {"Secret/s": {"data": {"a": None, "b": b64("two")}}}, remark="mac-mismatch"),
    Case("R21-stream", {"kustomization.yaml": kustomization("s.yaml"), "s.yaml": Sealed(
        secret("a: b", "one") + "---\n" + secret("a: b", "two"), selector=SECRETS)},
        {"Secret/one": {"data": {"a": b64("b")}}, "Secret/two": {"data": {"a": b64("b")}}}),
    Case("R22-comment", one(Sealed(secret("# about it\na: b"), selector=SECRETS)),
         {"Secret/s": {"data": {"a": b64("b")}}}),
    Case("R23-comment-regex",
         one(Sealed(secret("# secret\na: b"), selector=Selector("encrypted_comment_regex", "secret"))),
         {"Secret/s": {}}, encrypted=True),
    Case("R24-number", one(Sealed(secret("port: 5432"), selector=SECRETS)),
         {"Secret/s": {"stringData": {"port": 5432}}}, refused=True, remark="string-data-type"),
    Case("R25-everything-encrypted", one(Sealed(secret("a: b", "r25", more="  namespace: default\n"))),
         {"Secret/r25": {"data": {"a": b64("b")}}}, {"targetNamespace": None}, remark="encrypted-name"),
    Case("R26-no-decryption", one(Sealed(secret("a: YWJj", field="data"), selector=SECRETS)),
         "is SOPS encrypted, configuring decryption is required", {"decryption": None}),
    Case("R27-no-decryption-string-data", one(PLAIN), {"Secret/s": {}}, {"decryption": None}, encrypted=True),
    Case("R31-string-data-wins", one(Sealed(secret("a: new", more="data:\n  a: b2xk\n"), selector=SECRETS)),
         {"Secret/s": {"data": {"a": b64("new")}}}),
    Case("R32-long-payload", one(secret(f"a.yaml: {b64(sealed.encrypt(f'a: {LONG}'.encode(), 'yaml'))}", field="data")),
         {"Secret/s": {"data": {"a.yaml": b64(f"a: {LONG}\n")}}}),
    Case("R33-no-metadata", one(secret(f"a: {b64('look: mac: ENC[ is a marker')}", field="data")), "data.a"),
    Case("N1-not-base64", one(secret("a: not/base64!", field="data")), {"Secret/s": {"data": {"a": "not/base64!"}}},
         refused=True, remark="not-base64"),
    Case("N2-flux-mask", one(secret(f"a: {b64('**SOPS**')}", field="data")), {"Secret/s": {}}, remark="flux-mask"),
    Case("N3-no-namespace", one(config_map("a: b")), {"ConfigMap/c": {}}, {"targetNamespace": None}, refused=True,
         remark="no-namespace"),
    Case("N4-common-metadata", one(config_map("a: b"), labels=[{"pairs": {"team": "a"}}]),
         {"ConfigMap/c": {"metadata": {"labels": {"team": "b", "kustomize.toolkit.fluxcd.io/name": "app",
                                                  "kustomize.toolkit.fluxcd.io/namespace": "apps"},
                                       "annotations": {"note": "x"}}}},
         {"commonMetadata": {"labels": {"team": "b"}, "annotations": {"note": "x"}}}),
    Case("N6-unknown-fields", one(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d, owner: me}\nspec:\n  replica: 2\n"
        "  selector: {matchLabels: {a: b}}\n  template:\n    metadata: {labels: {a: b}}\n    spec:\n"
        "      containers:\n      - {name: c, image: i, imagePullPolic: Always, ports: [{containerPort: 80}],\n"
        "         resources: {limits: {cpu: 1, memory: 1Gi}}, args: [1m, null], env: [{name: A, value: null}]}\n"),
        {"Deployment/d": {"metadata": {"owner": None}, "spec": {"replica": None, "template": {"spec": {"containers": [
            {"name": "c", "imagePullPolic": None, "args": ["1m", ""],
             "ports": [{"containerPort": 80, "protocol": "TCP"}]}]}}}}}, remark="unknown-field"),
    Case("N7-does-not-fit", one(
        "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec:\n  ports: [{port: eighty}]\n  extra: 1\n"),
        {"Service/s": {"spec": {"ports": [{"port": "eighty", "protocol": None}], "extra": 1}}}, refused=True),
    Case("N8-role", one(
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: r}\nrules: []\n"),
        {"Role/r": {"rules": []}}),
    Case("N5-service", one(
        "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec:\n  ports: [{port: 80}]\n"
        "status: {loadBalancer: {}}\n"),
        {"Service/s": {"spec": {"ports": [{"port": 80, "protocol": "TCP"}]}, "status": None}}),
]  # fmt: skip


def variables(strategy: str = "", **values: str) -> dict:
    return {"postBuild": {"substitute": values, **({"substituteStrategy": strategy} if strategy else {})}}


SUBSTITUTION = [
    Case("S1-decrypted", one(Sealed(secret("a: pa$$word\nb: $2y$10$abc\nc: ${x}\nd: $${x}"), selector=SECRETS)),
         {"Secret/s": {"data": {"a": b64("pa$word"), "b": b64("$2y$10$abc"), "c": b64("v"), "d": b64("${x}")}}},
         variables(x="v"), remark="secret-substituted"),
    Case("S2-base64", one(secret(f"a: {b64('${x}')}", field="data")), {"Secret/s": {"data": {"a": b64("${x}")}}},
         variables(x="v"), remark="data-not-substituted"),
    Case("S3-unset", one(Sealed(secret("a: ab${cd}"), selector=SECRETS)), 'variable not set (strict mode): "cd"',
         variables(x="v")),
    Case("S4-disabled", one(secret("a: ${x}").replace(
        "metadata:\n", "metadata:\n  annotations:\n    kustomize.toolkit.fluxcd.io/substitute: disabled\n")),
        {"Secret/s": {"data": {"a": b64("${x}")}}}, variables(x="v")),
    Case("S5-number", one(config_map('a: "${n}"')), {"ConfigMap/c": {"data": {"a": 83}}}, variables(n="0123"),
         refused=True, remark="retyped"),
    Case("S6-quotes", one(config_map("a: ${q}${n}${q}")), {"ConfigMap/c": {"data": {"a": "0123"}}},
         variables(q='"', n="0123")),
    Case("S7-quoted-anyway", one(config_map('a: "${s} # x"')), {"ConfigMap/c": {"data": {"a": "1 # x"}}},
         variables(s="1")),
    Case("S8-breaks-yaml", one(config_map("a: ${s}")), "not YAML any more", variables(s="*Qr2")),
    Case("S9-no-variables", one(config_map("a: ${p:=d}")), {"ConfigMap/c": {"data": {"a": "${p:=d}"}}},
         {"postBuild": {}}),
    Case("S10-always", one(config_map("a: ${p:=d}")), {"ConfigMap/c": {"data": {"a": "d"}}}, variables("Always")),
    Case("S11-empty", one(config_map('a: "x${e}"\nb: "${p:=d}"')), {"ConfigMap/c": {"data": {"a": "x", "b": "d"}}},
         variables(e="", p="")),
    Case("S13-newlines", one(config_map("a: ${z}")), {"ConfigMap/c": {"data": {"a": "az-1b"}}},
         variables(z="\naz-1b\n")),
    Case("S14-optional", one(config_map("a: ${z:-none}")), {"ConfigMap/c": {"data": {"a": "none"}}},
         {"postBuild": {"substitute": {"x": "y"}, "substituteFrom":
                        [{"kind": "ConfigMap", "name": "gone", "optional": True}]}}),
    Case("S14-missing", one(config_map("a: b")), "substitute from 'ConfigMap/gone' error",
         {"postBuild": {"substituteFrom": [{"kind": "ConfigMap", "name": "gone"}]}}),
    Case("S15-name", one(config_map("a: b")), "var name is invalid", variables(**{"my-var": "x"})),
    Case("S16-block", one(config_map("a: |\n  $${var} \\?\n")), {"ConfigMap/c": {"data": {"a": "${var} \\?\n"}}},
         variables(x="y")),
    Case("S17-shell-default", one(config_map("a: ${v-d}")), "missing closing brace", variables(v="x")),
    Case("S27-array", one(config_map("a: ${arr[@]}")), "missing closing brace", variables(v="x")),
    Case("S28-types", one(
        "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec:\n  publishNotReadyAddresses: ${yes}\n"
        "  ports: [{port: \"${port}\"}]\n"),
        {"Service/s": {"spec": {"publishNotReadyAddresses": True, "ports": [{"port": 10}]}}},
        variables(yes="yes", port="012"), remark="retyped"),
    Case("S29-quoted-string-stays", one(config_map('a: "012"\nb: ${x}')),
         {"ConfigMap/c": {"data": {"a": "012", "b": "y1"}}}, variables(x="y1")),
]  # fmt: skip
