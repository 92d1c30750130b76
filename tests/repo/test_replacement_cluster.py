"""``init --force`` against a real kube-apiserver: cut off around every request and every rename."""

from __future__ import annotations

import os
from contextlib import chdir

import pytest

from kubectl_sops.cli import init, keys
from kubectl_sops.cluster import client
from kubectl_sops.files.decrypt import decrypt
from kubectl_sops.keys.keyring import Keyring
from kubectl_sops.repo import replacement
from tests.support.command import call
from tests.support.cut import killed_at
from tests.support.repository import Repository
from tests.support.team import people, secret, sops

NAMES = ("db.yaml", "apps/web.yaml")


class World:
    """A namespace of a real API server and a repository that ``init`` set up."""

    def __init__(self, api, folder, namespace):
        self.api, self.namespace = api, api.namespace(namespace)
        self.repo = Repository(folder / "repo")
        self.flags = ("--kubeconfig", str(api.kubeconfig()), "-n", self.namespace)
        (self.other,) = people("other")
        with chdir(self.repo.folder):
            assert self.init().code == 0
        self.repo.write({name: secret(password=f"secret of {name}") for name in NAMES})
        self.repo.write(
            {"other/.sops.yaml": f"creation_rules:\n  - age: {self.other.recipient}\n", "other/x.env": "A=1\n"}
        )
        for name in NAMES:
            sops(["encrypt", "-i", name], self.repo.folder)
        sops(["--config", "other/.sops.yaml", "encrypt", "-i", "other/x.env"], self.repo.folder)
        self.repo.commit()
        self.foreign = (self.repo.folder / "other/x.env").read_bytes()
        self.first = self.held()

    def init(self, *args, stdin=b""):
        return call(init.COMMAND, *args, *self.flags, stdin=stdin)

    def held(self):
        data = self.api.secret(self.namespace)["data"]
        lines = [
            line for name, value in data.items() if name.endswith(".agekey") for line in value.decode().splitlines()
        ]
        return [line for line in lines if line.startswith("AGE-SECRET-KEY-1")]

    def check_open(self):
        keyring = Keyring({}, identities=self.held(), source="none")
        for name in NAMES:
            text = decrypt((self.repo.folder / name).read_bytes(), "yaml", keyring).decode()
            assert f"secret of {name}" in text
        assert (self.repo.folder / "other/x.env").read_bytes() == self.foreign


@pytest.fixture(scope="module")
def world(kube_api, tmp_path_factory):
    return World(kube_api, tmp_path_factory.mktemp("force"), "force")


@pytest.fixture(autouse=True)
def _here(world, monkeypatch):
    monkeypatch.chdir(world.repo.folder)


def test_force_replaces_the_key(world):
    """The plan is shown, the Secret has one new key, the files open with it, and the old one is of no use."""
    old = world.held()
    result = world.init("--force")
    assert result.code == 0, result
    (new,) = world.held()
    assert new in result.out
    assert new not in old
    assert "  apps/web.yaml encrypted anew" in result.err
    assert "  .sops.yaml configured" in result.err
    world.check_open()
    with pytest.raises(Exception, match="no key opens"):
        decrypt((world.repo.folder / "db.yaml").read_bytes(), "yaml", Keyring({}, identities=old, source="none"))
    world.repo.commit()


def test_a_key_can_be_brought(world):
    """The one on standard input takes the old one's place, and is not printed; anything else stops it."""
    brought = people("brought")[0]
    before = world.held(), world.repo.git("status", "--porcelain").stdout
    for text in ("", "nothing of the kind\n", f"{brought.identity}\n{people('x')[0].identity}\n", before[0][0] + "\n"):
        result = world.init("--force", "--from-stdin", stdin=text.encode())
        assert result.code not in (0, 70), text
        assert (world.held(), world.repo.git("status", "--porcelain").stdout) == before
    result = world.init("--force", "--from-stdin", stdin=f"{brought.identity}\n".encode())
    assert result.code == 0, result
    assert result.out == ""
    assert world.held() == [brought.identity]
    world.check_open()
    world.repo.commit()


