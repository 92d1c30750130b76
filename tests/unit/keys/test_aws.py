"""AWS KMS: ARNs, roles, and errors of AWS in our words."""

from __future__ import annotations

import re
import sys

import pytest

from kubectl_sops.errors import KeyParseError
from kubectl_sops.keys import ServiceError, aws
from kubectl_sops.keys.context import Context
from tests.support.tools import need_module

ARN = "arn:aws:kms:eu-west-1:123456789012:key/612d5f0a-0000-0000-0000-000000000000"
ROLE = "arn:aws:iam::123456789012:role/flux"


@pytest.mark.parametrize(
    "arn",
    [
        ARN,
        "arn:aws:kms:eu-west-1:123456789012:alias/flux",
        "arn:aws-cn:kms:cn-north-1:123456789012:key/a",
        "arn:aws-us-gov:kms:us-gov-west-1:123456789012:key/mrk-a",
    ],
)
def test_arn(arn: str) -> None:
    """Keys and aliases of every partition."""
    (entry,) = aws.parse_recipients(arn)
    assert entry.id == arn


@pytest.mark.parametrize("text", ["x", "arn:aws:s3:::bucket", "arn:aws:kms:eu-west-1:x:key/a", "alias/flux"])
def test_not_an_arn(text: str) -> None:
    """What sops finds out when it calls the service, we find out at once."""
    with pytest.raises(KeyParseError):
        aws.parse_recipients(text)


def test_role() -> None:
    """A role follows its key with a plus sign; blanks don't count."""
    (entry,) = aws.parse_recipients(f"{ARN} + {ROLE}")
    assert (entry.get("arn"), entry.get("role"), entry.id) == (ARN, ROLE, f"{ARN}+{ROLE}")


def test_service_is_a_region_seen_by_somebody() -> None:
    """Another region, profile or role may work where one does not."""
    names = {
        aws.service(aws.parse_recipients(text)[0]) for text in (ARN, ARN.replace("west", "north"), f"{ARN}+{ROLE}")
    }
    assert len(names) == 3


def test_session_name_is_one_that_sts_takes() -> None:
    """At most 64 characters of those that STS allows."""
    assert re.fullmatch(r"sops@[\w+=,.@-]{0,59}", aws.session_name())


@pytest.mark.parametrize("enc", ["%", "é", "a"])
def test_damaged_copy(enc: str) -> None:
    """A wrapped key that is not base64 is not sent."""
    from kubectl_sops.keys import UnwrapError

    with pytest.raises(UnwrapError, match="base64"):
        aws.unwrap(aws.parse_recipients(ARN)[0].with_enc(enc), Context({}))


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where boto3 is missing, the error says what to install."""
    monkeypatch.setitem(sys.modules, "botocore", None)
    with pytest.raises(ServiceError) as caught:
        aws.unwrap(aws.parse_recipients(ARN)[0].with_enc("YQ=="), Context({}))
    assert caught.value.hint == "install them: pip install 'kubectl-sops[aws]'"


@pytest.mark.parametrize("content", [b"", b"- a", b"aws_access_key_id: canary", b"{", b"\xff"])
def test_unusable_entry_of_a_flux_secret(content: bytes) -> None:
    """An entry without credentials is named, and not quoted."""
    need_module("boto3")
    with pytest.raises(ServiceError, match=r"sops\.aws-kms of the Secret holds no") as caught:
        aws.unwrap(aws.parse_recipients(ARN)[0].with_enc("YQ=="), Context({}, secret={"sops.aws-kms": content}))
    assert "canary" not in caught.value.message


def _error(code: str, status: int = 400) -> object:
    exceptions = need_module("botocore.exceptions")
    answer = {"Error": {"Code": code, "Message": "canary"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return exceptions.ClientError(answer, "Decrypt")


@pytest.mark.parametrize(
    ("code", "status", "whole_service"),
    [
        ("ExpiredTokenException", 400, True),
        ("ThrottlingException", 400, True),
        ("KMSInternalException", 500, True),
        ("AccessDeniedException", 400, False),
        ("NotFoundException", 400, False),
        ("DisabledException", 400, False),
        ("SomethingNew", 400, False),
    ],
)
def test_refusals(code: str, status: int, whole_service: bool) -> None:
    """What speaks of the caller or the service ends all requests to it; what speaks of a key does not."""
    error = aws._refusal(_error(code, status), "AWS KMS eu-west-1")
    assert isinstance(error, ServiceError) is whole_service
    assert "canary" not in error.message
