"""Azure Key Vault: RSA keys, through azure-identity and azure-keyvault-keys."""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode
from typing import TYPE_CHECKING, Any, TypeVar

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
    from collections.abc import Callable, Sequence

    from kubectl_sops.core.metadata import Group
    from kubectl_sops.keys.context import Context

T = TypeVar("T")

SECRET_ENTRY = "sops.azure-kv"  # noqa: S105  # the name of an entry
LIMITS: dict[str, Any] = {
    "connection_timeout": 4,
    "read_timeout": 10,
    "retry_total": 2,
    "retry_connect": 0,
    "retry_read": 0,
    "retry_backoff_factor": 0.3,
    "retry_backoff_max": 5,
}
"""How long a request may take, and how often it is repeated when the vault is busy."""

_URL = re.compile(r"(https://[^/]+)/keys/([^/]+)(?:/([^/]*))?")
_LOG_IN = "log in (`az login`), or set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET"


def parse_recipients(text: str) -> list[KeyEntry]:
    """Key URLs separated by commas; without a version, the newest is looked up when the key is used."""
    return [_parse(part.strip()) for part in text.split(",") if part.strip()]


def _parse(url: str) -> KeyEntry:
    match = _URL.fullmatch(url)
    if match is None:
        raise KeyParseError(
            "not the URL of an Azure Key Vault key", hint="write it like https://NAME.vault.azure.net/keys/NAME/VERSION"
        )
    return KeyEntry("azure_kv", {"vault_url": match[1], "name": match[2], "version": match[3] or ""})


def settled(groups: Sequence[Group], before: Sequence[Group]) -> list[Group]:
    """The keys of a rule, those without a version with that of the same key ``before``, in the file.

    A rule may leave the version open and a file never does, so that the two would always look different.
    """
    versions = {
        (key.get("vault_url"), key.get("name")): key.get("version")
        for group in before
        for key in group
        if key.kind == "azure_kv"
    }

    def settle(key: KeyEntry) -> KeyEntry:
        version = versions.get((key.get("vault_url"), key.get("name")))
        if key.kind != "azure_kv" or key.get("version") or not version:
            return key
        return KeyEntry(key.kind, {**key.fields, "version": version})

    return [[settle(key) for key in group] for group in groups]


def service(entry: KeyEntry) -> str:
    """The vault that holds a key."""
    return f"Azure Key Vault {entry.get('vault_url')}"


def wrap(entry: KeyEntry, part: bytes, context: Context) -> KeyEntry:
    """The key, with its version, and ``part`` encrypted by the vault."""
    try:
        if not entry.get("version"):
            newest = _call(entry, lambda: _vault(entry, context).get_key(entry.get("name")))
            entry = KeyEntry(entry.kind, {**entry.fields, "version": str(newest.properties.version)})
        answer = _call(entry, lambda: _key(entry, context).encrypt(_algorithm(), part))
    except UnwrapError as error:
        raise failed_to_wrap(entry, error) from None
    return stamped(entry, urlsafe_b64encode(answer.ciphertext).decode().rstrip("="))


def unwrap(entry: KeyEntry, context: Context) -> bytes:
    """The part, decrypted by the vault."""
    blob = decode_base64(entry.enc.replace("-", "+").replace("_", "/") + "=" * (-len(entry.enc) % 4))
    answer = _call(entry, lambda: _key(entry, context).decrypt(_algorithm(), blob))
    return bytes(answer.plaintext)


def _call(entry: KeyEntry, operation: Callable[[], T]) -> T:
    place = service(entry)
    try:
        import azure.identity
        import azure.keyvault.keys  # noqa: F401  # both packages must be there
        from azure.core import exceptions
    except ImportError:
        raise missing_extra("azure", place) from None
    try:
        return operation()
    except exceptions.ClientAuthenticationError as error:
        rejected = error.status_code is not None
        text = "the credentials are not accepted" if rejected else "no credentials that work were found"
        raise ServiceError(text, place, hint=_LOG_IN) from None
    except exceptions.HttpResponseError as error:
        raise _refusal(error.status_code or 0, place) from None
    except exceptions.AzureError as error:
        raise ServiceError(f"can't be reached: {_kind(error)}", place) from None
    except ValueError:
        # the vault asks for a token for another domain (azure-keyvault-keys, challenge_auth_policy)
        raise ServiceError("it asks for a token that is not meant for it", place) from None


