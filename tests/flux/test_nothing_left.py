"""Decrypted sources are in memory only, and gone after any exit."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kubectl_sops.flux import scratch, source
from kubectl_sops.flux.tree import Tree
from tests.support import sealed
from tests.support.canary import PLAINTEXT
from tests.support.flux_cases import kustomization
from tests.support.flux_repository import flux_kustomization, seal
from tests.support.strace import trace
from tests.support.tools import need

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAM = str(Path(sys.executable).parent / "kubectl-sops")


@pytest.fixture
def memory() -> Iterator[Path]:
    """A folder on a tmpfs."""
    import shutil
    import tempfile

    folder = tempfile.mkdtemp(dir="/dev/shm")
    yield Path(folder)
    shutil.rmtree(folder, ignore_errors=True)


def generator(folder: Path) -> Path:
    """A source with an encrypted file that kustomize reads."""
    (folder / "app").mkdir(parents=True)
    (folder / "app/kustomization.yaml").write_text(kustomization(secretGenerator=[{"name": "g", "files": ["v.yaml"]}]))
    (folder / "app/v.yaml").write_bytes(seal(f"password: {PLAINTEXT.secret}\n"))
    (folder / "ks.yaml").write_text(flux_kustomization("app", "./app"))
    return folder


def environment(kustomize: str, memory: Path) -> dict[str, str]:
    return {
        "PATH": os.pathsep.join([str(Path(kustomize).parent), os.environ["PATH"]]), "HOME": "/nonexistent",
        "SOPS_AGE_KEY": str(sealed.IDENTITY), "KUBECTL_SOPS_MEMORY_DIR": str(memory),
    }  # fmt: skip


def slow_kustomize(folder: Path) -> str:
    """A kustomize that says where it was pointed to, and waits."""
    folder.mkdir()
    path = folder / "kustomize"
    path.write_text('#!/bin/sh\necho "$$ $4" > "$STARTED"\ncat "$4/v.yaml" > /dev/null\nexec sleep 60\n')
    path.chmod(0o755)
    return str(path)


def start(folder: Path, memory: Path) -> tuple[subprocess.Popen[bytes], int, Path]:
    """A build whose kustomize is running: the process, kustomize's id, and the folder that it builds."""
    fifo = folder / "started"
    os.mkfifo(fifo)
    process = subprocess.Popen(
        [PROGRAM, "build", "app", "--kustomization-file", "ks.yaml"], cwd=generator(folder / "source"),
        env=environment(slow_kustomize(folder / "bin"), memory) | {"STARTED": str(fifo)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    number, _, path = fifo.read_text().strip().partition(" ")
    return process, int(number), Path(path)


def test_plaintext_has_no_name(tmp_path: Path, memory: Path) -> None:
    """While kustomize runs, no file anywhere holds the plaintext: only memory that it inherited."""
    process, child, folder = start(tmp_path, memory)
    try:
        link = folder / "v.yaml"
        assert link.is_symlink()
        assert os.readlink(link).startswith("/proc/self/fd/")
        assert stat.S_IMODE(folder.parent.stat().st_mode) == 0o700
        for path in (*memory.rglob("*"), *tmp_path.rglob("*")):
            if path.is_file() and path.name != "started":
                assert not PLAINTEXT.is_in(path.read_bytes())
    finally:
        os.kill(child, signal.SIGKILL)
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_stopped_build_leaves_nothing(number: signal.Signals, tmp_path: Path, memory: Path) -> None:
    """The tree is gone when the process is told to stop, and so is kustomize."""
    process, child, _ = start(tmp_path, memory)
    process.send_signal(number)
    process.communicate(timeout=30)
    assert list(memory.iterdir()) == []
    assert not _is_running(child)


def _is_running(number: int) -> bool:
    """Whether a process is there and more than an entry that nobody has waited for."""
    status = Path(f"/proc/{number}/stat")
    try:
        return status.read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_killed_build_leaves_no_plaintext(tmp_path: Path, memory: Path) -> None:
    """After SIGKILL the links are there and lead nowhere; the next build removes them."""
    process, child, folder = start(tmp_path, memory)
    process.kill()
    process.communicate()
    os.kill(child, signal.SIGKILL)
    assert os.readlink(folder / "v.yaml").startswith("/proc/self/fd/")
    left = next(memory.iterdir())
    os.utime(left, (0, 0))
    scratch.sweep(str(memory))
    assert list(memory.iterdir()) == []


def test_a_running_build_is_left_alone(tmp_path: Path, memory: Path) -> None:
    """Another build does not take a tree for a leftover whose process lives."""
    (tmp_path / "a").write_text("x")
    with Tree(source.read_folder(str(tmp_path)), {"KUBECTL_SOPS_MEMORY_DIR": str(memory)}) as tree:
        os.utime(tree.root, (0, 0))
        scratch.sweep(str(memory))
        assert os.path.isdir(tree.root)


def test_two_builds_do_not_meet(tmp_path: Path, memory: Path) -> None:
    """What one tree has in place of a file, another one has not."""
    (tmp_path / "a").write_text("from the source")
    artifact = source.read_folder(str(tmp_path))
    environ = {"KUBECTL_SOPS_MEMORY_DIR": str(memory)}
    with Tree(artifact, environ) as one, Tree(artifact, environ) as other:
        one.put("a", b"decrypted")
        assert (one.read("a"), other.read("a")) == (b"decrypted", b"from the source")
        one.reset()
        assert one.read("a") == b"from the source"


def test_many_decrypted_files(tmp_path: Path, memory: Path) -> None:
    """More files than a process may usually open."""
    artifact = source.read_folder(str(tmp_path))
    with Tree(artifact, {"KUBECTL_SOPS_MEMORY_DIR": str(memory)}) as tree:
        for number in range(1200):
            tree.put(f"f{number}", b"x")
        assert tree.read("f1199") == b"x"


def test_nothing_decrypted_is_written(tmp_path: Path, memory: Path) -> None:
    """No write, argument, name or copy of the whole run carries the plaintext out of memory and pipes."""
    folder = generator(tmp_path / "source")
    protocol = tmp_path / "protocol"
    protocol.mkdir()
    argv = [PROGRAM, "build", "app", "--kustomization-file", "ks.yaml"]
    traced = trace(argv, protocol, env=environment(need("kustomize"), memory), cwd=folder)
    assert traced.result.returncode == 0, traced.result.stderr
    assert traced.leaks(PLAINTEXT, tmp_path) == []
