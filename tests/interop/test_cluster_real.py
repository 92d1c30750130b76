"""The key Secret and ``init`` on a real kube-apiserver: permissions, namespaces, credentials, races."""

import base64
import json
import subprocess
import sys

import pyrage
import pytest

from kubectl_sops.cluster import age_secret
from kubectl_sops.cluster.client import connect
from kubectl_sops.cluster.failure import (
    AlreadyExistsError,
    ChangedMeanwhileError,
    CredentialsError,
    ForbiddenError,
    NamespaceNotFoundError,
    ObjectNotFoundError,
    UnreachableError,
)
from tests.support.kube import write_kubeconfig
from tests.support.tools import run

PROGRAM = [sys.executable, "-m", "kubectl_sops"]


@pytest.fixture
def namespace(kube_api, request):
    """A namespace of the test's own."""
    return kube_api.namespace(request.node.name.replace("_", "-").split("[")[0][:60].rstrip("-"))


def init(kube_api, folder, namespace, *argv, user="admin", config=None, stdin=None):
    """Run the program's ``init`` as a user."""
    env = {"KUBECONFIG": str(config or kube_api.kubeconfig(user))}
    return run([*PROGRAM, "init", "-n", namespace, *argv], cwd=folder, env=env, stdin=stdin)


def client_of(kube_api, user="admin", **values):
    """Our client as a user."""
    return connect({"kubeconfig": str(kube_api.kubeconfig(user)), **values})


def test_init_from_nothing(kube_api, namespace, tmp_path):
    """The Secret holds what is printed, with label and annotation; a second run changes nothing."""
    first = init(kube_api, tmp_path, namespace)
    assert first.returncode == 0, first.stderr
    secret = kube_api.secret(namespace)
    assert secret["data"] == {"age.agekey": first.stdout}
    assert secret["metadata"]["labels"] == {"app.kubernetes.io/managed-by": "kubectl-sops"}
    assert secret["metadata"]["annotations"]["kubectl-sops.dev/created-by"].startswith("kubectl-sops/")
    second = init(kube_api, tmp_path, namespace)
    assert (second.returncode, second.stdout) == (0, b"")
    assert kube_api.secret(namespace) == secret


