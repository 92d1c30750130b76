"""What starts for every file or every build stays quick to start: only what a call needs is imported."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support.kustomize import Identity, seal

if TYPE_CHECKING:
    from pathlib import Path

# each costs ten milliseconds or more, alone; the whole of `decrypt` should take seventy
HEAVY = {
    "argparse", "asyncio", "azure", "boto3", "botocore", "click", "dataclasses", "google", "http", "hvac",
    "importlib.metadata", "inspect", "json", "kubernetes", "logging", "multiprocessing", "pathlib", "pydantic",
    "requests", "rich", "ruamel", "shutil", "socket", "ssl", "subprocess", "tempfile", "typer", "unittest",
    "urllib", "urllib3",
}  # fmt: skip

_PROGRAM = """
import sys
before = set(sys.modules)
from {module} import main
sys.argv = {argv!r}
try:
    main()
finally:
    sys.stdout.flush()
    print("\\nIMPORTED", *sorted(set(sys.modules) - before))
"""

_PLAIN = {
    "yaml": "apiVersion: v1\nkind: Secret\nmetadata:\n  name: a\n# kept\nstringData:\n  password: found it # here\n",
    "json": '{"password": "found it", "port": 5432}\n',
    "env": "# kept\nPASSWORD=found it\n",
    "ini": "[database]\npassword = found it\n",
    "bin": "found it\x00\n",
}
_CONFIG = "apiVersion: kubectl-sops.dev/v1\nkind: {kind}\nmetadata:\n  name: {name}\n"
_GENERATOR = _CONFIG.format(kind="SopsGenerator", name="a") + "files: [secret.yaml]\n"
_TRANSFORMER = _CONFIG.format(kind="SopsTransformer", name="a")
_VALIDATOR = _CONFIG.format(kind="SopsValidator", name="a")
_KSOPS = "apiVersion: viaduct.ai/v1\nkind: ksops\nmetadata:\n  name: a\nfiles: [secret.yaml]\n"
_SECRET_GENERATOR = (
    "apiVersion: goabout.com/v1beta1\nkind: SopsSecretGenerator\nmetadata:\n  name: a\nenvs: [secret.env]\n"
)


@pytest.fixture(scope="module")
def identity() -> Identity:
    return Identity()


@pytest.fixture(scope="module")
def folder(identity: Identity, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Encrypted files of every format."""
    where = tmp_path_factory.mktemp("hot")
    for extension, text in _PLAIN.items():
        (where / f"secret.{extension}").write_bytes(seal(text, identity, f"secret.{extension}"))
    return where


def _heavy(
    module: str, argv: list[str], folder: Path, identity: Identity, *, stdin: bytes = b"", expected: bytes = b"found it"
) -> set[str]:
    """The heavy modules that a call imports."""
    result = subprocess.run(
        [sys.executable, "-c", _PROGRAM.format(module=module, argv=argv)],
        input=stdin,
        cwd=folder,
        env={"SOPS_AGE_KEY": identity.secret, "HOME": str(folder), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr.decode()
    output, _, imported = result.stdout.rpartition(b"\nIMPORTED")
    # the call did its work, so that nothing is left out because it failed early
    assert expected in output
    return {name for name in imported.decode().split() if name in HEAVY or name.partition(".")[0] in HEAVY}


@pytest.mark.parametrize("extension", _PLAIN)
def test_decrypt_imports_nothing_heavy(extension: str, folder: Path, identity: Identity) -> None:
    """Decrypting a file, with an age key, in every format."""
    # a binary file is a JSON document, and the blob in it any JSON string
    assert _heavy("kubectl_sops.cli.app", ["kubectl-sops", "decrypt", f"secret.{extension}"], folder, identity) == set()


def test_decrypting_several_files_imports_nothing_heavy(folder: Path, identity: Identity) -> None:
    """Many files in one call are the quick way to decrypt a repository (JSON among them is converted, which is not)."""
    argv = ["kubectl-sops", "decrypt", "secret.yaml", "./secret.yaml"]
    assert _heavy("kubectl_sops.cli.app", argv, folder, identity) == set()


@pytest.mark.parametrize(
    "config", [_GENERATOR, _KSOPS, _SECRET_GENERATOR], ids=["SopsGenerator", "ksops", "SopsSecretGenerator"]
)
@pytest.mark.parametrize("door", ["legacy", "krm"])
def test_generators_import_nothing_heavy(door: str, config: str, folder: Path, identity: Identity) -> None:
    """kustomize starts one process per generator, and builds have hundreds."""
    expected = b"found it" if config == _KSOPS else b"Zm91bmQgaXQ="
    assert _door(door, config, [], folder, identity, expected) == set()


@pytest.mark.parametrize("door", ["legacy", "krm"])
def test_transformer_imports_nothing_heavy(door: str, folder: Path, identity: Identity) -> None:
    """A transformer is started once per kustomization that lists it."""
    item = (folder / "secret.yaml").read_text()
    assert _door(door, _TRANSFORMER, [item], folder, identity, b"found it") == set()


@pytest.mark.parametrize("door", ["legacy", "krm"])
def test_validator_imports_nothing_heavy(door: str, folder: Path, identity: Identity) -> None:
    """A validator is started once per kustomization that lists it."""
    item = (folder / "secret.yaml").read_text()
    assert _door(door, _VALIDATOR, [item], folder, identity, b"") == set()


def _door(door: str, config: str, items: list[str], folder: Path, identity: Identity, expected: bytes) -> set[str]:
    if door == "legacy":
        (folder / "config.yaml").write_text(config)
        stdin = "---\n".join(items).encode()
        return _heavy("krm_fn.__main__", ["krm-sops", "config.yaml"], folder, identity, stdin=stdin, expected=expected)
    import yaml

    resource_list = {
        "apiVersion": "config.kubernetes.io/v1",
        "kind": "ResourceList",
        "items": [yaml.safe_load(item) for item in items],
        "functionConfig": yaml.safe_load(config),
    }
    stdin = json.dumps(resource_list).encode()
    return _heavy("krm_fn.__main__", ["krm-sops"], folder, identity, stdin=stdin, expected=expected)
