"""The API client: requests as they arrive, and an error of its own for every refusal."""

import http.server
import json
import socket
import threading

import pytest

from kubectl_sops.cluster.client import NAMESPACES, SECRETS, connect
from kubectl_sops.cluster.failure import (
    AlreadyExistsError,
    ChangedMeanwhileError,
    CredentialsError,
    ForbiddenError,
    NamespaceNotFoundError,
    ObjectNotFoundError,
    UnreachableError,
)
from kubectl_sops.errors import ClusterError
from tests.support.kube import free_port, write_kubeconfig

CANARY = "CANARY-51f0"


class Stub:
    """An HTTP server that records requests and gives one answer."""

    def __init__(self):
        stub = self
        self.requests = []
        self.answer = (200, b"{}")

        class Handler(http.server.BaseHTTPRequestHandler):
            def handle_any(self):
                length = int(self.headers.get("Content-Length") or 0)
                stub.requests.append((self.command, self.path, self.headers, self.rfile.read(length)))
                status, body = stub.answer
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = do_PATCH = handle_any  # noqa: N815

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def stub():
    """A server that says what the test wants."""
    server = Stub()
    yield server
    server.stop()


@pytest.fixture
def client(stub, tmp_path):
    """A client of the stub, with a token."""
    path = write_kubeconfig(tmp_path / "k", stub.url, token="t0ken")
    return connect({"kubeconfig": str(path), "as_user": "eve", "as_group": ["a", "b"]})


def test_requests_are_those_of_the_api(stub, client):
    """Paths, methods, bodies, content types and who asks."""
    client.get(SECRETS, "sops-age", "flux-system")
    client.create(NAMESPACES, {"kind": "Namespace"})
    client.patch(SECRETS, "sops-age", {"data": {"a": None}}, "flux-system")
    client.list(SECRETS, "a b/c")
    lines = [(method, path, json.loads(body or b"null")) for method, path, _, body in stub.requests]
    assert lines == [
        ("GET", "/api/v1/namespaces/flux-system/secrets/sops-age", None),
        ("POST", "/api/v1/namespaces", {"kind": "Namespace"}),
        ("PATCH", "/api/v1/namespaces/flux-system/secrets/sops-age", {"data": {"a": None}}),
        ("GET", "/api/v1/namespaces/a%20b%2Fc/secrets", None),
    ]
    types = [headers["Content-Type"] for method, _, headers, _ in stub.requests if method != "GET"]
    assert types == ["application/json", "application/merge-patch+json"]
    headers = stub.requests[0][2]
    assert headers["Authorization"] == "Bearer t0ken"
    assert (headers["Impersonate-User"], headers.get_all("Impersonate-Group")) == ("eve", ["a", "b"])


def status(reason, message="", kind="secrets"):
    """The body of a refusal."""
    return json.dumps({"kind": "Status", "reason": reason, "message": message, "details": {"kind": kind}}).encode()


@pytest.mark.parametrize(
    ("answer", "error", "message"),
    [
        ((401, status("Unauthorized")), CredentialsError, "the credentials of context test are expired or not valid"),
        (
            (403, status("Forbidden", f'secrets "x" is forbidden: User "jane" cannot {CANARY}')),
            ForbiddenError,
            "jane may not create secrets in namespace ns",
        ),
        ((403, b"<html>"), ForbiddenError, "you may not create secrets in namespace ns"),
        ((404, status("NotFound", kind="namespaces")), NamespaceNotFoundError, "there is no namespace ns"),
        ((404, status("NotFound")), ObjectNotFoundError, "there is no secrets in namespace ns"),
        ((409, status("AlreadyExists")), AlreadyExistsError, "there already is a secret of that name in namespace ns"),
        ((429, status("TooManyRequests", CANARY)), ClusterError, "create secrets in namespace ns: 429 TooManyRequests"),
        ((500, CANARY.encode()), ClusterError, "refused to create secrets in namespace ns: 500"),
        ((503, b"[]"), ClusterError, "refused to create secrets in namespace ns: 503"),
        ((301, b""), ClusterError, "refused to create secrets in namespace ns: 301"),
        ((200, CANARY.encode()), ClusterError, "does not answer like a Kubernetes API server"),
    ],
)
def test_each_refusal_is_an_error_of_its_own(stub, client, answer, error, message):
    """By class, with words that hold nothing of the answer but names."""
    stub.answer = answer
    with pytest.raises(error, match=message) as caught:
        client.create(SECRETS, {"data": {"k": CANARY}}, "ns")
    assert type(caught.value) is error
    assert CANARY not in str(caught.value) + str(caught.value.hint)


def test_a_conflict_of_a_change_is_not_one_of_a_name(stub, client):
    """409 to a change means that somebody else was faster."""
    stub.answer = (409, status("Conflict"))
    with pytest.raises(ChangedMeanwhileError):
        client.patch(SECRETS, "x", {}, "ns")


def test_nobody_listens(tmp_path):
    """A refused connection names the server and is not tried again and again."""
    url = f"http://127.0.0.1:{free_port()}"
    client = connect({"kubeconfig": str(write_kubeconfig(tmp_path / "k", url))})
    with pytest.raises(UnreachableError, match=f"{url} can't be reached: connection refused"):
        client.get(SECRETS, "x", "ns")


def test_a_server_that_says_nothing_times_out(tmp_path):
    """--request-timeout bounds the wait."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        path = write_kubeconfig(tmp_path / "k", f"http://127.0.0.1:{silent.getsockname()[1]}")
        client = connect({"kubeconfig": str(path), "request_timeout": "100ms"})
        with pytest.raises(UnreachableError, match="no answer in time"):
            client.get(SECRETS, "x", "ns")


def test_a_name_that_does_not_resolve(tmp_path):
    """The server's name is wrong, or there is no network."""
    client = connect({"kubeconfig": str(write_kubeconfig(tmp_path / "k", "http://api.invalid"))})
    with pytest.raises(UnreachableError, match="its name can't be resolved"):
        client.get(SECRETS, "x", "ns")


def test_a_server_that_speaks_no_tls(stub, tmp_path):
    """https to a server without TLS is a matter of trust, not of the network."""
    path = write_kubeconfig(tmp_path / "k", stub.url.replace("http:", "https:"))
    with pytest.raises(UnreachableError, match="can't be trusted"):
        connect({"kubeconfig": str(path)}).get(SECRETS, "x", "ns")


def test_a_connection_that_breaks_off(tmp_path):
    """The server closes without an answer."""
    with socket.socket() as rude:
        rude.bind(("127.0.0.1", 0))
        rude.listen()

        def hang_up():
            connection, _ = rude.accept()
            connection.recv(10)
            connection.close()

        threading.Thread(target=hang_up, daemon=True).start()
        path = write_kubeconfig(tmp_path / "k", f"http://127.0.0.1:{rude.getsockname()[1]}")
        with pytest.raises(UnreachableError, match="can't be reached: no answer"):
            connect({"kubeconfig": str(path)}).get(SECRETS, "x", "ns")
