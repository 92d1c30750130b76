"""The keyring: which keys are tried in which order, what is wrapped anew, and what is said when nothing fits."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from kubectl_sops.errors import ClusterError, DuplicateDecryptionOrderError, NoRecipientsError, WrapError
from kubectl_sops.keys import ServiceError, UnwrapError, age, system
from kubectl_sops.keys.keyring import DataKeyError, Keyring
from tests.support.keys import DATA_KEY, Machine, Pair, age_entry, metadata

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from kubectl_sops.core.metadata import KeyEntry, Metadata

SPLIT = "could not split data key into parts for Shamir"


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def sealed(*groups: list[Pair], threshold: int = 0) -> Metadata:
    """Metadata in which the data key is wrapped for these people."""
    entries = [[age_entry(pair.recipient) for pair in group] for group in groups]
    wrapped, threshold = Keyring({}).wrap(DATA_KEY, entries, threshold, os.urandom)
    return metadata(*wrapped, threshold=threshold)


def keyring(*pairs: Pair, **options: object) -> Keyring:
    return Keyring({}, identities=[pair.identity for pair in pairs], **options)  # type: ignore[arg-type]


class Recorder:
    """Stands in for the kinds of keys named in ``opens`` and ``fails``, and notes who is asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, opens: tuple[str, ...] = (), fails: tuple[str, ...] = ()):
        self.asked: list[str] = []
        for kind in (*opens, *fails):
            monkeypatch.setattr(system(kind), "unwrap", self._answer(kind, kind in opens))

    def _answer(self, kind: str, opens: bool) -> object:
        def unwrap(entry: KeyEntry, _context: object) -> bytes:
            self.asked.append(entry.kind)
            if not opens:
                raise ServiceError("down", f"the {kind} service")
            return DATA_KEY

        return unwrap


def entry(kind: str, number: int = 1) -> KeyEntry:
    """A key of a kind, with a wrapped text of its own."""
    texts = {
        "pgp": f"{number:040X}",
        "kms": f"arn:aws:kms:eu-west-1:111122223333:key/{number}",
        "gcp_kms": f"projects/p/locations/global/keyRings/r/cryptoKeys/{number}",
        "hc_vault": f"https://vault.example.com/v1/transit/keys/{number}",
    }
    return system(kind).parse_recipients(texts[kind])[0].with_enc(f"{kind} {number}")


def test_any_recipient_of_a_group_opens_the_file():
    """One identity suffices, wherever it stands in the list."""
    people = [Pair(), Pair(), Pair()]
    file = sealed(people)
    assert [keyring(pair).data_key(file) for pair in people] == [DATA_KEY] * 3


def test_identity_files(machine):
    """A file of identities that is named explicitly is used, and so are its errors."""
    pair = Pair()
    path = machine.write("mine", f"{pair.identity}\n")
    assert Keyring({}, identity_files=[str(path)]).data_key(sealed([pair])) == DATA_KEY
    with pytest.raises(DataKeyError) as raised:
        Keyring({}, identity_files=["/nonexistent/keys"]).data_key(sealed([pair]))
    assert raised.value.hint == "correct /nonexistent/keys: no such file or directory"


@pytest.mark.parametrize(("source", "opens"), [("auto", True), ("local", True), ("cluster", False), ("none", False)])
def test_sources(source, opens, machine):
    """Variables and files of this machine count only where the source includes them."""
    pair = Pair()
    ring = Keyring({"SOPS_AGE_KEY": pair.identity}, source=source)
    if opens:
        assert ring.data_key(sealed([pair])) == DATA_KEY
    else:
        with pytest.raises(DataKeyError):
            ring.data_key(sealed([pair]))


def test_the_cluster_is_asked_once_and_only_when_needed():
    """A key at hand saves the request; after the first one its entries are there for every file."""
    mine, theirs = Pair(), Pair()
    calls = []

    def cluster() -> Mapping[str, bytes]:
        calls.append(1)
        return {"age.agekey": theirs.identity.encode(), "age.key": b"ignored"}

    ring = keyring(mine, cluster=cluster)
    assert ring.data_key(sealed([mine, theirs])) == DATA_KEY
    assert calls == []
    for _ in range(2):
        assert ring.data_key(sealed([theirs])) == DATA_KEY
    assert calls == [1]


