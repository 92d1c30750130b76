"""A large repository: how long status, check, updatekeys and rotate take, and how long looping sops would take.

    python benchmarks/repository.py [FILES [VALUES]]

FILES encrypted Secrets with VALUES values each (5000 with 280: 200 MB). sops runs on a sample of the files, and its
time is told for all of them: as wall-clock time, and as processor time, which a busy machine changes less.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from pyrage import x25519

from kubectl_sops.core.selectors import Selector
from kubectl_sops.files.encrypt import Recipe, encrypt
from kubectl_sops.keys import system
from kubectl_sops.keys.keyring import Keyring

SAMPLE = 20
REGEX = "^(data|stringData)$"


def build(folder: Path, files: int, values: int) -> tuple[str, str]:
    """Make the repository; an identity that opens it, and a recipient that is not in it."""
    one, two, three = (x25519.Identity.generate() for _ in range(3))
    recipients = [str(one.to_public()), str(two.to_public())]
    group = list(system("age").parse_recipients(",".join(recipients)))
    keyring = Keyring({}, identities=[str(one)], source="none")
    lines = "".join(f"      - {recipient}\n" for recipient in recipients)
    (folder / ".sops.yaml").write_text(f"creation_rules:\n  - encrypted_regex: {REGEX}\n    age:\n{lines}")
    for number in range(files):
        content = "".join(f"  key{i}: value {i} of file {number}\n" for i in range(values))
        text = f"apiVersion: v1\nkind: Secret\nmetadata:\n  name: s{number}\nstringData:\n{content}"
        recipe = Recipe([group], selector=Selector("encrypted_regex", REGEX))
        path = folder / f"apps/{number % 100}/s{number}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encrypt(text.encode(), "yaml", recipe, keyring, now="2026-01-01T00:00:00Z").data)
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "-c", "user.name=x", "-c", "user.email=x@example.org", "commit", "-qm", "x")
    return str(one), str(three.to_public())


def git(folder: Path, *args: str) -> None:
    subprocess.run(["git", *args], cwd=folder, check=True, stdout=subprocess.DEVNULL)


def timed(argv: list[str], folder: Path, env: dict[str, str]) -> tuple[float, float, float]:
    """Wall-clock seconds, processor seconds, and the largest process in MB so far."""
    os.sync()  # what was written before this is not its work
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(
        argv, cwd=folder, env=os.environ | env, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    wall, after = time.monotonic() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, used, after.ru_maxrss / 1024


def main() -> None:
    files = int(sys.argv[1]) if len(sys.argv) > 1 else 5000
    values = int(sys.argv[2]) if len(sys.argv) > 2 else 280
    folder = Path(tempfile.mkdtemp(prefix="kubectl-sops-benchmark-"))
    try:
        identity, newcomer = build(folder, files, values)
        size = sum(path.stat().st_size for path in folder.glob("apps/*/*")) / 1e6
        print(f"{files} files, {size:.0f} MB, {len(os.sched_getaffinity(0))} processors")
        env = {"SOPS_AGE_KEY": identity, "SOPS_DISABLE_VERSION_CHECK": "1"}
        ours = [sys.executable, "-m", "kubectl_sops"]
        for name in ("status", "check"):
            wall, used, memory = timed([*ours, name, "-q"], folder, env)
            print(f"{name:12} {wall:7.1f} s, {used:7.1f} s of processor time, {memory:.0f} MB")
        config = folder / ".sops.yaml"
        sample = [str(path) for path in sorted(folder.glob("apps/*/*"))[:SAMPLE]]
        for name, argv, theirs in (
            ("updatekeys", ["updatekeys", "-q"], ["updatekeys", "-y"]),
            ("rotate", ["rotate", "-q", "-i", "."], ["rotate", "-i"]),
        ):
            if name == "updatekeys":
                config.write_text(config.read_text() + f"      - {newcomer}\n")
            wall, used, memory = timed([*ours, *argv], folder, env)
            print(f"{name:12} {wall:7.1f} s, {used:7.1f} s of processor time, {memory:.0f} MB")
            sops = shutil.which("sops")
            if sops is None:
                continue
            git(folder, "checkout", "-q", "apps")
            total_wall = total_used = 0.0
            for path in sample:
                one_wall, one_used, _ = timed([sops, *theirs, path], folder, env)
                total_wall, total_used = total_wall + one_wall, total_used + one_used
            times = files / len(sample)
            print(
                f"  sops       {total_wall * times:7.1f} s, {total_used * times:7.1f} s of processor time:"
                f" {total_wall * times / wall:.0f} × and {total_used * times / used:.0f} ×"
            )
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
