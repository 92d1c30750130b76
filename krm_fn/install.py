"""Links in kustomize's plugin home, so that ``kubectl kustomize --enable-alpha-plugins`` finds the function."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TYPE_CHECKING

from kubectl_sops.errors import SopsError, UnwritableFileError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PLUGINS = (
    ("kubectl-sops.dev/v1", "SopsGenerator"),
    ("kubectl-sops.dev/v1", "SopsTransformer"),
    ("kubectl-sops.dev/v1", "SopsValidator"),
    ("viaduct.ai/v1", "ksops"),
    ("goabout.com/v1beta1", "SopsSecretGenerator"),
)
"""Every configuration that the function serves: apiVersion and kind, which are also its place in the plugin home."""


def plugin_home(environ: Mapping[str, str]) -> str:
    """The folder where kustomize looks: the first candidate that exists, as it chooses, otherwise the usual one."""
    explicit = environ.get("KUSTOMIZE_PLUGIN_HOME")
    if explicit:
        return explicit
    home = environ.get("HOME") or os.path.expanduser("~")
    config = environ.get("XDG_CONFIG_HOME") or os.path.join(home, ".config")
    usual = os.path.join(config, "kustomize", "plugin")
    candidates = (
        usual,
        os.path.join(home, ".config", "kustomize", "plugin"),
        os.path.join(home, "kustomize", "plugin"),
    )
    return next((path for path in candidates if os.path.isdir(path)), usual)


def executable() -> str:
    """The absolute path of ``krm-sops``: beside the program that runs, beside Python, or on PATH.

    Raises:
        SopsError: it is nowhere.
    """
    for folder in (os.path.dirname(os.path.abspath(sys.argv[0])), os.path.dirname(sys.executable)):
        path = os.path.join(folder, "krm-sops")
        if os.access(path, os.X_OK):
            return path
    found = shutil.which("krm-sops")
    if not found:
        raise SopsError("krm-sops is not on PATH", hint="install it with pipx install kubectl-sops")
    return os.path.abspath(found)


def install(
    directory: str | None = None, *, uninstall: bool = False, program: str | None = None, dry_run: bool = False
) -> Iterator[str]:
    """Make the links, or remove them; a line on each.

    Args:
        directory: the plugin home; the one that kustomize would use by default.
        program: the executable to link to.
        dry_run: say so, and do nothing.

    Raises:
        SopsError: in places where something else is; all other links are made first.
    """
    home = os.path.abspath(directory or plugin_home(os.environ))
    program = program or executable()
    taken: list[str] = []
    for api_version, kind in PLUGINS:
        path = os.path.join(home, api_version, kind.lower(), kind)
        name = f"{api_version}/{kind.lower()}/{kind}"
        if uninstall:
            yield _remove(path, name, home, dry_run=dry_run)
        elif _is_ours(path, program):
            yield f"{name} unchanged"
        elif os.path.lexists(path) and not os.path.islink(path):
            taken.append(path)
        else:
            yield _link(path, name, program, dry_run=dry_run)
    if not uninstall:
        yield f"plugin home: {home}"
    if taken:
        raise SopsError(
            f"something else is at {', '.join(taken)}",
            hint="remove it if krm-sops is to serve that kind, and run this again",
        )


def copy_links(directory: str, names: tuple[str, ...], program: str | None = None) -> Iterator[str]:
    """Links of these names right in one folder, where ``ksops install DIR`` puts its binary."""
    program = program or executable()
    for name in names:
        yield _link(os.path.join(os.path.abspath(directory), name), name, program)


def _is_ours(path: str, program: str) -> bool:
    return os.path.islink(path) and os.path.realpath(path) == os.path.realpath(program)


def _link(path: str, name: str, program: str, *, dry_run: bool = False) -> str:
    outcome = f"{name} {'replaced' if os.path.lexists(path) else 'created'}"
    if dry_run:
        return outcome
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        staged = f"{path}.new"
        if os.path.lexists(staged):
            os.unlink(staged)
        os.symlink(program, staged)
        os.replace(staged, path)
    except OSError as error:
        raise UnwritableFileError(f"can't be linked: {error.strerror}", file=path) from None
    return outcome


def _remove(path: str, name: str, home: str, *, dry_run: bool) -> str:
    if not os.path.lexists(path):
        return f"{name} is not there"
    if not os.path.islink(path) or os.path.basename(os.path.realpath(path)) != "krm-sops":
        return f"{name} is not ours, unchanged"
    if dry_run:
        return f"{name} deleted"
    os.unlink(path)
    folder = os.path.dirname(path)
    while folder != home and folder.startswith(home) and not os.listdir(folder):
        os.rmdir(folder)
        folder = os.path.dirname(folder)
    return f"{name} deleted"
