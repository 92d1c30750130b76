"""Vault transit keys on a real OpenBao server, with real sops as the other side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kubectl_sops.errors import NoMatchingKeyError, WrapError
from tests.support.key_services import ROOT_TOKEN
from tests.support.sealing import PLAIN, entry, of_sops, opened, opened_by_sops, ours

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.key_services import Bao


def test_sops_opens_what_we_seal(bao: Bao, tmp_path: Path) -> None:
    """What we wrap, sops unwraps."""
    data = ours("hc_vault", bao.create("ours"), bao.environment)
    assert opened_by_sops(tmp_path, data, bao.environment) == PLAIN


def test_we_open_what_sops_seals(bao: Bao, tmp_path: Path) -> None:
    """What sops wraps, we unwrap."""
    data = of_sops(tmp_path, ["--hc-vault-transit", bao.create("theirs")], bao.environment)
    assert opened(data, bao.environment) == PLAIN


def test_metadata_is_that_of_sops(bao: Bao, tmp_path: Path) -> None:
    """The entry has the fields of sops, in its order and with its values, but for what is new each time."""
    uri = bao.create("metadata")
    ours_, theirs = (
        entry(data, "hc_vault")
        for data in (
            ours("hc_vault", uri, bao.environment),
            of_sops(tmp_path, ["--hc-vault-transit", uri], bao.environment),
        )
    )
    assert list(ours_) == list(theirs)
    same = ("engine_path", "key_name", "vault_address")
    assert [ours_[name] for name in same] == [theirs[name] for name in same]


def test_engine_path_of_several_parts(bao: Bao, tmp_path: Path) -> None:
    """An engine may be mounted below a path."""
    bao.engine("team/a/transit")
    data = ours("hc_vault", bao.create("key", engine="team/a/transit"), bao.environment)
    assert entry(data, "hc_vault")["engine_path"] == "team/a/transit"
    assert opened_by_sops(tmp_path, data, bao.environment) == opened(data, bao.environment) == PLAIN


def test_key_rotation(bao: Bao) -> None:
    """After the key is rotated, older files open, and new ones use the new version."""
    uri = bao.create("rotated")
    before = ours("hc_vault", uri, bao.environment)
    bao.call("POST", "sops/keys/rotated/rotate", {})
    after = ours("hc_vault", uri, bao.environment)
    assert [str(entry(data, "hc_vault")["enc"])[:9] for data in (before, after)] == ["vault:v1:", "vault:v2:"]
    assert opened(before, bao.environment) == opened(after, bao.environment) == PLAIN


def test_token_of_the_home_folder(bao: Bao, tmp_path: Path) -> None:
    """Without ``VAULT_TOKEN``, the token of ``vault login`` counts."""
    (tmp_path / ".vault-token").write_text(f"{ROOT_TOKEN}\n")
    data = ours("hc_vault", bao.create("home"), bao.environment)
    assert opened(data, {"HOME": str(tmp_path)}) == PLAIN


def test_token_of_the_environment_comes_first(bao: Bao, tmp_path: Path) -> None:
    """``VAULT_TOKEN`` wins over ``~/.vault-token``."""
    (tmp_path / ".vault-token").write_text("stale")
    data = ours("hc_vault", bao.create("first"), bao.environment)
    assert opened(data, {"HOME": str(tmp_path), "VAULT_TOKEN": ROOT_TOKEN}) == PLAIN


def test_namespace(bao: Bao, tmp_path: Path) -> None:
    """``VAULT_NAMESPACE`` says whose key it is."""
    bao.call("POST", "sys/namespaces/tenant", {})
    bao.engine("sops", namespace="tenant")
    uri = bao.create("inside", namespace="tenant")
    env = {**bao.environment, "VAULT_NAMESPACE": "tenant"}
    data = ours("hc_vault", uri, env)
    assert opened_by_sops(tmp_path, data, env) == opened(data, env) == PLAIN
    with pytest.raises(NoMatchingKeyError):
        opened(data, bao.environment)


def test_tls_authority(bao_tls: Bao, tmp_path: Path) -> None:
    """``VAULT_CACERT`` names the authority of the server."""
    data = ours("hc_vault", bao_tls.create("tls"), bao_tls.environment)
    assert opened_by_sops(tmp_path, data, bao_tls.environment) == opened(data, bao_tls.environment) == PLAIN


def test_unknown_authority(bao_tls: Bao) -> None:
    """A server that nobody vouches for gets no token, and the error says why."""
    data = ours("hc_vault", bao_tls.create("unknown"), bao_tls.environment)
    with pytest.raises(NoMatchingKeyError) as caught:
        opened(data, {"VAULT_TOKEN": ROOT_TOKEN})
    assert "its certificate is not trusted" in "".join(caught.value.tried)


def test_skip_verify(bao_tls: Bao) -> None:
    """``VAULT_SKIP_VERIFY`` does what it says."""
    data = ours("hc_vault", bao_tls.create("skip"), bao_tls.environment)
    assert opened(data, {"VAULT_TOKEN": ROOT_TOKEN, "VAULT_SKIP_VERIFY": "true"}) == PLAIN


@pytest.mark.parametrize("allowlist", ["all", "none", "{address}", "https://elsewhere:8200", "https://a,{address}/"])
def test_allowlist_has_the_verdict_of_sops(allowlist: str, bao: Bao, tmp_path: Path) -> None:
    """``SOPS_HC_VAULT_ALLOWLIST`` lets us talk to the servers that sops talks to."""
    data = ours("hc_vault", bao.create("allowed"), bao.environment)
    env = {**bao.environment, "SOPS_HC_VAULT_ALLOWLIST": allowlist.format(address=bao.address)}
    try:
        theirs = opened_by_sops(tmp_path, data, env)
    except AssertionError:
        with pytest.raises(NoMatchingKeyError, match="no key"):
            opened(data, env)
    else:
        assert opened(data, env) == theirs


def test_token_of_a_flux_secret(bao: Bao) -> None:
    """The entry ``sops.vault-token`` of the cluster's Secret opens the file, with its final newline."""
    data = ours("hc_vault", bao.create("flux"), bao.environment)
    secret = {"sops.vault-token": ROOT_TOKEN.encode() + b"\n"}
    assert opened(data, {}, cluster=lambda: secret, source="cluster") == PLAIN


