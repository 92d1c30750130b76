"""Which Kustomizations the user means, and which folder stands for their source."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from kubectl_sops.errors import InputNotFoundError, UsageError
from kubectl_sops.flux import spec
from kubectl_sops.repo import git

if TYPE_CHECKING:
    from kubectl_sops.flux.catalog import Catalog
    from kubectl_sops.flux.spec import Kustomization

PREFIXES = ("kustomization/", "kustomizations/", "ks/")
_SHOWN = 8
"""How many names fit in a hint."""


class Target:
    """What the command line names.

    Attributes:
        root: the folder that stands for the source.
        path: the folder to build, relative to the root; empty where a Kustomization was named.
        name: the name of a Kustomization; empty where a path was given.
        given: the Kustomization of ``--kustomization-file``.
    """

    __slots__ = ("given", "name", "path", "root")

    def __init__(self, root: str, *, path: str = "", name: str = "", given: Kustomization | None = None) -> None:
        self.root = root
        self.path = path
        self.name = name
        self.given = given

    def choose(self, catalog: Catalog) -> Kustomization:
        """The Kustomization to build.

        Raises:
            InputNotFoundError, SpecError: there is none, or there are several.
        """
        if self.given is not None:
            return self.given
        if self.name:
            return catalog.find(self.name)
        found = catalog.for_path(self.path)
        if not found:
            raise InputNotFoundError(
                "no Flux Kustomization of this repository applies the folder", file=self.path,
                hint="name its manifest with --kustomization-file",
            )  # fmt: skip
        return spec.choose(found, None, self.path)


def in_namespace(argument: str | None, namespace: str) -> str:
    """``kustomization/NAME`` with its namespace.

    Raises:
        UsageError: there is no such name that could be in a namespace, or it says another one.
    """
    name = _name(argument)
    if not name or name.rpartition("/")[0] not in ("", namespace):
        raise UsageError("--namespace is that of a Kustomization", hint="write kustomization/NAME --namespace NAME")
    return f"{PREFIXES[0]}{namespace}/{name.rpartition('/')[2]}"


def resolve(argument: str | None, file: str | None, source: str | None) -> Target:
    """What ``[PATH | kustomization/NAME]``, ``--kustomization-file`` and ``--source`` mean together.

    The root of the source is ``--source``; else what remains of PATH without the ``spec.path`` of the Kustomization
    file; else the top of the Git work tree.

    Raises:
        InputNotFoundError: a path that does not exist.
        UsageError: nothing to build.
    """
    name = _name(argument)
    if name:
        given = spec.choose(spec.read_kustomizations(file), name, file) if file else None
        return Target(source or top_of("."), name=name, given=given)
    if argument is None and file is None:
        raise UsageError(
            "name a folder, or a Kustomization as kustomization/NAME", hint=_choices(source or git.find_top("."))
        )
    path = os.path.realpath(argument) if argument is not None else None
    if path is not None and not os.path.isdir(path):
        raise InputNotFoundError(
            "no such folder", file=argument, hint="write kustomization/NAME to name a Kustomization"
        )
    given = spec.choose(spec.read_kustomizations(file), None, file) if file else None
    if given is not None:
        root = source or (_without(path, given.path) if path is not None else None) or top_of(argument or ".")
        return Target(root, given=given)
    assert path is not None  # there is an argument or a file
    root = os.path.realpath(source or top_of(path))
    return Target(root, path=os.path.relpath(path, root))


def _choices(root: str | None) -> str:
    if root is not None:
        from kubectl_sops.flux.catalog import Catalog
        from kubectl_sops.flux.source import read_folder

        names = [f"kustomization/{found.name}" for found in Catalog(read_folder(root)).kustomizations]
        if names:
            return f"there is: {', '.join(names[:_SHOWN])}" + (", …" if len(names) > _SHOWN else "")
    return "there is no Flux Kustomization here: run it in the repository, or name a file with --kustomization-file"


def elsewhere(target: Target, top: str, other_top: str) -> Target | None:
    """The same target in another checkout; ``None`` where its folder or manifest is not there."""
    root = os.path.normpath(os.path.join(other_top, os.path.relpath(os.path.realpath(target.root), top)))
    given = target.given
    if given is not None and given.file:
        inside = os.path.relpath(os.path.realpath(given.file), top)
        if not inside.startswith(".."):
            file = os.path.join(other_top, inside)
            if not os.path.exists(file):
                return None
            given = spec.choose(spec.read_kustomizations(file), f"{given.namespace}/{given.name}", file)
    folder = given.path if given is not None else target.path
    if not os.path.isdir(os.path.join(root, folder)):
        return None
    return Target(root, path=target.path, name=target.name, given=given)


def _name(argument: str | None) -> str:
    if argument is None:
        return ""
    for prefix in PREFIXES:
        if argument.startswith(prefix) and not os.path.isdir(argument):
            return argument.removeprefix(prefix)
    return ""


def _without(path: str, suffix: str) -> str | None:
    """The folder below which ``suffix`` leads to ``path``."""
    if suffix == ".":
        return path
    return path.removesuffix("/" + suffix) or "/" if path.endswith("/" + suffix) else None


def top_of(folder: str) -> str:
    """The top of the work tree that a folder is in, or the folder itself."""
    return git.find_top(folder) or os.path.realpath(folder)
