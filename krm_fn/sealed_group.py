"""Resources that were one file, with one MAC: kustomize hands the documents of a file over as separate resources."""

from __future__ import annotations

from typing import TYPE_CHECKING

from krm_fn import build_annotations
from krm_fn.object_leaves import leaves_of
from krm_fn.problems import ResourceError
from kubectl_sops.core.cipher import Cipher, is_sealed
from kubectl_sops.core.leaf import aad
from kubectl_sops.core.metadata import Metadata
from kubectl_sops.core.values import EMPTY_LIST, EMPTY_MAP, Comment, encode
from kubectl_sops.errors import SopsError

if TYPE_CHECKING:
    from krm_fn.object_leaves import ObjectLeaf
    from kubectl_sops.core.leaf import Path

    Resource = dict[str, object]


class Member:
    """One resource of a group.

    Attributes:
        leaves: its leaves without the ``sops`` entry and without what the build added.
        sealed: place → ciphertext, of everything that is encrypted.
        values: place → decrypted value, after ``Group.open``.
        hashed: place → the bytes that the MAC hashes there, in the order received.
        replaced: places that a rule of the file says are encrypted, and that are plain now.
    """

    def __init__(self, resource: Resource, index: int, detach: tuple[str, ...]) -> None:
        self.resource = resource
        self.leaves = [leaf for leaf in leaves_of(resource, index) if not _is_foreign(leaf, detach)]
        self.sealed: dict[Path, str] = {}
        self.values: dict[Path, object] = {}
        self.hashed: dict[Path, bytes] = {}
        self.replaced: list[Path] = []


class Group:
    """All resources with one ``sops`` entry.

    Attributes:
        metadata: that entry.
        members: the resources, in stream order.
    """

    def __init__(self, metadata: Metadata) -> None:
        self.metadata = metadata
        self.members: list[Member] = []
        self.cipher: Cipher | None = None

    def add(self, resource: Resource, detach: tuple[str, ...]) -> None:
        self.members.append(Member(resource, len(self.members), detach))

    def open(self, data_key: bytes) -> list[SopsError]:
        """Decrypt every encrypted leaf; what does not open."""
        self.cipher = Cipher(data_key)
        problems: list[SopsError] = []
        for member in self.members:
            problems += self._open(member, self.cipher)
        return problems

    def _open(self, member: Member, cipher: Cipher) -> list[SopsError]:
        selector = self.metadata.selector
        only_encrypted = self.metadata.mac_only_encrypted
        problems: list[SopsError] = []
        for leaf in member.leaves:
            value = leaf.value
            if value is None or value is EMPTY_MAP or value is EMPTY_LIST:
                continue
            sealed = is_sealed(value)
            # comments are gone, so where they selected, the ciphertext itself shows what was selected
            selected = sealed if selector.uses_comments else selector.select_path(leaf.path)
            if selected and sealed:
                member.sealed[leaf.path] = str(value)
                try:
                    plain = cipher.open(str(value), aad(leaf.path))
                except SopsError as error:
                    problems.append(ResourceError(error.message, member.resource, leaf.path, hint=error.hint))
                    continue
                member.values[leaf.path] = plain
                if plain.__class__ is not Comment:
                    member.hashed[leaf.path] = encode(plain)
                continue
            if selected and value != "" and leaf.path[0] != "metadata":
                # in metadata kustomize's own transformers add plain labels and namespaces
                member.replaced.append(leaf.path)
            if selected or not only_encrypted:
                member.hashed[leaf.path] = encode(value)
        return problems

    def apply(self) -> None:
        """Put the decrypted values into the resources, and take the ``sops`` entry out."""
        for member in self.members:
            comments = []
            for leaf in member.leaves:
                if leaf.path not in member.values:
                    continue
                value = member.values[leaf.path]
                if value.__class__ is Comment:
                    comments.append(leaf)
                else:
                    leaf.set(value)
            for leaf in reversed(comments):  # an encrypted comment of a list is an item of that list
                del leaf.holder[leaf.key]  # type: ignore[arg-type]  # a list with its index
            member.resource.pop("sops", None)


def groups_of(resources: list[Resource], detach: tuple[str, ...]) -> tuple[list[Group], list[SopsError]]:
    """Encrypted resources by the file that they come from, and those whose ``sops`` entry can't be used."""
    found: dict[tuple[str, str], Group] = {}
    problems: list[SopsError] = []
    for resource in resources:
        tree = resource.get("sops")
        try:
            metadata = Metadata(tree if isinstance(tree, dict) else {})
            metadata.require_readable()
            # without a MAC nothing says which resources were one file; each has the whole entry anyway
            key = (metadata.mac or str(len(found)), metadata.lastmodified)
            _ = metadata.selector
        except SopsError as error:
            problems.append(ResourceError(error.message, resource, ("sops",), hint=error.hint))
            continue
        found.setdefault(key, Group(metadata)).add(resource, detach)
    return list(found.values()), problems


def _is_foreign(leaf: ObjectLeaf, detach: tuple[str, ...]) -> bool:
    path = leaf.path
    if path[0] == "sops":
        return True
    if len(path) == 3 and path[0] == "metadata" and path[1] == "annotations":
        return build_annotations.is_build(path[2]) or build_annotations.matches(path[2], detach)
    return False
