"""``install``: links to the program where kustomize, flux, kubectl and scripts look for it."""

from __future__ import annotations

import os
import shutil
import sys
from typing import Annotated

import typer

from kubectl_sops.cli import session
from kubectl_sops.errors import SopsError, UnwritableFileError, UsageError

TARGETS = ("kustomize", "flux", "completion", "sops")


class LinkError(SopsError):
    """Something else is where a link belongs."""


def command(
    target: Annotated[str, typer.Argument(metavar="|".join(TARGETS), show_default=False)],
    directory: Annotated[
        str | None, typer.Option("--directory", metavar="DIR", help="Where to put the links.", show_default=False)
    ] = None,
    uninstall: Annotated[bool, typer.Option("--uninstall", help="Remove the links.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")] = False,
) -> None:
    """Link the program where other programs look for it, and list what was done.

    Examples:
      kubectl sops install kustomize     # legacy plugins: kubectl kustomize --enable-alpha-plugins

      kubectl sops install flux          # flux sops …

      kubectl sops install completion    # kubectl sops <TAB>

      kubectl sops install sops          # scripts that call sops
    """
    mark = session.mark({"dry_run": dry_run})
    if target == "kustomize":
        from krm_fn.install import install as install_plugins

        for line in install_plugins(directory, uninstall=uninstall, dry_run=dry_run):
            session.tell(line + mark)
        return
    if target not in TARGETS:
        raise UsageError(f"nothing to install for {target}", hint=f"one of: {', '.join(TARGETS)}")
    program = executable("kubectl-sops")
    for path, source in _links(target, directory, program):
        done = unlink(path, source, dry_run=dry_run) if uninstall else link(path, source, dry_run=dry_run)
        session.tell(done + mark)


def executable(name: str) -> str:
    """The absolute path of a program of ours."""
    beside = os.path.join(os.path.dirname(os.path.abspath(sys.argv[0])), name)
    path = beside if os.path.exists(beside) else shutil.which(name)
    if not path:
        raise SopsError(f"{name} is not on PATH", hint="install it with pipx install kubectl-sops")
    return os.path.abspath(path)


def _links(target: str, directory: str | None, program: str) -> list[tuple[str, str]]:
    home = os.path.expanduser("~")
    if target == "flux":
        folder = directory or os.environ.get("FLUXCD_PLUGINS") or os.path.join(home, ".fluxcd", "plugins")
        return [(os.path.join(folder, "flux-sops"), program)]
    folder = directory or os.path.dirname(program)
    if target == "sops":
        return [(os.path.join(folder, "sops"), program)]
    return [(os.path.join(folder, "kubectl_complete-sops"), program)]


def link(path: str, source: str, *, dry_run: bool = False) -> str:
    """Make a symbolic link unless it is there; a line that says so.

    Raises:
        LinkError: something else is there.
        UnwritableFileError: the folder can't be made or written.
    """
    if os.path.islink(path) and os.path.realpath(path) == os.path.realpath(source):
        return f"{path} unchanged"
    if os.path.lexists(path):
        raise LinkError("something else is there", file=path, hint="remove it, or name another place with --directory")
    if dry_run:
        return f"{path} created"
    folder = os.path.dirname(path)
    try:
        os.makedirs(folder, exist_ok=True)
        os.symlink(source, path)
    except OSError as error:
        raise UnwritableFileError(
            f"can't be written: {error.strerror}", file=folder, hint="name another place with --directory"
        ) from None
    return f"{path} created"


def unlink(path: str, source: str, *, dry_run: bool = False) -> str:
    """Remove a link of ours; a line that says so."""
    if os.path.islink(path) and os.path.realpath(path) == os.path.realpath(source):
        if not dry_run:
            os.unlink(path)
        return f"{path} deleted"
    return f"{path} is not ours, unchanged" if os.path.lexists(path) else f"{path} is not there"
