"""Verifying the MAC after kustomize sorted keys, renamed resources and dropped comments.

The MAC covers all values of a file in the order of the file. That order is gone, so it is proved in one of these ways,
first that works: as received; by the source file, verified on disk, whose ciphertexts are exactly those received; by a
bounded search for an order that gives the MAC. Otherwise the answer is an error that says what was tried and why it
failed.

None of them accepts anything that the MAC would not: it does not bind the names of plain keys, so an accepted order of
plain values could be had by renaming keys; encrypted values are bound to their place by their own authentication, and
none is ever left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from krm_fn import mac_search
from krm_fn.problems import NotVerifiedError, ResourceMacError
from kubectl_sops.core.mac import ONLY_ENCRYPTED_SEED
from kubectl_sops.errors import ValueAuthError, format_path

if TYPE_CHECKING:
    from krm_fn.mac_source import Sources
    from krm_fn.sealed_group import Group


def verify(group: Group, sources: Sources, *, allow_patched: bool) -> None:
    """Prove that an opened group is what was encrypted.

    Raises:
        ResourceMacError: it is not.
        NotVerifiedError: it can't be told; the message says why.
    """
    resource = group.members[0].resource
    wanted = _stored(group)
    if mac_search.matches(wanted, _seed(group), [b"".join(m.hashed.values()) for m in group.members]):
        return
    verdict = sources.compare(group, allow_patched=allow_patched)
    if verdict is None:
        return
    if not any(member.replaced for member in group.members):
        found = mac_search.find(group, wanted, _seed(group))
        if found is None:
            return
        verdict = f"{verdict}; {found}"
    else:
        names = ", ".join(format_path(path) for member in group.members for path in member.replaced[:3])
        verdict = f"{verdict}; {names} is not encrypted any more: a patch replaced it"
    raise NotVerifiedError(
        f"the MAC can't be verified: kustomize changed the order of keys; {verdict}",
        resource,
        hint="encrypt with mac_only_encrypted, use a SopsGenerator, or set requireMac: off in the configuration",
    )


def _stored(group: Group) -> bytes:
    resource = group.members[0].resource
    metadata = group.metadata
    if not metadata.mac:
        raise ResourceMacError("the file has no MAC, so its values can't be trusted", resource, ("sops",))
    assert group.cipher is not None
    try:
        stored = group.cipher.open(metadata.mac, metadata.lastmodified)
    except ValueAuthError:
        raise ResourceMacError(
            "the MAC can't be decrypted: mac or lastmodified was changed", resource, ("sops", "mac")
        ) from None
    try:
        return bytes.fromhex(str(stored))
    except ValueError:
        raise ResourceMacError("the decrypted MAC is not one", resource, ("sops", "mac")) from None


def _seed(group: Group) -> bytes:
    return ONLY_ENCRYPTED_SEED if group.metadata.mac_only_encrypted else b""
