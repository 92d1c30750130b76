"""What the API server would refuse is said when a Secret is saved."""

from __future__ import annotations

import pytest

from kubectl_sops.files.kube_secret import MAX_SIZE, InvalidSecretError, validate, validate_change

HEAD = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\n"
TLS = HEAD + "type: kubernetes.io/tls\n"

REFUSED = {
    "number": (HEAD + "stringData:\n  port: 5432\n", "stringData.port", "a number"),
    "boolean": (HEAD + "stringData:\n  on: true\n", "stringData.on", "a boolean"),
    "time": (HEAD + "stringData:\n  day: 2026-01-01\n", "stringData.day", "a time"),
    "not base64": (HEAD + "data:\n  password: hunter2!\n", "data.password", "not base64"),
    "number in data": (HEAD + "data:\n  port: 5432\n", "data.port", "a number"),
    "unpadded": (HEAD + "data:\n  a: YQ\n", "data.a", "not base64"),
    "nested": (HEAD + "stringData:\n  a:\n    b: c\n", "stringData.a.b", "nested"),
    "list": (HEAD + "stringData:\n  a: [b]\n", "stringData.a[0]", "nested"),
    "text for data": (HEAD + "data: abc\n", "data", "not a map"),
    "key": (HEAD + "stringData:\n  a b: c\n", 'stringData["a b"]', "not a key"),
    "dots": (HEAD + "stringData:\n  ..: c\n", 'stringData[".."]', "not a key"),
    "name": (HEAD.replace("name: db", "name: My_DB"), "metadata.name", "not a name"),
    "no name": ("apiVersion: v1\nkind: Secret\nstringData:\n  a: b\n", "metadata.name", "no name"),
    "namespace": (HEAD + "  namespace: a.b\n", "metadata.namespace", "not a name"),
    "metadata": ("apiVersion: v1\nkind: Secret\nmetadata: x\n", "metadata", "not a map"),
    "labels": (HEAD + "  labels: []\n", "metadata.labels", "not a map"),
    "nested annotation": (HEAD + "  annotations:\n    a:\n      b: c\n", "metadata.annotations.a.b", "nested"),
    "type": (HEAD + "type: 5\n", "type", "a number"),
    "registry list": (
        HEAD + "type: kubernetes.io/dockerconfigjson\nstringData:\n  .dockerconfigjson: '[]'\n",
        'data[".dockerconfigjson"]', "not JSON",
    ),
    "not a number": (
        HEAD + "type: kubernetes.io/dockerconfigjson\nstringData:\n  .dockerconfigjson: '{\"a\": NaN}'\n",
        'data[".dockerconfigjson"]', "not JSON",
    ),
    "label": (HEAD + "  labels:\n    a: 1\n", "metadata.labels.a", "a number"),
    "annotation": (HEAD + "  annotations:\n    a: true\n", "metadata.annotations.a", "a boolean"),
    "field": (HEAD + "stringdata:\n  a: b\n", "stringdata", "no such field"),
    "immutable": (HEAD + "immutable: maybe\n", "immutable", "neither true nor false"),
    "tls": (TLS + "stringData:\n  tls.crt: a\n", "data", "needs the key tls.key"),
    "registry": (
        HEAD + "type: kubernetes.io/dockerconfigjson\nstringData:\n  .dockerconfigjson: nope\n",
        'data[".dockerconfigjson"]', "not JSON",
    ),
    "basic": (HEAD + "type: kubernetes.io/basic-auth\nstringData:\n  user: a\n", "data", "username or password"),
    "ssh": (HEAD + "type: kubernetes.io/ssh-auth\nstringData:\n  ssh-privatekey: ''\n", "data", "ssh-privatekey"),
    "account": (HEAD + "type: kubernetes.io/service-account-token\n", "metadata.annotations", "annotation"),
    "size": (HEAD + "stringData:\n  a: " + "x" * (MAX_SIZE + 1) + "\n", "data", "the limit of"),
    "list item": (
        "apiVersion: v1\nkind: List\nitems:\n  - apiVersion: v1\n    kind: Secret\n    metadata:\n      name: x\n"
        "    stringData:\n      a: 1\n", "items[0].stringData.a", "a number",
    ),
    "second document": (HEAD + "---\n" + HEAD + "stringData:\n  a: 1\n", "stringData.a", "a number"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "path", "message"), REFUSED.values(), ids=REFUSED)
def test_refused(text, path, message):
    """Each refusal names the key, never the value."""
    with pytest.raises(InvalidSecretError, match=message) as raised:
        validate(text.encode(), "yaml")
    assert str(raised.value).startswith(path + ": ")
    assert "hunter2" not in f"{raised.value}{raised.value.hint}"


