"""``publish`` to OpenBao, moto's S3 and a stand-in for GCS, compared with real sops where it reaches them."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from kubectl_sops.cli.publish import COMMAND
from tests.support.cloud import Reply, Request
from tests.support.command import call
from tests.support.team import people, seal, sops
from tests.support.tools import need, run

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.cloud import Cloud
    from tests.support.gcp_kms import Kms
    from tests.support.key_services import Aws, Bao

ANN, BOB = people("ann", "bob")
PLAIN = """\
# a comment
user: admin
password: CANARY-v9Tq-hunter2-Zp4w
port: 5432
on: true
nothing: null
nested:
  list: [a, 1]
  float: 1.5
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one encrypted file."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SOPS_AGE_KEY", ANN.identity)
    (tmp_path / ".sops.yaml").write_text(f"creation_rules:\n  - age: {ANN.recipient}\n")
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets/app.yaml").write_text(PLAIN)
    seal(tmp_path, "secrets/app.yaml")
    return tmp_path


def _config(here: Path, *rules: str) -> None:
    lines = "".join(f"  - {rule}\n" for rule in rules)
    (here / ".sops.yaml").write_text(f"creation_rules:\n  - age: {ANN.recipient}\ndestination_rules:\n{lines}")


def _kv(bao: Bao, here: Path, monkeypatch: pytest.MonkeyPatch, version: int, *, omit: bool = False) -> str:
    mount = f"kv{version}"
    if f"{mount}/" not in bao.call("GET", "sys/mounts")["data"]:
        bao.call("POST", f"sys/mounts/{mount}", {"type": "kv", "options": {"version": str(version)}})
    for name, value in bao.environment.items():
        monkeypatch.setenv(name, value)
    _config(
        here,
        f"{{vault_path: team/, vault_address: '{bao.address}', vault_kv_mount_name: {mount}, "
        f"vault_kv_version: {version}, omit_extensions: {str(omit).lower()}}}",
    )
    return f"{mount}/data/team" if version == 2 else f"{mount}/team"


