"""``SopsTransformer`` and ``SopsValidator``: decrypting the resources of a kustomization, and checking them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from krm_fn import checks, embedded, mac_ladder, selectors
from krm_fn.mac_source import Sources
from krm_fn.object_leaves import leaves_of
from krm_fn.problems import NotVerifiedError, ResourceError, all_of, raise_all
from krm_fn.sealed_group import groups_of
from kubectl_sops.core.cipher import is_sealed
from kubectl_sops.errors import SopsError

if TYPE_CHECKING:
    from typing import Any

    from krm_fn.decrypter import Decrypter
    from krm_fn.sealed_group import Group

    Config = dict[str, Any]
    Resource = dict[str, object]


class Outcome:
    """What a run did.

    Attributes:
        warnings: what could not be verified, where the configuration says to go on.
        changed: resources that were decrypted, by identity.
        groups: the encrypted resources, opened.
    """

    def __init__(self) -> None:
        self.warnings: list[SopsError] = []
        self.changed: set[int] = set()
        self.groups: list[Group] = []


def transform(items: list[Resource], config: Config, decrypter: Decrypter) -> Outcome:
    """Decrypt the selected resources in place.

    Raises:
        Problems: everything that went wrong, resource by resource; nothing may be handed over then.
    """
    selected = selectors.compile_all(config.get("selectors") or [])
    detach = tuple(config.get("detachAnnotations") or ())
    policy = config.get("requireMac", "error")
    sources = Sources(decrypter.root.path, decrypter)
    outcome = Outcome()
    problems: list[SopsError] = []
    encrypted: list[Resource] = []
    embedding: list[Resource] = []
    for item in items:
        if not selected(item):
            continue
        if isinstance(item.get("sops"), dict):
            encrypted.append(item)
        elif embedded.has_payload(item):
            embedding.append(item)
        else:
            problems += _orphans(item)
    outcome.groups, unusable = groups_of(encrypted, detach)
    problems += unusable
    for group in outcome.groups:
        try:
            _open(group, decrypter, sources, policy, allow_patched=bool(config.get("allowPatched")))
        except NotVerifiedError as error:
            (outcome.warnings if policy == "warn" else problems).append(error)
        except SopsError as error:
            problems += all_of(error)
    for item in embedding:
        problems += _open_embedded(item, decrypter, sources, policy, outcome)
    raise_all(problems)
    for group in outcome.groups:
        group.apply()
    changed = [member.resource for group in outcome.groups for member in group.members] + embedding
    for item in changed:
        outcome.changed.add(id(item))
        try:
            checks.prepare(item)
        except SopsError as error:
            problems.append(error)
    raise_all(problems)
    return outcome


def _open(group: Group, decrypter: Decrypter, sources: Sources, policy: str, *, allow_patched: bool) -> None:
    try:
        data_key = decrypter.data_key(group.metadata)
    except SopsError as error:
        raise _about(error, group.members[0].resource) from None
    raise_all(group.open(data_key))
    if policy != "off":
        mac_ladder.verify(group, sources, allow_patched=allow_patched)


def _about(error: SopsError, resource: Resource) -> SopsError:
    wrapped = ResourceError(str(error), resource, hint=error.hint)
    wrapped.tried = tuple(getattr(error, "tried", ()))
    return wrapped


def _open_embedded(
    item: Resource, decrypter: Decrypter, sources: Sources, policy: str, outcome: Outcome
) -> list[SopsError]:
    if not embedded.is_taken_apart(item):
        return embedded.open_payloads(item, decrypter)
    try:
        try:
            embedded.open_taken_apart(item, decrypter, None if policy == "off" else sources)
        except NotVerifiedError as error:
            if policy != "warn":
                raise
            outcome.warnings.append(error)
            embedded.open_taken_apart(item, decrypter, None)
    except SopsError as error:
        return [error]
    return []


def _orphans(item: Resource) -> list[SopsError]:
    """A ciphertext without a ``sops`` entry: kustomize takes lists apart and loses the entry of the whole."""
    for leaf in leaves_of(item):
        if is_sealed(leaf.value):
            return [
                ResourceError(
                    "encrypted, but without a sops entry: kustomize takes a List apart and drops its entry",
                    item,
                    leaf.path,
                    hint="put the resources of the List into documents of their own, divided by ---, and encrypt that",
                )
            ]
    return []