@pytest.mark.parametrize("source", ["local", "none"])
def test_sources_without_the_cluster(source):
    """The cluster is not asked where the source excludes it."""

    def cluster() -> Mapping[str, bytes]:
        raise AssertionError

    with pytest.raises(DataKeyError):
        Keyring({}, source=source, cluster=cluster).data_key(sealed([Pair()]))


def test_a_cluster_that_fails_is_part_of_the_report():
    """It is asked once, and its error is told with what was tried."""
    calls = []

    def cluster() -> Mapping[str, bytes]:
        calls.append(1)
        raise ClusterError("secrets is forbidden")

    ring = Keyring({}, cluster=cluster)
    for _ in range(2):
        with pytest.raises(DataKeyError) as raised:
            ring.data_key(sealed([Pair()]))
    assert calls == [1]
    assert "cluster: secrets is forbidden" in raised.value.tried
    assert "secrets is forbidden" in str(raised.value.hint)


def test_what_was_tried_where(machine):
    """A line for each recipient, a line for each place that has something, one for all that have nothing."""
    mine, first, second, cluster = Pair(), Pair(), Pair(), Pair()
    machine.write(machine.keys_txt, mine.identity)
    ring = Keyring(
        machine.environ | {"SOPS_AGE_KEY_FILE": "/nonexistent"},
        cluster=lambda: {"age.agekey": cluster.identity.encode()},
    )
    with pytest.raises(DataKeyError) as raised:
        ring.data_key(sealed([first, second]))
    home = str(machine.home)
    assert raised.value.message == "no key opens the file"
    assert list(raised.value.tried) == [
        f"age {first.recipient}: no identity fits",
        f"age {second.recipient}: no identity fits",
        "looked at SOPS_AGE_KEY_FILE: no such file or directory",
        f"looked at {home}/.config/sops/age/keys.txt: the key of {mine.recipient}",
        f"nothing in SOPS_AGE_SSH_PRIVATE_KEY_FILE, SOPS_AGE_SSH_PRIVATE_KEY_CMD, {home}/.ssh/id_ed25519, "
        f"{home}/.ssh/id_rsa, SOPS_AGE_KEY, SOPS_AGE_KEY_CMD",
        f"cluster: looked at age.agekey: the key of {cluster.recipient}",
    ]
    assert raised.value.hint == "correct SOPS_AGE_KEY_FILE: no such file or directory"


def test_a_broken_ssh_key_is_the_thing_to_fix_only_for_ssh_recipients(machine):
    """Many have an ssh key that is of no use here."""
    ssh = machine.ssh_key()
    machine.write(".ssh/id_ed25519", "broken")
    ring = Keyring(machine.environ)
    for recipient, expected in ((Pair().recipient, "set SOPS_AGE_KEY_FILE"), (ssh, "correct ")):
        groups, _ = ring.wrap(DATA_KEY, [[age_entry(recipient)]], 0, os.urandom)
        with pytest.raises(DataKeyError) as raised:
            ring.data_key(metadata(*groups))
        assert str(raised.value.hint).startswith(expected)


def test_long_recipients_are_shortened(machine):
    """A line for an ssh key stays a line; its comment, which people know it by, is at the end."""
    ssh = machine.ssh_key("other", "rsa")
    groups, _ = Keyring({}).wrap(DATA_KEY, [[age_entry(f"{ssh} me@laptop")]], 0, os.urandom)
    with pytest.raises(DataKeyError) as raised:
        Keyring({}).data_key(metadata(*groups))
    assert raised.value.tried[0] == f"age {ssh[:20]}…{ssh[-10:]} me@laptop: no age identity was found"
    assert raised.value.groups[0] is not None
    assert raised.value.groups[0][0].id == f"{ssh} me@laptop"


def test_the_hint_where_the_cluster_has_another_key():
    """Its key is not among the recipients: somebody who has one must add it."""
    ring = Keyring({}, cluster=lambda: {"age.agekey": Pair().identity.encode()})
    with pytest.raises(DataKeyError) as raised:
        ring.data_key(sealed([Pair()]))
    assert "updatekeys" in str(raised.value.hint)


