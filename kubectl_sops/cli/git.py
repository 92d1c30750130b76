"""``git install`` and ``uninstall``, ``git resolve``, and the drivers that Git calls."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys

from kubectl_sops.cli import option_table as table
from kubectl_sops.cli import session
from kubectl_sops.errors import ConflictingParametersError, SopsError, UsageError
from kubectl_sops.files.read import read
from kubectl_sops.files.write import replace_file
from kubectl_sops.formats import format_of
from kubectl_sops.repo import attributes, find, git
from kubectl_sops.repo.merge_text import sides
from kubectl_sops.rules.search import NAME as CONFIG_NAME

CONFLICT_EXIT_CODE = 1


def install(arguments: list[str], values: table.Values) -> None:
    """Make Git show encrypted files decrypted, and merge them by value.

    Writes .gitattributes, which belongs into the repository, and this clone's own configuration, which does not: every
    colleague who wants it runs this once. Without it nothing breaks: Git falls back to what it did before.

    Examples:
      kubectl sops git install

      kubectl sops git install '*.enc.yaml' 'secrets/*'
    """
    top = _top()
    patterns = arguments or _patterns(top)
    if not patterns:
        raise UsageError("no encrypted files found to make patterns from", hint="give patterns, such as '*.enc.yaml'")
    _tell(attributes.install(top, program(), patterns, dry_run=bool(values.get("dry_run"))), values)


def uninstall(arguments: list[str], values: table.Values) -> None:
    """Undo `git install` in this clone and in .gitattributes."""
    if arguments:
        raise UsageError("unexpected argument", hint="write: git uninstall; it takes back every pattern")
    _tell(attributes.uninstall(_top(), dry_run=bool(values.get("dry_run"))), values)


def program() -> str:
    """How Git's shell calls us: by name where PATH finds us, else by path."""
    mine = os.path.realpath(sys.argv[0])
    found = shutil.which("kubectl-sops")
    if found is not None and os.path.realpath(found) == mine:
        return "kubectl-sops"
    if os.access(mine, os.X_OK) and os.path.basename(mine) != "__main__.py":
        return shlex.quote(os.path.abspath(sys.argv[0]))
    return f"{shlex.quote(sys.executable)} -m kubectl_sops"


def _top() -> str:
    top = git.find_top(".")
    if top is None:
        raise git.GitError("not in a Git repository", hint="run it inside one")
    return top


def _patterns(top: str) -> list[str]:
    encrypted: list[str] = []
    plain: list[str] = []
    for name in git.list_files(top):
        path = os.path.join(top, name)
        try:
            data = find.read_text(path)
        except OSError:
            continue
        is_encrypted = data is not None and find.looks_encrypted(data, format_of(path))
        (encrypted if is_encrypted else plain).append(name)
    return attributes.patterns_for(encrypted, plain)


def _tell(done: list[str], values: table.Values) -> None:
    if not values.get("quiet"):
        for line in done or ["unchanged"]:
            session.tell(line + session.mark(values))


def textconv(arguments: list[str], values: table.Values) -> None:
    """Print a file decrypted where that is possible, as it is otherwise (Git's textconv driver)."""
    (path,) = _exactly(arguments, 1)
    data = read(path)
    kind = format_of(path)
    if find.looks_encrypted(data, kind):
        from kubectl_sops.files.decrypt import decrypt

        try:
            data = decrypt(data, kind, session.keyring(values), ignore_mac=True)
        except SopsError as error:
            # a failing textconv would make the whole diff fail
            session.tell(f"kubectl-sops: shown encrypted: {error.message}")
    sys.stdout.buffer.write(data)


def merge_driver(arguments: list[str], values: table.Values) -> int:
    """Merge three versions of a file into the second one (Git's merge driver)."""
    base, ours, theirs, size, path = _exactly(arguments, 5)
    versions = [read(name) for name in (base, ours, theirs)]
    try:
        merged = _merge(versions, path, values)
    except SopsError as error:
        session.tell(f"kubectl-sops: {path}: can't be merged by value: {error.message}")
        # lines of two encrypted versions in one file would have no valid MAC, and nobody could tell
        replace_file(ours, sides(*versions[1:]))
        return CONFLICT_EXIT_CODE
    if merged is None:
        return _merge_as_text(base, ours, theirs, size)
    data, conflicts = merged
    replace_file(ours, data)
    if conflicts:
        session.tell(f"kubectl-sops: {path}: both sides changed {', '.join(conflicts)}")
        session.tell(f"kubectl-sops: hint: run `kubectl sops git resolve {path}`, or keep one whole side")
        return CONFLICT_EXIT_CODE
    return 0


