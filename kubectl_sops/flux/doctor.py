"""Looking at all Kustomizations of a repository: what would fail, and what Flux does differently than it looks."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

from kubectl_sops.errors import NoMatchingKeyError, SopsError
from kubectl_sops.flux.advice_sources import shortened
from kubectl_sops.flux.catalog import by_dependency
from kubectl_sops.flux.keys import recipients_of
from kubectl_sops.flux.remark import ERROR, WARNING, Remark
from kubectl_sops.formats import format_of
from kubectl_sops.keys.flux_secret import AGE_SUFFIX, PGP_SUFFIX
from kubectl_sops.keys.keyring import Keyring
from kubectl_sops.repo.find import Entry, looks_encrypted, read_metadata, read_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kubectl_sops.core.metadata import Metadata
    from kubectl_sops.flux.pipeline import Build
    from kubectl_sops.flux.session import Session
    from kubectl_sops.flux.spec import Kustomization

KUSTOMIZE_OF_FLUX = "5.8"
"""The kustomize of Flux 2.9: another one can print other hashes and know other fields."""


def examine(session: Session) -> Iterator[Remark]:
    """Every remark on the Kustomizations of a repository, failures included, then on the repository as a whole."""
    builds: list[Build] = []
    for out in _builds(session):
        builds.append(out)
        unopened = list(_unopened(session, out))
        places = {remark.where for remark in unopened}
        yield from (remark for remark in out.remarks if remark.code != "recipients" or remark.where not in places)
        if out.error is not None:
            yield failure(out)
        yield from _decryption(session, out.kustomization)
        yield from unopened
    yield from _undecrypted(session, builds)


def failure(out: Build) -> Remark:
    """The failure of a build as a remark."""
    kustomization, error = out.kustomization, out.error
    assert error is not None  # the caller has looked
    message = error.message.removeprefix(f"{kustomization}: ")
    place = str(error).removesuffix(error.message).removesuffix(": ")
    where = place or kustomization.file or str(kustomization)
    owner = f"{kustomization.namespace}/{kustomization.name}"
    return Remark("failed", message, where=where, hint=error.hint or "", owner=owner, level=ERROR)


def _builds(session: Session) -> Iterator[Build]:
    """Build everything, those that another one applies as that one applies them: it may patch them."""
    known = session.catalog.kustomizations
    roots = [k for k in known if not any(_applies(other, k) for other in known if other is not k)]
    seen: set[tuple[str, str]] = set()
    for start, recursive in ((roots or known, True), (known, False)):
        waiting = [k for k in by_dependency(start) if (k.namespace, k.name) not in seen]
        for out in session.build_all(waiting, recursive=recursive):
            seen.add((out.kustomization.namespace, out.kustomization.name))
            yield out


def _applies(one: Kustomization, other: Kustomization) -> bool:
    """Whether the file of ``other`` lies in the folder that ``one`` applies."""
    if one.path == other.path and one.file == other.file:
        return False
    return one.path != "." and other.file.startswith(one.path + "/") and not one.file.startswith(other.path + "/")


def _decryption(session: Session, kustomization: Kustomization) -> Iterator[Remark]:
    """Whether the decryption Secret is named and there."""
    if not kustomization.decrypts:
        return
    owner = f"{kustomization.namespace}/{kustomization.name}"
    name = kustomization.text("decryption", "secretRef", "name")
    if not name:
        yield Remark(
            "no-secret-ref", "spec.decryption has no secretRef: Flux uses what its own pod finds",
            where=kustomization.file, owner=owner, hint="name the Secret with the age key",
        )  # fmt: skip
    elif session.asks_cluster and session.decryption_secret(kustomization.namespace, name) is None:
        yield Remark(
            "no-secret", f"there is no Secret {name} in namespace {kustomization.namespace}",
            where=kustomization.file, owner=owner, hint="create it with `init`", level=ERROR,
        )  # fmt: skip


def _unopened(session: Session, out: Build) -> Iterator[Remark]:
    """Encrypted files of a build that the decryption Secret does not open, where the cluster was asked: Flux fails."""
    kustomization = out.kustomization
    name = kustomization.text("decryption", "secretRef", "name")
    entries = session.decryption_secret(kustomization.namespace, name) if session.asks_cluster else None
    if entries is None or not kustomization.decrypts:
        return
    keyring = Keyring(os.environ, cluster=lambda: entries, source="cluster")
    mine = recipients_of(entries)
    for path in out.files:
        try:
            metadata = read_metadata(Entry(os.path.join(session.root, path), named=False))
            if metadata is None or not _decides(entries, metadata) or _opens(keyring, metadata):
                continue
        except SopsError:
            continue  # its metadata can't be used: the build says so
        theirs = shortened([key.id for group in metadata.groups for key in group])
        holds = shortened(mine) if mine else "no key for it"
        yield Remark(
            "recipients", f"encrypted to {theirs}, but the decryption Secret {name} holds {holds}: Flux fails",
            where=path, owner=f"{kustomization.namespace}/{kustomization.name}", level=ERROR,
            hint="run `updatekeys` with the cluster's recipient in .sops.yaml",
        )  # fmt: skip


def _opens(keyring: Keyring, metadata: Metadata) -> bool:
    try:
        keyring.data_key(metadata)
    except NoMatchingKeyError:
        return False
    return True


def _decides(entries: Mapping[str, bytes], metadata: Metadata) -> bool:
    """Whether the Secret alone says if Flux opens a file: not where its pod may reach a service, or needs a program."""
    kinds = {key.kind for group in metadata.groups for key in group}
    has_pgp = any(entry.endswith(PGP_SUFFIX) for entry in entries)
    has_plugin = any(entry.endswith(AGE_SUFFIX) and b"AGE-PLUGIN-" in data for entry, data in entries.items())
    return not has_plugin and (kinds == {"age"} or (kinds == {"age", "pgp"} and not has_pgp))


def _undecrypted(session: Session, builds: list[Build]) -> Iterator[Remark]:
    """Encrypted files that no Kustomization, or none with decryption, reads."""
    read: dict[str, list[Kustomization]] = {}
    for out in builds:
        for path in out.files:
            read.setdefault(path, []).append(out.kustomization)
    for path in session.catalog.artifact.files:
        try:
            data = read_text(os.path.join(session.root, path))
        except OSError:
            continue
        if data is None or not looks_encrypted(data, format_of(path)):
            continue
        readers = read.get(path, [])
        if not readers:
            yield Remark(
                "unused", "no Kustomization reads this encrypted file", where=path,
                hint="list it in a kustomization.yaml, or delete it",
            )  # fmt: skip
        elif not any(reader.decrypts for reader in readers):
            names = ", ".join(map(str, readers))
            yield Remark(
                "not-decrypted", f"encrypted, and read only without decryption, by {names}", where=path,
                hint="add spec.decryption with provider sops", level=ERROR,
            )  # fmt: skip


def tools(environ: Mapping[str, str]) -> Iterator[Remark]:
    """What is missing or different on this machine."""
    path = environ.get("PATH")
    program = shutil.which("kustomize", path=path)
    if program is None and shutil.which("kubectl", path=path) is None:
        yield Remark(
            "no-kustomize", "neither kustomize nor kubectl is installed", hint="install kustomize", level=ERROR
        )
        return
    if program is not None:
        result = subprocess.run([program, "version"], capture_output=True, text=True, timeout=30, check=False)
        version = result.stdout.strip().lstrip("v")
        if version and not version.startswith(KUSTOMIZE_OF_FLUX + ".") and version[:1].isdigit():
            yield Remark(
                "kustomize-version", f"kustomize {version} is installed, Flux 2.9 has {KUSTOMIZE_OF_FLUX}",
                where=program, hint=f"install kustomize {KUSTOMIZE_OF_FLUX}", level=WARNING,
            )  # fmt: skip
    if shutil.which("git", path=path) is None:
        yield Remark("no-git", "git is not installed: ignored files count as part of the source", hint="install git")
