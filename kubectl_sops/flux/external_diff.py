"""Showing changes with the user's own program, as kubectl does: ``KUBECTL_EXTERNAL_DIFF`` with two folders."""

from __future__ import annotations

import os
import shlex
import subprocess
from typing import TYPE_CHECKING, Any

from kubectl_sops.errors import SopsError
from kubectl_sops.files.memory import memory_folder
from kubectl_sops.flux import go_yaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from kubectl_sops.flux.diff import Change

VARIABLE = "KUBECTL_EXTERNAL_DIFF"


class ExternalDiffError(SopsError):
    """The program failed or is not there."""


def show(changes: Iterable[Change], environ: Mapping[str, str], *, allow_disk: bool) -> None:
    """Run the program of ``KUBECTL_EXTERNAL_DIFF`` on the objects before and after, a file each.

    Raises:
        ExternalDiffError: it can't be run, or fails.
    """
    argv = shlex.split(environ[VARIABLE])
    with memory_folder(environ, allow_disk=allow_disk) as folder:
        live, merged = os.path.join(folder, "LIVE"), os.path.join(folder, "MERGED")
        for side in (live, merged):
            os.mkdir(side, 0o700)
        for change in changes:
            for side, manifest in ((live, change.before), (merged, change.after)):
                if manifest is not None:
                    _write(os.path.join(side, _file_name(change.key)), manifest)
        try:
            code = subprocess.run([*argv, live, merged], check=False).returncode
        except OSError:
            raise ExternalDiffError(f"{argv[0]} can't be run", hint=f"check {VARIABLE}") from None
    if code > 1:
        raise ExternalDiffError(f"{argv[0]} failed with exit status {code}")


def _file_name(key: tuple[str, str, str, str]) -> str:
    return ".".join(part.replace("/", "_") for part in key if part)


def _write(path: str, manifest: dict[str, Any]) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="utf-8", errors="surrogateescape") as file:
        file.write(go_yaml.dump(manifest))