def test_two_at_once(kube_api, namespace, tmp_path):
    """Of several runs one creates the key; the others keep it, print none, and all succeed."""
    env = {"KUBECONFIG": str(kube_api.kubeconfig()), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    folders = [tmp_path / name for name in "abc"]
    for folder in folders:
        folder.mkdir()
    running = [
        subprocess.Popen(
            [*PROGRAM, "init", "-n", namespace], cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for folder in folders
    ]
    outputs = [process.communicate(timeout=60) for process in running]
    assert [process.returncode for process in running] == [0, 0, 0], outputs
    keys = [out for out, _ in outputs if out]
    assert keys == [kube_api.secret(namespace)["data"]["age.agekey"]]
    public = keys[0].decode().split("public key: ")[1].split()[0]
    assert all(public in (folder / ".sops.yaml").read_text() for folder in folders)


def test_a_create_that_comes_second_is_refused(kube_api, namespace):
    """The API server lets one win."""
    client = client_of(kube_api)
    age_secret.create(client, namespace, "sops-age", "x", "1")
    with pytest.raises(AlreadyExistsError):
        age_secret.create(client, namespace, "sops-age", "y", "1")
    assert kube_api.secret(namespace)["data"] == {"age.agekey": b"x"}


def test_a_change_of_an_old_version_is_refused(kube_api, namespace):
    """Compare and swap: what was read must still be what is there."""
    client = client_of(kube_api)
    age_secret.create(client, namespace, "sops-age", "x", "1")
    old = age_secret.read(client, namespace, "sops-age")
    age_secret.change(client, old, {"b.agekey": b"b"})
    with pytest.raises(ChangedMeanwhileError, match="somebody else changed secret/sops-age"):
        age_secret.change(client, old, {"age.agekey": None})
    assert kube_api.secret(namespace)["data"] == {"age.agekey": b"x", "b.agekey": b"b"}
    age_secret.change(client, age_secret.read(client, namespace, "sops-age"), {"age.agekey": None})
    assert kube_api.secret(namespace)["data"] == {"b.agekey": b"b"}


def test_without_permission_to_read(kube_api, namespace, tmp_path):
    """Who may do nothing is told what is missing, and nothing is written."""
    done = init(kube_api, tmp_path, namespace, user="carol")
    assert (done.returncode, done.stdout) == (1, b"")
    assert f"error: carol may not get secrets in namespace {namespace}" in done.stderr.decode()
    assert f"kubectl auth can-i get secrets -n {namespace}" in done.stderr.decode()
    assert list(tmp_path.iterdir()) == []


def test_without_permission_to_create(kube_api, namespace, tmp_path):
    """Who may only read gets no key, and no .sops.yaml for a key that does not exist."""
    kube_api.grant("alice", namespace, "get")
    done = init(kube_api, tmp_path, namespace, user="alice")
    assert (done.returncode, done.stdout) == (1, b"")
    assert f"alice may not create secrets in namespace {namespace}" in done.stderr.decode()
    assert list(tmp_path.iterdir()) == []


def test_the_smallest_permission_is_enough(kube_api, namespace, tmp_path):
    """get and create on Secrets of the namespace; a dry run too, which may not look at namespaces."""
    kube_api.grant("bob", namespace, "get", "create")
    assert init(kube_api, tmp_path, namespace, "--dry-run", user="bob").returncode == 0
    assert age_secret.find(client_of(kube_api), namespace, "sops-age") is None
    done = init(kube_api, tmp_path, namespace, user="bob")
    assert done.returncode == 0, done.stderr
    assert kube_api.secret(namespace)["data"] == {"age.agekey": done.stdout}


def test_impersonation(kube_api, namespace):
    """--as and --as-group are judged by the API server."""
    with pytest.raises(ForbiddenError, match="dave may not get secrets"):
        age_secret.find(client_of(kube_api, as_user="dave"), namespace, "sops-age")
    client = client_of(kube_api, as_user="dave", as_group=["some", "system:masters"])
    assert age_secret.find(client, namespace, "sops-age") is None
    with pytest.raises(ForbiddenError, match="alice may not"):
        age_secret.find(client_of(kube_api, "alice", as_user="admin"), namespace, "sops-age")


def test_missing_namespace(kube_api, tmp_path):
    """It says how to bootstrap Flux, and creates nothing, in a dry run too."""
    for argv in ([], ["--dry-run"]):
        done = init(kube_api, tmp_path, "not-there", *argv)
        assert (done.returncode, done.stdout) == (1, b"")
        assert "error: there is no namespace not-there" in done.stderr.decode()
        assert "flux bootstrap" in done.stderr.decode()
        assert "--create-namespace" in done.stderr.decode()
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(NamespaceNotFoundError):
        age_secret.create(client_of(kube_api), "not-there", "sops-age", "x", "1")


def test_namespace_is_created_on_request(kube_api, tmp_path):
    """--create-namespace; a dry run only says so."""
    done = init(kube_api, tmp_path, "brand-new", "--create-namespace", "--dry-run")
    assert "namespace/brand-new created (dry run)\n" in done.stderr.decode()
    done = init(kube_api, tmp_path, "brand-new", "--create-namespace")
    assert done.returncode == 0
    assert "namespace/brand-new created\n" in done.stderr.decode()
    assert kube_api.secret("brand-new")["data"] == {"age.agekey": done.stdout}


def test_expired_credentials(kube_api, namespace, tmp_path):
    """A token that the server does not know."""
    done = init(kube_api, tmp_path, namespace, config=kube_api.kubeconfig("bob", token="no-longer-valid"))
    assert (done.returncode, done.stdout) == (1, b"")
    assert "the credentials of context test are expired or not valid" in done.stderr.decode()
    assert "no-longer-valid" not in done.stderr.decode()
    with pytest.raises(CredentialsError):
        connect({"kubeconfig": str(kube_api.kubeconfig("bob", token="x"))}).get(age_secret.SECRETS, "x", namespace)


def test_server_with_another_certificate(kube_api, namespace, tmp_path):
    """Without its authority in the kubeconfig the server is not trusted."""
    path = write_kubeconfig(tmp_path / "k", kube_api.server, token=kube_api.token("admin"))
    with pytest.raises(UnreachableError, match="can't be trusted"):
        connect({"kubeconfig": str(path)}).get(age_secret.SECRETS, "x", namespace)


def test_secret_without_a_usable_key(kube_api, namespace, tmp_path):
    """What is there is neither used nor replaced."""
    kube_api.kubectl("-n", namespace, "create", "secret", "generic", "sops-age", "--from-literal=age.key=x")
    done = init(kube_api, tmp_path, namespace)
    assert (done.returncode, done.stdout) == (1, b"")
    assert "holds no age key that Flux can use; it ignores the entry age.key" in done.stderr.decode()
    assert kube_api.secret(namespace)["data"] == {"age.key": b"x"}


def test_secret_that_kubectl_made(kube_api, namespace, tmp_path):
    """The way of Flux's guide: its key is found and reported."""
    key = pyrage.x25519.Identity.generate()
    kube_api.kubectl(
        "-n",
        namespace,
        "create",
        "secret",
        "generic",
        "sops-age",
        "--from-file=age.agekey=/dev/stdin",
        stdin=f"{key}\n",
    )
    done = init(kube_api, tmp_path, namespace, "--path-regex", "^apps/")
    assert (done.returncode, done.stdout) == (0, b"")
    assert f"recipient {key.to_public()}" in done.stderr.decode()
    assert str(key.to_public()) in (tmp_path / ".sops.yaml").read_text()


def test_what_init_stores_flux_and_kubectl_read(kube_api, namespace, tmp_path):
    """data, not stringData; the type that Flux's own guide makes."""
    init(kube_api, tmp_path, namespace, "--from-stdin", stdin=str(pyrage.x25519.Identity.generate()).encode())
    raw = json.loads(kube_api.kubectl("-n", namespace, "get", "secret", "sops-age", "-o", "json"))
    assert raw["type"] == "Opaque"
    assert base64.b64decode(raw["data"]["age.agekey"]).startswith(b"# created: ")


def test_object_that_is_not_there(kube_api, namespace):
    """A missing Secret is not a missing namespace."""
    with pytest.raises(ObjectNotFoundError, match=f"there is no secret/x in namespace {namespace}") as caught:
        client_of(kube_api).get(age_secret.SECRETS, "x", namespace)
    assert not isinstance(caught.value, NamespaceNotFoundError)
