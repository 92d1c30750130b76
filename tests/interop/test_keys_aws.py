"""AWS KMS keys on a moto server, with real sops as the other side through the same endpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kubectl_sops.core.metadata import KeyEntry
from kubectl_sops.errors import NoMatchingKeyError, WrapError
from kubectl_sops.files.encrypt import Recipe, encrypt
from kubectl_sops.keys import aws as aws_kms
from kubectl_sops.keys.keyring import Keyring
from tests.support.sealing import NOW, PLAIN, entry, of_sops, opened, opened_by_sops, ours

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.key_services import Aws


@pytest.fixture(autouse=True)
def _environment(aws: Aws, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in aws.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HOME", str(tmp_path))


def _sealed(arn: str, **fields: object) -> bytes:
    key = KeyEntry("kms", {"arn": arn, **fields})
    return encrypt(PLAIN, "yaml", Recipe([[key]]), Keyring({}), now=NOW).data


def test_sops_opens_what_we_seal(aws: Aws, tmp_path: Path) -> None:
    """What we wrap, sops unwraps."""
    assert opened_by_sops(tmp_path, ours("kms", aws.create()), aws.environment) == PLAIN


def test_we_open_what_sops_seals(aws: Aws, tmp_path: Path) -> None:
    """What sops wraps, we unwrap."""
    assert opened(of_sops(tmp_path, ["--kms", aws.create()], aws.environment)) == PLAIN


def test_metadata_is_that_of_sops(aws: Aws, tmp_path: Path) -> None:
    """The entry has the fields of sops, in its order and with its values, but for what is new each time."""
    arn = aws.create()
    args = ["--kms", f"{arn}+arn:aws:iam::{aws.ACCOUNT}:role/flux", "--encryption-context", "Env:prod,App:x"]
    theirs = entry(of_sops(tmp_path, args, aws.environment), "kms")
    (key,) = aws_kms.parse_recipients(args[1])
    mine = entry(_sealed(**{**key.fields, "context": {"Env": "prod", "App": "x"}}), "kms")  # type: ignore[arg-type]  # str
    assert list(mine) == list(theirs)
    for name in ("enc", "created_at"):
        assert mine.pop(name)
        theirs.pop(name)
    assert mine == theirs


def test_alias(aws: Aws, tmp_path: Path) -> None:
    """An alias is as good as a key."""
    arn = aws.create()
    aws.client("kms").create_alias(AliasName="alias/flux", TargetKeyId=arn)
    data = ours("kms", f"arn:aws:kms:eu-west-1:{aws.ACCOUNT}:alias/flux")
    assert opened_by_sops(tmp_path, data, aws.environment) == opened(data) == PLAIN


def test_encryption_context(aws: Aws, tmp_path: Path) -> None:
    """The context is sent with every request, and without it the key does not open."""
    data = _sealed(aws.create(), context={"Env": "prod"})
    assert opened_by_sops(tmp_path, data, aws.environment) == opened(data) == PLAIN
    with pytest.raises(NoMatchingKeyError) as caught:
        opened(data.replace(b"Env: prod", b"Env: test"))
    assert "encryption context" in "".join(caught.value.tried)


def test_context_of_sops(aws: Aws, tmp_path: Path) -> None:
    """What sops seals with a context, we open."""
    args = ["--kms", aws.create(), "--encryption-context", "Env:prod,App:x"]
    assert opened(of_sops(tmp_path, args, aws.environment)) == PLAIN


def test_role(aws: Aws, tmp_path: Path) -> None:
    """A role that the key names is assumed, under a session name that says who did it."""
    data = ours("kms", f"{aws.create()}+arn:aws:iam::{aws.ACCOUNT}:role/flux")
    assert opened_by_sops(tmp_path, data, aws.environment) == opened(data) == PLAIN
    assert aws_kms.session_name().startswith("sops@")


def test_profile(aws: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The profile that a key names gives the credentials."""
    (tmp_path / "credentials").write_text("[team]\naws_access_key_id = a\naws_secret_access_key = b\n")
    env = {**aws.environment, "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials")}
    data = _sealed(aws.create())
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
        del env[name]
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", env["AWS_SHARED_CREDENTIALS_FILE"])
    with_profile = data.replace(b'aws_profile: ""', b"aws_profile: team")
    assert with_profile != data
    assert opened_by_sops(tmp_path, with_profile, env) == opened(with_profile) == PLAIN
    with pytest.raises(NoMatchingKeyError) as caught:
        opened(data)
    assert "no credentials were found" in "".join(caught.value.tried)


def test_regions_of_one_file(aws: Aws, tmp_path: Path) -> None:
    """Each key is asked in its own region; one region suffices."""
    data = ours("kms", ",".join(aws.create(region) for region in ("eu-west-1", "us-east-1")))
    assert opened_by_sops(tmp_path, data, aws.environment) == opened(data) == PLAIN
    assert opened(data.replace(b"kms:eu-west-1", b"kms:eu-west-3")) == PLAIN


def test_credentials_of_a_flux_secret(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    """The entry ``sops.aws-kms`` of the cluster's Secret opens the file where this machine has nothing."""
    data = ours("kms", aws.create())
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    secret = {"sops.aws-kms": b"aws_access_key_id: a\naws_secret_access_key: b\naws_session_token: c\n"}
    assert opened(data, {}, cluster=lambda: secret, source="cluster") == PLAIN


def test_missing_key(aws: Aws) -> None:
    """Encrypting to a key that is not there fails, and says so."""
    with pytest.raises(WrapError, match="there is no such key"):
        ours("kms", f"arn:aws:kms:eu-west-1:{aws.ACCOUNT}:key/00000000-0000-0000-0000-000000000000")


def test_errors_hold_no_credentials(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that can't be reached is named; the credentials that it would have got are not."""
    data = ours("kms", aws.create())
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(NoMatchingKeyError) as caught:
        opened(data)
    text = "\n".join([str(caught.value), *caught.value.tried, caught.value.hint or ""])
    assert "AWS KMS eu-west-1" in text
    assert "can't be reached" in text
    assert aws.environment["AWS_SECRET_ACCESS_KEY"] not in text
