"""Running the real kustomize on a tree, with the options of the controller."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

from kubectl_sops.errors import ParseError, SopsError
from kubectl_sops.flux.go_yaml import json_number
from kubectl_sops.formats.yaml_load import load_all

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from kubectl_sops.flux.tree import Tree

    Object = dict[str, Any]

TIMEOUT = 300
"""Seconds; remote bases are cloned within them."""


class KustomizeError(SopsError):
    """Kustomize failed, or is not installed."""


def program(environ: Mapping[str, str]) -> list[str]:
    """The command that builds a folder: ``kustomize build``, or ``kubectl kustomize`` where there is only kubectl."""
    path = environ.get("PATH")
    kustomize = shutil.which("kustomize", path=path)
    if kustomize:
        return [kustomize, "build"]
    kubectl = shutil.which("kubectl", path=path)
    if kubectl:
        return [kubectl, "kustomize"]
    raise KustomizeError(
        "neither kustomize nor kubectl is installed", hint="install kustomize 5.8, the version of Flux 2.9"
    )


def run(tree: Tree, folder: str, environ: Mapping[str, str], hidden: Iterable[str]) -> list[Object]:
    """The objects that kustomize builds from a folder of the tree, in its order.

    Args:
        hidden: decrypted values, which must not get into an error.

    Raises:
        KustomizeError: with what kustomize said, quotations cut out.
    """
    argv = [*program(environ), "--load-restrictor", "LoadRestrictionsNone", os.path.join(tree.root, folder)]
    try:
        result = subprocess.run(
            argv, env=_environment(environ), stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT,
            check=False, pass_fds=tree.descriptors,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise KustomizeError(f"kustomize did not finish within {TIMEOUT} seconds") from None
    if result.returncode:
        message = readable(result.stderr.decode("utf-8", "replace"), tree.root, hidden)
        raise KustomizeError(f"kustomize build failed: {message}", hint=_hint(message))
    return parse(result.stdout)


def _environment(environ: Mapping[str, str]) -> dict[str, str]:
    # it needs git and its credentials for remote bases, and no keys
    return {name: value for name, value in environ.items() if not name.startswith(("SOPS_", "KUBECTL_SOPS_"))}


def parse(stdout: bytes) -> list[Object]:
    """The objects of a stream, as JSON values.

    Raises:
        KustomizeError: the stream can't be read.
    """
    try:
        documents = load_all(stdout)
    except ParseError as error:
        raise KustomizeError(f"the output of kustomize can't be read: {error.message}") from None
    return [_json(document) for document in documents if isinstance(document, dict)]


def _json(value: Any) -> Any:  # any JSON value
    if value.__class__ is str:
        return value
    if isinstance(value, dict):
        return {key if key.__class__ is str else _key(key): _json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_json(item) for item in value]
    if isinstance(value, float):
        return json_number(value)
    return str(value) if isinstance(value, str) else value


def _key(key: object) -> str:
    if isinstance(key, bool):
        return "true" if key else "false"
    return str(key)


_BLOCK = re.compile(r"`[^`]*`|\{\{.*|map\[.*", re.DOTALL)
_QUOTED = re.compile(r'"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'')
_NAME = re.compile(r"""["'][\w./:@\[\]=+-]*["']""")
_SHORT = 4


def readable(stderr: str, root: str, hidden: Iterable[str]) -> str:
    """What kustomize complains about, without the objects, patches and values that its messages quote."""
    values = [value for value in hidden if value]
    text = stderr.replace(root + "/", "").replace(root, ".")
    start = text.find("panic: ") if "panic: " in text else text.find("Error: ")
    text = text[max(start, 0) :].removeprefix("Error: ")
    if text.startswith("panic: "):
        text = text.partition("\n")[0]
    text = _BLOCK.sub("…", text)
    text = " ".join(text.split())

    def shown(match: re.Match[str]) -> str:
        token = match[0][1:-1]
        secret = any(token in value for value in values) or not _NAME.fullmatch(match[0])
        return match[0][0] + "…" + match[0][-1] if secret and token else match[0]

    text = _QUOTED.sub(shown, text)
    for value in values:
        if len(value) >= _SHORT:
            text = text.replace(value, "…")
    return text[:600].strip()


def _hint(message: str) -> str | None:
    if "previous names" in message and message.startswith("panic"):
        return "metadata.name or kind is encrypted: encrypt with encrypted_regex '^(data|stringData)$' instead"
    if "--enable-helm" in message:
        return "Flux does not render helmCharts: use a HelmRelease"
    if "unknown field" in message:
        return "Flux ignores unknown keys in the kustomization.yaml of spec.path only, not in nested ones"
    if "already registered id" in message:
        return "the same object is listed twice"
    return None