def test_no_private_key_is_in_the_report(machine):
    """Whatever goes wrong, names and recipients are all that is told."""
    canary = "AGE-SECRET-KEY-1CANARY"
    machine.write(".ssh/id_ed25519", f"-----BEGIN OPENSSH PRIVATE KEY-----\n{canary}\n")
    machine.write(machine.keys_txt, canary)
    ring = Keyring(
        machine.environ | {"SOPS_AGE_KEY": canary, "SOPS_AGE_KEY_CMD": f"echo '{canary}'"},
        identities=[canary],
        cluster=lambda: {"age.agekey": canary.encode()},
    )
    with pytest.raises(DataKeyError) as raised:
        ring.data_key(sealed([Pair()]))
    error = raised.value
    failures = [failure for group in error.groups for failure in group or ()]
    everything = f"{error} {error.tried} {error.hint} {[f.sops for f in failures]} {error!r}"
    assert "CANARY" not in everything


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (None, ["pgp", "kms", "hc_vault"]),
        (["hc_vault", "kms"], ["hc_vault", "kms", "pgp"]),
        ([], ["kms", "hc_vault", "pgp"]),
    ],
)
def test_keys_are_tried_in_the_order_of_sops(order, expected, monkeypatch):
    """By default age and pgp come first; kinds that are not named keep the order of the file behind the others."""
    recorder = Recorder(monkeypatch, fails=("pgp", "kms", "hc_vault"))
    file = metadata([entry("kms"), entry("hc_vault"), entry("pgp")])
    with pytest.raises(DataKeyError):
        Keyring({}, order=order).data_key(file)
    assert recorder.asked == expected


def test_a_kind_twice_in_the_order_is_refused():
    """As sops refuses it, with its exit code."""
    with pytest.raises(DuplicateDecryptionOrderError, match="Duplicate decryption key type: age") as raised:
        Keyring({}, order=["age", "pgp", "age"])
    assert raised.value.exit_code == 112


def test_unknown_kinds_in_the_order_are_accepted():
    """sops accepts any name."""
    pair = Pair()
    assert keyring(pair, order=["nonsense", "age"]).data_key(sealed([pair])) == DATA_KEY


def test_the_first_success_wins(monkeypatch):
    """A local key that fits keeps every service from being asked."""
    recorder = Recorder(monkeypatch, opens=("kms",), fails=("hc_vault",))
    pair = Pair()
    file = metadata([entry("kms"), entry("hc_vault"), *sealed([pair]).groups[0]])
    assert keyring(pair).data_key(file) == DATA_KEY
    assert recorder.asked == []
    assert Keyring({}).data_key(file) == DATA_KEY
    assert recorder.asked == ["kms"]


def test_a_wrapped_key_is_opened_once(monkeypatch):
    """Files that share a wrapped data key share the answer."""
    recorder = Recorder(monkeypatch, opens=("kms",))
    ring = Keyring({})
    for _ in range(3):
        assert ring.data_key(metadata([entry("kms")])) == DATA_KEY
    assert recorder.asked == ["kms"]


def test_a_broken_service_is_told_once(monkeypatch):
    """However many of its keys a file has, it is asked once and has one line."""
    recorder = Recorder(monkeypatch, fails=("hc_vault",))
    with pytest.raises(DataKeyError) as raised:
        Keyring({}).data_key(metadata([entry("hc_vault", 1), entry("hc_vault", 2)]))
    assert recorder.asked == ["hc_vault"]
    assert [line for line in raised.value.tried if "down" in line] == ["hc_vault the hc_vault service: down"]


def test_many_files_are_asked_for_at_once(monkeypatch):
    """Each distinct wrapped key once; files that a key at hand opens, or may open, not at all."""
    recorder = Recorder(monkeypatch, opens=("kms",), fails=("pgp",))
    pair = Pair()
    files = [metadata([entry("kms", number)]) for number in (1, 2, 3, 2)]
    held = metadata([entry("kms", 4), *sealed([pair]).groups[0]])
    ring = keyring(pair)
    ring.prefetch([*files, held, metadata([entry("kms", 5), entry("pgp")]), metadata()])
    assert sorted(recorder.asked) == ["kms"] * 3
    assert [ring.data_key(file) for file in files] == [DATA_KEY] * 4
    assert len(recorder.asked) == 3


