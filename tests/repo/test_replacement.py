"""``init --force``: cut off anywhere, all files open with a key that the cluster holds, before and after recovery."""

from __future__ import annotations

import json
import os

import pytest

from kubectl_sops.errors import ClusterError
from kubectl_sops.keys.keyring import Keyring
from kubectl_sops.repo import replacement
from kubectl_sops.repo.replacement import PREVIOUS, Replacement, StoreChangedError, UnopenedFilesError
from kubectl_sops.repo.transaction import Transaction
from tests.support.cut import steps
from tests.support.repository import Repository
from tests.support.team import Person, config, people, seal, secret, sops

NAMES = ("apps/db.yaml", "apps/web.yaml", "shared.yaml")
NOW = "2026-01-01T00:00:00Z"


class FileSecret:
    """A Secret in a file beside the repository, so that it outlives a killed process; compare-and-swap by version."""

    place = "test flux-system/sops-age"

    def __init__(self, path, people):
        self._path = path
        self._known = {person.identity: person.recipient for person in people}
        self._version = 0

    def read(self):
        self._version, entries = json.loads(self._path.read_text())
        return {name: text.encode() for name, text in entries.items()}

    def write(self, entries, version=None):
        text = json.dumps([version or self._version + 1, entries])
        temporary = self._path.with_suffix(".tmp")
        temporary.write_text(text)
        temporary.rename(self._path)

    def change(self, changes):
        version, entries = json.loads(self._path.read_text())
        if version != self._version:
            raise StoreChangedError("changed")
        for name, value in changes.items():
            if value is None:
                entries.pop(name, None)
            else:
                entries[name] = value.decode()
        self.write(entries, version + 1)

    def recipients(self, entry):
        return [self._known[line] for line in entry.decode().splitlines() if line in self._known]


class World:
    """A repository of two clusters, the cluster's key, a developer, and the key that is to come."""

    def __init__(self, folder):
        self.cluster, self.new, self.other, self.dev = people("cluster", "new", "other", "dev")
        self.repo = Repository(folder / "repo")
        self.secret = FileSecret(folder / "secret.json", [self.cluster, self.new])
        self.secret.write({"age.agekey": self.cluster.identity + "\n"})
        members = {"apps": [self.cluster, self.dev], "elsewhere": [self.other, self.dev]}
        self.repo.write({f"{name}/.sops.yaml": config(*who) for name, who in members.items()})
        self.repo.write({".sops.yaml": config(self.cluster, self.other)})
        self.repo.write({name: secret(password=f"secret of {name}") for name in NAMES})
        self.repo.write({"elsewhere/x.yaml": secret(password="x"), "plain.yaml": "a: 1\n"})
        for name, where in (("apps/db.yaml", "apps"), ("apps/web.yaml", "apps"), ("elsewhere/x.yaml", "elsewhere")):
            sops(["--config", f"{where}/.sops.yaml", "encrypt", "-i", name], self.repo.folder)
        seal(self.repo.folder, "shared.yaml")
        self.repo.commit()
        self.start = self.content()
        self.start_secret = self.secret._path.read_text()

    def content(self):
        files = [p for p in self.repo.folder.rglob("*.yaml") if ".git" not in p.parts]
        return {str(p.relative_to(self.repo.folder)): p.read_bytes() for p in files}

    def reset(self):
        self.repo.git("checkout", "-q", ".")
        self.secret._path.write_text(self.start_secret)

    def run(self, cut=None, *, overlap=False):
        if cut is not None:
            self.secret.change = cut.wrap(self.secret.change)
        keyring = Keyring({}, identities=[self.cluster.identity], source="none")
        plan = replacement.plan(str(self.repo.folder), [self.cluster.recipient])
        work = Replacement(self.secret, lambda _: None)
        text = self.new.identity + "\n"
        work.run(plan, keyring, self.new.recipient, text, now=lambda: NOW, overlap=overlap)

    def cluster_keys(self):
        return [line for entry in self.secret.read().values() for line in entry.decode().splitlines()]

    def check_open(self):
        """Every file of this cluster opens with a key that the cluster holds, and holds the same data."""
        keyring = Keyring({}, identities=self.cluster_keys(), source="none")
        from kubectl_sops.files.decrypt import decrypt

        for name in NAMES:
            data = (self.repo.folder / name).read_bytes()
            assert f"secret of {name}" in decrypt(data, "yaml", keyring).decode()

    def check_others(self):
        assert self.content()["elsewhere/x.yaml"] == self.start["elsewhere/x.yaml"]
        assert self.content()["elsewhere/.sops.yaml"] == self.start["elsewhere/.sops.yaml"]

    def check_replaced(self):
        assert self.cluster_keys() == [self.new.identity]
        self.check_open()
        self.check_others()
        for name, data in self.content().items():
            assert self.cluster.recipient.encode() not in data, name
        assert (self.repo.folder / "apps/.sops.yaml").read_text() == config(Person_named("cluster", self.new), self.dev)

    def check_undone(self):
        assert self.cluster_keys() == [self.cluster.identity]
        assert list(self.secret.read()) == ["age.agekey"]
        assert self.content() == self.start


def Person_named(name, person):  # reads like the class
    copy = Person(name)
    copy.recipient = person.recipient
    return copy


@pytest.fixture
def world(tmp_path, monkeypatch):
    built = World(tmp_path)
    monkeypatch.chdir(built.repo.folder)
    return built


def interrupted(world):
    return replacement.find_interrupted(str(world.repo.folder))


