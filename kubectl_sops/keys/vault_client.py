"""Requests to HashiCorp Vault and OpenBao, with the settings that their own command line reads.

Plain HTTP of the standard library: the two calls that SOPS needs are no reason for a package.
"""

from __future__ import annotations

import json
import os
import ssl
import time
from http.client import HTTPException
from typing import TYPE_CHECKING
from urllib import request as http
from urllib.error import HTTPError
from urllib.parse import quote, urljoin, urlsplit

from kubectl_sops.keys import RefusedError, ServiceError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kubectl_sops.keys.context import Context

TIMEOUT = 10.0
"""Seconds that an answer may take, unless ``VAULT_CLIENT_TIMEOUT`` says otherwise."""

_PAUSES = (0.3, 1.0)
"""Seconds before each further try."""

_BUSY = (412, 429, 502, 503, 504)
"""Answers after which the same request may succeed: rate limits, replication lag, a standby that takes over."""

_SECRET_ENTRY = "sops.vault-token"  # noqa: S105  # the name of an entry
_TRUE = ("1", "t", "T", "true", "TRUE", "True")


class VaultClient:
    """One server, with a token.

    Args:
        address: scheme, host and port.
        token: empty where there is none.
        environ: for namespace, TLS settings and timeout.
    """

    def __init__(self, address: str, token: str, environ: Mapping[str, str]) -> None:
        self._address = address
        self._timeout = _seconds(environ.get("VAULT_CLIENT_TIMEOUT")) or TIMEOUT
        self._headers = {"X-Vault-Request": "true", "Content-Type": "application/json"}
        if token:
            self._headers["X-Vault-Token"] = token
        if environ.get("VAULT_NAMESPACE"):
            self._headers["X-Vault-Namespace"] = environ["VAULT_NAMESPACE"]
        self._opener = http.build_opener(_NoRedirect, http.HTTPSHandler(context=_tls(address, environ)))

    def call(self, method: str, path: str, body: Mapping[str, object] | None = None) -> dict[str, object]:
        """The ``data`` of an answer; ``path`` is what follows ``/v1/``.

        Raises:
            ServiceError: the server can't be reached, is sealed, or does not accept the token.
            RefusedError: it answers, and refuses this request; carries the status.
        """
        url = f"{self._address}/v1/{quote(path, safe='/')}"
        for pause in (*_PAUSES, None):
            status, location, answer = self._send(method, url, body)
            if status in (307, 308) and location:
                # a standby points to the active node (one hop, as Vault's client follows it)
                status, _, answer = self._send(method, self._forwarded(url, location), body)
            if status < 300:
                data = answer.get("data")
                return data if isinstance(data, dict) else {}
            if status not in _BUSY or pause is None:
                raise self._refusal(status, answer)
            time.sleep(pause)
        raise AssertionError  # the last pause is None

    def _forwarded(self, url: str, location: str) -> str:
        target = urljoin(url, location)
        if urlsplit(url).scheme == "https" and urlsplit(target).scheme != "https":
            raise ServiceError("the server points to an address without TLS", self._address)
        return target

    def _send(
        self, method: str, url: str, body: Mapping[str, object] | None
    ) -> tuple[int, str | None, dict[str, object]]:
        data = None if body is None else json.dumps(body).encode()
        request = http.Request(url, data=data, method=method, headers=self._headers)  # noqa: S310  # checked scheme
        try:
            with self._opener.open(request, timeout=self._timeout) as response:
                return response.status, None, _parse(response.read())
        except HTTPError as error:
            with error:
                return error.code, error.headers.get("Location"), _parse(error.read())
        except (OSError, HTTPException) as error:
            raise ServiceError(f"can't be reached: {_reason(error)}", self._address) from None

    def _refusal(self, status: int, answer: dict[str, object]) -> ServiceError | RefusedError:
        if status == 403:
            return RefusedError(
                "permission denied", status, hint="log in (`vault login` or `bao login`), or set VAULT_TOKEN"
            )
        if status == 503:
            return ServiceError("the server is sealed or not ready", self._address)
        if status in _BUSY or status >= 500:
            return ServiceError(f"the server answers with status {status}", self._address)
        listed = answer.get("errors")
        texts = [" ".join(str(text).split())[:200] for text in listed] if isinstance(listed, list) else []
        return RefusedError("; ".join(texts) or f"the server answers with status {status}", status)


