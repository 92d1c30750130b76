"""GCP KMS: symmetric keys by resource id, through its REST API with google-auth and checksums both ways."""

from __future__ import annotations

import json
import os
import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from typing import TYPE_CHECKING, Any

from kubectl_sops.core.metadata import KeyEntry
from kubectl_sops.errors import KeyParseError
from kubectl_sops.keys import (
    RefusedError,
    ServiceError,
    UnwrapError,
    decode_base64,
    failed_to_wrap,
    missing_extra,
    stamped,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kubectl_sops.keys.context import Context

SECRET_ENTRY = "sops.gcp-kms"  # noqa: S105  # the name of an entry
CONNECT_TIMEOUT, READ_TIMEOUT = 4, 10  # seconds

_SCOPE = "https://www.googleapis.com/auth/cloudkms"
_NAME = re.compile(r"projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/]+")
_LOG_IN = "log in (`gcloud auth application-default login`), or set GOOGLE_CREDENTIALS"


def parse_recipients(text: str) -> list[KeyEntry]:
    """Resource ids separated by commas."""
    names = [part for part in text.replace(" ", "").split(",") if part]
    if not all(_NAME.fullmatch(name) for name in names):
        raise KeyParseError(
            "not the resource id of a GCP KMS key",
            hint="write it like projects/NAME/locations/global/keyRings/NAME/cryptoKeys/NAME",
        )
    return [KeyEntry("gcp_kms", {"resource_id": name}) for name in names]


def service(entry: KeyEntry) -> str:
    """The service; it is one for all keys, whose projects need different permissions."""
    del entry
    return "GCP KMS"


def wrap(entry: KeyEntry, part: bytes, context: Context) -> KeyEntry:
    """The key with ``part`` encrypted by KMS."""
    try:
        answer = _call("encrypt", entry, context, "plaintext", part)
        if answer.get("verifiedPlaintextCrc32c") is not True:
            raise UnwrapError("the data key was damaged on its way to the service")
        blob = _checked(answer, "ciphertext")
    except UnwrapError as error:
        raise failed_to_wrap(entry, error) from None
    return stamped(entry, b64encode(blob).decode())


def unwrap(entry: KeyEntry, context: Context) -> bytes:
    """The part, decrypted by KMS."""
    blob = decode_base64(entry.enc)
    return _checked(_call("decrypt", entry, context, "ciphertext", blob), "plaintext")


def _call(operation: str, entry: KeyEntry, context: Context, field: str, data: bytes) -> dict[str, Any]:
    name = entry.get("resource_id")
    if _NAME.fullmatch(name) is None:
        raise UnwrapError("not the resource id of a GCP KMS key")
    try:
        import google_crc32c
        import requests
        from google.auth import exceptions
    except ImportError:
        raise missing_extra("gcp", service(entry)) from None
    body = {field: b64encode(data).decode(), f"{field}Crc32c": str(google_crc32c.value(data))}
    try:
        session = context.client("gcp", lambda: session_for(context, _SCOPE))
        url = f"{endpoint(context.environ)}/v1/{name}:{operation}"
        response = session.post(url, json=body, timeout=(CONNECT_TIMEOUT, READ_TIMEOUT))
    except exceptions.TransportError:
        raise ServiceError("Google's token service can't be reached", service(entry)) from None
    except exceptions.GoogleAuthError as error:
        # messages of RefreshError quote the answer of the token service
        text = "no credentials were found" if isinstance(error, exceptions.DefaultCredentialsError) else _REJECTED
        raise ServiceError(text, service(entry), hint=_LOG_IN) from None
    except requests.RequestException as error:
        raise ServiceError(f"can't be reached: {_kind(error)}", service(entry)) from None
    return _answer(response, entry)


_REJECTED = "the credentials are not accepted"


def _answer(response: Any, entry: KeyEntry) -> dict[str, Any]:
    status = response.status_code
    try:
        answer = response.json()
    except ValueError:
        answer = {}
    if status == 200 and isinstance(answer, dict):
        return answer
    if status == 401:
        raise ServiceError(_REJECTED, service(entry), hint=_LOG_IN)
    if status == 429 or status >= 500:
        raise ServiceError(f"the service is overloaded or failing (status {status})", service(entry))
    texts = {
        403: "permission denied: the caller needs cloudkms.cryptoKeyVersions.useToEncrypt or useToDecrypt on this key",
        404: "there is no such key",
        400: "refused: the key is disabled, or it is not the one that it was encrypted with",
    }
    raise RefusedError(texts.get(status, f"refused (status {status})"), status)


def _checked(answer: Mapping[str, Any], field: str) -> bytes:
    import google_crc32c

    try:
        # JSON leaves out what is empty
        data = b64decode(str(answer.get(field) or ""), validate=True)
    except (Base64Error, ValueError):
        raise UnwrapError("the answer is not base64") from None
    # an int64 in JSON is a string
    if str(answer.get(f"{field}Crc32c", "")) != str(google_crc32c.value(data)):
        raise UnwrapError("the answer was damaged on its way from the service")
    return data


def endpoint(environ: Mapping[str, str]) -> str:
    """Where the API is: ``SOPS_GCP_KMS_ENDPOINT``, ``SOPS_GCP_KMS_UNIVERSE_DOMAIN`` or Google's."""
    given = environ.get("SOPS_GCP_KMS_ENDPOINT")
    if given:
        return (given if "://" in given else f"https://{given}").rstrip("/")
    return f"https://cloudkms.{environ.get('SOPS_GCP_KMS_UNIVERSE_DOMAIN') or 'googleapis.com'}"


def session_for(context: Context, scope: str) -> Any:
    """A session of requests that carries the caller's credentials, limited to ``scope``."""
    from google.auth.transport.requests import AuthorizedSession
    from requests.adapters import HTTPAdapter
    from urllib3.util import Retry

    session = AuthorizedSession(_credentials(context, scope), refresh_timeout=READ_TIMEOUT)
    busy = (429, 500, 502, 503, 504)
    retries = Retry(
        total=2, connect=0, read=0, status=2, backoff_factor=0.3, status_forcelist=busy, allowed_methods=None,
        raise_on_status=False,
    )  # fmt: skip
    session.mount("https://", HTTPAdapter(max_retries=retries))
    return session


def _credentials(context: Context, scope: str) -> Any:
    """Those of the Flux Secret, or of the places of sops in its order."""
    import google.auth
    from google.oauth2.credentials import Credentials

    if context.secret is not None:
        data = context.secret.get(SECRET_ENTRY)
        if data is None:
            raise ServiceError(f"the Secret has no entry {SECRET_ENTRY}", "GCP KMS")
        return _of_json(data, scope, f"the entry {SECRET_ENTRY} of the Secret")
    given = context.environ.get("GOOGLE_CREDENTIALS")
    if given:
        if not os.path.exists(given):
            return _of_json(given.encode(), scope, "GOOGLE_CREDENTIALS")
        try:
            with open(given, "rb") as file:
                return _of_json(file.read(1 << 20), scope, "the file of GOOGLE_CREDENTIALS")
        except OSError as error:
            raise ServiceError(f"GOOGLE_CREDENTIALS can't be read: {error.strerror}", "GCP KMS") from None
    token = context.environ.get("GOOGLE_OAUTH_ACCESS_TOKEN")
    if token:
        return Credentials(token)
    return google.auth.default(scopes=[scope])[0]


def _of_json(data: bytes, scope: str, place: str) -> Any:
    import warnings

    import google.auth
    from google.auth.exceptions import GoogleAuthError

    try:
        info = json.loads(data)
        with warnings.catch_warnings():
            # deprecated for credentials of strangers, whose token URL is not checked; these are the caller's own
            warnings.simplefilter("ignore", DeprecationWarning)
            return google.auth.load_credentials_from_dict(info, scopes=[scope])[0]
    except (ValueError, AttributeError, TypeError, GoogleAuthError):
        raise ServiceError(f"{place} holds no Google credentials", "GCP KMS") from None


def _kind(error: Exception) -> str:
    import requests

    if isinstance(error, requests.exceptions.SSLError):
        return "its certificate is not trusted"
    if isinstance(error, requests.exceptions.Timeout):
        return "it does not answer in time"
    return "no connection"