@pytest.mark.parametrize("source", ["cluster", "none"])
def test_credentials_of_this_machine_count_only_where_the_source_includes_them(source, monkeypatch):
    """Neither ahead of time nor when a file is opened."""
    recorder = Recorder(monkeypatch, opens=("kms",))
    files = [metadata([entry("kms", number)]) for number in (1, 2)]
    ring = Keyring({}, source=source)
    ring.prefetch(files)
    with pytest.raises(DataKeyError) as raised:
        ring.data_key(metadata([entry("kms"), entry("pgp")]))
    assert recorder.asked == []
    assert [line.split(": ")[1] for line in raised.value.tried] == ["not asked"] * 2


def test_a_person_is_asked_last(machine):
    """A key that is at hand opens the file, although one with a passphrase stands before it."""
    mine = Pair()
    ssh = machine.ssh_key("id_ed25519", "ed25519", "open sesame")
    machine.write(machine.keys_txt, mine.identity)

    def never(_prompt: str) -> str:
        raise AssertionError

    groups, _ = Keyring({}).wrap(DATA_KEY, [[age_entry(ssh), age_entry(mine.recipient)]], 0, os.urandom)
    assert Keyring(machine.environ, ask_passphrase=never).data_key(metadata(*groups)) == DATA_KEY


def test_every_group_is_needed_without_a_threshold():
    """And the number is recorded."""
    people = [Pair(), Pair(), Pair()]
    file = sealed(*([pair] for pair in people))
    assert file.shamir_threshold == 3
    assert keyring(*people).data_key(file) == DATA_KEY
    with pytest.raises(DataKeyError):
        keyring(*people[:2]).data_key(file)


def test_two_groups_need_both():
    """One of two is not enough, and the report says which one is missing."""
    people = [Pair(), Pair()]
    file = sealed([people[0]], [people[1]])
    assert file.shamir_threshold == 2
    assert keyring(*people).data_key(file) == DATA_KEY
    with pytest.raises(DataKeyError, match="1 of 2 key groups could be opened, 2 are needed") as raised:
        keyring(people[0]).data_key(file)
    assert [group is None for group in raised.value.groups] == [True, False]
    assert raised.value.tried[0] == f"group 1: age {people[1].recipient}: no identity fits"


def test_a_threshold_of_groups():
    """Any two groups of three open the file, one does not."""
    people = [Pair(), Pair(), Pair()]
    file = sealed(*([pair] for pair in people), threshold=2)
    for left_out in people:
        assert keyring(*(pair for pair in people if pair is not left_out)).data_key(file) == DATA_KEY
        with pytest.raises(DataKeyError):
            keyring(left_out).data_key(file)


def test_no_service_is_asked_for_a_group_that_is_not_needed(monkeypatch):
    """Groups whose key is at hand are opened first."""
    recorder = Recorder(monkeypatch, opens=("kms",))
    people = [Pair(), Pair()]
    with_service = sealed(*([pair] for pair in people), [Pair()], threshold=2).groups
    file = metadata([entry("kms")], with_service[0], with_service[1], threshold=2)
    assert keyring(*people).data_key(file) == DATA_KEY
    assert recorder.asked == []


def test_the_cluster_gives_the_missing_group():
    """Parts from this machine and from the cluster are put together."""
    mine, theirs = Pair(), Pair()
    ring = keyring(mine, cluster=lambda: {"age.agekey": theirs.identity.encode()})
    assert ring.data_key(sealed([mine], [theirs])) == DATA_KEY


def test_one_group_ignores_the_threshold():
    """It is kept in the file, and neither splits the key nor is needed to open it."""
    pair = Pair()
    file = sealed([pair], threshold=3)
    assert file.shamir_threshold == 3
    assert keyring(pair).data_key(file) == DATA_KEY


