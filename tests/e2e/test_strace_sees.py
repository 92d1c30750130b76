"""The watcher itself: what it must see, it sees."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support import strace
from tests.support.canary import PLAINTEXT, VALUE

if TYPE_CHECKING:
    from pathlib import Path

_LEAKS = {
    "a file": "open('leak', 'w').write(V)",
    "two writes": "f = open('leak', 'wb', 0); f.write(V[:9].encode()); f.write(V[9:].encode())",
    "a positioned write": "import os; os.pwrite(os.open('leak', os.O_CREAT | os.O_WRONLY), V.encode(), 0)",
    "a vector": "import os; os.writev(os.open('leak', os.O_CREAT | os.O_WRONLY), [V.encode(), b'x'])",
    "base64": "import base64; open('leak', 'wb').write(base64.b64encode(b'k' + V.encode() + b'tail'))",
    "a file name": "open('x' + V, 'w')",
    "a removed file": "import os; open('leak', 'w').write(V); os.unlink('leak')",
    "an argument": "import subprocess; subprocess.run(['true', V])",
    "a child's environment": "import subprocess; subprocess.run(['true'], env={'SECRET': V})",
    "a child": "import subprocess; subprocess.run(['sh', '-c', 'cat > leak'], input=V.encode())",
    "a copy by the kernel": "import os, shutil; m = '/dev/shm/t-' + N; open(m, 'w').write(V); "
    "shutil.copy(m, 'leak'); os.unlink(m)",
    "a mapping": "import mmap, os; fd = os.open('leak', os.O_CREAT | os.O_RDWR); os.ftruncate(fd, 4096); "
    "mmap.mmap(fd, 4096)[:len(V)] = V.encode()",
}
_HARMLESS = {
    "stdout": "print(V)",
    "a tmpfs": "import os; open('/dev/shm/t-' + N, 'w').write(V); os.unlink('/dev/shm/t-' + N)",
    "an anonymous file": "import os; os.write(os.memfd_create('buffer'), V.encode())",
    "a child's stdin": "import subprocess; subprocess.run(['cat'], input=V.encode(), stdout=subprocess.DEVNULL)",
    "another text": "open('leak', 'w').write(V[1:])",
}


def _trace(tmp_path: Path, code: str) -> list[str]:
    # the value is taken apart, so that it stands in no argument
    middle = len(VALUE) // 2
    program = f"N = '{os.getpid()}'\nV = {VALUE[:middle]!r} + {VALUE[middle:]!r}\n{code}"
    traced = strace.trace([sys.executable, "-S", "-c", program], tmp_path, cwd=tmp_path)
    assert traced.result.returncode == 0, traced.result.stderr
    return traced.leaks(PLAINTEXT, tmp_path)


@pytest.mark.parametrize("code", _LEAKS.values(), ids=_LEAKS)
def test_a_leak_is_seen(tmp_path: Path, code: str) -> None:
    """Whichever way a secret takes to a disk, an argument or an environment."""
    assert _trace(tmp_path, code)


@pytest.mark.parametrize("code", _HARMLESS.values(), ids=_HARMLESS)
def test_what_is_no_leak_passes(tmp_path: Path, code: str) -> None:
    """Pipes and memory are where a secret may be."""
    assert _trace(tmp_path, code) == []