@pytest.mark.parametrize(
    "more", [["--recipient", "age1x"], ["--path-regex", "x"], ["--print-only"], ["--create-namespace"]]
)
def test_force_says_what_does_not_go_with_it(world, more):
    """Rather than leaving it out without a word."""
    result = world.init("--force", *more)
    assert f"{more[0]} does not go with --force" in result.err


def test_dry_run_changes_nothing(world):
    """``--dry-run`` shows the plan."""
    before = world.held(), world.repo.git("status", "--porcelain").stdout
    result = world.init("--force", "--dry-run")
    assert "db.yaml encrypted anew (dry run)" in result.err
    assert (world.held(), world.repo.git("status", "--porcelain").stdout) == before


def test_overlap_and_prune(world):
    """The old key stays until ``keys prune``, which refuses while files need it."""
    (old,) = world.held()
    web = (world.repo.folder / "apps/web.yaml").read_bytes()
    assert world.init("--force", "--overlap").code == 0
    assert len(world.held()) == 2
    assert old in world.held()
    fresh = (world.repo.folder / "apps/web.yaml").read_bytes()
    (world.repo.folder / "apps/web.yaml").write_bytes(web)  # a branch that was not merged yet
    world.check_open()
    refused = call(keys.PRUNE, *world.flags)
    assert refused.code == 1
    assert "apps/web.yaml" in refused.err
    (world.repo.folder / "apps/web.yaml").write_bytes(fresh)
    assert call(keys.PRUNE, *world.flags).code == 0
    assert old not in world.held()
    world.check_open()
    world.repo.commit()


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("recovery", ["--resume", "--abort"])
def test_cut_anywhere_and_recovered(world, recovery, after, monkeypatch):
    """Killed around requests and steps on the disk: files open all the time, and recovery brings one key for all."""
    recovered = 0
    for step in range(1, 200, 7 if recovery == "--resume" else 9):

        def work(cut):
            for name in ("get", "patch"):
                setattr(client.Client, name, _counted(cut, getattr(client.Client, name)))
            assert world.init("--force", "-q").code == 0

        died = killed_at(step, work, after=after)
        world.check_open()
        if died and replacement.find_interrupted(str(world.repo.folder)) is not None:
            result = world.init(recovery)
            if result.code != 0:  # the old key is gone already: only finishing is left
                assert "finish it with --resume" in result.err
                assert world.init("--resume").code == 0
            recovered += 1
        world.check_open()
        assert len(world.held()) == 1
        assert replacement.find_interrupted(str(world.repo.folder)) is None
        world.repo.commit()
        if not died:
            break
    assert recovered > 4
    assert not died


def _counted(cut, method):
    def call(self, *args, **kwargs):
        return cut.wrap(lambda: method(self, *args, **kwargs))()

    return call


def test_somebody_else_was_faster(world, monkeypatch):
    """A Secret that changed between reading and writing is left alone, and so are all files."""
    patch = client.Client.patch
    seen = []

    def late(self, *args, **kwargs):
        if not seen:
            seen.append(True)
            world.api.kubectl("-n", world.namespace, "label", "secret", "sops-age", "touched=yes")
        return patch(self, *args, **kwargs)

    monkeypatch.setattr(client.Client, "patch", late)
    before = world.held()
    result = world.init("--force")
    assert result.code == 1
    assert "somebody else" in result.err
    assert world.held() == before
    assert world.repo.git("status", "--porcelain").stdout == b""


def test_a_connection_that_breaks_is_looked_up(world, monkeypatch):
    """Where the request arrived and the answer did not, the replacement goes on."""
    from kubectl_sops.cluster.failure import UnreachableError

    patch = client.Client.patch
    seen = []

    def lost(self, *args, **kwargs):
        result = patch(self, *args, **kwargs)
        if not seen:
            seen.append(True)
            raise UnreachableError("no answer")
        return result

    monkeypatch.setattr(client.Client, "patch", lost)
    before = world.held()
    assert world.init("--force").code == 0
    assert world.held() != before
    world.check_open()
    world.repo.commit()


def test_nothing_secret_is_left_behind(world):
    """No private key in any file of the repository, Git's own folder included."""
    assert not any(
        b"AGE-SECRET-KEY" in path.read_bytes() for path in world.repo.folder.rglob("*") if os.path.isfile(path)
    )
