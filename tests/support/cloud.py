"""Cloud services that answer under their own names: a proxy that sends each host to a stand-in in this process.

Programs reach it through ``HTTPS_PROXY`` and trust it through a certificate authority of its own, so that real sops and
the vendors' packages take the way that they take to the real service.
"""

from __future__ import annotations

import datetime
import json
import ssl
import threading
from http.server import BaseHTTPRequestHandler
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import TYPE_CHECKING, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    Answer = Callable[["Request"], "Reply"]


class Request(NamedTuple):
    """What a service was asked."""

    host: str
    method: str
    path: str
    headers: Mapping[str, str]  # names in lower case
    body: bytes

    @property
    def json(self) -> dict:
        return json.loads(self.body or b"{}")


class Reply(NamedTuple):
    """What it answers."""

    status: int = 200
    body: object = None
    headers: Mapping[str, str] = {}


def _body(conversation: BaseHTTPRequestHandler) -> bytes:
    if conversation.headers.get("Transfer-Encoding") != "chunked":
        return conversation.rfile.read(int(conversation.headers.get("Content-Length") or 0))
    data = b""
    while size := int(conversation.rfile.readline(), 16):
        data += conversation.rfile.read(size)
        conversation.rfile.readline()
    conversation.rfile.readline()
    return data


class Authority:
    """A certificate authority for one test run."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "throw-away authority")])
        self._certificate = self._sign(self._name, self._key, is_authority=True)
        self.path = folder / "authority.pem"
        self.path.write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))

    def context(self, *hosts: str) -> ssl.SSLContext:
        """The server side for some host names or addresses."""
        certificate, key = self.certificate(*hosts)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        return context

    def certificate(self, *hosts: str) -> tuple[Path, Path]:
        """Files of a certificate and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hosts[0])])
        certificate = self._sign(name, key, hosts=hosts)
        paths = self._folder / f"{hosts[0]}.pem", self._folder / f"{hosts[0]}.key"
        paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        paths[1].write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return paths

    def _sign(self, name, key, *, hosts=(), is_authority=False) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        )
        if hosts:
            builder = builder.add_extension(x509.SubjectAlternativeName([_name_of(h) for h in hosts]), critical=False)
        return builder.sign(self._key, hashes.SHA256())


def _name_of(host: str) -> x509.GeneralName:
    import ipaddress

    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


class Cloud:
    """The proxy and the services behind it.

    Attributes:
        requests: everything that was asked so far.
        failures: replies that are given, once each, instead of those of the services.
    """

    def __init__(self, folder: Path) -> None:
        self.authority = Authority(folder)
        self.requests: list[Request] = []
        self.failures: list[Reply] = []
        self._services: dict[str, tuple[Answer, ssl.SSLContext]] = {}
        cloud = self

        class Proxy(StreamRequestHandler):
            def handle(self) -> None:
                cloud._connect(self.request)

        self._server = ThreadingTCPServer(("127.0.0.1", 0), Proxy)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def serve(self, host: str, answer: Answer) -> None:
        """Let ``answer`` stand in for a host."""
        self._services[host] = (answer, self.authority.context(host))

    @property
    def environment(self) -> dict[str, str]:
        """Variables that send Go programs, requests and urllib here."""
        authority = str(self.authority.path)
        return {
            "HTTPS_PROXY": f"http://127.0.0.1:{self._server.server_address[1]}",
            "SSL_CERT_FILE": authority,
            "REQUESTS_CA_BUNDLE": authority,
        }

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _connect(self, connection) -> None:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            byte = connection.recv(1)
            if not byte:
                return
            head += byte
        host = head.split()[1].decode().partition(":")[0]
        if host not in self._services:
            connection.sendall(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
            return
        answer, tls = self._services[host]
        connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        try:
            with tls.wrap_socket(connection, server_side=True) as secured:
                self._converse(secured, host, answer)
        except OSError:
            pass  # the client went away

    def _converse(self, secured: ssl.SSLSocket, host: str, answer: Answer) -> None:
        cloud = self

        class Conversation(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                request = Request(
                    host,
                    self.command,
                    self.path,
                    {k.lower(): v for k, v in self.headers.items()},
                    _body(self),
                )
                cloud.requests.append(request)
                reply = cloud.failures.pop(0) if cloud.failures else answer(request)
                body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body or {}).encode()
                self.send_response(reply.status)
                for name, value in {"Content-Type": "application/json", **reply.headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET  # noqa: N815  # the name decides
            do_PUT = do_GET  # noqa: N815

            def log_message(self, *args: object) -> None:
                pass

        Conversation(secured, ("127.0.0.1", 0), None)
