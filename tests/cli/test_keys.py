"""``keys list``, ``show``, ``export`` and ``import`` against an emulated API server."""

import json
import os
import stat

import pyrage
import pytest

from kubectl_sops.cli import keys
from kubectl_sops.cluster.identities import Identity, dump
from tests.support.command import call
from tests.support.kube import write_kubeconfig

KEY, NEW = pyrage.x25519.Identity.generate(), pyrage.x25519.Identity.generate()
PRIVATE, PUBLIC = str(KEY), str(KEY.to_public())
CREATED = "2026-01-02T03:04:05Z"
TEXT = dump([Identity("", PRIVATE, PUBLIC, CREATED)])


@pytest.fixture
def here(tmp_path, monkeypatch, emulator):
    """A repository with one file for the cluster's key and one for somebody else."""
    folder = tmp_path / "repo"
    (folder / "apps").mkdir(parents=True)
    (folder / ".sops.yaml").write_text(f"creation_rules: [{{path_regex: ^apps/, age: {PUBLIC}}}, {{age: age1other}}]")
    for name, recipient in (("apps/db.yaml", PUBLIC), ("other.yaml", "age1other")):
        (folder / name).write_text(
            f"a: ENC[AES256_GCM,data:x,iv:x,tag:x,type:str]\nsops:\n  age:\n    - recipient: {recipient}\n"
            "      enc: x\n  lastmodified: '2026-01-01T00:00:00Z'\n  mac: x\n  version: 3.13.3\n"
        )
    monkeypatch.chdir(folder)
    monkeypatch.setenv("KUBECONFIG", str(write_kubeconfig(tmp_path / "kubeconfig", emulator.url)))
    emulator.put("flux-system", "sops-age", {"age.agekey": TEXT.encode()})
    return folder


def test_list_shows_whose_keys_they_are(here):
    """Recipient, age, how many files need it; no private part."""
    done = call(keys.LIST)
    head, row = done.out.splitlines()
    assert head.split() == ["ENTRY", "RECIPIENT", "AGE", "FILES", "USED"]
    entry, recipient, _, files, used = row.split()
    assert (entry, recipient, files, used) == ("age.agekey", PUBLIC, "1", "yes")
    assert "SECRET" not in done.out + done.err


def test_list_as_json_names_files_and_rules(here):
    """For scripts: the files that need a key and the rules that encrypt for it."""
    (row,) = json.loads(call(keys.LIST, "-o", "json").out)["items"]
    assert row == {
        "entry": "age.agekey",
        "recipient": PUBLIC,
        "created": CREATED,
        "used": "yes",
        "rules": ["^apps/"],
        "files": ["apps/db.yaml"],
    }


def test_list_shows_what_flux_ignores(here, emulator):
    """A name without the extension is of no use to Flux; one for PGP is."""
    data = {"age.agekey": TEXT.encode(), "age.key": TEXT.encode(), "team.asc": b"x", "empty.agekey": b"# none\n"}
    emulator.put("flux-system", "sops-age", data)
    rows = json.loads(call(keys.LIST, "-o", "json").out)["items"]
    assert {row["entry"]: row["used"] for row in rows} == {
        "age.agekey": "yes",
        "age.key": "no: Flux ignores this name",
        "team.asc": "yes",
        "empty.agekey": "no: it is empty",
    }


def test_show_describes_a_key(here):
    """In full, by recipient or by entry."""
    expected = (
        "secret/sops-age in namespace flux-system, not created by us\n\n"
        f"age.agekey\n  recipient: {PUBLIC}\n  created:   {CREATED}\n  used:      yes\n"
        "  rules:\n    ^apps/\n  files:\n    apps/db.yaml\n"
    )
    assert call(keys.SHOW).out == expected
    assert call(keys.SHOW, PUBLIC).out == expected
    assert call(keys.SHOW, "age.agekey").out == expected


def test_show_refuses_a_name_that_is_not_there(here):
    """And does not repeat a private key that somebody puts there."""
    assert call(keys.SHOW, "age1nobody").code == 1
    done = call(keys.SHOW, PRIVATE)
    assert done.code == 1
    assert PRIVATE not in done.out + done.err


def test_export_prints_a_key_file(here):
    """What age and sops read."""
    assert call(keys.EXPORT).out == TEXT
    assert call(keys.EXPORT, PUBLIC).out == TEXT


def test_export_to_a_file_is_for_its_owner(here):
    """Mode 0600, and nothing on standard output."""
    done = call(keys.EXPORT, "--output", "k")
    assert (done.code, done.out) == (0, "")
    assert (here / "k").read_text() == TEXT
    assert stat.S_IMODE(os.stat(here / "k").st_mode) == 0o600


def test_export_of_an_unusable_secret_is_refused(here, emulator):
    """Nothing that Flux could use."""
    emulator.put("flux-system", "sops-age", {"age.key": TEXT.encode()})
    done = call(keys.EXPORT)
    assert (done.code, done.out) == (1, "")
    assert "ignores the entry age.key" in done.err


