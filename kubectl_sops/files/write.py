"""Writing a file so that a crash at any moment leaves the old one or the new one, whole."""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager
from secrets import token_hex
from typing import TYPE_CHECKING

from kubectl_sops.errors import SopsError, UnwritableFileError

if TYPE_CHECKING:
    from collections.abc import Iterator

PRIVATE = 0o600


class ChangedMeanwhileError(SopsError):
    """Somebody else changed the file between reading and writing it."""


def replace_file(
    path: str, data: bytes, *, new_mode: int = PRIVATE, expected: bytes | None = None, new: bool = False
) -> None:
    """Write ``data`` to ``path``: a temporary file beside it, fsync, rename.

    An existing file keeps its mode and, where permitted, its owner; a symbolic link stays a link and its target is
    replaced. A new file gets ``new_mode`` less the umask.

    Args:
        expected: what the file must still hold, so that of two changes at the same time none is lost.
        new: there must not be such a file.

    Raises:
        UnwritableFileError: nothing was changed then.
        ChangedMeanwhileError: the file holds something else than ``expected``, or was created; nothing was changed.
    """
    target = os.path.realpath(path)
    folder, name = os.path.split(target)
    temporary = os.path.join(folder, f".{name}.{token_hex(6)}.tmp")
    try:
        _write(target, temporary, data, new_mode, expected, new=new)
    except SopsError as error:
        raise error.at(path) from None
    except OSError as error:
        raise UnwritableFileError(f"can't be written: {error.strerror}", file=path) from None
    finally:
        try:
            os.unlink(temporary)
        except OSError:
            pass


def make_folder(path: str) -> None:
    """Make the folder of a file that is to be created."""
    try:
        os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    except OSError as error:
        raise UnwritableFileError(f"its folder can't be made: {error.strerror}", file=path) from None


def _write(target: str, temporary: str, data: bytes, new_mode: int, expected: bytes | None, *, new: bool) -> None:
    try:
        old: os.stat_result | None = os.stat(target)
    except FileNotFoundError:
        old = None
    if old is not None and not stat.S_ISREG(old.st_mode):
        # a pipe or a terminal (`--output /dev/stderr`) can't be renamed over
        with open(target, "wb") as file:
            file.write(data)
        return
    if old is not None and not os.access(target, os.W_OK):
        raise PermissionError(13, "permission denied")  # a rename would bypass a read-only file
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    descriptor = os.open(temporary, flags, PRIVATE)  # 0600 until complete
    with open(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        if old is not None:
            os.fchmod(descriptor, stat.S_IMODE(old.st_mode))
            if (old.st_uid, old.st_gid) != (os.geteuid(), os.getegid()):
                try:
                    os.fchown(descriptor, old.st_uid, old.st_gid)
                except PermissionError:
                    pass  # only root may give a file away
        elif new_mode != PRIVATE:
            os.fchmod(descriptor, new_mode & ~_umask())
        os.fsync(descriptor)
    with _one_at_a_time(os.path.dirname(target)):
        if expected is not None:
            _require(target, expected)
        if new and os.path.lexists(target):
            raise ChangedMeanwhileError("the file was created by someone else meanwhile", hint="run it again")
        os.rename(temporary, target)
    _sync_folder(os.path.dirname(target))


def _require(target: str, expected: bytes) -> None:
    with open(target, "rb") as file:
        if file.read() == expected:
            return
    raise ChangedMeanwhileError(
        "the file was changed by someone else meanwhile", hint="nothing was written: run it again"
    )


@contextmanager
def _one_at_a_time(folder: str) -> Iterator[None]:
    # the folder is locked, as the file itself is another one after each rename
    from fcntl import LOCK_EX, flock

    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        yield  # a folder that can be written but not read
        return
    try:
        try:
            flock(descriptor, LOCK_EX)
        except OSError:
            pass  # a file system without locks
        yield
    finally:
        os.close(descriptor)


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _sync_folder(folder: str) -> None:
    # the rename itself must survive a power cut
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return
    try:
        os.fsync(descriptor)
    except OSError:
        pass
    finally:
        os.close(descriptor)