def connect(address: str, context: Context) -> VaultClient:
    """A client with the token that counts here: of a Flux Secret, of ``VAULT_TOKEN``, or of ``~/.vault-token``.

    Raises:
        ServiceError: the address is not allowed, or there is no token.
    """
    environ = context.environ
    if not allowed(address, environ.get("SOPS_HC_VAULT_ALLOWLIST", "")):
        raise ServiceError("SOPS_HC_VAULT_ALLOWLIST does not allow this address", address)
    token = _token(context)
    if not token:
        if context.secret is not None:
            raise ServiceError(f"the Secret has no entry {_SECRET_ENTRY}", address)
        raise ServiceError(
            "there is no token", address, hint="log in (`vault login` or `bao login`), or set VAULT_TOKEN"
        )
    client: VaultClient = context.client(("vault", address), lambda: VaultClient(address, token, environ))
    return client


def allowed(address: str, allowlist: str) -> bool:
    """Whether ``SOPS_HC_VAULT_ALLOWLIST`` (``all``, ``none`` or prefixes of addresses) lets us talk to a server."""
    if allowlist in ("", "all"):
        return True
    if allowlist == "none":
        return False
    # a slash behind both, so that https://vault.example.com does not allow https://vault.example.com.evil
    return any(f"{address}/".startswith(prefix.strip().rstrip("/") + "/") for prefix in allowlist.split(",") if prefix)


def _token(context: Context) -> str:
    if context.secret is not None:
        return context.secret.get(_SECRET_ENTRY, b"").decode("utf-8", "replace").strip()
    token = context.environ.get("VAULT_TOKEN", "").strip()
    home = context.environ.get("HOME")
    if token or not home:
        return token
    try:
        with open(os.path.join(home, ".vault-token"), encoding="utf-8") as file:
            return file.read(1 << 16).strip()
    except (OSError, UnicodeDecodeError):
        return ""


class _NoRedirect(http.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


def _tls(address: str, environ: Mapping[str, str]) -> ssl.SSLContext | None:
    if not address.startswith("https:"):
        return None
    try:
        tls = ssl.create_default_context(
            cafile=environ.get("VAULT_CACERT") or None,
            capath=environ.get("VAULT_CAPATH") or None,
            cadata=environ.get("VAULT_CACERT_BYTES") or None,
        )
        if environ.get("VAULT_CLIENT_CERT"):
            tls.load_cert_chain(environ["VAULT_CLIENT_CERT"], environ.get("VAULT_CLIENT_KEY") or None)
    except (OSError, ValueError) as error:
        raise ServiceError(f"the TLS settings (VAULT_CACERT, …) can't be used: {_reason(error)}", address) from None
    if environ.get("VAULT_SKIP_VERIFY") in _TRUE:
        tls.check_hostname = False
        tls.verify_mode = ssl.CERT_NONE
    return tls


def _seconds(text: str | None) -> float:
    # Vault reads a number of seconds, or one with a unit
    units = {"s": 1.0, "m": 60.0, "h": 3600.0}
    text = text or ""
    number, unit = (text[:-1], units[text[-1]]) if text[-1:] in units else (text, 1.0)
    try:
        return float(number) * unit
    except ValueError:
        return 0.0


def _parse(body: bytes) -> dict[str, object]:
    try:
        answer = json.loads(body)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _reason(error: Exception) -> str:
    cause = getattr(error, "reason", None) or getattr(error, "strerror", None) or error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({cause.verify_message})"
    if isinstance(cause, TimeoutError):
        return "it does not answer in time"
    text = (cause.strerror if isinstance(cause, OSError) and cause.strerror else str(cause)) or type(error).__name__
    return " ".join(text.split())[:200]