@pytest.mark.parametrize(
    ("groups", "threshold", "text"),
    [
        ([], 0, "Could not generate data key: [no key groups provided]"),
        ([[]], 0, "Could not generate data key: [empty key group provided]"),
        ([["a"], []], 0, "Could not generate data key: [empty key group provided]"),
        (
            [["a"], ["b"]],
            1,
            f"Could not generate data key: [{SPLIT}: threshold must be at least 2]",
        ),
        (
            [["a"], ["b"]],
            3,
            f"Could not generate data key: [{SPLIT}: parts cannot be less than threshold]",
        ),
    ],
    ids=["no group", "empty", "one empty", "threshold 1", "threshold too high"],
)
def test_groups_that_can_not_be_wrapped(groups, threshold, text):
    """The texts are those of sops, and so is the exit code."""
    entries = [[age_entry(Pair().recipient) for _ in group] for group in groups]
    with pytest.raises((NoRecipientsError, WrapError)) as raised:
        Keyring({}).wrap(DATA_KEY, entries, threshold, os.urandom)
    assert raised.value.message == text
    assert raised.value.exit_code == 1


def test_all_keys_that_fail_are_listed():
    """One error for each key that can't take the data key, in the words of sops."""
    entries = [age_entry("age1bad"), age_entry(Pair().recipient), age_entry("ssh-rsa AAAA")]
    with pytest.raises(WrapError) as raised:
        Keyring({}).wrap(DATA_KEY, [entries], 0, os.urandom)
    assert raised.value.message == (
        'Could not generate data key: [failed to encrypt new data key with master key "age1bad": malformed age '
        'recipient age1bad… failed to encrypt new data key with master key "ssh-rsa AAAA": malformed age recipient '
        "ssh-rsa AAAA…]"
    )


def test_rewrapping_keeps_what_is_there():
    """A key that stays keeps its wrapped copy and its other fields; the order is the new one."""
    old, new = Pair(), Pair()
    file = sealed([old])
    kept = file.groups[0][0]
    kept.fields["note"] = "kept"
    groups, _ = Keyring({}).rewrap(
        DATA_KEY, file, [[age_entry(new.recipient), age_entry(old.recipient)]], 0, os.urandom
    )
    assert [key.id for key in groups[0]] == [new.recipient, old.recipient]
    assert groups[0][1].fields == kept.fields
    assert keyring(new).data_key(metadata(groups[0])) == DATA_KEY


def test_rewrapping_for_nobody_is_refused():
    """The last key can't be removed."""
    with pytest.raises(NoRecipientsError, match="empty key group provided"):
        Keyring({}).rewrap(DATA_KEY, sealed([Pair()]), [[]], 0, os.urandom)


def test_rewrapping_shares_wraps_all():
    """With several groups the shares are new, so every copy is."""
    first, second, added = Pair(), Pair(), Pair()
    file = sealed([first], [second])
    wanted = [[age_entry(first.recipient)], [age_entry(second.recipient), age_entry(added.recipient)]]
    groups, threshold = Keyring({}).rewrap(DATA_KEY, file, wanted, 2, os.urandom)
    assert groups[0][0].enc != file.groups[0][0].enc
    assert keyring(first, added).data_key(metadata(*groups, threshold=threshold)) == DATA_KEY


def test_a_share_is_not_remembered_as_something_else():
    """Two files with the same recipients have each its own parts."""
    pair, other = Pair(), Pair()
    entries = [[age_entry(pair.recipient)], [age_entry(other.recipient)]]
    ring = keyring(pair, other)
    for key in (DATA_KEY, bytes(32)):
        groups, threshold = ring.wrap(key, entries, 0, os.urandom)
        assert ring.data_key(metadata(*groups, threshold=threshold)) == key


def test_a_key_system_says_what_its_errors_mean_for_sops():
    """Without words of its own, an error is told to users of sops as to everybody."""
    assert UnwrapError("a reason").sops == "a reason"
    assert UnwrapError("a reason", sops="another").sops == "another"


def test_age_asks_no_service():
    """age keys are opened on this machine."""
    assert age.service(age_entry(Pair().recipient)) == ""
