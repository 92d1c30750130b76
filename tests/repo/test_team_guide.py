"""Every command of ``docs/team.md`` works, in the order in which it stands there."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

import pytest

from tests.support.repository import ENVIRONMENT, Repository
from tests.support.team import people, secret, sops
from tests.support.tools import need, run

GUIDE = Path(__file__).parents[2] / "docs" / "team.md"
DAVE = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINiE3KHtUYYqdnm7TQT1NTlxRgHZcGSeU9VlTBpwaWhC\n"


def blocks(title):
    """The commands below a heading."""
    text = GUIDE.read_text()
    section = text.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    found = re.findall(r"^```sh\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    assert found, f"no commands under {title}"
    return found


class Desk:
    """A shell in a repository, with the program on PATH as a plugin of the real kubectl."""

    def __init__(self, folder, kube_api, namespace):
        self.alice, self.carol = people("alice", "carol")
        self.api, self.namespace = kube_api, kube_api.namespace(namespace)
        self.repo = Repository(folder / "repo")
        self.bin = folder / "bin"
        self.bin.mkdir()
        root = Path(__file__).parents[2]
        self.program("kubectl-sops", f'PYTHONPATH={root} exec {sys.executable} -m kubectl_sops "$@"')
        for name in ("kubectl", "age-keygen"):
            (self.bin / name).symlink_to(need(name))
        self.kubeconfig = folder / "kubeconfig"
        shutil.copy(kube_api.kubeconfig(), self.kubeconfig)
        self.api_kubectl("config", "rename-context", "test", "staging")
        self.remote = folder / "remote.git"
        run(["git", "init", "-q", "--bare", str(self.remote)])
        self.repo.git("remote", "add", "origin", str(self.remote))
        self.repo.git("config", "push.autoSetupRemote", "true")
        self.folder = folder

    def api_kubectl(self, *args):
        return run([need("kubectl"), "--kubeconfig", str(self.kubeconfig), *args])

    def program(self, name, script):
        path = self.bin / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def sh(self, script, **env):
        """Run a block as a person would, with the namespace of this test in place of flux-system."""
        script = re.sub(r"kubectl sops (init|keys \w+)", rf"kubectl sops \1 -n {self.namespace}", script)
        script = script.replace("--key-source cluster", f"--key-source cluster --key-secret {self.namespace}/sops-age")
        done = run(
            ["bash", "-euo", "pipefail", "-c", script], cwd=self.repo.folder,
            env=ENVIRONMENT | {
                "PATH": f"{self.bin}{os.pathsep}{os.environ['PATH']}", "HOME": str(self.folder), "EDITOR": "false",
                "KUBECONFIG": str(self.kubeconfig), "ALICE": self.alice.recipient, "CAROL": self.carol.recipient,
                "SOPS_AGE_KEY": self.alice.identity, **env,
            },
        )  # fmt: skip
        assert done.returncode == 0, f"{script}\n{done.stdout.decode()}\n{done.stderr.decode()}"
        return done.stdout.decode() + done.stderr.decode()

    def begin(self):
        """A repository as ``init`` leaves it, with alice in the rule and two encrypted files."""
        self.sh('kubectl sops init -q --recipient "$ALICE alice" > printed-key.txt; mv printed-key.txt ..')
        self.repo.write({name: secret(user="app", password="old") for name in ("db.yaml", "clusters/prod/web.yaml")})
        for name in ("db.yaml", "clusters/prod/web.yaml"):
            self.sh(f"kubectl sops encrypt -q -i {name}")
        self.repo.commit()
        self.repo.git("push", "-q")


@pytest.fixture
def desk(tmp_path, kube_api, request):
    return Desk(tmp_path, kube_api, "team-" + re.sub(r"[^a-z]", "", request.node.name.removeprefix("test_"))[:30])


def test_a_new_colleague_and_a_leaver(desk):
    """Carol opens the files after she was added; Dave is listed with what he saw, and no longer after he left."""
    desk.begin()
    desk.repo.write({"dave.keys": DAVE})
    for block in blocks("A new colleague"):
        desk.sh(block)
    assert b"password: old" in sops(["decrypt", "db.yaml"], desk.repo.folder, desk.carol)
    out = "".join(desk.sh(block) for block in blocks("A leaver"))
    assert "(dave) could read these values" in out
    assert "clusters/prod/web.yaml (since 20" in out
    assert "ssh-ed25519" not in (desk.repo.folder / "db.yaml").read_text()
    assert desk.sh("kubectl sops recipients --stale") == "Nothing found.\n"


def test_a_leaked_key(desk):
    """After the replacement the printed new key opens the files, the old one none."""
    desk.begin()
    (block,) = blocks("A leaked key")
    desk.sh(block.replace("rm new-key.txt", "mv new-key.txt .."))
    new = (desk.folder / "new-key.txt").read_text()
    old = (desk.folder / "printed-key.txt").read_text()
    desk.sh("kubectl sops verify", SOPS_AGE_KEY=new)
    with pytest.raises(AssertionError, match="no key opens"):
        desk.sh("kubectl sops verify --key-source local", SOPS_AGE_KEY=old)
    assert list(desk.api.secret(desk.namespace)["data"]) == ["age.agekey"]


def test_a_merge_conflict(desk):
    """The conflict is resolved in an editor, and the result has a valid MAC."""
    desk.begin()
    desk.sh("kubectl sops git install")
    desk.repo.commit()
    desk.repo.git("checkout", "-qb", "feature")
    desk.sh("kubectl sops set db.yaml stringData.password '\"theirs\"'")
    desk.repo.commit()
    desk.repo.git("checkout", "-q", "main")
    desk.sh("kubectl sops set db.yaml stringData.password '\"ours\"'")
    desk.repo.commit()
    desk.program("pick", "sed -i '/^[<=>]\\{7\\}/d; /password: ours/d' \"$1\"")
    (block,) = blocks("A merge conflict")
    desk.sh(block, EDITOR="pick")
    assert b"password: theirs" in sops(["decrypt", "db.yaml"], desk.repo.folder, desk.alice)
    assert desk.repo.git("status", "--porcelain").stdout == b""


def test_a_second_cluster(desk):
    """A rule of its own, found for its files."""
    (block,) = blocks("A second cluster")
    out = desk.sh(block)
    assert "path_regex ^clusters/staging/" in out
    assert f"age  {desk.alice.recipient} (alice)" in out


def test_disaster_recovery(desk):
    """The repository and the printed key bring everything back."""
    desk.begin()
    shutil.copy(desk.folder / "printed-key.txt", desk.repo.folder / "printed-key.txt")
    desk.api.kubectl("-n", desk.namespace, "delete", "secret", "sops-age")
    (block,) = blocks("Disaster recovery")
    out = desk.sh(block, SOPS_AGE_KEY="")
    assert "2 of 2 files verified" in out


def test_the_hook_is_shipped():
    """The hook that the guide names exists, and calls a command that exists."""
    import yaml

    (hook,) = yaml.safe_load((GUIDE.parents[1] / ".pre-commit-hooks.yaml").read_text())
    assert f"id: {hook['id']}\n" in GUIDE.read_text()
    assert hook["entry"].split() == ["kubectl-sops", "check", "--staged"]
