"""Remarks on the files that a build reads: what Flux decrypts, what it does not, and why."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from kubectl_sops.errors import SopsError
from kubectl_sops.flux import kustomization_file as kfile
from kubectl_sops.flux.keys import recipients_of
from kubectl_sops.flux.manifest import load_documents
from kubectl_sops.flux.opening import MARKERS, format_of
from kubectl_sops.keys.flux_secret import AGE_SUFFIX, NAMED, PGP_SUFFIX, ignored
from kubectl_sops.repo.find import looks_encrypted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from kubectl_sops.flux.graph import Graph, Node
    from kubectl_sops.flux.opening import Decrypted, Opener
    from kubectl_sops.flux.pipeline import Build
    from kubectl_sops.flux.profile import Profile
    from kubectl_sops.flux.tree import Tree
    from kubectl_sops.repo.policy import Policy

_ENCRYPTED_NAME = re.compile(rb"^\s+name:\s*[\"']?ENC\[|^kind:\s*[\"']?ENC\[|^apiVersion:\s*[\"']?ENC\[", re.MULTILINE)
_RECIPIENT = re.compile(rb"recipient\W{1,4}(age1[0-9a-z]+)")
_INPUT_TYPES = {"yaml": "YAML", "json": "JSON", "dotenv": "dotenv", "ini": "INI", "binary": "binary"}


def remark(out: Build, graph: Graph, tree: Tree, profile: Profile) -> None:
    """Add everything that the sources of a build give reason to say."""
    kustomization = out.kustomization
    _rewriting(out)
    for path, plain in out.decrypted.items():
        _mac(out, path, plain)
    if not kustomization.decrypts:
        return
    for node in graph.nodes:
        _generators(out, node, tree)
    if not profile.components_visited:
        _components(out, graph)
    for path in graph.manifests():
        data = tree.read(path)
        if not looks_encrypted(data, "yaml"):
            continue
        if _ENCRYPTED_NAME.search(data):
            out.remarks.add(
                "encrypted-name", "the whole file is encrypted, names and kinds too", where=path,
                hint="encrypt with encrypted_regex '^(data|stringData)$'",
            )  # fmt: skip


def verify(out: Build, graph: Graph, tree: Tree, opener: Opener) -> None:
    """Check the MAC of encrypted manifests, for objects that alone could not tell."""
    for path in graph.manifests():
        data = tree.read(path)
        if not looks_encrypted(data, format_of(path)):
            continue
        try:
            matches = opener.verifies(data, format_of(path))
        except SopsError:
            continue  # the build has failed of it, or does not need it
        if not matches:
            _mac_mismatch(out, path)


def _mac(out: Build, path: str, plain: Decrypted) -> None:
    if not plain.mac_matches:
        _mac_mismatch(out, path)


def _mac_mismatch(out: Build, path: str) -> None:
    out.remarks.add(
        "mac-mismatch", "sops refuses this file (MAC mismatch), but Flux applies it", where=path,
        hint="it was edited after encryption: compare with Git history and encrypt it again",
    )  # fmt: skip


def _rewriting(out: Build) -> None:
    rewritten = out.rewritten
    if rewritten is not None and rewritten.dropped:
        out.remarks.add(
            "unknown-key", f"Flux ignores unknown keys: {', '.join(rewritten.dropped[:5])}", where=rewritten.file,
            hint="kustomize itself would refuse them",
        )  # fmt: skip


def _generators(out: Build, node: Node, tree: Tree) -> None:
    for generator in kfile.maps(node.fields, "secretGenerator"):
        for entry in kfile.strings(generator, "files"):
            key, path = kfile.file_source(entry)
            _left_encrypted(out, node, tree, path, f"secretGenerator.files of {node.file}", format_of(key), key)
        for path in kfile.strings(generator, "envs"):
            format = format_of(path)
            wanted = "dotenv" if format == "binary" else format
            _left_encrypted(out, node, tree, path, f"secretGenerator.envs of {node.file}", wanted, None)
        if generator.get("env"):
            path = generator["env"]
            if _is_encrypted(tree, node.path(path)):
                out.remarks.add(
                    "singular-env", f"Flux does not decrypt the file under `env` of {node.file}", where=node.path(path),
                    hint=f"write envs: [{path}]",
                )  # fmt: skip
    for generator in kfile.maps(node.fields, "configMapGenerator"):
        paths = [kfile.file_source(entry)[1] for entry in kfile.strings(generator, "files")]
        paths += kfile.strings(generator, "envs") + ([generator["env"]] if generator.get("env") else [])
        for path in paths:
            if _is_encrypted(tree, node.path(path)):
                out.remarks.add(
                    "config-map-encrypted", f"Flux does not decrypt files for configMapGenerator ({node.file})",
                    where=node.path(path), hint="use secretGenerator",
                )  # fmt: skip
    for base in kfile.strings(node.fields, "bases"):
        if tree.is_folder(node.path(base)):
            out.remarks.add(
                "bases", f"Flux does not decrypt what kustomizations under `bases` read ({base})", where=node.file,
                hint="list it under resources",
            )  # fmt: skip


def _is_encrypted(tree: Tree, path: str) -> bool:
    return tree.is_file(path) and _format_found(tree.read(path)) is not None


def _format_found(data: bytes) -> str | None:
    """The format in which bytes are SOPS-encrypted, by a quick look."""
    return next((name for name in ("json", "yaml", "dotenv", "ini") if looks_encrypted(data, name)), None)


def _left_encrypted(out: Build, node: Node, tree: Tree, entry: str, field: str, wanted: str, key: str | None) -> None:
    """A generator's file that was to be decrypted and is still ciphertext."""
    path = node.path(entry)
    if not tree.is_file(path):
        return
    data = tree.read(path)
    found = _format_found(data)
    if found is None or path in out.decrypted:
        return
    actual = _INPUT_TYPES[found]
    if found == wanted or (found == "json" and wanted == "binary"):
        spelling = MARKERS[wanted].decode()
        out.remarks.add(
            "no-marker", where=path, hint="encrypt it again; something reformatted it",
            message=f"Flux does not see that this {actual} file is encrypted: it looks for `{spelling}`",
        )  # fmt: skip
    elif key is None:
        kinds = f"--input-type {wanted} --output-type {wanted}"
        out.remarks.add(
            "wrong-format", where=path, hint=f"encrypt it again with {kinds}",
            message=f"the file is SOPS {actual}; Flux expects {_INPUT_TYPES[wanted]} here ({field})",
        )  # fmt: skip
    elif posixpath.splitext(key)[1] == "" and not key.startswith("."):
        pass  # decrypted after the build, or a failure that says what to do
    else:
        out.remarks.add(
            "decrypted-late",
            f"the file is SOPS {actual} under the key {key}: decrypted only after the build, so the name of the Secret "
            "follows the ciphertext", where=path, hint="give file and key the same format",
        )  # fmt: skip


