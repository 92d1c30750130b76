"""``docs/key-systems.md``: the commands of every section run as written, on the server of the section."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from kubectl_sops.keys.flux_secret import NAMED
from tests.support.azure_kv import CLIENT, SECRET, TENANT
from tests.support.kube import write_kubeconfig
from tests.support.tools import find, need

if TYPE_CHECKING:
    from tests.support.azure_kv import KeyVault
    from tests.support.cloud import Cloud
    from tests.support.gcp_kms import Kms
    from tests.support.key_services import Aws, Bao
    from tests.support.kube import Emulator

GUIDE = Path(__file__).parents[2] / "docs/key-systems.md"


class Block(NamedTuple):
    """Shell commands, the section that they belong to, and further programs that they need."""

    section: str
    programs: list[str]
    text: str


def _blocks() -> list[Block]:
    found = []
    for name, text in re.findall(r"^```sh ([^\n]+)\n(.*?)^```$", GUIDE.read_text(), re.MULTILINE | re.DOTALL):
        section, *programs = name.split()
        found.append(Block(section, programs, text))
    assert found, "the guide has no commands"
    return found


BLOCKS = _blocks()


class Shell:
    """A user's machine with a cluster, where sections are followed one block after the other."""

    def __init__(self, folder: Path, emulator: Emulator) -> None:
        self.folder = folder
        self.emulator = emulator
        programs = folder / "bin"
        programs.mkdir()
        for name in ("kubectl", "kubectl-sops", "age", "age-keygen", "bao"):
            if (path := find(name)) is not None:
                (programs / name).symlink_to(path)
        self.environ = {
            "HOME": str(folder),
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "KUBECONFIG": str(write_kubeconfig(folder / "kubeconfig", emulator.url)),
            "SOPS_DISABLE_VERSION_CHECK": "1",
        }

    def follow(self, section: str, **environ: str) -> None:
        """Run the blocks of a section, after those of every section."""
        assert any(block.section == section for block in BLOCKS), f"no commands for {section}"
        for block in BLOCKS:
            if block.section in ("every", section):
                for program in block.programs:
                    need(program)
                done = subprocess.run(
                    ["sh", "-euc", block.text], cwd=self.folder, env=self.environ | environ, capture_output=True,
                    text=True, check=False, timeout=120, stdin=subprocess.DEVNULL,
                )  # fmt: skip
                assert done.returncode == 0, f"{block.text}\n{done.stdout}\n{done.stderr}"
                if "decrypt" in block.text and "basic-auth.yaml" in block.text:
                    assert done.stdout.count("password: Y2hhbmdlLW1l") >= 1

    def opens_with_sops(self, name: str, **environ: str) -> bool:
        """Whether real sops opens a file."""
        argv = [need("sops"), "decrypt", name]
        done = subprocess.run(argv, cwd=self.folder, env=self.environ | environ, capture_output=True, check=False)
        return done.returncode == 0

    def entries(self, name: str) -> set[str]:
        """The entries of a Secret of the cluster."""
        secret = self.emulator.secret("flux-system", name)
        assert secret is not None
        return set(secret["data"])


@pytest.fixture
def shell(tmp_path: Path, emulator: Emulator) -> Shell:
    need("kubectl")
    return Shell(tmp_path, emulator)