def test_import_adds_a_key(here, emulator):
    """Beside what is there, under a name that Flux reads."""
    done = call(keys.IMPORT, "-", stdin=f"# created: {CREATED}\n{NEW}\n".encode())
    assert (done.code, done.out) == (0, "")
    public = str(NEW.to_public())
    assert done.err == f"secret/sops-age configured\n  recipient {public}\n"
    assert emulator.secret("flux-system")["data"] == {
        "age.agekey": TEXT.encode(),
        f"{public[4:12]}.agekey": dump([Identity("", str(NEW), public, CREATED)]).encode(),
    }


def test_import_of_a_known_key_changes_nothing(here, emulator):
    """From a file; stored already."""
    (here / "key").write_text(TEXT)
    before = emulator.secret("flux-system")
    done = call(keys.IMPORT, "key")
    assert (done.code, done.err.splitlines()[0]) == (0, "secret/sops-age unchanged")
    assert emulator.secret("flux-system") == before


def test_import_under_a_name_of_ones_own(here, emulator):
    """--entry; the name must be one that Flux reads and that is free."""
    assert call(keys.IMPORT, "-", "--entry", "old.agekey", stdin=str(NEW).encode()).code == 0
    assert "old.agekey" in emulator.secret("flux-system")["data"]
    other = str(pyrage.x25519.Identity.generate()).encode()
    assert call(keys.IMPORT, "-", "--entry", "old.agekey", stdin=other).code == 1
    assert call(keys.IMPORT, "-", "--entry", "age.key", stdin=other).code == 2
    assert call(keys.IMPORT, "-", "--entry", "a/b.agekey", stdin=other).code == 2


def test_import_dry_run_changes_nothing(here, emulator):
    """It says what would happen."""
    done = call(keys.IMPORT, "-", "--dry-run", stdin=str(NEW).encode())
    assert done.err.splitlines()[0] == "secret/sops-age configured (dry run)"
    assert list(emulator.secret("flux-system")["data"]) == ["age.agekey"]


def test_import_takes_no_key_as_an_argument(here, emulator):
    """Arguments are seen by others."""
    done = call(keys.IMPORT, str(NEW))
    assert done.code == 1
    assert str(NEW) not in done.err
    assert list(emulator.secret("flux-system")["data"]) == ["age.agekey"]


@pytest.mark.parametrize("command", [keys.LIST, keys.SHOW, keys.EXPORT])
def test_missing_secret_says_what_to_do(here, command):
    """init makes it."""
    done = call(command, "--key-secret", "flux-system/other")
    assert (done.code, done.out) == (1, "")
    assert "there is no secret/other in namespace flux-system" in done.err
    assert "run `init`" in done.err


OTHERS = {
    "sops.asc": b"-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nx\n",
    "sops.vault-token": b"hvs.canary\n",
    "sops.aws-kms": b"aws_access_key_id: a\naws_secret_access_key: canary\n",
    "sops.azure-kv": b"tenantId: a\nclientId: b\nclientSecret: canary\n",
    "sops.gcp-kms": b'{"type": "service_account"}',
}


@pytest.mark.parametrize("entry", OTHERS)
def test_import_of_what_another_key_system_needs(entry, here, emulator):
    """It is stored under the name that Flux looks for, in a Secret of its own that is created."""
    done = call(keys.IMPORT, "--entry", entry, "--key-secret", "flux-system/other", "-", stdin=OTHERS[entry])
    assert (done.code, done.err) == (0, "secret/other created\n")
    assert emulator.secret("flux-system", "other")["data"] == {entry: OTHERS[entry]}
    assert "canary" not in done.err


def test_import_beside_the_age_key(here, emulator):
    """A Secret may hold keys of several systems, and credentials are renewed."""
    for token, outcome in ((b"one", "configured"), (b"two", "configured"), (b"two", "unchanged")):
        done = call(keys.IMPORT, "--entry", "sops.vault-token", "-", stdin=token)
        assert done.err == f"secret/sops-age {outcome}\n"
    assert set(emulator.secret("flux-system")["data"]) == {"age.agekey", "sops.vault-token"}
    assert emulator.secret("flux-system")["data"]["sops.vault-token"] == b"two"


def test_import_replaces_no_pgp_key(here, emulator):
    """A key may be the only one that opens older files."""
    emulator.put("flux-system", "sops-age", {"sops.asc": b"-----BEGIN PGP PRIVATE KEY BLOCK-----\nold"})
    done = call(keys.IMPORT, "--entry", "sops.asc", "-", stdin=OTHERS["sops.asc"])
    assert done.code == 1
    assert "already has an entry sops.asc" in done.err


@pytest.mark.parametrize(
    ("entry", "content"),
    [
        ("sops.asc", b"-----BEGIN PGP PUBLIC KEY BLOCK-----"),
        ("sops.vault-token", b"canary canary"),
        ("sops.aws-kms", b"aws_access_key_id: canary"),
        ("sops.azure-kv", b"tenantId: canary"),
        ("sops.gcp-kms", b"[canary"),
    ],
)
def test_import_of_what_flux_could_not_use(entry, content, here, emulator):
    """It is refused, by name and not by content."""
    done = call(keys.IMPORT, "--entry", entry, "-", stdin=content)
    assert done.code == 1
    assert "canary" not in done.err
    assert set(emulator.secret("flux-system")["data"]) == {"age.agekey"}
