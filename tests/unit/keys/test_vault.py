"""Vault: recipients, settings, and what is done when a server hesitates."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from kubectl_sops.errors import KeyParseError
from kubectl_sops.keys import RefusedError, ServiceError, vault, vault_client
from kubectl_sops.keys.vault_client import VaultClient

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.mark.parametrize(
    ("uri", "fields"),
    [
        ("https://v:8200/v1/transit/keys/a", ("https://v:8200", "transit", "a")),
        ("http://v/v1/team/x/transit/keys/a/", ("http://v", "team/x/transit", "a")),
        ("https://v/v2/sops/keys/a", ("https://v", "sops", "a")),
    ],
)
def test_uri(uri: str, fields: tuple[str, ...]) -> None:
    """A URI names server, engine and key."""
    (entry,) = vault.parse_recipients(uri)
    assert (entry.get("vault_address"), entry.get("engine_path"), entry.get("key_name")) == fields


@pytest.mark.parametrize(
    "uri",
    [
        "v:8200/v1/transit/keys/a",
        "https://v/transit/keys/a",
        "https://v/v1/keys/a",
        "https://v/prefix/v1/transit/keys/a",
        "https://v/v1/transit/keys/a?x=1",
        "file:///v1/transit/keys/a",
        "https://user:canary@v/v1/transit/keys/a",
    ],
)
def test_bad_uri(uri: str) -> None:
    """What is no key of a transit engine is refused without being quoted: it may hold credentials."""
    with pytest.raises(KeyParseError) as caught:
        vault.parse_recipients(uri)
    assert "canary" not in f"{caught.value}{caught.value.hint}"


def test_several_uris() -> None:
    """URIs are separated by commas; empty elements are passed over, as in sops."""
    listed = vault.parse_recipients("https://v/v1/t/keys/a, https://v/v1/t/keys/b,")
    assert [entry.get("key_name") for entry in listed] == ["a", "b"]


@pytest.mark.parametrize(
    ("allowlist", "expected"),
    [
        ("", True),
        ("all", True),
        ("none", False),
        ("https://vault.example.com", True),
        ("https://vault.example.com/", True),
        ("https://vault.example", False),
        ("https://a, https://vault.example.com", True),
    ],
)
def test_allowlist(allowlist: str, expected: bool) -> None:
    """Prefixes end at a slash, so that they can't be extended to another host."""
    assert vault_client.allowed("https://vault.example.com", allowlist) is expected


@pytest.mark.parametrize(("text", "seconds"), [("5", 5.0), ("5s", 5.0), ("2m", 120.0), ("", 0.0), ("soon", 0.0)])
def test_timeout_setting(text: str, seconds: float) -> None:
    """``VAULT_CLIENT_TIMEOUT`` is a number of seconds or one with a unit; what can't be read does not count."""
    assert vault_client._seconds(text) == seconds


@contextmanager
def _server(*answers: tuple[int, dict[str, str], dict[str, object]]) -> Iterator[tuple[str, list[str]]]:
    """A server that gives prepared answers, and the requests that it saw."""
    left, seen = list(answers), []

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            seen.append(f"{self.path} {self.headers.get('X-Vault-Token')} {self.headers.get('X-Vault-Namespace')}")
            status, headers, body = left.pop(0)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", seen
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vault_client, "_PAUSES", (0.0, 0.0))


@pytest.mark.usefixtures("_no_pauses")
@pytest.mark.parametrize("status", [429, 503, 412])
def test_busy_server_is_asked_again(status: int) -> None:
    """A rate limit or a change of leader passes."""
    with _server((status, {}, {}), (status, {}, {}), (200, {}, {"data": {"a": "b"}})) as (address, seen):
        assert VaultClient(address, "t", {}).call("PUT", "x", {}) == {"a": "b"}
    assert len(seen) == 3


@pytest.mark.usefixtures("_no_pauses")
def test_sealed_server() -> None:
    """After a few tries a sealed server counts as unusable, for all of its keys."""
    with (
        _server(*[(503, {}, {})] * 3) as (address, _),
        pytest.raises(ServiceError, match="sealed") as caught,
    ):
        VaultClient(address, "t", {}).call("PUT", "x", {})
    assert caught.value.service == address


@pytest.mark.parametrize("status", [400, 403, 404])
def test_refusal_is_not_repeated(status: int) -> None:
    """Asking again changes nothing about a refusal."""
    with _server((status, {}, {"errors": ["no"]})) as (address, seen), pytest.raises(RefusedError) as caught:
        VaultClient(address, "t", {}).call("PUT", "x", {})
    assert (caught.value.status, len(seen)) == (status, 1)


def test_standby_points_to_the_active_node() -> None:
    """One redirect is followed, with body and token, as Vault's own client does."""
    with (
        _server((200, {}, {"data": {"a": "b"}})) as (active, seen),
        _server((307, {"Location": f"{active}/v1/x"}, {})) as (standby, _),
    ):
        assert VaultClient(standby, "t", {"VAULT_NAMESPACE": "n"}).call("PUT", "x", {}) == {"a": "b"}
    assert seen == ["/v1/x t n"]


def test_second_redirect_is_not_followed() -> None:
    """Servers that point to each other don't keep us busy."""
    with _server((307, {"Location": "/v1/y"}, {}), (307, {"Location": "/v1/y"}, {})) as (address, seen):
        with pytest.raises(RefusedError):
            VaultClient(address, "t", {}).call("PUT", "x", {})
        assert len(seen) == 2


def test_redirect_may_not_leave_tls() -> None:
    """A token that was sent over TLS is not sent without it."""
    client = VaultClient("https://v", "t", {})
    with pytest.raises(ServiceError, match="without TLS"):
        client._forwarded("https://v/v1/x", "http://v/v1/x")


def test_names_are_quoted() -> None:
    """A key's name can't leave its place in the URL."""
    with _server((200, {}, {})) as (address, seen):
        VaultClient(address, "t", {}).call("PUT", "t/encrypt/a?b#c d", {})
    assert seen == ["/v1/t/encrypt/a%3Fb%23c%20d t None"]


@pytest.mark.parametrize("body", [b"", b"[]", b"not json", b"\xff"])
def test_answer_that_is_not_json(body: bytes) -> None:
    """An answer of something else, a proxy for instance, is an answer without data."""
    assert vault_client._parse(body) == {}