def _merge(versions: list[bytes], path: str, values: table.Values) -> tuple[bytes, list[str]] | None:
    """The merged bytes and the key paths in conflict; ``None`` where this is nothing for us."""
    base, ours, theirs = versions
    if os.path.basename(path) == CONFIG_NAME:
        from kubectl_sops.repo import merge_rules

        joined = merge_rules.merge(base, ours, theirs, path)
        return None if joined is None else (joined, [])
    kind = format_of(path)
    if not all(find.looks_encrypted(data, kind) for data in (ours, theirs)):
        return None
    if base.strip() and not find.looks_encrypted(base, kind):
        return sides(ours, theirs), ["the whole file: both encrypted what was not encrypted before"]
    from kubectl_sops.errors import format_path
    from kubectl_sops.repo.merge import merge

    before = base if base.strip() else None
    result = merge(before, ours, theirs, kind, session.keyring(values), now=session.now())
    if not result.conflicts:
        return result.data, []
    data = sides(result.data, result.other)
    return data, [format_path(place) or "the same lines" for place in result.conflicts]


def _merge_as_text(base: str, ours: str, theirs: str, size: str) -> int:
    """What Git does without a driver; the exit code is the number of conflicts."""
    argv = [
        "git",
        "merge-file",
        "-L",
        "ours",
        "-L",
        "base",
        "-L",
        "theirs",
        f"--marker-size={size}",
        ours,
        base,
        theirs,
    ]
    return min(subprocess.run(argv, check=False, timeout=git.TIMEOUT).returncode, 127)


def resolve(arguments: list[str], values: table.Values) -> int:
    """Resolve conflicts of encrypted files in your editor: only the values that both sides changed are marked.

    The text is in memory only. `--ours` and `--theirs` decide all of them without an editor.

    Examples:
      kubectl sops git resolve

      kubectl sops git resolve --theirs clusters/prod/db.yaml
    """
    from kubectl_sops.cli.git_resolve import resolve_file

    if values.get("ours") and values.get("theirs"):
        raise ConflictingParametersError("cannot use both --ours and --theirs")
    top = _top()
    unmerged = git.unmerged_files(top)
    if arguments:
        names = [os.path.relpath(os.path.realpath(path), os.path.realpath(top)) for path in arguments]
    else:
        names = [name for name in unmerged if _is_ours(top, name)]
    missing = [name for name in names if name not in unmerged]
    if missing:
        raise UsageError(f"{', '.join(missing)} has no conflict")
    for name in names:
        outcome = resolve_file(top, name, values)
        if not values.get("quiet"):
            session.tell(f"{os.path.relpath(os.path.join(top, name))} {outcome}")
    return 0


def _is_ours(top: str, name: str) -> bool:
    (data,) = git.read_blobs([f":2:{name}"], top)
    return data is not None and find.looks_encrypted(data, format_of(name))


def _exactly(arguments: list[str], count: int) -> list[str]:
    if len(arguments) != count:
        raise UsageError(f"expected {count} arguments, found {len(arguments)}", hint="Git calls this")
    return arguments


INSTALL = table.Command(install, (table.DRY_RUN, table.QUIET), "[PATTERN]...")
UNINSTALL = table.Command(uninstall, (table.DRY_RUN, table.QUIET), "")
TEXTCONV = table.Command(textconv, table.KEYS, "FILE")
MERGE_DRIVER = table.Command(merge_driver, table.KEYS, "BASE OURS THEIRS SIZE PATH")
RESOLVE = table.Command(
    resolve,
    (
        table.Option("--ours", kind=table.FLAG, help="Our values wherever both sides changed one."),
        table.Option("--theirs", kind=table.FLAG, help="Their values wherever both sides changed one."),
        table.Option("--allow-disk", kind=table.FLAG, help="Accept a disk where no memory-backed folder exists."),
        table.QUIET,
        *table.KEYS,
    ),
    "[PATH]...",
)
GIT = table.Group(
    {
        "install": INSTALL,
        "uninstall": UNINSTALL,
        "resolve": RESOLVE,
        "textconv": TEXTCONV,
        "merge-driver": MERGE_DRIVER,
    },
    hidden=("textconv", "merge-driver"),
)