@pytest.mark.parametrize("version", [1, 2])
def test_vault_gets_what_sops_puts_there(version: int, bao: Bao, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The values, with their types, under the same path."""
    folder = _kv(bao, here, monkeypatch, version)
    env = {**bao.environment, "SOPS_AGE_KEY": ANN.identity}
    theirs = run([need("sops"), "publish", "--yes", "secrets/app.yaml"], cwd=here, env=env)
    assert theirs.returncode == 0, theirs.stderr.decode()
    before = bao.call("GET", f"{folder}/app.yaml")["data"]
    bao.call("DELETE", f"{folder}/app.yaml")
    done = call(COMMAND, "--yes", "secrets/app.yaml")
    assert (done.code, done.out) == (0, "")
    after = bao.call("GET", f"{folder}/app.yaml")["data"]
    assert (after["data"] if version == 2 else after) == (before["data"] if version == 2 else before)


@pytest.mark.parametrize("version", [1, 2])
def test_vault_keeps_what_is_the_same(version: int, bao: Bao, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Publishing again makes no new version."""
    _kv(bao, here, monkeypatch, version, omit=True)
    assert "published to" in call(COMMAND, "--yes", "secrets/app.yaml").err
    again = call(COMMAND, "--yes", "secrets/app.yaml").err
    assert again.endswith("team/app\n")
    assert "unchanged in" in again


@pytest.fixture
def bucket(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty bucket of S3."""
    for name, value in {**aws.environment, "AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1"}.items():
        monkeypatch.setenv(name, value)
    name = f"published-{uuid.uuid4().hex}"
    aws.client("s3", "us-east-1").create_bucket(Bucket=name)
    return name


def _names(aws: Aws, bucket: str) -> list[str]:
    listed = aws.client("s3", "us-east-1").list_objects_v2(Bucket=bucket)
    return [item["Key"] for item in listed.get("Contents", [])]


def _object(aws: Aws, bucket: str, key: str) -> bytes:
    return aws.client("s3", "us-east-1").get_object(Bucket=bucket, Key=key)["Body"].read()


def test_s3_gets_the_file_as_it_is(bucket: str, aws: Aws, here: Path) -> None:
    """Byte for byte, under the prefix, and nobody needs a key."""
    _config(here, f"{{s3_bucket: {bucket}, s3_prefix: sops/}}")
    done = call(COMMAND, "--yes", "--key-source", "none", "secrets/app.yaml")
    assert (done.code, done.err) == (0, f"secrets/app.yaml published to s3://{bucket}/sops/app.yaml\n")
    assert _object(aws, bucket, "sops/app.yaml") == (here / "secrets/app.yaml").read_bytes()


def test_s3_gets_what_sops_puts_there(bucket: str, aws: Aws, here: Path) -> None:
    """The same bytes under the same name."""
    _config(here, f"{{s3_bucket: {bucket}, s3_prefix: theirs/, omit_extensions: true}}")
    env = {**aws.environment, "AWS_REGION": "us-east-1"}
    theirs = run([need("sops"), "publish", "--yes", "secrets/app.yaml"], cwd=here, env=env)
    assert theirs.returncode == 0, theirs.stderr.decode()
    (name,) = _names(aws, bucket)
    published = _object(aws, bucket, name)
    aws.client("s3", "us-east-1").delete_object(Bucket=bucket, Key=name)
    assert call(COMMAND, "--yes", "secrets/app.yaml").code == 0
    assert _names(aws, bucket) == [name]
    assert _object(aws, bucket, name) == published


def test_recreation_rule(bucket: str, aws: Aws, here: Path) -> None:
    """The published file is for others, under another data key, and sops opens it."""
    _config(here, f"{{s3_bucket: {bucket}, recreation_rule: {{age: {BOB.recipient}, encrypted_regex: ^password$}}}}")
    assert call(COMMAND, "--yes", "secrets/app.yaml").code == 0
    published = _object(aws, bucket, "app.yaml")
    (here / "published.yaml").write_bytes(published)
    assert sops(["decrypt", "published.yaml"], here, BOB).startswith(b"# a comment\nuser: admin\n")
    assert b"user: admin" in published
    assert ANN.recipient.encode() not in published


def test_folder(bucket: str, aws: Aws, here: Path) -> None:
    """``--recursive`` keeps the names below the folder; the first rule that matches decides."""
    (here / "secrets/deep").mkdir()
    (here / "secrets/deep/b.json").write_text('{"a": "b"}')
    seal(here, "secrets/deep/b.json")
    _config(here, f"{{path_regex: deep/, s3_bucket: {bucket}, s3_prefix: d-}}", f"{{s3_bucket: {bucket}}}")
    assert call(COMMAND, "secrets").code == 2
    assert call(COMMAND, "--yes", "--recursive", "--omit-extensions", "secrets").code == 0
    assert _object(aws, bucket, "d-deep/b")
    assert _object(aws, bucket, "app")


def test_gcs_gets_what_sops_puts_there(cloud: Cloud, gcp_kms: Kms, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same bytes under the same name, by whichever of the API's ways."""
    seen: list[Request] = []

    def storage(request: Request) -> Reply:
        seen.append(request)
        return Reply(body={"name": "x"})

    cloud.serve("storage.googleapis.com", storage)
    (here / "account.json").write_text(gcp_kms.service_account)
    env = {**cloud.environment, "GOOGLE_APPLICATION_CREDENTIALS": str(here / "account.json")}
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    _config(here, "{gcs_bucket: b, gcs_prefix: p/}")
    theirs = run([need("sops"), "publish", "--yes", "secrets/app.yaml"], cwd=here, env=env)
    assert theirs.returncode == 0, theirs.stderr.decode()
    done = call(COMMAND, "--yes", "secrets/app.yaml")
    assert (done.code, done.err) == (0, "secrets/app.yaml published to gcs://b/p/app.yaml\n")
    assert [urlsplit(request.path).path for request in seen] == ["/upload/storage/v1/b/b/o"] * 2
    assert [parse_qs(urlsplit(request.path).query)["name"] for request in seen] == [["p/app.yaml"]] * 2
    # sops sends the object's description in front
    assert seen[1].body == (here / "secrets/app.yaml").read_bytes()
    assert seen[1].body in seen[0].body


def test_plaintext_is_not_published(bucket: str, aws: Aws, here: Path) -> None:
    """A file that is not encrypted stays where it is."""
    (here / "plain.yaml").write_text(PLAIN)
    _config(here, f"{{s3_bucket: {bucket}}}")
    done = call(COMMAND, "--yes", "plain.yaml")
    assert done.code == 1
    assert "CANARY" not in done.err


@pytest.mark.parametrize(("answer", "code"), [(b"y\n", 0), (b"x\ny\n", 0), (b"n\n", 1), (b"", 1)])
def test_question(answer: bytes, code: int, bucket: str, aws: Aws, here: Path) -> None:
    """Without ``--yes`` nothing leaves before somebody agreed, in the words of sops."""
    _config(here, f"{{s3_bucket: {bucket}}}")
    done = call(COMMAND, "secrets/app.yaml", stdin=answer)
    assert done.code == code
    assert f"uploading {here}/secrets/app.yaml to s3://{bucket}/app.yaml ? (y/n): " in done.out
    assert _names(aws, bucket) == ([] if code else ["app.yaml"])


def test_dry_run(bucket: str, aws: Aws, here: Path) -> None:
    """It says where the file would go."""
    _config(here, f"{{s3_bucket: {bucket}}}")
    done = call(COMMAND, "--dry-run", "secrets/app.yaml")
    assert done.err == f"secrets/app.yaml published to s3://{bucket}/app.yaml (dry run)\n"
    assert _names(aws, bucket) == []


@pytest.mark.parametrize("rules", [[], ["{path_regex: nothing, s3_bucket: b}"], ["{omit_extensions: true}"]])
def test_no_destination(rules: list[str], here: Path) -> None:
    """A file without a destination is an error that names the configuration."""
    _config(here, *rules) if rules else None
    done = call(COMMAND, "--yes", "secrets/app.yaml")
    assert done.code == 1
    assert "no matching destination found" in done.err


def test_bucket_that_is_not_there(bucket: str, here: Path) -> None:
    """The error names the destination and holds nothing of the file."""
    _config(here, "{s3_bucket: another}")
    done = call(COMMAND, "--yes", "secrets/app.yaml")
    assert done.code == 1
    assert "s3://another/app.yaml" in done.err
