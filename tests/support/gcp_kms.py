"""A stand-in for GCP KMS and Google's token service, by their public REST APIs, checksums included."""

from __future__ import annotations

import base64
import json
import os
import re
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import parse_qs

import google_crc32c
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tests.support.cloud import Reply

if TYPE_CHECKING:
    from tests.support.cloud import Cloud, Request

KMS, TOKENS = "cloudkms.googleapis.com", "oauth2.googleapis.com"
ACCESS_TOKEN = "google-token"
_PATH = re.compile(r"/v1/(projects/[^:?]+):(encrypt|decrypt)(\?.*)?")


class Kms:
    """The keys of one project.

    Attributes:
        damages: whether answers are damaged on their way.
        service_account: JSON credentials of a caller.
    """

    environment: ClassVar = {"SOPS_GCP_KMS_CLIENT_TYPE": "rest"}

    def __init__(self, cloud: Cloud) -> None:
        self.damages = False
        self._keys: dict[str, AESGCM] = {}
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        self.service_account = json.dumps(
            {
                "type": "service_account",
                "project_id": "p",
                "private_key_id": "1",
                "private_key": pem.decode(),
                "client_email": "flux@p.iam.gserviceaccount.com",
                "client_id": "1",
                "token_uri": f"https://{TOKENS}/token",
            }
        )
        cloud.serve(KMS, self._kms)
        cloud.serve(TOKENS, self._tokens)

    def create(self, name: str) -> str:
        """A new key; its resource id."""
        resource = f"projects/p/locations/global/keyRings/sops/cryptoKeys/{name}"
        self._keys[resource] = AESGCM(os.urandom(32))
        return resource

    def _tokens(self, request: Request) -> Reply:
        form = parse_qs(request.body.decode())
        if form.get("grant_type") != ["urn:ietf:params:oauth:grant-type:jwt-bearer"] or not form.get("assertion"):
            return Reply(400, {"error": "invalid_grant"})
        return Reply(body={"access_token": ACCESS_TOKEN, "token_type": "Bearer", "expires_in": 3600})

    def _kms(self, request: Request) -> Reply:
        token = request.headers.get("authorization", "")
        # a service account may also sign its own token (google-auth and Go do it for some scopes)
        if token != f"Bearer {ACCESS_TOKEN}" and token.count(".") != 2:
            return Reply(401, {"error": {"code": 401, "status": "UNAUTHENTICATED"}})
        match = _PATH.fullmatch(request.path)
        key = self._keys.get(match[1]) if match else None
        if match is None or key is None:
            return Reply(404, {"error": {"code": 404, "status": "NOT_FOUND"}})
        field, result = ("plaintext", "ciphertext") if match[2] == "encrypt" else ("ciphertext", "plaintext")
        data = base64.b64decode(request.json[field])
        checksum = request.json.get(f"{field}Crc32c")
        if checksum is not None and int(checksum) != google_crc32c.value(data):
            return Reply(400, {"error": {"code": 400, "status": "INVALID_ARGUMENT"}})
        try:
            nonce = os.urandom(12)
            out = (
                nonce + key.encrypt(nonce, data, None)
                if field == "plaintext"
                else key.decrypt(data[:12], data[12:], None)
            )
        except InvalidTag:
            return Reply(400, {"error": {"code": 400, "status": "INVALID_ARGUMENT"}})
        checked = str(google_crc32c.value(out))
        if self.damages:
            out = bytes([out[0] ^ 1]) + out[1:]
        body = {
            result: base64.b64encode(out).decode(),
            f"{result}Crc32c": checked,
            "name": f"{match[1]}/cryptoKeyVersions/1",
        }
        body[f"verified{field.capitalize()}Crc32c"] = checksum is not None
        return Reply(body=body)
