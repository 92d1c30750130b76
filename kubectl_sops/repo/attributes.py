"""Setting up a repository so that Git shows encrypted files decrypted and merges them by value."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from kubectl_sops.errors import InputNotFoundError
from kubectl_sops.files.write import replace_file
from kubectl_sops.repo import git
from kubectl_sops.rules.search import NAME as CONFIG_NAME

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

ATTRIBUTES = ".gitattributes"
BEGIN = "# kubectl-sops: encrypted files are shown decrypted and merged by value, after `kubectl sops git install`"
END = "# kubectl-sops: end"

DRIVER = "sops"
RULES_DRIVER = "sops-rules"

# Git keeps the output of a textconv with a cache in refs/notes: plaintext, which a push could carry away
_NO_CACHE = "false"


def settings(program: str) -> dict[str, str]:
    """The repository configuration; ``program`` is how a shell calls us."""
    merge = f"{program} git merge-driver %O %A %B %L %P"
    return {
        f"diff.{DRIVER}.textconv": f"{program} git textconv",
        f"diff.{DRIVER}.cachetextconv": _NO_CACHE,
        f"merge.{DRIVER}.name": "merge SOPS files by value",
        f"merge.{DRIVER}.driver": merge,
        f"merge.{RULES_DRIVER}.name": "merge the recipients of .sops.yaml",
        f"merge.{RULES_DRIVER}.driver": merge,
    }


def patterns_for(encrypted: Iterable[str], plain: Iterable[str]) -> list[str]:
    """The shortest patterns that mean these encrypted files.

    Where names tell encrypted files from plain ones (``db.sops.yaml``), the pattern is about the name; otherwise it is
    about the extension, and the drivers leave plaintext files as they are.
    """
    others = [os.path.basename(path) for path in plain]
    patterns: list[str] = []
    for path in encrypted:
        name = os.path.basename(path)
        parts = name.split(".")
        marked = "." + ".".join(parts[-2:]) if len(parts) > 2 else ""
        if marked and not any(other.endswith(marked) for other in others):
            patterns.append("*" + marked)
        elif len(parts) > 1:
            patterns.append("*." + parts[-1])
        else:
            patterns.append(name)
    general = {pattern for pattern in patterns if pattern.count(".") == 1}
    needed = [p for p in dict.fromkeys(patterns) if p in general or "*." + p.rpartition(".")[2] not in general]
    return sorted(needed)


def install(top: str, program: str, patterns: Sequence[str], *, dry_run: bool = False) -> list[str]:
    """Configure a repository; returns what was changed, in words.

    Args:
        dry_run: change nothing, and return what would be.

    Raises:
        GitError: Git refuses.
    """
    done = []
    for name, value in settings(program).items():
        old = git.run(["config", "--local", "--get", name], top).stdout.decode().removesuffix("\n")
        if old != value:
            if not dry_run:
                git.git(["config", "--local", name, value], top)
            done.append(f"{name} set")
    lines = [f"{_quoted(pattern)} diff={DRIVER} merge={DRIVER}" for pattern in patterns]
    lines.append(f"{CONFIG_NAME} merge={RULES_DRIVER}")
    if _rewrite(top, lines, dry_run=dry_run):
        done.append(f"{ATTRIBUTES} written")
    return done


def uninstall(top: str, *, dry_run: bool = False) -> list[str]:
    """Undo ``install``."""
    done = []
    for section in (f"diff.{DRIVER}", f"merge.{DRIVER}", f"merge.{RULES_DRIVER}"):
        pattern = rf"^{re.escape(section)}\."
        action = ["--get-regexp", pattern] if dry_run else ["--remove-section", section]
        if git.run(["config", "--local", *action], top).returncode == 0:
            done.append(f"{section} removed")
    if _rewrite(top, None, dry_run=dry_run):
        done.append(f"{ATTRIBUTES} written")
    return done


def _quoted(pattern: str) -> str:
    return f'"{pattern}"' if any(c in pattern for c in ' "\\') else pattern


def _rewrite(top: str, lines: Sequence[str] | None, *, dry_run: bool) -> bool:
    """Replace our block in ``.gitattributes``; whether that changes anything."""
    path = os.path.join(top, ATTRIBUTES)
    try:
        with open(path, encoding="utf-8", errors="surrogateescape", newline="") as file:
            old = file.read()
    except FileNotFoundError:
        old = ""
    except OSError as error:
        raise InputNotFoundError(f"can't be read: {error.strerror}", file=path) from None
    before, begin, rest = old.partition(BEGIN + "\n")
    after = rest.partition(END + "\n")[2] if begin else ""
    if before and not before.endswith("\n"):
        before += "\n"
    block = "" if lines is None else "".join(line + "\n" for line in (BEGIN, *lines, END))
    new = before + block + after
    if new == old:
        return False
    if dry_run:
        return True
    if new:
        replace_file(path, new.encode("utf-8", "surrogateescape"), new_mode=0o666)
    else:
        os.unlink(path)
    return True
