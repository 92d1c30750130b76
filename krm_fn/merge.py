"""``krm-sops merge``: many generators become one, because kustomize starts a process for each.

The result is proved, not assumed: the kustomization is built before and after, and the change is taken back unless both
give the same bytes. Only configurations are written; what the builds print stays in memory.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

from krm_fn import build_annotations, emit
from krm_fn.predecessors import SSG_API_VERSION, SSG_KINDS
from krm_fn.schemas import API_VERSION
from kubectl_sops.errors import InputNotFoundError, ParseError, SopsError
from kubectl_sops.files.write import replace_file
from kubectl_sops.formats.yaml_load import load_all

if TYPE_CHECKING:
    from collections.abc import Iterator

    Config = dict[str, Any]

NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")

_PLAIN = re.compile(r"(?:\.{0,2}/)?[A-Za-z_][A-Za-z0-9_./@+-]*")
_WORDS = frozenset(("true", "false", "null", "yes", "no", "on", "off", "y", "n"))


class Merged:
    """Configurations that become one.

    Attributes:
        config: the new configuration.
        entries: the entries of ``generators`` that it replaces.
        file: the name of its file.
    """

    def __init__(self, config: Config, entries: list[str]) -> None:
        self.config = config
        self.entries = entries
        self.file = ""


def merge(directory: str, *, dry_run: bool = False, builder: str | None = None) -> Iterator[str]:
    """Rewrite the generators of a kustomization; a line on each thing done.

    Raises:
        SopsError: there is no kustomization, no builder, or the builds differ; nothing is changed then.
    """
    path = _kustomization(directory)
    with open(path, encoding="utf-8") as file:
        before = file.read()
    plans = plan(directory, before)
    if not plans:
        yield "nothing to merge"
        return
    after = before
    for merged in plans:
        after = _replace_entries(after, merged)
    if dry_run:
        for merged in plans:
            yield f"{merged.file} would replace {', '.join(merged.entries)}:\n{dump(merged.config)}".rstrip()
        return
    command = _builder(builder, plans, directory)
    expected = _build(command, "before anything was changed")
    written = [os.path.join(directory, merged.file) for merged in plans]
    try:
        for merged, target in zip(plans, written, strict=True):
            replace_file(target, dump(merged.config).encode(), new_mode=0o644)
        replace_file(path, after.encode())
        same = _build(command, "with the merged configuration") == expected
    except BaseException:
        _take_back(path, before, written)
        raise
    if not same:
        _take_back(path, before, written)
        raise SopsError(
            "the merged configuration builds something else, so nothing was changed",
            hint="resources in another order count too: put the generators that belong together next to each other",
        )
    for merged in plans:
        yield f"{merged.file} created, {len(merged.entries)} generators are one process now: the build is the same"
        yield f"no longer listed: {', '.join(merged.entries)}"
    yield f"{os.path.basename(path)} changed"


def _kustomization(directory: str) -> str:
    for name in NAMES:
        path = os.path.join(directory, name)
        if os.path.isfile(path):
            return path
    raise InputNotFoundError("no kustomization here", file=directory)


def plan(directory: str, kustomization: str) -> list[Merged]:
    """Which generators can become one, by kind and by the way they are started."""
    trees = load_all(kustomization)
    tree = trees[0] if trees else None
    entries = tree.get("generators") if isinstance(tree, dict) else None
    groups: dict[tuple[str, str], list[tuple[str, list[Config]]]] = {}
    for entry in entries if isinstance(entries, list) else ():
        configs = _configs(os.path.join(directory, str(entry)))
        keys = {_group_key(config) for config in configs}
        if len(keys) == 1 and None not in keys:
            groups.setdefault(keys.pop(), []).append((str(entry), configs))  # type: ignore[arg-type]  # not None
    plans: list[Merged] = []
    for members in groups.values():
        if sum(len(configs) for _, configs in members) > 1:
            configs = [config for _, some in members for config in some]
            merged = Merged(_join(configs), [entry for entry, _ in members])
            merged.file = _free_name(directory, merged, [other.file for other in plans])
            plans.append(merged)
    return plans


def _configs(path: str) -> list[Config]:
    try:
        with open(path, encoding="utf-8") as file:
            documents = load_all(file.read())
    except (OSError, UnicodeDecodeError, ParseError):
        return []
    found = [document for document in documents if document is not None]
    configs = [document for document in found if isinstance(document, dict)]
    return configs if len(configs) == len(found) else []


def _group_key(config: Config) -> tuple[str, str] | None:
    function = build_annotations.text(config, build_annotations.FUNCTION)
    kind, version = config.get("kind"), config.get("apiVersion")
    if kind == "ksops":
        return f"{version}/ksops", function
    if (version == API_VERSION and kind == "SopsGenerator") or (version == SSG_API_VERSION and kind in SSG_KINDS):
        return API_VERSION, function
    return None


def _join(configs: list[Config]) -> Config:
    """One configuration for several: their files and Secrets, in order."""
    first = configs[0]
    kind = "ksops" if first.get("kind") == "ksops" else "SopsGenerator"
    metadata: Config = {"name": (first.get("metadata") or {}).get("name", "secrets")}
    function = build_annotations.text(first, build_annotations.FUNCTION)
    if function:
        metadata["annotations"] = {build_annotations.FUNCTION: function}
    joined: Config = {
        "apiVersion": first["apiVersion"] if kind == "ksops" else API_VERSION,
        "kind": kind,
        "metadata": metadata,
    }
    files: list[str] = []
    secrets: list[Config] = []
    encodes = {config.get("encode", "data") for config in configs}
    if kind == "SopsGenerator" and len(encodes) > 1:
        raise SopsError("the generators differ in encode", hint="give them the same one first")
    for config in configs:
        if config.get("kind") in SSG_KINDS:
            secrets.append(_from_secret_generator(config))
        else:
            files += [name for name in config.get("files") or () if name not in files]
            secrets += config.get("secretFrom") or []
    if encodes != {"data"}:
        joined["encode"] = encodes.pop()
    if files or not secrets:
        joined["files"] = files
    if secrets:
        joined["secretFrom"] = secrets
    return joined


def _from_secret_generator(config: Config) -> Config:
    given = config.get("metadata") or {}
    metadata = {name: given[name] for name in ("name", "namespace", "labels") if given.get(name)}
    kept = {
        name: value
        for name, value in (given.get("annotations") or {}).items()
        if name not in (build_annotations.FUNCTION, build_annotations.LOCAL_CONFIG)
    }
    if kept:
        metadata["annotations"] = kept
    secret: Config = {"metadata": metadata}
    for name in ("type", "behavior", "envs", "files"):
        if config.get(name):
            secret[name] = config[name]
    if not config.get("disableNameSuffixHash"):
        secret["needsHash"] = True
    return secret


def _free_name(directory: str, merged: Merged, taken: list[str]) -> str:
    stem = "ksops" if merged.config["kind"] == "ksops" else "sops-generator"
    for number in range(1, 100):
        name = f"{stem}.yaml" if number == 1 else f"{stem}-{number}.yaml"
        if name not in taken and not os.path.exists(os.path.join(directory, name)):
            return name
    raise SopsError("no free name for the merged configuration", file=directory)


def _replace_entries(text: str, merged: Merged) -> str:
    """The kustomization with the merged entries replaced by one, everything else as it was."""
    import yaml

    root = yaml.compose(text, Loader=yaml.CSafeLoader)
    assert isinstance(root, yaml.MappingNode)  # it was read before
    node = next(value for key, value in root.value if key.value == "generators")
    gone = [item for item in node.value if item.value in merged.entries]
    if node.flow_style:
        kept = [item.value for item in node.value if item.value not in merged.entries]
        position = next(i for i, item in enumerate(node.value) if item is gone[0])
        kept.insert(position, merged.file)
        inner = ", ".join(_scalar(name) for name in kept)
        return text[: node.start_mark.index] + f"[{inner}]" + text[node.end_mark.index :]
    for item in reversed(gone):
        start, end = item.start_mark.index, item.end_mark.index
        if item is gone[0]:
            text = text[:start] + _scalar(merged.file) + text[end:]
        else:
            line = text.rfind("\n", 0, start) + 1
            rest = text.find("\n", end)
            text = text[:line] + (text[rest + 1 :] if rest >= 0 else "")
    return text


def _builder(builder: str | None, plans: list[Merged], directory: str) -> list[str]:
    annotated = any(build_annotations.text(merged.config, build_annotations.FUNCTION) for merged in plans)
    path = builder or shutil.which("kustomize") or (None if annotated else shutil.which("kubectl"))
    if path is None:
        raise SopsError(
            "there is no kustomize to prove the result with", hint="put it on PATH, or name it with --kustomize"
        )
    if "kubectl" in os.path.basename(path):
        if annotated:
            raise SopsError("kubectl skips KRM functions, so it can't prove the result", hint="use kustomize")
        return [path, "kustomize", "--enable-alpha-plugins", directory]
    return [path, "build", "--enable-alpha-plugins", "--enable-exec", directory]


def _build(command: list[str], when: str) -> bytes:
    try:
        done = subprocess.run(command, capture_output=True, check=False, stdin=subprocess.DEVNULL)
    except OSError as error:
        raise SopsError(f"{command[0]} can't be started: {error.strerror}") from None
    if done.returncode:
        # its message may show decrypted resources
        raise SopsError(f"the build fails {when}", hint=f"see why: {' '.join(command)}")
    return done.stdout


def _take_back(path: str, before: str, written: list[str]) -> None:
    replace_file(path, before.encode())
    for target in written:
        if os.path.exists(target):
            os.unlink(target)


def dump(config: Config) -> str:
    """A configuration as block YAML that every reader takes for the same."""
    return "".join(f"{line}\n" for line in _lines(config))


def _lines(value: object) -> Iterator[str]:
    if isinstance(value, dict) and value:
        for key, item in value.items():
            if isinstance(item, dict | list) and item:
                yield f"{_scalar(key)}:"
                indent = "  " if isinstance(item, dict) else ""
                yield from (indent + line for line in _lines(item))
            elif isinstance(item, str) and item.endswith("\n") and item[0].isalpha() and emit.readable(item):
                yield f"{_scalar(key)}: |"
                yield from ("  " + line for line in item.removesuffix("\n").split("\n"))
            else:
                yield f"{_scalar(key)}: {_scalar(item)}"
    elif isinstance(value, list) and value:
        for item in value:
            lines = list(_lines(item))
            yield f"- {lines[0]}"
            yield from ("  " + line for line in lines[1:])
    else:
        yield _scalar(value)


def _scalar(value: object) -> str:
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    return emit.text(value)