ACCEPTED = {
    "text": HEAD + "stringData:\n  a: 'b'\n  c: \"1\"\n  empty: ''\n  none: null\n",
    "data": HEAD + "data:\n  a: YQ==\n  lines: |\n    YWFh\n    YWFh\n  empty: ''\n",
    "variables": HEAD.replace("db", "${NAME}") + "data:\n  a: ${VALUE}\nstringData:\n  b: ${VALUE}\n",
    "registry variable": HEAD + "type: kubernetes.io/dockerconfigjson\ndata:\n  .dockerconfigjson: ${LOGIN}\n",
    "ssh variable": HEAD + "type: kubernetes.io/ssh-auth\ndata:\n  ssh-privatekey: ${KEY}\n",
    "other variables": HEAD + "immutable: ${YES}\nstringData:\n  ${NAME}: x\n",
    "empty namespace": HEAD + "  namespace: ''\n",
    "empty name": "apiVersion: v1\nkind: Secret\nmetadata:\n  name: ''\n  generateName: x-\n",
    "maps of variables": HEAD + "  labels: ${L}\ndata: ${M}\n",
    "keys of variables": TLS + "stringData:\n  ${P}.crt: a\n",
    "registry null": HEAD + "type: kubernetes.io/dockerconfigjson\nstringData:\n  .dockerconfigjson: 'null'\n",
    "old boolean": HEAD + "immutable: yes\n",
    "tls over both": TLS + "data:\n  tls.crt: YQ==\nstringData:\n  tls.key: b\n",
    "labels": HEAD + "  labels:\n    a: '1'\n  annotations: {}\n",
    "own type": HEAD + "type: example.org/x\n",
    "generated name": "apiVersion: v1\nkind: Secret\nmetadata:\n  generateName: x-\n",
    "another kind": "apiVersion: v1\nkind: ConfigMap\ndata:\n  a: 1 Secret\n",
    "another group": "apiVersion: example.org/v1\nkind: Secret\nspec:\n  a: 1\n",
}


@pytest.mark.parametrize("text", ACCEPTED.values(), ids=ACCEPTED)
def test_accepted(text):
    """What the API server takes passes, and so does what is not for us to judge."""
    validate(text.encode(), "yaml")


def test_all_problems_are_counted():
    """The first is described, the others counted."""
    with pytest.raises(InvalidSecretError, match=r"\(and 1 more problem"):
        validate((HEAD + "stringData:\n  a: 1\n  b: 2\n").encode(), "yaml")


def test_json_is_checked_too():
    """JSON manifests have the same rules."""
    with pytest.raises(InvalidSecretError):
        validate(b'{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x"}, "stringData": {"a": 1}}', "json")


def items(*secrets: str) -> bytes:
    """A ``List`` of them."""
    listed = ["- " + text.replace("\n", "\n  ").rstrip(" ") for text in secrets]
    return "".join(["apiVersion: v1\nkind: List\nitems:\n", *listed]).encode()


A, B = HEAD.replace("db", "a") + "stringData:\n  x: 1\n", HEAD.replace("db", "b") + "stringData:\n  x: 1\n"
BIG = HEAD + "stringData:\n  a: " + "x" * (MAX_SIZE + 9) + "\n  b: " + "y" * 99 + "\n"

OLD = {
    "another key": (A.encode(), (A + "  y: z\n").encode()),
    "shifted in a list": (items(A, B), items(B)),
    "shifted in a stream": (f"{A}---\n{B}".encode(), B.encode()),
    "renamed": (A.encode(), A.replace("name: a", "name: c").encode()),
    "smaller, and still too large": (BIG.encode(), BIG.replace("y" * 99, "y").encode()),
}


@pytest.mark.parametrize(("before", "after"), OLD.values(), ids=OLD)
def test_what_was_wrong_before_is_passed_over(before, after):
    """Wherever it is now."""
    validate_change(before, after, "yaml")


def test_the_same_mistake_elsewhere_is_a_new_one():
    """In another document, and in another Secret of a list."""
    good = HEAD.replace("db", "b") + "stringData:\n  x: 'y'\n"
    bad = HEAD + "data:\n  x: '!!'\n"
    with pytest.raises(InvalidSecretError):
        validate_change(bad.encode(), bad.replace("!!", "??").encode(), "yaml")
    for before, after in ((f"{A}---\n{good}".encode(), f"{A}---\n{B}".encode()), (items(A, good), items(A, B))):
        with pytest.raises(InvalidSecretError):
            validate_change(before, after, "yaml")
