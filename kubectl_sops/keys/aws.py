"""AWS KMS: keys and aliases by ARN, through boto3."""

from __future__ import annotations

import re
from base64 import b64encode
from typing import TYPE_CHECKING, Any, NamedTuple

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
    from kubectl_sops.keys.context import Context

SECRET_ENTRY = "sops.aws-kms"  # noqa: S105  # the name of an entry
CONNECT_TIMEOUT, READ_TIMEOUT = 4, 10  # seconds
TRIES = 3
"""Requests for one operation at most: throttling and short failures are retried with growing pauses."""

_ARN = re.compile(r"arn:aws[\w-]*:kms:(.+):[0-9]+:(key|alias)/.+")
_HINT = "write it like arn:aws:kms:eu-west-1:123456789012:key/0000-…, with +arn:aws:iam::…:role/… for a role"


def parse_recipients(text: str) -> list[KeyEntry]:
    """ARNs separated by commas; a role follows its key with a ``+``."""
    return [_parse(part) for part in text.replace(" ", "").split(",") if part]


def _parse(text: str) -> KeyEntry:
    # an ARN holds no `+arn:`, so that this is where the role starts (sops kms/keysource.go)
    arn, _, role = text.partition("+arn:")
    _region(arn)
    fields: dict[str, object] = {"arn": arn, "aws_profile": ""}
    if role:
        fields["role"] = f"arn:{role}"
    return KeyEntry("kms", fields)


def _region(arn: str) -> str:
    match = _ARN.fullmatch(arn)
    if match is None:
        raise KeyParseError("not the ARN of an AWS KMS key or alias", hint=_HINT)
    return match[1]


def service(entry: KeyEntry) -> str:
    """The service of the key's region, as the identity that the key names."""
    parts = entry.get("arn").split(":")
    who = "".join(f" as {name}" for name in (entry.get("aws_profile"), entry.get("role")) if name)
    return f"AWS KMS {parts[3] if len(parts) > 3 else ''}{who}"


def wrap(entry: KeyEntry, part: bytes, context: Context) -> KeyEntry:
    """The key with ``part`` encrypted by KMS."""
    try:
        answer = _call("encrypt", entry, context, Plaintext=part)
    except (UnwrapError, KeyParseError) as error:
        raise failed_to_wrap(entry, error) from None
    entry = KeyEntry(entry.kind, {"aws_profile": "", **entry.fields})  # sops 3.13 writes it even where it is empty
    return stamped(entry, b64encode(answer["CiphertextBlob"]).decode())


def unwrap(entry: KeyEntry, context: Context) -> bytes:
    """The part, decrypted by KMS."""
    blob = decode_base64(entry.enc)
    try:
        return bytes(_call("decrypt", entry, context, CiphertextBlob=blob)["Plaintext"])
    except KeyParseError as error:
        raise UnwrapError(error.message) from None


def _call(operation: str, entry: KeyEntry, context: Context, **data: bytes) -> dict[str, Any]:
    region = _region(entry.get("arn"))
    place = service(entry)
    try:
        from botocore import exceptions
    except ImportError:
        raise missing_extra("aws", place) from None
    access = _Access(region, "" if context.secret is not None else entry.get("aws_profile"), entry.get("role"))
    pairs = entry.fields.get("context")
    if isinstance(pairs, dict) and pairs:
        data["EncryptionContext"] = {str(k): str(v) for k, v in pairs.items()}  # type: ignore[assignment]  # boto3's form
    try:
        client = context.client(("aws", access), lambda: _client(access, context))
        answer: dict[str, Any] = getattr(client, operation)(KeyId=entry.get("arn"), **data)
    except exceptions.ClientError as error:
        raise _refusal(error, place) from None
    except (exceptions.NoCredentialsError, exceptions.CredentialRetrievalError, exceptions.PartialCredentialsError):
        raise ServiceError("no credentials were found", place, hint=_LOG_IN) from None
    except (exceptions.ProfileNotFound, exceptions.SSOError) as error:
        raise ServiceError(_line(error), place, hint=_LOG_IN) from None
    except (exceptions.HTTPClientError, exceptions.EndpointConnectionError) as error:
        raise ServiceError(f"can't be reached: {_line(error)}", place) from None
    except exceptions.BotoCoreError as error:
        raise ServiceError(_line(error), place) from None
    return answer


