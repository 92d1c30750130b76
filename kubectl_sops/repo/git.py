"""What Git knows about a folder: its files, its index, its history. Git is asked through its own program."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from kubectl_sops.errors import SopsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

TIMEOUT = 120
"""Seconds. Listing files and reading blobs take milliseconds; more means a hanging file system."""

# A repository's own configuration may name programs; none of them has to run to list and read files.
_QUIET = ("-c", "core.fsmonitor=false", "-c", "core.quotePath=false", "--no-optional-locks")

_RELATIVE = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR")


class GitError(SopsError):
    """Git failed, or is not installed."""


def environment() -> dict[str, str]:
    """The environment for a Git that may run in another folder: hooks get relative paths in it."""
    env = dict(os.environ)
    for name in _RELATIVE:
        if env.get(name):
            env[name] = os.path.abspath(env[name])
    env["GIT_TERMINAL_PROMPT"] = "0"
    env["LC_ALL"] = "C"
    return env


def git(args: Sequence[str], folder: str, *, stdin: bytes = b"", ok: Iterable[int] = (0,)) -> bytes:
    """Run Git in a folder; its output.

    Raises:
        GitError: it is missing, or its exit code is not in ``ok``.
    """
    result = run(args, folder, stdin=stdin)
    if result.returncode not in ok:
        raise GitError(
            f"git {_name(args)} failed with exit status {result.returncode}", hint="run it yourself to see why"
        )
    return result.stdout


def run(args: Sequence[str], folder: str, *, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run Git in a folder, whatever its exit code."""
    try:
        return subprocess.run(
            ["git", *_QUIET, *args], cwd=folder, env=environment(), input=stdin, capture_output=True,
            timeout=TIMEOUT, check=False,
        )  # fmt: skip
    except FileNotFoundError:
        raise GitError("git is not installed", hint="install git") from None
    except subprocess.TimeoutExpired:
        raise GitError(f"git {_name(args)} did not answer within {TIMEOUT} seconds") from None


def _name(args: Sequence[str]) -> str:
    return next((arg for arg in args if not arg.startswith("-")), "")


def find_top(folder: str) -> str | None:
    """The top folder of the work tree that ``folder`` is in, or ``None`` (also where Git is missing)."""
    try:
        result = run(["rev-parse", "--show-toplevel"], folder)
    except (GitError, OSError):
        return None
    top = os.fsdecode(result.stdout.removesuffix(b"\n"))
    return top if result.returncode == 0 and top else None


def find_git_folder(folder: str) -> str | None:
    """Git's own folder for the work tree that ``folder`` is in, or ``None``."""
    if find_top(folder) is None:
        return None
    found = os.fsdecode(git(["rev-parse", "--absolute-git-dir"], folder).removesuffix(b"\n"))
    return found or None


def list_files(folder: str) -> list[str]:
    """Files below ``folder``, tracked or new, without what Git ignores; relative to ``folder``."""
    # both lists at once; a file of an unfinished merge has several stages, hence the set
    out = git(
        ["--literal-pathspecs", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", "."], folder
    )
    return sorted({os.fsdecode(name) for name in out.split(b"\0") if name})


def is_ignored(path: str, folder: str) -> bool:
    """Whether Git ignores ``path``."""
    # the only command that knows no literal paths: ./ keeps a name from being taken for magic
    return run(["check-ignore", "-q", "--", os.path.join(".", path)], folder).returncode == 0


def staged_files(top: str) -> list[str]:
    """Paths (relative to the top) that the next commit adds or changes."""
    # against an empty tree where there is no commit yet
    head = run(["rev-parse", "--verify", "-q", "HEAD"], top)
    base = "HEAD" if head.returncode == 0 else git(["hash-object", "-t", "tree", "--stdin"], top).decode().strip()
    out = git(["diff-index", "--cached", "--name-only", "-z", "--diff-filter=ACMRT", base, "--"], top)
    return sorted(os.fsdecode(name) for name in out.split(b"\0") if name)


def index_files(top: str) -> list[str]:
    """All paths in the index, relative to the top."""
    out = git(["ls-files", "-z", "--cached"], top)
    return sorted({os.fsdecode(name) for name in out.split(b"\0") if name})


def read_blobs(names: Sequence[str], top: str) -> Iterator[bytes | None]:
    """The contents of objects (``:path`` is the index, ``HEAD:path`` a revision), ``None`` for what is not a file."""
    usable = [name for name in names if "\n" not in name]  # one request a line
    out = git(["cat-file", "--batch"], top, stdin=b"".join(os.fsencode(name) + b"\n" for name in usable))
    position = 0
    for name in names:
        if "\n" in name:
            yield None
            continue
        end = out.index(b"\n", position)
        header = out[position:end].rsplit(b" ", 2)
        if len(header) == 3 and header[2].isdigit():
            size = int(header[2])
            yield out[end + 1 : end + 1 + size] if header[1] == b"blob" else None
            position = end + 1 + size + 1
        else:
            yield None  # "… missing"
            position = end + 1


def last_changed(top: str) -> dict[str, str]:
    """For each path in the history of ``HEAD`` (relative to the top), the date of its last commit, RFC 3339."""
    result = run(["log", "--format=%x00%cI", "--name-only", "--no-renames", "-z", "--diff-merges=first-parent"], top)
    return _first_dates(result.stdout) if result.returncode == 0 else {}


def _first_dates(log: bytes) -> dict[str, str]:
    """For each path, the date of the first commit in the output of ``git log`` that names it."""
    dates: dict[str, str] = {}
    date = ""
    fields = iter(log.split(b"\0"))
    for field in fields:
        if not field:
            date = next(fields, b"").decode().strip()
            continue
        dates.setdefault(os.fsdecode(field.removeprefix(b"\n")), date)
    return dates


def first_mention(top: str, text: str) -> dict[str, str]:
    """For each path (relative to the top), the date of the first commit that brought ``text`` into it, RFC 3339."""
    result = run(
        ["log", "--reverse", "--format=%x00%cI", "--name-only", "--no-renames", "--no-textconv", "-z", f"-S{text}"], top
    )
    return _first_dates(result.stdout) if result.returncode == 0 else {}


def unmerged_files(top: str) -> list[str]:
    """Paths (relative to the top) with an unfinished merge."""
    out = git(["diff", "--name-only", "--diff-filter=U", "-z"], top)
    return sorted({os.fsdecode(name) for name in out.split(b"\0") if name})