def test_age(shell: Shell) -> None:
    """The cluster's key, a person's ssh key, and a post-quantum key."""
    (shell.folder / ".ssh").mkdir()
    key = shell.folder / ".ssh/id_ed25519"
    subprocess.run([need("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    shell.follow("age")
    assert shell.entries("sops-age") == {"age.agekey"}
    assert shell.opens_with_sops("basic-auth.yaml", SOPS_AGE_KEY_FILE="cluster.agekey", HOME="/nonexistent")


def test_openpgp(shell: Shell) -> None:
    """The key of the cluster's Secret opens the file where the keyring is empty."""
    need("gpg")
    shell.folder.chmod(0o700)
    try:
        shell.follow("openpgp")
        assert shell.entries("sops-gpg") == {"sops.asc"}
        assert shell.opens_with_sops("basic-auth.yaml")
        argv = ["kubectl-sops", "decrypt", "--key-source", "cluster", "--key-secret", "flux-system/sops-gpg"]
        (shell.folder / "empty").mkdir(mode=0o700)
        environ = shell.environ | {"GNUPGHOME": str(shell.folder / "empty")}
        argv[0] = str(shell.folder / "bin/kubectl-sops")
        done = subprocess.run(
            [*argv, "basic-auth.yaml"], cwd=shell.folder, env=environ, capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr.decode()
    finally:
        for home in (".gnupg", "empty"):
            subprocess.run(["gpgconf", "--homedir", str(shell.folder / home), "--kill", "all"], check=False)


def test_vault(shell: Shell, bao: Bao) -> None:
    """A token that may only decrypt opens the file for Flux; a rotated key opens older files; groups."""
    need("age-keygen")
    bao.call("DELETE", "sys/mounts/sops")
    try:
        env = {"VAULT_ADDR": bao.address, **bao.environment}
        shell.follow("vault", **env)
        assert shell.entries("sops-vault") == {"sops.vault-token"}
        assert shell.opens_with_sops("basic-auth.yaml", **env)
        assert shell.opens_with_sops("groups.yaml", SOPS_AGE_KEY_FILE="alone.agekey")
    finally:
        if "sops/" not in bao.call("GET", "sys/mounts")["data"]:
            bao.engine("sops")


def test_aws(shell: Shell, aws: Aws) -> None:
    """A key without and with an encryption context."""
    env = {**aws.environment, "KMS_ARN": aws.create()}
    shell.follow("aws", **env)
    assert shell.entries("sops-aws") == {"sops.aws-kms"}
    assert shell.opens_with_sops("basic-auth.yaml", **env)
    assert shell.opens_with_sops("context.yaml", **env)


def test_gcp(shell: Shell, gcp_kms: Kms, cloud: Cloud) -> None:
    """The key of a service account opens the file for Flux."""
    (shell.folder / "service-account.json").write_text(gcp_kms.service_account)
    env = {
        **cloud.environment, **gcp_kms.environment, "NO_PROXY": "127.0.0.1", "KMS_ID": gcp_kms.create("flux"),
        "GOOGLE_CREDENTIALS": gcp_kms.service_account,
    }  # fmt: skip
    shell.follow("gcp", **env)
    assert shell.entries("sops-gcp") == {"sops.gcp-kms"}
    assert shell.opens_with_sops("basic-auth.yaml", **env)


def test_azure(shell: Shell, key_vault: KeyVault, cloud: Cloud) -> None:
    """A principal as ``az`` prints it opens the file for Flux."""
    principal = {"appId": CLIENT, "displayName": "flux", "password": SECRET, "tenant": TENANT}
    (shell.folder / "principal.json").write_text(json.dumps(principal))
    env = {
        **cloud.environment, **key_vault.environment, "NO_PROXY": "127.0.0.1", "KEY_URL": key_vault.create("sops"),
    }  # fmt: skip
    shell.follow("azure", **env)
    assert shell.entries("sops-azure") == {"sops.azure-kv"}
    assert shell.opens_with_sops("basic-auth.yaml", **env)


def test_every_command_is_followed() -> None:
    """No block is left out but those of the vendors' own programs."""
    source = Path(__file__).read_text()
    followed = set(re.findall(r'\.follow\("(\w+)"', source))
    assert {block.section for block in BLOCKS} == followed | {"every", "example"}
    assert "```sh\n" not in GUIDE.read_text()


def test_every_entry_that_flux_reads_has_its_section() -> None:
    """Names of entries are those of the code."""
    text = GUIDE.read_text()
    assert all(f"`{name}`" in text for name in (*NAMED, "*.agekey", "*.asc"))