def _refusal(status: int, place: str) -> UnwrapError:
    if status == 429 or status >= 500:
        return ServiceError(f"the service is overloaded or failing (status {status})", place)
    texts = {
        400: "refused: it is not the key that it was encrypted with",
        403: "permission denied: the caller needs `encrypt` and `decrypt` on this key",
        404: "there is no such key",
        409: "the key is disabled",
    }
    return RefusedError(texts.get(status, f"refused (status {status})"), status)


def _algorithm() -> Any:
    from azure.keyvault.keys.crypto import EncryptionAlgorithm

    return EncryptionAlgorithm.rsa_oaep_256  # the only one of sops (azkv/keysource.go)


def _vault(entry: KeyEntry, context: Context) -> Any:
    from azure.keyvault.keys import KeyClient

    url = entry.get("vault_url")
    credential = _credential(context)
    return context.client(("azure", url), lambda: KeyClient(url, credential, **LIMITS))


def _key(entry: KeyEntry, context: Context) -> Any:
    from azure.keyvault.keys.crypto import CryptographyClient

    credential = _credential(context)
    return context.client(("azure", entry.id), lambda: CryptographyClient(entry.id, credential, **LIMITS))


def _credential(context: Context) -> Any:
    return context.client("azure", lambda: _find_credential(context))


def _find_credential(context: Context) -> Any:
    from azure.identity import DefaultAzureCredential

    if context.secret is None:
        return DefaultAzureCredential(process_timeout=10, **LIMITS)
    data = context.secret.get(SECRET_ENTRY)
    if data is None:
        raise ServiceError(f"the Secret has no entry {SECRET_ENTRY}", "Azure Key Vault")
    return _of_secret(data)


def _of_secret(data: bytes) -> Any:
    """The first set of credentials that fits, as Flux chooses (kustomize-controller ``internal/sops/azkv``)."""
    import yaml
    from azure.identity import CertificateCredential, ClientSecretCredential, ManagedIdentityCredential

    try:
        # PowerShell redirects as UTF-16 with a mark; a mark of UTF-8 is passed over too
        text = data.decode("utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig")
        tree = yaml.safe_load(text)
        given = {name: value for name, value in tree.items() if value} if isinstance(tree, dict) else {}
        options = dict(LIMITS)
        if given.get("authorityHost"):
            options["authority"] = str(given["authorityHost"])
        tenant, client = given.get("tenantId"), given.get("clientId")
        if tenant and client and given.get("clientSecret"):
            return ClientSecretCredential(str(tenant), str(client), str(given["clientSecret"]), **options)
        if tenant and client and given.get("clientCertificate"):
            password = given.get("clientCertificatePassword")
            return CertificateCredential(
                str(tenant), str(client), certificate_data=str(given["clientCertificate"]).encode(),
                password=str(password) if password else None,
                send_certificate_chain=bool(given.get("clientCertificateSendChain")), **options,
            )  # fmt: skip
        if given.get("tenant") and given.get("appId") and given.get("password"):
            return ClientSecretCredential(str(given["tenant"]), str(given["appId"]), str(given["password"]), **options)
        if client:
            return ManagedIdentityCredential(client_id=str(client), **LIMITS)
    except (yaml.YAMLError, ValueError, TypeError):
        pass
    raise ServiceError(f"the entry {SECRET_ENTRY} of the Secret holds no Azure credentials", "Azure Key Vault")


def _kind(error: Any) -> str:
    from azure.core import exceptions

    if isinstance(error, exceptions.ServiceRequestTimeoutError | exceptions.ServiceResponseTimeoutError):
        return "it does not answer in time"
    return "its certificate is not trusted" if "CERTIFICATE_VERIFY" in str(error) else "no connection"
