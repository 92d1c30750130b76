"""The Secret with the cluster's age key, as Flux reads it: every data key that ends in ``.agekey``.

Private keys are read from and written to the API server only; they are in memory and nowhere else.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kubectl_sops.cluster.client import NAMESPACES, SECRETS
from kubectl_sops.cluster.failure import ObjectNotFoundError, UnusableSecretError
from kubectl_sops.cluster.identities import parse_entry
from kubectl_sops.keys import flux_secret
from kubectl_sops.keys.flux_secret import AGE_SUFFIX

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kubectl_sops.cluster.client import Client
    from kubectl_sops.cluster.identities import Identity

ENTRY = "age.agekey"
MANAGED_BY = "app.kubernetes.io/managed-by"
MANAGER = "kubectl-sops"
CREATED_BY = "kubectl-sops.dev/created-by"


@dataclass(frozen=True, slots=True)
class AgeSecret:
    """The Secret as it is in the cluster.

    Attributes:
        data: its entries, decoded.
        resource_version: what a change must be based on.
        ours: whether this program created it.
    """

    namespace: str
    name: str
    data: Mapping[str, bytes] = field(repr=False)
    resource_version: str
    ours: bool
    created: str

    @property
    def key_entries(self) -> dict[str, bytes]:
        """The entries that Flux reads age identities from."""
        return {name: value for name, value in self.data.items() if name.endswith(AGE_SUFFIX)}

    @property
    def ignored(self) -> list[str]:
        """Names of the entries that Flux silently ignores, ``age.key`` for instance."""
        return flux_secret.ignored(self.data)

    def identities(self) -> list[Identity]:
        """Every age identity that Flux would use.

        Raises:
            UnusableSecretError: an entry has a line that is no identity, which stops Flux.
        """
        return [
            identity
            for name, value in self.key_entries.items()
            for identity in parse_entry(name, value, self.namespace, self.name)
        ]

    def require_usable(self) -> list[Identity]:
        """The identities; there is at least one.

        Raises:
            UnusableSecretError: there is none, or Flux could not read them.
        """
        found = self.identities()
        if found:
            return found
        ignored = ", ".join(self.ignored)
        raise UnusableSecretError(
            f"secret/{self.name} in namespace {self.namespace} holds no age key that Flux can use"
            + (f"; it ignores the {'entry' if len(self.ignored) == 1 else 'entries'} {ignored}" if ignored else ""),
            hint=f"put the identity under a name that ends in {AGE_SUFFIX}, or delete the Secret and run init again",
        )


def read(client: Client, namespace: str, name: str) -> AgeSecret:
    """Read the Secret.

    Raises:
        ObjectNotFoundError: it is not there.
    """
    found = client.get(SECRETS, name, namespace)
    metadata: Mapping[str, Any] = found.get("metadata") or {}
    data: dict[str, bytes] = {}
    for key, value in (found.get("data") or {}).items():
        try:
            data[key] = base64.b64decode(value, validate=True)
        except (binascii.Error, TypeError, ValueError):
            raise UnusableSecretError(f"entry {key} of secret/{name} in namespace {namespace} is not base64") from None
    return AgeSecret(
        namespace=namespace,
        name=name,
        data=data,
        resource_version=str(metadata.get("resourceVersion") or ""),
        ours=(metadata.get("labels") or {}).get(MANAGED_BY) == MANAGER,
        created=str(metadata.get("creationTimestamp") or ""),
    )


def find(client: Client, namespace: str, name: str) -> AgeSecret | None:
    """The Secret, or ``None`` where it is not there."""
    try:
        return read(client, namespace, name)
    except ObjectNotFoundError:
        return None


def entries(client: Client, namespace: str, name: str) -> Mapping[str, bytes]:
    """The entries of the Secret, for the keyring.

    Raises:
        ClusterError: the Secret can't be read, or Flux would ignore all of it.
    """
    secret = read(client, namespace, name)
    if len(secret.ignored) == len(secret.data):
        secret.require_usable()
    return secret.data


def manifest(namespace: str, name: str, content: str | bytes, version: str, *, entry: str = ENTRY) -> dict[str, Any]:
    """The Secret as it is created, with one entry; ``version`` is ours, for the annotation."""
    data = content.encode() if isinstance(content, str) else content
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {MANAGED_BY: MANAGER},
            "annotations": {CREATED_BY: f"{MANAGER}/{version}"},
        },
        "type": "Opaque",
        "data": {entry: base64.b64encode(data).decode()},
    }


def create(
    client: Client, namespace: str, name: str, content: str | bytes, version: str, *, entry: str = ENTRY
) -> None:
    """Create the Secret with ``content`` as its only entry.

    Raises:
        AlreadyExistsError: somebody was faster.
        NamespaceNotFoundError: the namespace is not there.
    """
    client.create(SECRETS, manifest(namespace, name, content, version, entry=entry), namespace)


def create_namespace(client: Client, namespace: str) -> None:
    """Create the namespace."""
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
    client.create(NAMESPACES, body)


def change(client: Client, secret: AgeSecret, changes: Mapping[str, bytes | None]) -> None:
    """Set and remove (``None``) entries, provided that the Secret is still what was read.

    Raises:
        ChangedMeanwhileError: it is not.
    """
    data = {k: None if v is None else base64.b64encode(v).decode() for k, v in changes.items()}
    body: dict[str, Any] = {"data": data}
    if secret.resource_version:
        body["metadata"] = {"resourceVersion": secret.resource_version}
    client.patch(SECRETS, secret.name, body, secret.namespace)
