"""What a command and its children write, and where: every write, argument list and file name, seen by strace."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tests.support.tools import need, run

if TYPE_CHECKING:
    from tests.support.canary import Canary

# all ways in which bytes or names leave a process, except through memory that is mapped to a file
_CALLS = (
    "write,pwrite64,writev,pwritev,pwritev2,sendto,sendmsg,sendfile,copy_file_range,splice,execve,"
    "open,openat,creat,mkdir,mkdirat,rename,renameat,renameat2,link,linkat,symlink,symlinkat,setxattr,mmap"
)
_LINE = re.compile(rb"^(\d+) +(\w+)\((.*)$", re.DOTALL)
_FD = re.compile(rb"(\d+|AT_FDCWD)<((?:\\x[0-9a-f]{2})*)>")
_STRING = re.compile(rb'"((?:\\x[0-9a-f]{2})*)"(\.\.\.)?')


class Event(NamedTuple):
    """One system call: its name, the files behind its descriptors, its strings, and its text for a failing test."""

    call: str
    targets: list[str]
    strings: list[bytes]
    text: bytes


class Trace(NamedTuple):
    """A command's result and everything it passed to the system."""

    result: subprocess.CompletedProcess[bytes]
    events: list[Event]

    def written(self) -> dict[str, bytes]:
        """Per file, pipe or socket: all bytes written to it, in order, so that a secret in two writes is found."""
        out: dict[str, bytes] = {}
        for event in self.events:
            if event.targets and event.call.startswith(("write", "pwrite", "send")):
                target = event.targets[0]
                out[target] = out.get(target, b"") + b"".join(event.strings)
        return out

    def leaks(self, canary: Canary, disk: Path) -> list[str]:
        """Where the secret went that is neither a pipe, a socket nor memory; ``disk`` never counts as memory."""
        leaks = [
            f"written to {target}"
            for target, data in self.written().items()
            if canary.is_in(data) and not _is_passing(target) and not is_memory(target, disk)
        ]
        for event in self.events:
            if event.call.startswith(("write", "pwrite", "send")) and event.call != "sendfile":
                continue
            if any(canary.is_in(string) for string in event.strings):
                leaks.append(f"named in {event.call}")
            # strace does not show the bytes that the kernel copies from file to file, nor those written through a
            # shared mapping: from memory to a disk there is no honest use for either
            if event.call in ("sendfile", "copy_file_range", "splice"):
                memory = [is_memory(target, disk) or _is_passing(target) for target in event.targets]
                if any(memory) and not all(memory):
                    leaks.append(f"{event.call} between {' and '.join(event.targets)}")
            if event.call == "mmap" and b"MAP_SHARED" in event.text and b"PROT_WRITE" in event.text:
                leaks += [f"mapped {target}" for target in event.targets if not is_memory(target, disk)]
        return leaks


def trace(
    argv: list[str], folder: Path, *, env: dict[str, str] | None = None, cwd: Path | None = None, stdin: bytes = b""
) -> Trace:
    """Run a command under strace; ``folder`` takes the protocol, which holds all that was written."""
    protocol = folder / "strace.txt"
    flags = ["-f", "-y", "-xx", "-v", "-s", "10000000", "--seccomp-bpf", "-e", "signal=none", "-e", f"trace={_CALLS}"]
    result = run([need("strace"), *flags, "-o", str(protocol), *argv], env=env, cwd=cwd, stdin=stdin)
    events = [event for line in _joined(protocol.read_bytes()) if (event := _event(line))]
    protocol.unlink()
    assert events, result.stderr.decode()
    return Trace(result, events)


def _joined(protocol: bytes) -> list[bytes]:
    # a call during which another process ran stands in two pieces; its arguments are in the first, which suffices
    return [line for line in protocol.split(b"\n") if line and b" resumed>" not in line]


def _event(line: bytes) -> Event | None:
    match = _LINE.match(line)
    if match is None:
        return None
    call, rest = match[2].decode(), match[3]
    assert not any(cut for _, cut in _STRING.findall(rest)), "strace cut a string short"
    return Event(
        call,
        [os.fsdecode(_bytes(name)) for fd, name in _FD.findall(rest) if fd != b"AT_FDCWD"],
        [_bytes(text) for text, _ in _STRING.findall(rest)],
        line[:200],
    )


def _bytes(text: bytes) -> bytes:
    return bytes.fromhex(text.decode().replace("\\x", ""))


def _is_passing(target: str) -> bool:
    return target.startswith(("pipe:", "socket:", "TCP", "UNIX", "/dev/null", "/dev/pts/", "/dev/tty"))


def is_memory(target: str, disk: Path) -> bool:
    """Whether a file is held in memory: an anonymous one, or one on a tmpfs."""
    if target.startswith("/memfd:"):
        return True
    if target.startswith(str(disk)):
        return False
    folder = Path(target).parent
    while not folder.exists():
        folder = folder.parent
    kind = subprocess.run(["stat", "-f", "-c", "%T", str(folder)], capture_output=True, text=True, check=True).stdout
    return kind.strip() in ("tmpfs", "ramfs")
