"""The file on disk that resources were read from: found through the kustomization, verified as a whole, compared.

Only local files are read, each once, bounded in number and size; nothing of them is ever shown.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from krm_fn import build_annotations
from krm_fn.problems import ResourceMacError
from krm_fn.root import read_regular
from kubectl_sops.core.cipher import is_sealed
from kubectl_sops.core.leaf import aad
from kubectl_sops.errors import SopsError, format_path
from kubectl_sops.files.decrypt import open_document, parse_encrypted
from kubectl_sops.formats import format_of
from kubectl_sops.formats.yaml_load import load_all

if TYPE_CHECKING:
    from krm_fn.decrypter import Decrypter
    from krm_fn.sealed_group import Group, Member
    from kubectl_sops.core.metadata import Metadata

    Ciphertexts = list[tuple[str, str]]

MAX_FILES = 5000
MAX_TOTAL_SIZE = 64 << 20
"""Bytes of all files that are looked at."""

_NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_LISTS = ("resources", "bases", "components")
_GENERATORS = ("secretGenerator", "configMapGenerator")
_DIFFERS_HINT = "an old value was put back, or a patch changed an encrypted value"


class Sources:
    """The encrypted files of a kustomization and of everything that it includes.

    Args:
        root: the folder of the kustomization.
        decrypter: verifies a file.
    """

    def __init__(self, root: str, decrypter: Decrypter) -> None:
        self._root = os.path.realpath(root)
        self._decrypter = decrypter
        self._files: dict[str, bytes] | None = None
        self._budget = MAX_TOTAL_SIZE
        self._seen: set[str] = set()
        self._remote = False

    def compare(self, group: Group, *, allow_patched: bool) -> str | None:
        """Whether the source file proves the group; ``None`` when it does, otherwise why there is no such file.

        Raises:
            ResourceMacError: the file is bad, or other values than it has were received.
        """
        # the annotation is relative to the outermost kustomization, which may be this one
        origins = [build_annotations.text(member.resource, build_annotations.ORIGIN) for member in group.members]
        found = self._find(group.metadata, origins, group.members[0].resource)
        if found is None:
            return self._missing()
        name, documents = found
        for member in group.members:
            self._compare(member, documents, name, allow_patched=allow_patched)
        return None

    def compare_flat(self, metadata: Metadata, sealed: Ciphertexts, resource: dict[str, object]) -> str | None:
        """The same for the variables of a dotenv file."""
        found = self._find(metadata, [], resource)
        if found is None:
            return self._missing()
        name, documents = found
        if [sealed] != documents:
            raise ResourceMacError(f"MAC mismatch: encrypted values differ from {name}", resource, hint=_DIFFERS_HINT)
        return None

    def _missing(self) -> str:
        where = "a remote base" if self._remote else "no file of the kustomization has its MAC"
        return f"the source file was not found ({where})"

    def _find(
        self, metadata: Metadata, origins: list[str], resource: dict[str, object]
    ) -> tuple[str, list[Ciphertexts]] | None:
        """The name of the source file and the ciphertexts of each of its documents, verified."""
        if self._files is None:
            self._files = {}
            self._walk(self._root)
        for origin in origins:
            self._read_origin(origin)
        # the ciphertext of a MAC has no blanks, so no YAML or JSON writer breaks it
        mac = metadata.mac.encode()
        for path, data in self._files.items():
            if mac not in data:
                continue
            name = os.path.relpath(path, self._root)
            try:
                document, theirs = parse_encrypted(data, format_of(name))
                # Only a file under this very MAC, thus under this data key: anybody can encrypt another one to the same
                # recipients that has the MAC and old ciphertexts as plain text in it.
                if (theirs.mac, theirs.lastmodified) != (metadata.mac, metadata.lastmodified):
                    continue
                opened, _ = open_document(document, theirs, self._decrypter.keys)
            except SopsError as error:
                raise ResourceMacError(f"{error.at(name)}", resource, hint=error.hint) from None
            found: dict[int, Ciphertexts] = {}
            for index in opened.changes:
                leaf = document.leaves[index]
                if not leaf.is_comment and is_sealed(leaf.value):
                    found.setdefault(leaf.document, []).append((aad(leaf.path), str(leaf.value)))
            return name, [sorted(ciphertexts) for ciphertexts in found.values()]
        return None

    def _compare(self, member: Member, documents: list[Ciphertexts], name: str, *, allow_patched: bool) -> None:
        mine = sorted((aad(path), value) for path, value in member.sealed.items())
        allowed = {aad(path) for path in member.replaced} if allow_patched else set()
        nearest: Ciphertexts = []
        for theirs in documents:
            expected = [entry for entry in theirs if entry[0] not in allowed]
            if mine == expected and (allow_patched or not member.replaced):
                return
            if not nearest or len(set(theirs) & set(mine)) > len(set(nearest) & set(mine)):
                nearest = theirs
        places = {place for place, _ in set(mine) ^ set(nearest)}
        paths = [path for path in (*member.sealed, *member.replaced) if aad(path) in places or path in member.replaced]
        gone = sorted(places - {aad(path) for path in paths})
        names = [format_path(path) for path in dict.fromkeys(paths)] + [place.rstrip(":") for place in gone]
        if member.replaced and not {aad(path) for path in member.sealed} & places:
            raise ResourceMacError(
                f"MAC mismatch: a patch replaced what {name} has encrypted: {', '.join(names[:5])}",
                member.resource,
                hint="set allowPatched: true in the configuration if that is meant",
            )
        raise ResourceMacError(
            f"MAC mismatch: encrypted values differ from {name}: {', '.join(names[:5])}",
            member.resource,
            hint=_DIFFERS_HINT,
        )

    def _read_origin(self, origin: str) -> None:
        for line in origin.splitlines():
            name, _, value = line.partition(": ")
            if name == "path":
                self._read(os.path.join(self._root, value))

    def _walk(self, folder: str) -> None:
        folder = os.path.realpath(folder)
        if folder in self._seen or len(self._seen) > MAX_FILES:
            return
        self._seen.add(folder)
        for entry in self._entries(folder):
            path = os.path.join(folder, entry)
            if os.path.isdir(path):
                self._walk(path)
            elif os.path.exists(path):
                self._read(path)
            else:
                self._remote = True

    def _entries(self, folder: str) -> list[str]:
        for name in _NAMES:
            try:
                data = read_regular(os.path.realpath(os.path.join(folder, name)), name)
                tree = load_all(data.decode("utf-8-sig"))[0]
            except (SopsError, UnicodeDecodeError, IndexError):
                continue  # missing, or kustomize will say what is wrong with it
            if isinstance(tree, dict):
                lists = [tree.get(field) for field in _LISTS]
                for field in _GENERATORS:
                    generators = tree.get(field)
                    for generator in generators if isinstance(generators, list) else ():
                        if isinstance(generator, dict):
                            lists += [generator.get("envs"), [generator.get("env")]]
                return [
                    entry
                    for entries in lists
                    if isinstance(entries, list)
                    for entry in entries
                    if isinstance(entry, str)
                ]
        return []

    def _read(self, path: str) -> None:
        assert self._files is not None
        real = os.path.realpath(path)
        if real in self._seen or len(self._seen) > MAX_FILES:
            return
        self._seen.add(real)
        try:
            data = read_regular(real, path, min(self._budget, 10 << 20))
        except SopsError:
            return  # the resource is then reported as having no source
        self._budget -= len(data)
        if b"ENC[AES256_GCM," in data:
            self._files[real] = data
