"""A stand-in for Azure Key Vault and the service that signs in to it, by their public REST APIs.

Tokens are asked for by challenge, keys are RSA, versions matter: what one version encrypted no other opens.
"""

from __future__ import annotations

import base64
import uuid
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import parse_qs, urlsplit

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.support.cloud import Reply

if TYPE_CHECKING:
    from tests.support.cloud import Cloud, Request

LOGIN = "login.microsoftonline.com"
TENANT, CLIENT, SECRET = "11111111-1111-1111-1111-111111111111", "the-client", "the-client-secret"
TOKEN = "azure-token"
_OAEP = padding.OAEP(mgf=padding.MGF1(hashes.SHA256()), algorithm=hashes.SHA256(), label=None)


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "==")


class KeyVault:
    """One vault and its tenant.

    Attributes:
        may_get: whether callers may read public keys; the least privilege for SOPS is without it.
    """

    def __init__(self, cloud: Cloud, name: str = "team-secrets") -> None:
        self.url = f"https://{name}.vault.azure.net"
        self.may_get = True
        self._keys: dict[str, dict[str, rsa.RSAPrivateKey]] = {}
        cloud.serve(LOGIN, self._login)
        cloud.serve(f"{name}.vault.azure.net", self._vault)

    def create(self, name: str) -> str:
        """A new version of a key; its URL."""
        version = uuid.uuid4().hex
        self._keys.setdefault(name, {})[version] = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        return f"{self.url}/keys/{name}/{version}"

    environment: ClassVar = {"AZURE_TENANT_ID": TENANT, "AZURE_CLIENT_ID": CLIENT, "AZURE_CLIENT_SECRET": SECRET}

    def _login(self, request: Request) -> Reply:
        path = urlsplit(request.path).path
        if path.endswith("/discovery/instance"):
            aliases = {"preferred_network": LOGIN, "preferred_cache": LOGIN, "aliases": [LOGIN]}
            endpoint = f"https://{LOGIN}/{TENANT}/v2.0/.well-known/openid-configuration"
            return Reply(body={"tenant_discovery_endpoint": endpoint, "metadata": [aliases]})
        if path.endswith("/.well-known/openid-configuration"):
            base = f"https://{LOGIN}/{TENANT}"
            return Reply(
                body={
                    "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                    "token_endpoint": f"{base}/oauth2/v2.0/token",
                    "issuer": f"{base}/v2.0",
                }
            )
        form = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
        if form.get("client_id") != CLIENT or (
            form.get("client_secret") != SECRET and not form.get("client_assertion")
        ):
            return Reply(401, {"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret"})
        if "https://vault.azure.net/.default" not in form.get("scope", ""):
            return Reply(400, {"error": "invalid_scope"})
        return Reply(body={"access_token": TOKEN, "token_type": "Bearer", "expires_in": 3600})

    def _vault(self, request: Request) -> Reply:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            challenge = f'Bearer authorization="https://{LOGIN}/{TENANT}", resource="https://vault.azure.net"'
            return Reply(401, {"error": {"code": "Unauthorized"}}, {"WWW-Authenticate": challenge})
        parts = urlsplit(request.path).path.strip("/").split("/")
        versions = self._keys.get(parts[1])
        if parts[0] != "keys" or not versions:
            return Reply(404, {"error": {"code": "KeyNotFound"}})
        version = parts[2] if len(parts) > 2 and parts[2] else list(versions)[-1]
        key = versions.get(version)
        if key is None:
            return Reply(404, {"error": {"code": "KeyNotFound"}})
        url = f"{self.url}/keys/{parts[1]}/{version}"
        if request.method == "GET":
            if not self.may_get:
                return Reply(403, {"error": {"code": "Forbidden"}})
            public = key.public_key().public_numbers()
            jwk = {
                "kid": url, "kty": "RSA", "key_ops": ["encrypt", "decrypt"],
                "n": _b64(public.n.to_bytes(256)), "e": _b64(public.e.to_bytes(3)),
            }  # fmt: skip
            return Reply(body={"key": jwk, "attributes": {"enabled": True}})
        data = request.json
        if data.get("alg") != "RSA-OAEP-256":
            return Reply(400, {"error": {"code": "BadParameter"}})
        try:
            value = _unb64(data["value"])
            result = key.public_key().encrypt(value, _OAEP) if parts[3] == "encrypt" else key.decrypt(value, _OAEP)
        except ValueError:
            return Reply(400, {"error": {"code": "BadParameter"}})
        return Reply(body={"kid": url, "value": _b64(result)})