def test_the_key_is_replaced(world):
    """Files, rules and Secret have the new key; files of other clusters keep every byte; real sops opens them."""
    before = (world.repo.folder / "apps/db.yaml").read_text()
    world.run()
    world.check_replaced()
    after = (world.repo.folder / "apps/db.yaml").read_text()
    assert not {line for line in before.splitlines() if "ENC[" in line} & set(after.splitlines())
    assert b"secret of shared" in sops(["decrypt", "shared.yaml"], world.repo.folder, world.other)
    assert b"secret of apps" in sops(["decrypt", "apps/db.yaml"], world.repo.folder, world.dev)


def test_overlap_keeps_the_old_key(world):
    """The old key stays under another name that Flux reads."""
    world.run(overlap=True)
    world.check_open()
    assert sorted(world.cluster_keys()) == sorted([world.new.identity, world.cluster.identity])
    assert [name.startswith(PREVIOUS) for name in sorted(world.secret.read())] == [False, True]


def test_every_cut_can_be_finished(world):
    """Killed at any step, ``--resume`` finishes where the new key reached the cluster, and undoes where not."""
    finished = 0
    for step in steps(world.run):
        world.check_open()
        world.check_others()
        found = interrupted(world)
        if found is not None:
            if Replacement(world.secret, lambda _: None).resume(found):
                world.check_replaced()
                finished += 1
            else:
                world.check_undone()
        elif step == 0:
            world.check_replaced()
        assert interrupted(world) is None
        world.reset()
    assert finished > 2


def test_every_cut_can_be_undone(world):
    """Killed at any step, ``--abort`` brings every byte and the old Secret back, while the old key is there."""
    undone = 0
    for step in steps(world.run):
        found = interrupted(world)
        if found is not None:
            work = Replacement(world.secret, lambda _: None)
            try:
                work.abort(found)
            except StoreChangedError:
                world.check_open()  # the old key was dropped: only finishing is left
                assert work.resume(found)
                world.check_replaced()
            else:
                world.check_undone()
                undone += 1
        elif step == 0:
            world.check_replaced()
        assert interrupted(world) is None
        world.reset()
    assert undone > 4


def test_undoing_can_be_cut_too(world):
    """Killed while undoing, at every step, undoing again comes to the end, and resuming does not mix things up."""

    class Stop(Exception):  # noqa: N818
        pass

    def begin():
        world.reset()

        def stop(*_):
            raise Stop

        original, replacement.finish_files = replacement.finish_files, stop
        try:
            world.run()
        except Stop:
            pass
        finally:
            replacement.finish_files = original
        left = Transaction.find(str(world.repo.folder))
        left.apply()
        left.journal.process = 0  # whoever began it is gone
        left._write()

    def undo(cut):
        world.secret.change = cut.wrap(world.secret.change)
        Replacement(world.secret, lambda _: None).abort(interrupted(world))

    begin()
    for step in steps(undo):
        world.check_open()
        found = interrupted(world)
        if found is not None:
            work = Replacement(world.secret, lambda _: None)
            if step % 2:
                work.abort(found)
            elif work.resume(found):
                world.check_replaced()
                begin()
                continue
        world.check_undone()
        begin()


def test_files_that_do_not_open_stop_everything(world):
    """All of them are listed, and nothing was changed."""
    for name in NAMES[:2]:
        path = world.repo.folder / name
        path.write_text(path.read_text().replace("name: db", "name: changed"))
    before = world.content()
    with pytest.raises(UnopenedFilesError) as raised:
        world.run()
    assert [line.split(":")[0] for line in raised.value.tried] == list(NAMES[:2])
    assert raised.value.failures[0].exit_code == 51
    assert world.content() == before
    assert world.cluster_keys() == [world.cluster.identity]
    assert interrupted(world) is None


def test_the_second_person_changes_nothing(world):
    """Where somebody else was faster, the swap is refused and everything staged is thrown away."""
    read = world.secret.read

    def read_then_lose():
        entries = read()
        other = FileSecret(world.secret._path, [world.cluster, world.new])
        other.read()
        other.change({"somebody.agekey": b"else\n"})
        return entries

    world.secret.read = read_then_lose
    with pytest.raises(StoreChangedError):
        world.run()
    assert world.content() == world.start
    assert interrupted(world) is None


@pytest.mark.parametrize("arrives", [True, False])
def test_a_lost_answer_is_looked_up(world, arrives):
    """Whether the request arrived is read from the Secret, not guessed."""
    change = world.secret.change
    first = True

    def lose(changes):
        nonlocal first
        if not first:
            return change(changes)
        first = False
        if arrives:
            change(changes)
        raise ClusterError("no answer")

    world.secret.change = lose
    if arrives:
        world.run()
        world.check_replaced()
    else:
        with pytest.raises(ClusterError):
            world.run()
        world.check_undone()


def test_another_cluster_is_not_taken_for_it(world):
    """An interrupted replacement goes on in the cluster where it began."""
    transaction = Transaction.begin(str(world.repo.folder), replacement.COMMAND, {"secret": "elsewhere", "new": "x"})
    with pytest.raises(replacement.WrongSecretError, match="is about elsewhere"):
        Replacement(world.secret, lambda _: None).abort(transaction)
    transaction.close()


def test_the_journal_holds_no_secret(world):
    """Neither a private key nor a value reaches the disk."""

    def look(*_):
        folder = world.repo.folder / ".git" / "kubectl-sops"
        text = b"".join(p.read_bytes() for p in folder.iterdir())
        assert world.new.recipient.encode() in text
        assert b"AGE-SECRET-KEY" not in text
        assert b"secret of" not in text
        raise KeyboardInterrupt

    original, replacement.finish_files = replacement.finish_files, look
    try:
        with pytest.raises(KeyboardInterrupt):
            world.run()
    finally:
        replacement.finish_files = original
    assert os.listdir(world.repo.folder / ".git" / "kubectl-sops")