def _components(out: Build, graph: Graph) -> None:
    for node in graph.nodes:
        if kfile.strings(node.fields, "components"):
            out.remarks.add(
                "components", "Flux before 2.5 does not decrypt what components read", where=node.file,
                hint="upgrade Flux",
            )  # fmt: skip


def remark_secret(out: Build, entries: Mapping[str, bytes], files: Iterable[str], tree: Tree) -> None:
    """What is wrong with the decryption Secret, and which files it does not open.

    Args:
        files: what the build reads.
    """
    kustomization = out.kustomization
    name = f"Secret/{kustomization.namespace}/{kustomization.text('decryption', 'secretRef', 'name')}"
    if not any(entry.endswith((AGE_SUFFIX, PGP_SUFFIX)) or entry in NAMED for entry in entries):
        unused = ignored(entries)
        first = f"; Flux ignores '{unused[0]}'" if unused else ""
        out.remarks.add(
            "no-agekey", f"the decryption Secret has no entry ending in .agekey or .asc{first}", where=name,
            hint="rename it to age.agekey",
        )  # fmt: skip
        return
    if any(not entry.endswith(AGE_SUFFIX) for entry in entries if entry not in ignored(entries)):
        return  # other kinds of keys may open the files
    mine = recipients_of(entries)
    for path in files:
        data = tree.original(path)
        theirs = [match.decode() for match in _RECIPIENT.findall(data)] if b"sops" in data else []
        if mine and theirs and not set(mine) & set(theirs):
            out.remarks.add(
                "recipients", f"encrypted to {shortened(theirs)}, but the decryption Secret holds {shortened(mine)}",
                where=path, hint="run `updatekeys` with the cluster's recipient in .sops.yaml",
            )  # fmt: skip


def shortened(recipients: list[str]) -> str:
    """The first recipients of a list, each by its first characters."""
    shown = [f"{recipient[:12]}…" for recipient in dict.fromkeys(recipients)]
    return ", ".join(shown[:3]) + (f" and {len(shown) - 3} more" if len(shown) > 3 else "")


def remark_plain(out: Build, graph: Graph, tree: Tree, policy: Policy) -> None:
    """Plaintext Secrets beside a creation rule that would encrypt them."""
    for path in graph.manifests():
        data = tree.read(path)
        if b"Secret" not in data or looks_encrypted(data, "yaml"):
            continue
        try:
            documents = load_documents(data, path)
            covered = policy.coverage(tree.place(path)) is not None
        except SopsError:
            continue  # `check` says what is wrong with the rules
        for document in documents:
            secret = isinstance(document, dict) and document.get("kind") == "Secret"
            if secret and covered and (document.get("data") or document.get("stringData")):
                out.remarks.add(
                    "plain-secret", "a Secret in plaintext, although a rule of .sops.yaml covers the file", where=path,
                    hint="encrypt it",
                )  # fmt: skip
