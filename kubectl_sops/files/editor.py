"""Running the user's editor on a file in memory."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from typing import TYPE_CHECKING

from kubectl_sops.errors import EditorError
from kubectl_sops.files.signals import handling, interrupts_left_to_command

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

VARIABLES = ("SOPS_EDITOR", "KUBE_EDITOR", "EDITOR")
FALLBACKS = ("vim", "nano", "vi")

# Swap, backup, undo and history files would hold the text, possibly on a disk. The folder is removed with everything in
# it, but these editors may be configured to keep such files elsewhere.
_VIM = ("-n", "-i", "NONE", "-c", "set nobackup nowritebackup noundofile")
_EMACS = ("--eval", "(setq make-backup-files nil auto-save-default nil create-lockfiles nil)")


def command(environ: Mapping[str, str]) -> list[str]:
    """The editor as an argument list: ``SOPS_EDITOR``, ``KUBE_EDITOR``, ``EDITOR``, or one that is installed.

    Raises:
        EditorError: there is none, or its quoting can't be read.
    """
    for variable in VARIABLES:
        text = environ.get(variable)
        if text and text.strip():
            try:
                words = shlex.split(text)
            except ValueError:
                raise EditorError(f"${variable} can't be read: its quotes do not match") from None
            return [words[0], *quiet_options(words[0]), *words[1:]]
    for name in FALLBACKS:
        path = shutil.which(name, path=environ.get("PATH"))
        if path:
            return [path, *quiet_options(path)]
    raise EditorError(
        f"no editor: none of {', '.join(FALLBACKS)} is installed", hint="set SOPS_EDITOR, KUBE_EDITOR or EDITOR"
    )


def quiet_options(program: str) -> Sequence[str]:
    """Options that keep an editor from writing copies of the text elsewhere."""
    name = _real_name(program)
    if name.startswith(("vim", "nvim", "gvim", "mvim")):
        return _VIM
    if name.startswith("emacs") and not name.startswith("emacsclient"):
        return _EMACS
    return ()


def _real_name(program: str) -> str:
    # `vi` is often a link to another editor; the link's target decides which options it knows
    found = shutil.which(program)
    return os.path.basename(os.path.realpath(found)) if found else os.path.basename(program)


def _opening(argv: Sequence[str], path: str) -> list[str]:
    if _real_name(argv[0]) == "nano":
        # nano has no option against backups, but one for where they go: into the folder that is removed
        return [*argv, "-C", os.path.dirname(path) or ".", path]
    return [*argv, path]


def run(argv: Sequence[str], path: str, environ: Mapping[str, str]) -> None:
    """Open ``path`` in the editor and wait for it.

    Raises:
        EditorError: it could not be started or failed.
    """
    try:
        with handling(interrupts_left_to_command()):
            result = subprocess.run(_opening(argv, path), env=dict(environ), check=False)
    except OSError as error:
        raise EditorError(f"the editor {argv[0]} can't be started: {error.strerror}", hint="set EDITOR") from None
    if result.returncode:
        raise EditorError(f"the editor failed with exit status {result.returncode}")