class _Access(NamedTuple):
    region: str
    profile: str
    role: str


def _client(access: _Access, context: Context) -> Any:
    import boto3
    from botocore.config import Config

    limits = Config(
        connect_timeout=CONNECT_TIMEOUT,
        read_timeout=READ_TIMEOUT,
        retries={"mode": "standard", "total_max_attempts": TRIES},
    )
    if context.secret is not None:
        session = boto3.Session(region_name=access.region, **_of_secret(context.secret.get(SECRET_ENTRY), access))
    else:
        session = boto3.Session(region_name=access.region, profile_name=access.profile or None)
    if not access.role:
        return session.client("kms", config=limits)
    answer = session.client("sts", config=limits).assume_role(RoleArn=access.role, RoleSessionName=session_name())
    credentials = answer["Credentials"]
    return session.client(
        "kms",
        config=limits,
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
    )


def _of_secret(data: bytes | None, access: _Access) -> dict[str, str]:
    import yaml

    place = f"AWS KMS {access.region}"
    if data is None:
        raise ServiceError(f"the Secret has no entry {SECRET_ENTRY}", place)
    try:
        found = yaml.safe_load(data)
    except (yaml.YAMLError, UnicodeDecodeError):
        found = None
    names = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
    given = {name: str(found[name]) for name in names if found.get(name)} if isinstance(found, dict) else {}
    if not {*names[:2]} <= set(given):
        raise ServiceError(f"the entry {SECRET_ENTRY} of the Secret holds no {names[0]} and {names[1]}", place)
    return given


def session_name() -> str:
    """The name under which a role is assumed: as in sops, so that CloudTrail shows the same."""
    import socket

    # `@-_` is a range there, which includes capital letters and some signs; STS decides
    return ("sops@" + re.sub(r"[^a-zA-Z0-9=,.@-_]+", "", socket.gethostname()))[:64]


_LOG_IN = "log in (`aws sso login`), or set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
_IDENTITY = {
    # codes that speak of the caller and not of the key: another key would get the same answer
    "ExpiredTokenException": "the credentials have expired",
    "ExpiredToken": "the credentials have expired",
    "UnrecognizedClientException": "the credentials are not valid",
    "InvalidClientTokenId": "the credentials are not valid",
    "InvalidSignatureException": "the credentials are not valid",
    "SignatureDoesNotMatch": "the credentials are not valid",
}
_KEY = {
    "AccessDeniedException": "access denied",
    "AccessDenied": "access denied: the role can't be assumed",
    "NotFoundException": "there is no such key",
    "DisabledException": "the key is disabled",
    "KMSInvalidStateException": "the key is disabled or about to be deleted",
    "InvalidCiphertextException": "the key or the encryption context is not the one that it was encrypted with",
    "IncorrectKeyException": "it was encrypted with another key",
    "InvalidKeyUsageException": "the key is not for encryption",
}


def _refusal(error: Any, place: str) -> UnwrapError:
    # messages of AWS name callers and keys, and never the request; still, ours say what to do
    code = str(error.response.get("Error", {}).get("Code", ""))
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in _IDENTITY:
        return ServiceError(_IDENTITY[code], place, hint=_LOG_IN)
    if code in _KEY:
        return RefusedError(_KEY[code], status)
    if "hrottl" in code or "LimitExceeded" in code or status >= 500:
        return ServiceError(f"the service is overloaded or failing ({code})", place)
    return RefusedError(f"refused ({code or status})", status)


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
