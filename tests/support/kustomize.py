"""Kustomizations with throw-away keys, built by real kubectl and kustomize through every door of ``krm-sops``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pyrage

from krm_fn import install
from kubectl_sops import formats
from kubectl_sops.core.metadata import KeyEntry
from kubectl_sops.core.selectors import Selector
from kubectl_sops.files.encrypt import Recipe, encrypt
from kubectl_sops.formats.yaml_load import load_all
from kubectl_sops.keys.keyring import Keyring
from tests.support.tools import find

if TYPE_CHECKING:
    from collections.abc import Mapping

NOW = "2026-11-22T04:15:28Z"
SECRET_REGEX = Selector("encrypted_regex", "^(data|stringData)$")
DB_CREDS = """\
# leading comment
apiVersion: v1
kind: Secret
metadata:
  name: db-creds
  labels:
    app: demo
type: Opaque
stringData:
  # inner comment
  username: admin # trailing
  password: hunter2
  multiline: |
    line1
    line2
"""
EVERYTHING = Selector()
FUNCTION = "config.kubernetes.io/function"


class Identity:
    """A throw-away age identity."""

    def __init__(self) -> None:
        identity = pyrage.x25519.Identity.generate()
        self.secret = str(identity)
        self.recipient = str(identity.to_public())


def seal(
    plain: str | bytes,
    identity: Identity,
    name: str = "s.yaml",
    *,
    selector: Selector = SECRET_REGEX,
    mac_only_encrypted: bool = False,
) -> bytes:
    """An encrypted file, as ``kubectl sops encrypt`` writes it."""
    data = plain if isinstance(plain, bytes) else plain.encode()
    kind = formats.format_of(name)
    keyring = Keyring(environ={}, source="none")
    recipe = Recipe(
        [[KeyEntry("age", {"recipient": identity.recipient})]],
        selector=selector if kind in ("yaml", "json") else EVERYTHING,
        mac_only_encrypted=mac_only_encrypted,
    )
    return encrypt(data, kind, recipe, keyring, now=NOW).data


class Door(NamedTuple):
    """One way in which a tool starts the function."""

    tool: str
    mode: str  # legacy, exec or container

    @property
    def id(self) -> str:
        where = Path(self.tool).parent.name
        return f"{self.mode}-{Path(self.tool).name}-{where}"


def kubectls() -> list[str]:
    """The kubectl of the virtual environment, and one of another release: ours for tests, or what PATH has."""
    found = [path for path in (find("kubectl"), find("kubectl-older")) if path]
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        path = os.path.join(folder, "kubectl")
        if os.access(path, os.X_OK) and os.path.realpath(path) not in {os.path.realpath(other) for other in found}:
            found.append(path)
    return found[:2]


def kustomize() -> str | None:
    """A kustomize that runs KRM functions."""
    return find("kustomize")


def doors(*modes: str) -> list[Door]:
    """Every door that can be tried on this machine."""
    found = [Door(path, mode) for mode in ("legacy", "container") if mode in modes for path in kubectls()]
    kustomize_path = kustomize()
    if "exec" in modes and kustomize_path:
        found.append(Door(kustomize_path, "exec"))
    return found


def program() -> str:
    """The installed ``krm-sops`` of this virtual environment."""
    return str(Path(sys.executable).parent / "krm-sops")


class Workshop:
    """A folder with keys, links and a stand-in for docker, in which kustomizations are built.

    Args:
        folder: an empty folder.
        identity: what the builds have.
    """

    def __init__(self, folder: Path, identity: Identity) -> None:
        self.folder = folder
        self.identity = identity
        self.key_file = folder / "keys.txt"
        self.key_file.write_text(identity.secret + "\n")
        self.home = folder / "plugins"
        list(install.install(str(self.home), program=program()))
        self.bin = folder / "bin"
        list(install.copy_links(str(self.bin), ("krm-sops", "ksops", "SopsSecretGenerator"), program()))
        docker = self.bin / "docker"
        docker.write_text(_DOCKER.format(python=sys.executable))
        docker.chmod(0o755)

    def environ(self, **extra: str) -> dict[str, str]:
        """The environment of a build."""
        clean = {
            name: value for name, value in os.environ.items() if name in ("LANG", "TMPDIR", "COVERAGE_PROCESS_START")
        }
        clean |= {
            "PATH": f"{self.bin}:{os.environ['PATH']}",
            "HOME": "/nonexistent",
            "KUSTOMIZE_PLUGIN_HOME": str(self.home),
            "SOPS_AGE_KEY_FILE": str(self.key_file),
        }
        return {name: value for name, value in (clean | extra).items() if value != ""}

    def write(self, name: str, files: Mapping[str, str | bytes | Path]) -> Path:
        """A folder with files; a ``Path`` is a symlink's target."""
        folder = self.folder / name
        for path, content in files.items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, Path):
                target.symlink_to(content)
            else:
                target.write_bytes(content if isinstance(content, bytes) else content.encode())
        return folder

    def config(self, path: Path, config: Mapping[str, Any], mode: str, executable: str | None = None) -> None:
        """Write a function configuration for one door."""
        tree = json.loads(json.dumps(config))
        if mode != "legacy":
            name = executable or {"ksops": "ksops", "SopsSecretGenerator": "SopsSecretGenerator"}.get(
                tree["kind"], "krm-sops"
            )
            function: dict[str, Any] = {"exec": {"path": name}}
            if mode == "container":
                function = {
                    "container": {
                        "image": f"example.invalid/{name}:test",
                        "mounts": [{"type": "bind", "src": ".", "dst": "/work"}],
                        "envs": ["SOPS_AGE_KEY", "SOPS_AGE_KEY_FILE"],
                    }
                }
            tree["metadata"].setdefault("annotations", {})[FUNCTION] = json.dumps(function)
        path.write_text(json.dumps(tree))

    def build(self, folder: Path, door: Door, **extra: str) -> subprocess.CompletedProcess[str]:
        """Build a kustomization."""
        arguments = ["kustomize", "--enable-alpha-plugins"]
        if door.mode == "exec":
            arguments = ["build", "--enable-alpha-plugins", "--enable-exec"]
        return subprocess.run(
            [door.tool, *arguments, str(folder)], env=self.environ(**extra), capture_output=True, cwd="/", timeout=120,
            check=False, encoding="utf-8", errors="surrogateescape", stdin=subprocess.DEVNULL,
        )  # fmt: skip

    def call(
        self, *args: str, stdin: str = "", name: str = "krm-sops", cwd: Path | None = None, **extra: str
    ) -> subprocess.CompletedProcess[str]:
        """Start the function itself."""
        return subprocess.run(
            [str(self.bin / name), *args], env=self.environ(**extra), input=stdin, capture_output=True, cwd=cwd or "/",
            timeout=60, check=False, encoding="utf-8", errors="surrogateescape",
        )  # fmt: skip


def objects(text: str) -> list[Any]:
    """The resources of a stream."""
    return [document for document in load_all(text) if document is not None]


_DOCKER = """#!{python}
# stands in for docker: the image is the function of that name, the environment only what -e names
import os, sys
words, env, cwd = sys.argv[1:], {{"PATH": os.environ["PATH"], "HOME": "/nonexistent"}}, "/"
for at, word in enumerate(words):
    if word == "-e":
        name, mark, value = words[at + 1].partition("=")
        if mark or name in os.environ:
            env[name] = value if mark else os.environ[name]
    if word == "--mount":
        fields = dict(part.partition("=")[::2] for part in words[at + 1].split(","))
        cwd = fields["source"] if fields.get("target") == "/work" else cwd
with open(os.environ.get("DOCKER_LOG", os.devnull), "a") as log:
    log.write(repr(words) + "\\n")
image = words[-1].rpartition("/")[2].partition(":")[0]
os.chdir(cwd)
os.execvpe(image, [image], env)
"""
