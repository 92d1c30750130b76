"""The entries of a Flux decryption Secret."""

from __future__ import annotations

import pytest

from kubectl_sops.keys import UnwrapError, age
from kubectl_sops.keys.context import Context
from kubectl_sops.keys.flux_secret import context_of, ignored
from tests.support.keys import DATA_KEY, Pair, age_entry


def test_entries_that_flux_ignores():
    """The name decides, nothing else."""
    used = ["age.agekey", ".agekey", "pgp.asc", "sops.vault-token", "sops.aws-kms", "sops.azure-kv", "sops.gcp-kms"]
    unused = ["age.key", "keys.txt", "identity.age", "sops.asc.txt", "my.vault-token", "agekey", "sops.hc-vault"]
    assert ignored(dict.fromkeys(used + unused, b"")) == unused


def test_identities_of_all_agekey_entries():
    """Every entry with the extension counts, one line of it for each identity."""
    people = [Pair(), Pair(), Pair()]
    secret = {
        "b.agekey": f"# two\n{people[0].identity}\n\n{people[1].identity}\n".encode(),
        "a.agekey": people[2].identity.encode(),
    }
    context = context_of(secret, {})
    for pair in people:
        entry = age.wrap(age_entry(pair.recipient), DATA_KEY, Context({}))
        assert age.unwrap(entry, context) == DATA_KEY


@pytest.mark.parametrize("text", [" {key}", "ssh-ed25519 AAAA", "{key}\nx"])
def test_an_entry_that_flux_refuses(text):
    """Its error names the entry and not what is in it."""
    pair = Pair()
    context = context_of({"age.agekey": text.format(key=pair.identity).encode()}, {})
    with pytest.raises(UnwrapError):
        age.unwrap(age.wrap(age_entry(pair.recipient), DATA_KEY, Context({})), context)
    assert context.age.errors() == ["age.agekey: unknown identity type"]


def test_nothing_of_this_machine_is_used():
    """A key in the environment opens nothing that the Secret does not."""
    pair = Pair()
    context = context_of({}, {"SOPS_AGE_KEY": pair.identity})
    with pytest.raises(UnwrapError):
        age.unwrap(age.wrap(age_entry(pair.recipient), DATA_KEY, Context({})), context)
