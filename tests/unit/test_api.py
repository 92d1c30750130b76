"""The Python interface, as its documentation shows it."""

from __future__ import annotations

import pytest

import kubectl_sops as ks
from kubectl_sops.errors import ConflictingParametersError, KeyParseError, NoMatchingKeyError, RulesError
from kubectl_sops.keys import age

TEXT, RECIPIENT = age.generate()
PLAIN = b"kind: Secret\nstringData:\n  password: hunter2 # ours\n"
RULES = ks.Rules(encrypted_regex="^(data|stringData)$")


def test_bytes_both_ways():
    """What is encrypted for a recipient opens with its identity, and with no other."""
    data = ks.encrypt(PLAIN, format="yaml", recipients=[RECIPIENT], rules=RULES)
    assert b"kind: Secret" in data
    assert b"hunter2" not in data
    assert ks.decrypt(data, format="yaml", identities=[ks.parse_identity(TEXT)]) == PLAIN
    with pytest.raises(NoMatchingKeyError):
        ks.decrypt(data, format="yaml", identities=[ks.parse_identity(age.generate()[0])])


def test_an_earlier_version_keeps_its_ciphertext():
    """With ``base``, only the changed value, the MAC and the time differ."""
    before = ks.encrypt(PLAIN + b"  user: x\n", format="yaml", recipients=[RECIPIENT], rules=RULES)
    after = ks.encrypt(
        PLAIN + b"  user: y\n", format="yaml", recipients=[RECIPIENT], rules=RULES, base=before,
        identities=[ks.parse_identity(TEXT)],
    )  # fmt: skip
    changed = [a for a, b in zip(before.splitlines(), after.splitlines(), strict=True) if a != b]
    assert [line.split(b":")[0].strip() for line in changed if b"lastmodified" not in line] == [b"user", b"mac"]


def test_files(tmp_path, monkeypatch):
    """Files are read and routed as the command line does it."""
    (tmp_path / ".sops.yaml").write_text(f"creation_rules:\n  - age: {RECIPIENT}\n    encrypted_regex: ^stringData$\n")
    (tmp_path / "a.yaml").write_bytes(PLAIN)
    monkeypatch.chdir(tmp_path)
    data = ks.encrypt_file("a.yaml")
    (tmp_path / "a.enc.yaml").write_bytes(data)
    monkeypatch.setenv("SOPS_AGE_KEY", TEXT)
    assert ks.decrypt_file("a.enc.yaml") == PLAIN
    assert ks.decrypt_file(str(tmp_path / "a.enc.yaml"), identities=[ks.parse_identity(TEXT)]) == PLAIN
    with pytest.raises(NoMatchingKeyError) as caught:
        ks.decrypt_file("a.enc.yaml", identities=[])
    assert caught.value.file == "a.enc.yaml"


def test_a_key_is_never_shown():
    """Neither an identity nor an error about one shows private text."""
    assert TEXT not in repr(ks.parse_identity(TEXT))
    with pytest.raises(KeyParseError) as caught:
        ks.parse_identity(TEXT[:-1])
    assert TEXT[:-1] not in str(caught.value)


def test_rules_are_checked():
    """Two selectors, broken patterns and unknown names are refused at once."""
    with pytest.raises(ConflictingParametersError):
        ks.Rules(encrypted_regex="a", encrypted_suffix="b")
    with pytest.raises(RulesError):
        ks.Rules(encrypted_regex="(")
    with pytest.raises(TypeError):
        ks.Rules(regex="a")


def test_only_promised_names_exist():
    """The package offers ``__all__`` and nothing else."""
    assert all(hasattr(ks, name) for name in ks.__all__)
    with pytest.raises(AttributeError):
        _ = ks.Keyring
