"""What completion offers as a value: of a flag, or in the place of an argument. Names only, never a secret."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from kubectl_sops.errors import SopsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Offer = Callable[[str, list[str]], Iterator[str]]

_PLAIN = re.compile(r"[A-Za-z0-9_-]+")


def choices(metavar: str) -> list[str]:
    """The words of ``json|yaml|name``; none of ``FILE`` or ``KEY|NAME``."""
    return metavar.split("|") if "|" in metavar and metavar == metavar.lower() else []


def recipients(*_: object) -> Iterator[str]:
    """The people of ``.sops.yaml`` by their names, and the recipients by themselves."""
    from kubectl_sops import rules

    config = rules.find(".", None)
    if config is None:
        return
    loaded = rules.load(config)
    known = dict(loaded.names)
    for rule in loaded.creation_rules or ():
        for group in rule.groups:
            for key in group:
                known.setdefault(key.id, "")
    for recipient, name in known.items():
        if name and " " not in name:
            yield f"{name}\t{recipient}"
    for recipient, name in known.items():
        yield f"{recipient}\t{name}" if name else recipient


def key_paths(prefix: str, arguments: list[str]) -> Iterator[str]:
    """The key paths of the file that is the first argument, in sops' form, or with dots where one has begun so."""
    from kubectl_sops import formats
    from kubectl_sops.files.read import read
    from kubectl_sops.formats.guess import format_with

    if not arguments:
        return
    data = read(arguments[0])
    document = formats.parse(data, format_with(arguments[0], data))
    dotted = bool(prefix) and not prefix.startswith("[")
    for path in dict.fromkeys(leaf.path for leaf in document.leaves if not leaf.is_comment):
        text = "".join(f"[{part}]" if isinstance(part, int) else f'["{part}"]' for part in path)
        yield re.sub(rf'\["({_PLAIN.pattern})"\]', r".\1", text).removeprefix(".") if dotted else text


def kustomizations(*_: object) -> Iterator[str]:
    """The Flux Kustomizations of the repository."""
    from kubectl_sops.flux.catalog import Catalog
    from kubectl_sops.flux.source import read_folder
    from kubectl_sops.flux.target import top_of

    for kustomization in Catalog(read_folder(top_of("."))).kustomizations:
        yield f"kustomization/{kustomization.name}\t{kustomization.path}"


def encrypted(prefix: str, _: list[str]) -> Iterator[str]:
    """The encrypted files below the folder that is typed."""
    from kubectl_sops.repo.find import encrypted_files

    folder = os.path.dirname(prefix) or "."
    if os.path.isdir(folder):
        for path in encrypted_files([folder]):
            yield os.path.normpath(path)


def kubeconfig(kind: str) -> Offer:
    """The names of the contexts, clusters or users of the kubeconfig."""

    def offer(*_: object) -> Iterator[str]:
        import yaml

        listed = [path for path in os.environ.get("KUBECONFIG", "").split(os.pathsep) if path]
        for path in listed or ["~/.kube/config"]:
            try:
                with open(os.path.expanduser(path), encoding="utf-8") as file:
                    tree = yaml.load(file, yaml.CSafeLoader)
                yield from [str(item["name"]) for item in tree[kind]]
            except (OSError, ValueError, TypeError, KeyError, yaml.YAMLError):
                continue

    return offer


FLAGS: dict[str, Offer] = {
    "--who": recipients,
    "--rm-age": recipients,
    "--rm-pgp": recipients,
    "--extract": key_paths,
    "--context": kubeconfig("contexts"),
    "--cluster": kubeconfig("clusters"),
    "--user": kubeconfig("users"),
}
"""What a flag's value may be, where its metavar does not say it."""


def fitting(offer: Offer, prefix: str, arguments: list[str]) -> list[str]:
    """What is offered and starts as what was typed; nothing where it can't be found out."""
    try:
        return [text for text in dict.fromkeys(offer(prefix, arguments)) if text.startswith(prefix)]
    except (SopsError, OSError):
        return []
