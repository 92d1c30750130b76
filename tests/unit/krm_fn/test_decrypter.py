"""Opening files during one call."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from krm_fn.decrypter import Decrypter, concurrency
from krm_fn.problems import ConfigError
from krm_fn.root import Root

if TYPE_CHECKING:
    from pathlib import Path

    from kubectl_sops.core.metadata import Metadata

ENC = "ENC[AES256_GCM,data:AA==,iv:AA==,tag:AA==,type:str]"
KMS = f"""\
a: {ENC}
sops:
  kms: [{{arn: 'arn:aws:kms:eu:1:key/{{0}}', enc: AA==}}]
  lastmodified: '2026-01-01T00:00:00Z'
  mac: {ENC}
  version: 3.13.3
"""
AGE = KMS.replace("kms: [{arn: 'arn:aws:kms:eu:1:key/{0}', enc: AA==}]", "age: [{recipient: age1x, enc: x}]")


class Meeting:
    """Keys that are there only when several are asked for at once."""

    def __init__(self, parties: int) -> None:
        self._barrier = threading.Barrier(parties, timeout=20)
        self.asked = 0

    def data_key(self, metadata: Metadata) -> bytes:
        self.asked += 1
        self._barrier.wait()
        return b"\0" * 32


def test_key_services_are_asked_at_once(tmp_path: Path) -> None:
    """Four files, four calls that wait for each other."""
    for number in range(4):
        (tmp_path / f"{number}.yaml").write_text(KMS.replace("{0}", str(number)))
    keys = Meeting(4)
    Decrypter(Root(str(tmp_path)), keys, {}).prefetch([f"{number}.yaml" for number in range(4)])
    assert keys.asked == 4


@pytest.mark.parametrize("texts", [[KMS], [AGE, AGE, "plain: text\n"], []], ids=["one", "local", "none"])
def test_nothing_is_asked_ahead_without_need(texts: list[str], tmp_path: Path) -> None:
    """One file gains nothing, and local keys need no threads."""
    for number, text in enumerate(texts):
        (tmp_path / f"{number}.yaml").write_text(text)
    keys = Meeting(1)
    Decrypter(Root(str(tmp_path)), keys, {}).prefetch([f"{number}.yaml" for number in range(4)])
    assert keys.asked == 0


@pytest.mark.parametrize("value", ["0", "-1", "x", "1.5", "²"])
def test_the_limit_is_a_positive_number(value: str) -> None:
    """The variable of KSOPS, with its words."""
    assert concurrency({}) == 20
    assert concurrency({"KSOPS_CONCURRENCY_LIMIT": "3"}) == 3
    with pytest.raises(ConfigError, match="error parsing KSOPS_CONCURRENCY_LIMIT value"):
        concurrency({"KSOPS_CONCURRENCY_LIMIT": value})
