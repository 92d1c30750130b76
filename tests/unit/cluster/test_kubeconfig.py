"""Which API server is meant: files, flags, plugins and pods."""

import base64
import json
import os

import pytest
import yaml

from kubectl_sops.cluster.failure import CredentialsError, KubeconfigError
from kubectl_sops.cluster.kubeconfig import load_access, parse_timeout
from kubectl_sops.errors import UsageError

TOKEN = "canary-token-7261"


def write(path, *, current="one", server="https://one.invalid", user=None, extra=()):
    """A kubeconfig with the contexts ``one`` and those in ``extra``."""
    names = ["one", *extra]
    config = {
        "current-context": current,
        "clusters": [{"name": n, "cluster": {"server": server.replace("one", n)}} for n in names],
        "users": [{"name": n, "user": {"token": f"{n}-token"} if user is None else user} for n in names],
        "contexts": [{"name": n, "context": {"cluster": n, "user": n}} for n in names],
    }
    path.write_text(yaml.safe_dump(config))
    return str(path)


def token(access):
    """The Authorization header that requests get."""
    keys = access.configuration.api_key
    return keys.get("BearerToken") or keys.get("authorization")


def test_current_context_is_the_default(tmp_path):
    """Server and token of the current context."""
    access = load_access({"kubeconfig": write(tmp_path / "k")})
    assert (access.configuration.host, token(access), access.context) == (
        "https://one.invalid",
        "Bearer one-token",
        "one",
    )


def test_context_flag_wins(tmp_path):
    """--context chooses another one."""
    access = load_access({"kubeconfig": write(tmp_path / "k", extra=["two"]), "context": "two"})
    assert (access.configuration.host, token(access)) == ("https://two.invalid", "Bearer two-token")


def test_cluster_and_user_flags_replace_parts_of_the_context(tmp_path):
    """--cluster and --user as in kubectl."""
    path = write(tmp_path / "k", extra=["two", "three"])
    access = load_access({"kubeconfig": path, "cluster": "two", "user": "three"})
    assert (access.configuration.host, token(access)) == ("https://two.invalid", "Bearer three-token")


def test_cluster_flag_needs_no_context(tmp_path):
    """With --cluster and --user a kubeconfig without a current context will do."""
    path = write(tmp_path / "k", current="")
    access = load_access({"kubeconfig": path, "cluster": "one", "user": "one"})
    assert access.configuration.host == "https://one.invalid"


def test_kubeconfig_list_is_merged_and_the_first_file_wins(tmp_path, monkeypatch):
    """Missing files are passed over; the first current-context counts, and the first of two equal names."""
    first = write(tmp_path / "a", server="https://one.first", extra=["two"])
    second = write(tmp_path / "b", current="three", server="https://one.second", extra=["three"])
    monkeypatch.setenv("KUBECONFIG", os.pathsep.join(["", str(tmp_path / "missing"), first, second]))
    assert load_access({}).configuration.host == "https://one.first"
    assert load_access({"context": "three"}).configuration.host == "https://three.second"


def test_default_file_is_in_the_home(tmp_path, monkeypatch):
    """~/.kube/config where KUBECONFIG is not set."""
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".kube").mkdir()
    write(tmp_path / ".kube/config")
    assert load_access({}).configuration.host == "https://one.invalid"


def test_no_kubeconfig_is_said(tmp_path, monkeypatch):
    """Nothing there: what to set."""
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(KubeconfigError, match="no kubeconfig found") as caught:
        load_access({})
    assert "KUBECONFIG" in caught.value.hint


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"context": "nope"}, "has no context nope"),
        ({"cluster": "nope"}, "has no cluster nope"),
        ({"user": "nope"}, "has no user nope"),
        ({"kubeconfig": "/nonexistent/k"}, "no such kubeconfig file"),
    ],
)
def test_what_is_not_there_is_named(tmp_path, values, message):
    """Each name that the kubeconfig lacks."""
    with pytest.raises(KubeconfigError, match=message):
        load_access({"kubeconfig": write(tmp_path / "k"), **values})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[",
        "text",
        f"users: [{{token: {TOKEN}}}]\ncontexts: [{{name: one}}]\nclusters: 7\n",
        f"current-context: one\ncontexts: [{{name: one, context: {{cluster: c, user: u}}}}]\n"
        "clusters: [{name: c, cluster: {server: 'https://x'}}]\n"
        f"users: [{{name: u, user: {{tokenFile: [{TOKEN}]}}}}]\n",
        f"current-context: one\ncontexts: [{{name: one, context: {{cluster: c, user: u}}}}]\n"
        "clusters: [{name: c, cluster: {server: 'https://x'}}]\n"
        f"users: [{{name: u, user: {{client-certificate-data: '{TOKEN}!'}}}}]\n",
    ],
)
def test_a_broken_kubeconfig_is_an_error_without_its_text(tmp_path, text):
    """The package's errors quote whole users; ours never do."""
    path = tmp_path / "k"
    path.write_text(text)
    with pytest.raises(KubeconfigError) as caught:
        load_access({"kubeconfig": str(path)})
    assert TOKEN not in str(caught.value) + str(caught.value.hint) + repr(caught.value)


