"""Running a program with decrypted values: in its environment, or in a file that it reads."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from kubectl_sops.core.values import EMPTY_LIST, EMPTY_MAP, Comment, Time, encode
from kubectl_sops.errors import DumpError, InsecureStorageError, SopsError, UsageError
from kubectl_sops.files.memory import memory_folder
from kubectl_sops.files.signals import handling, interrupts_left_to_command

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kubectl_sops.core.document import Document, Opened


_FILE = "`exec-file` gives the command the whole document, in a file"


class ComplexValueError(SopsError):
    """A map or list where only scalars can go."""


def variables(document: Document, opened: Opened) -> dict[str, str]:
    """The top-level scalars of the first document, as environment variables.

    Raises:
        ComplexValueError: a value is a map or a list, or a name can't be one of a variable.
    """
    found: dict[str, str] = {}
    for index, leaf in enumerate(document.leaves):
        value = opened.changes.get(index, leaf.value)
        if leaf.document or isinstance(value, Comment):
            continue
        name = leaf.path[0]
        if len(leaf.path) > 1 or value is EMPTY_MAP or value is EMPTY_LIST:
            raise ComplexValueError(
                f"cannot use complex value in environment; offending key {name}",
                hint=_FILE,
            )
        if not isinstance(name, str) or "=" in name or "\0" in name:
            raise ComplexValueError("a key with = or NUL can't be the name of a variable", path=leaf.path, hint=_FILE)
        found[name] = _text(value, leaf.path)
    return found


def _text(value: object, path: tuple[str | int, ...]) -> str:
    if value is None:
        return "<nil>"  # as sops prints it
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        from kubectl_sops.formats.emit import flat_text

        return flat_text(value)
    text = str(value) if isinstance(value, str | Time) else encode(value).decode()
    if "\0" in text:
        raise DumpError("the value holds a NUL character, which no environment variable can", path=path, hint=_FILE)
    return text


def shell(command: str) -> list[str]:
    """The argument list that runs a command line."""
    return ["/bin/sh", "-c", command]


def run(command: str, environ: Mapping[str, str], *, user: str | None = None) -> int:
    """Run a command line and wait for it; its exit code.

    Ctrl-C reaches the command itself, which may go on (a database shell does); SIGTERM and SIGHUP are handed to it.
    """
    process: subprocess.Popen[bytes] | None = None
    early: list[int] = []

    def hand_on(number: int, _frame: object) -> None:
        if process is None:
            early.append(number)
        else:
            process.send_signal(number)

    handlers = interrupts_left_to_command()
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # `nohup` stays in force
            handlers[number] = hand_on
    with handling(handlers):
        process = subprocess.Popen(shell(command), env=dict(environ), **_identity(user))
        for early_number in early:
            process.send_signal(early_number)
        code = _wait(process)
    return code if code >= 0 else 128 - code


def _wait(process: subprocess.Popen[bytes]) -> int:
    """Wait for the end of a process, and run the handlers of signals meanwhile.

    A plain ``waitpid`` would miss a signal that comes in just before it blocks; a pipe does not.
    """
    if threading.current_thread() is not threading.main_thread():
        return process.wait()  # handlers run in the main thread only
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    old = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)

    def watch() -> None:
        process.wait()
        with suppress(BlockingIOError):  # a full pipe wakes the reader as well
            os.write(writing, b"\0")

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        while process.returncode is None:
            os.read(reading, 1)
    finally:
        signal.set_wakeup_fd(old)
        watcher.join()
        os.close(reading)
        os.close(writing)
    return process.returncode


def replace_process(command: str, environ: Mapping[str, str], *, user: str | None = None) -> None:
    """Become the command."""
    identity = _identity(user)
    if identity:
        os.setgroups(identity["extra_groups"])
        os.setgid(identity["group"])
        os.setuid(identity["user"])
    argv = shell(command)
    os.execve(argv[0], argv, dict(environ))  # noqa: S606  # the command line is what the user asked to run


def user_environment(user: str | None) -> dict[str, str]:
    """``HOME``, ``USER`` and ``LOGNAME`` of another user."""
    if user is None:
        return {}
    entry = _user(user)
    return {"HOME": entry.pw_dir, "USER": entry.pw_name, "LOGNAME": entry.pw_name}


def _user(name: str):  # type: ignore[no-untyped-def]  # noqa: ANN202  # struct_passwd, a Unix-only type
    import pwd

    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        raise UsageError(f"there is no user {name}", hint="check --user") from None
    if os.geteuid() not in (0, entry.pw_uid):
        raise UsageError("only root can run a command as another user", hint="leave out --user")
    return entry


def _identity(user: str | None) -> dict:  # type: ignore[type-arg]  # keyword arguments of subprocess.run
    if user is None:
        return {}
    entry = _user(user)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": os.getgrouplist(user, entry.pw_gid)}


def run_with_file(
    command: str,
    data: bytes,
    environ: Mapping[str, str],
    *,
    filename: str | None = None,
    fifo: bool = True,
    user: str | None = None,
) -> int:
    """Run a command line in which ``{}`` stands for a file that holds ``data``; its exit code.

    The file is a FIFO, readable once and never on a disk, or with ``fifo=False`` a regular file in memory.
    """
    name = os.path.normpath(filename or "tmp-file")
    if os.path.isabs(name) or name == "." or name.startswith(".."):
        raise UsageError("the provided filename is not a local path", hint="write a name, for instance config.yaml")
    with _folder(environ, fifo=fifo) as folder:
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        if fifo:
            os.mkfifo(path, 0o600)
            threading.Thread(target=_feed, args=(path, data), daemon=True).start()
        else:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with open(descriptor, "wb") as file:
                file.write(data)
        if user is not None:
            entry = _user(user)
            place = path
            while len(place) >= len(folder):
                os.chown(place, entry.pw_uid, entry.pw_gid)
                place = os.path.dirname(place)
        return run(command.replace("{}", path), environ, user=user)


@contextmanager
def _folder(environ: Mapping[str, str], *, fifo: bool) -> Iterator[str]:
    # what goes through a FIFO is never on a disk, wherever the FIFO is
    try:
        with memory_folder(environ, allow_disk=fifo) as folder:
            yield folder
    except InsecureStorageError as error:
        error.hint = "leave out --no-fifo, or set KUBECTL_SOPS_MEMORY_DIR to a folder on a tmpfs"
        raise


def _feed(path: str, data: bytes) -> None:
    try:
        with open(path, "wb") as file:  # waits for the reader
            file.write(data)
    except OSError:
        pass  # the program did not read it, or not to its end
