"""The conversation of ``git resolve``: marked plaintext in an editor, sealed again when the marks are gone."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from kubectl_sops.cli import session
from kubectl_sops.errors import EditorError, SopsError
from kubectl_sops.files import editor
from kubectl_sops.files.memory import memory_folder
from kubectl_sops.files.read import read
from kubectl_sops.files.write import replace_file
from kubectl_sops.formats import format_of
from kubectl_sops.repo import git, merge, merge_text

if TYPE_CHECKING:
    from kubectl_sops.cli import option_table as table

_MARKS = re.compile(rb"^(<{7} ours|={7}|>{7} theirs)\r?$", re.MULTILINE)


class UnresolvedError(SopsError):
    """A conflict that is still there."""


def resolve_file(top: str, name: str, values: table.Values) -> str:
    """Resolve the conflict of one file; returns what was done, in words.

    Raises:
        UnresolvedError: marks were left in the text, or one side has no such file.
    """
    base, ours, theirs = git.read_blobs([f":{stage}:{name}" for stage in (1, 2, 3)], top)
    if ours is None or theirs is None:
        raise UnresolvedError("one side has no such file", file=name, hint="decide with git add or git rm")
    path = os.path.join(top, name)
    kind = format_of(path)
    keyring = session.keyring(values)
    try:
        result = merge.merge(base, ours, theirs, kind, keyring, now=session.now())
        if values.get("theirs"):
            data = result.other
        elif values.get("ours") or not result.conflicts:
            data = result.data
        else:
            data = _in_editor(path, kind, result, values)
    except SopsError as error:
        raise error.at(name) from None
    replace_file(path, data)
    git.git(["add", "--", name], top)
    return "resolved"


def _in_editor(path: str, kind: str, result: merge.Result, values: table.Values) -> bytes:
    if not session.is_interactive() and not any(os.environ.get(name) for name in editor.VARIABLES):
        raise UnresolvedError("no terminal to edit on", hint="decide with --ours or --theirs")
    keyring = session.keyring(values)
    one, two = (merge.read_version(data, kind, keyring) for data in (result.data, result.other))
    text = merge_text.mark(one.plain.decode("utf-8", "surrogateescape"), two.plain.decode("utf-8", "surrogateescape"))
    argv = editor.command(os.environ)
    with memory_folder(os.environ, allow_disk=bool(values.get("allow_disk"))) as folder:
        buffer = os.path.join(folder, os.path.basename(path))
        descriptor = os.open(buffer, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with open(descriptor, "wb") as file:
            file.write(text.encode("utf-8", "surrogateescape"))
        editor.run(argv, buffer, os.environ)
        try:
            edited = read(buffer)
        except SopsError:
            raise EditorError("the editor removed the file") from None
    if _MARKS.search(edited):
        raise UnresolvedError("conflict marks were left in the text", hint="run it again, or use --ours or --theirs")
    return merge.reseal(one, edited, now=session.now())