def test_impersonation(tmp_path):
    """--as and --as-group become headers; a kubeconfig may ask for it too."""
    path = write(tmp_path / "k", user={"as": "carl", "as-groups": ["g"]})
    assert load_access({"kubeconfig": path}).impersonate == (("Impersonate-User", "carl"), ("Impersonate-Group", "g"))
    access = load_access({"kubeconfig": path, "as_user": "eve", "as_group": ["a", "b"]})
    assert access.impersonate == (
        ("Impersonate-User", "eve"), ("Impersonate-Group", "a"), ("Impersonate-Group", "b"),
    )  # fmt: skip
    with pytest.raises(UsageError):
        load_access({"kubeconfig": write(tmp_path / "l"), "as_group": ["a"]})


@pytest.mark.parametrize(
    ("text", "seconds"), [("", 30.0), ("0", None), ("0s", None), ("5", 5.0), ("1m30s", 90.0), ("500ms", 0.5)]
)
def test_timeout_is_a_go_duration(text, seconds):
    """kubectl's notation; 0 waits for ever."""
    assert parse_timeout(text) == seconds


@pytest.mark.parametrize("text", ["x", "5 s", "-1s", "s"])
def test_other_text_is_no_timeout(text):
    """What is no duration is refused."""
    with pytest.raises(UsageError):
        parse_timeout(text)


def plugin(tmp_path, script, **settings):
    """A kubeconfig whose user is a credential plugin that runs ``script``."""
    program = tmp_path / "login"
    program.write_text("#!/bin/sh\n" + script)
    program.chmod(0o755)
    settings = {"apiVersion": "client.authentication.k8s.io/v1", "command": str(program), **settings}
    return write(tmp_path / "k", user={"exec": settings})


def credential(**status):
    """The line with which a plugin prints its answer."""
    answer = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": status}
    return "echo '" + json.dumps(answer) + "'\n"


def test_credential_plugin_gives_a_token(tmp_path):
    """Its arguments and environment reach it; its token is used."""
    path = plugin(
        tmp_path,
        'test "$1$WHO" = loginme && ' + credential(token="from-plugin"),
        args=["login"],
        env=[{"name": "WHO", "value": "me"}],
    )
    assert token(load_access({"kubeconfig": path})) == "Bearer from-plugin"


def test_credential_plugin_is_told_the_cluster_if_it_asks(tmp_path):
    """provideClusterInfo puts the server into the plugin's environment."""
    script = 'case "$KUBERNETES_EXEC_INFO" in *one.invalid*) ' + credential(token="t").rstrip() + ";; esac\n"
    assert token(load_access({"kubeconfig": plugin(tmp_path, script, provideClusterInfo=True)})) == "Bearer t"


def test_credential_plugin_gives_a_certificate(tmp_path):
    """A client certificate; it lies in a file that this process alone has."""
    path = plugin(tmp_path, credential(clientCertificateData="CERT", clientKeyData="KEY"))
    configuration = load_access({"kubeconfig": path}).configuration
    with open(configuration.key_file) as file:
        assert file.read() == "KEY"
    if hasattr(os, "memfd_create"):
        assert configuration.key_file.startswith("/proc/self/fd/")


@pytest.mark.parametrize(
    "script", [f"echo {TOKEN} >&2; exit 1", f"echo {TOKEN}", "echo '{}'", credential(), credential(token="")]
)
def test_credential_plugin_that_fails_is_an_error(tmp_path, script, capfd):
    """The package only logs it; what the plugin says is not repeated."""
    with pytest.raises(CredentialsError, match=r"credential plugin .*login of the kubeconfig") as caught:
        load_access({"kubeconfig": plugin(tmp_path, script)})
    assert TOKEN not in str(caught.value) + str(caught.value.hint) + "".join(capfd.readouterr())


def test_credential_plugin_that_is_missing_is_named(tmp_path):
    """With the hint that the kubeconfig has for that case."""
    path = plugin(tmp_path, "", command="no-such-login", installHint="get it from the shelf")
    with pytest.raises(CredentialsError, match="no-such-login of the kubeconfig is not installed") as caught:
        load_access({"kubeconfig": path})
    assert caught.value.hint == "get it from the shelf"


def test_relative_files_are_looked_for_beside_the_kubeconfig(tmp_path, monkeypatch):
    """certificate-authority and tokenFile are relative to the file that names them."""
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf/token").write_text("from-file")
    path = write(tmp_path / "conf/k", user={"tokenFile": "token"})
    monkeypatch.chdir(tmp_path)
    assert token(load_access({"kubeconfig": path})) == "Bearer from-file"


def test_a_token_file_that_is_missing_is_named(tmp_path):
    """The file, and why it can't be read."""
    path = write(tmp_path / "k", user={"tokenFile": "missing"})
    with pytest.raises(KubeconfigError, match="missing: could not read what the kubeconfig names"):
        load_access({"kubeconfig": path})


def test_client_certificate_in_the_file(tmp_path):
    """Base64 text of the kubeconfig becomes files that OpenSSL can read."""
    data = {f"client-{part}-data": base64.b64encode(part.encode()).decode() for part in ("certificate", "key")}
    configuration = load_access({"kubeconfig": write(tmp_path / "k", user=data)}).configuration
    with open(configuration.cert_file) as cert, open(configuration.key_file) as key:
        assert (cert.read(), key.read()) == ("certificate", "key")


def test_a_pod_without_a_service_account_is_told_so(tmp_path, monkeypatch):
    """In a pod the service account is used; a pod may have none."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    with pytest.raises(KubeconfigError, match="this pod has no service account"):
        load_access({})