def test_flux_secret_without_a_token(bao: Bao) -> None:
    """The token of this machine is not lent to the cluster, and the error names the missing entry."""
    data = ours("hc_vault", bao.create("flux-none"), bao.environment)
    with pytest.raises(NoMatchingKeyError) as caught:
        opened(data, bao.environment, cluster=lambda: {"age.agekey": b""}, source="cluster")
    assert "sops.vault-token" in "".join(caught.value.tried)


def test_least_privilege(bao: Bao) -> None:
    """A token that may do nothing but decrypt with this key suffices to open a file."""
    uri = bao.create("least")
    data = ours("hc_vault", uri, bao.environment)
    token = bao.token('path "sops/decrypt/least" { capabilities = ["update"] }')
    assert opened(data, {"VAULT_TOKEN": token}) == PLAIN
    with pytest.raises(WrapError, match="permission denied"):
        ours("hc_vault", uri, {"VAULT_TOKEN": token})


def _reason(data: bytes, env: dict[str, str]) -> str:
    with pytest.raises(NoMatchingKeyError) as caught:
        opened(data, env)
    assert caught.value.hint
    return "\n".join(caught.value.tried)


def test_no_token(bao: Bao) -> None:
    """Without a token nothing is sent, and the error says what is missing."""
    assert "there is no token" in _reason(ours("hc_vault", bao.create("no-token"), bao.environment), {})


def test_wrong_token_is_not_printed(bao: Bao) -> None:
    """A token that is not accepted is not repeated."""
    reason = _reason(ours("hc_vault", bao.create("wrong"), bao.environment), {"VAULT_TOKEN": "hvs.canary"})
    assert "permission denied" in reason
    assert "canary" not in reason


def test_deleted_key(bao: Bao) -> None:
    """A key that is gone is told apart from a lack of permission."""
    data = ours("hc_vault", bao.create("gone"), bao.environment)
    bao.call("POST", "sops/keys/gone/config", {"deletion_allowed": True})
    bao.call("DELETE", "sops/keys/gone")
    assert "encryption key not found" in _reason(data, bao.environment)


def test_server_that_is_down(bao: Bao) -> None:
    """A server that is not there is named, and once, however many of its keys a file has."""
    data = ours("hc_vault", ",".join([bao.create("down"), bao.create("down2")]), bao.environment)
    reason = _reason(data.replace(bao.address.encode(), b"http://127.0.0.1:1"), bao.environment)
    assert reason.count("http://127.0.0.1:1") == 1
    assert "can't be reached" in reason
