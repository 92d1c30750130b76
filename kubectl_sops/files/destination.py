"""Where ``publish`` sends files: buckets of S3 and GCS take them encrypted, Vault takes their values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from kubectl_sops.errors import SopsError
from kubectl_sops.keys import RefusedError, UnwrapError, missing_extra

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kubectl_sops.keys.context import Context

_GCS_SCOPE = "https://www.googleapis.com/auth/devstorage.read_write"
_DEFAULT_VAULT = "https://127.0.0.1:8200"


class PublishError(SopsError):
    """A destination that does not take a file."""


class S3:
    """A bucket of S3."""

    def __init__(self, place: Mapping[str, str]) -> None:
        self._bucket = place["s3_bucket"]
        self._prefix = place.get("s3_prefix", "")

    def address(self, name: str) -> str:
        """Where a file of this name goes, for people."""
        return f"s3://{self._bucket}/{self._prefix}{name}"

    def upload(self, name: str, content: bytes) -> None:
        """Store an encrypted file."""
        try:
            import boto3
            from botocore.config import Config
            from botocore.exceptions import BotoCoreError, ClientError
        except ImportError:
            raise _failure(self.address(name), missing_extra("aws", "S3")) from None
        limits = Config(connect_timeout=4, read_timeout=30, retries={"mode": "standard", "total_max_attempts": 3})
        try:
            boto3.client("s3", config=limits).put_object(Bucket=self._bucket, Key=self._prefix + name, Body=content)
        except (BotoCoreError, ClientError) as error:
            raise PublishError(f"{self.address(name)}: {' '.join(str(error).split())[:200]}") from None


class Gcs:
    """A bucket of Google Cloud Storage."""

    def __init__(self, place: Mapping[str, str], context: Context) -> None:
        self._bucket = place["gcs_bucket"]
        self._prefix = place.get("gcs_prefix", "")
        self._context = context

    def address(self, name: str) -> str:
        """Where a file of this name goes, for people."""
        return f"gcs://{self._bucket}/{self._prefix}{name}"

    def upload(self, name: str, content: bytes) -> None:
        """Store an encrypted file."""
        try:
            import requests
            from google.auth.exceptions import GoogleAuthError

            from kubectl_sops.keys.gcp import session_for
        except ImportError:
            raise _failure(self.address(name), missing_extra("gcp", "GCS")) from None
        url = f"https://storage.googleapis.com/upload/storage/v1/b/{quote(self._bucket, safe='')}/o"
        parameters = {"uploadType": "media", "name": self._prefix + name}
        headers = {"Content-Type": "application/octet-stream"}
        try:
            session = session_for(self._context, _GCS_SCOPE)
            answer = session.post(url, params=parameters, data=content, headers=headers, timeout=(4, 30))
        except (GoogleAuthError, requests.RequestException) as error:
            raise PublishError(f"{self.address(name)}: {type(error).__name__}") from None
        except UnwrapError as error:
            raise _failure(self.address(name), error) from None
        if answer.status_code != 200:
            raise PublishError(f"{self.address(name)}: refused with status {answer.status_code}")


class VaultKv:
    """A key-value engine of Vault or OpenBao, version 1 or 2."""

    def __init__(self, place: Mapping[str, str], version: int, context: Context) -> None:
        self._server = (place.get("vault_address") or context.environ.get("VAULT_ADDR") or _DEFAULT_VAULT).rstrip("/")
        self._mount = (place.get("vault_kv_mount_name") or "secret").strip("/")
        self._folder = place["vault_path"].strip("/")
        self._version = version if version in (1, 2) else 2
        self._context = context

    def _path(self, name: str) -> str:
        return "/".join(part for part in (self._mount, "data" * (self._version == 2), self._folder, name) if part)

    def address(self, name: str) -> str:
        """Where a file of this name goes, for people."""
        return f"{self._server}/v1/{self._path(name)}"

    def upload(self, name: str, values: Mapping[str, object]) -> bool:
        """Store decrypted values; tells whether they were new."""
        from kubectl_sops.keys.vault_client import connect

        try:
            client = connect(self._server, self._context)
            if self._present(client, name) == values:
                return False
            client.call("PUT", self._path(name), values if self._version == 1 else {"data": values})
        except UnwrapError as error:
            raise _failure(self.address(name), error) from None
        return True

    def _present(self, client: Any, name: str) -> object:
        try:
            found = client.call("GET", self._path(name))
        except RefusedError:
            return None  # not there, or only writing is allowed
        return found if self._version == 1 else found.get("data")


Destination = S3 | Gcs | VaultKv


def destination(place: Mapping[str, str], vault_kv_version: int, context: Context) -> Destination | None:
    """The destination that the fields of a rule describe, ``None`` where there is none."""
    if "s3_bucket" in place:
        return S3(place)
    if "gcs_bucket" in place:
        return Gcs(place, context)
    if "vault_path" in place:
        return VaultKv(place, vault_kv_version, context)
    return None


def _failure(address: str, error: SopsError) -> PublishError:
    return PublishError(f"{address}: {error.message}", hint=error.hint)
