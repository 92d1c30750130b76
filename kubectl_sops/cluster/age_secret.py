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

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kubectl_sops.cluster.client import Client

ENTRY = "age.agekey"
SUFFIX = ".agekey"
"""Flux takes identities from data keys with this extension and silently ignores other names."""

IDENTITY_PREFIXES = ("AGE-SECRET-KEY-1", "AGE-SECRET-KEY-PQ-1", "AGE-PLUGIN-")
"""What a line may start with; anything else, an ssh key included, stops Flux's whole reconciliation."""

OTHER_KEYS = (".asc", "sops.vault-token", "sops.aws-kms", "sops.azure-kv", "sops.gcp-kms")
"""Names of entries that Flux uses for other key systems."""

MANAGED_BY = "app.kubernetes.io/managed-by"
MANAGER = "kubectl-sops"
CREATED_BY = "kubectl-sops.dev/created-by"


@dataclass(frozen=True, slots=True)
class Identity:
    """One private key of the Secret.

    Attributes:
        entry: the data key that it is under.
        text: the identity itself.
        recipient: its public key; empty for plugins, whose comment may name it.
        created: from the comment that age-keygen writes; empty where there is none.
    """

    entry: str
    text: str = field(repr=False)
    recipient: str
    created: str


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
        return {name: value for name, value in self.data.items() if name.endswith(SUFFIX)}

    @property
    def ignored(self) -> list[str]:
        """Names of the entries that Flux silently ignores, ``age.key`` for instance."""
        return [name for name in self.data if not name.endswith((SUFFIX, *OTHER_KEYS))]

    def identities(self) -> list[Identity]:
        """Every age identity that Flux would use.

        Raises:
            UnusableSecretError: an entry has a line that is no identity, which stops Flux.
        """
        return [identity for name, value in self.key_entries.items() for identity in parse_entry(name, value, self)]

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
            hint=f"put the identity under a name that ends in {SUFFIX}, or delete the Secret and run init again",
        )


def parse_entry(name: str, value: bytes, secret: AgeSecret) -> list[Identity]:
    """The identities of one entry."""
    try:
        lines = value.decode().splitlines()
    except UnicodeDecodeError:
        raise _unreadable(name, secret, "is not text") from None
    found: list[Identity] = []
    created = public = ""
    for line in lines:
        if line.startswith("#"):
            comment = line[1:].strip()
            created = comment.removeprefix("created:").strip() if comment.startswith("created:") else created
            public = comment.removeprefix("public key:").strip() if comment.startswith("public key:") else public
        elif line:
            if not line.startswith(IDENTITY_PREFIXES):
                raise _unreadable(name, secret, "has a line that is not an age identity")
            recipient = recipient_of(line) or public
            if recipient is None:
                raise _unreadable(name, secret, "has an identity that can't be read")
            found.append(Identity(name, line, recipient, created))
            created = public = ""
    return found


def _unreadable(name: str, secret: AgeSecret, why: str) -> UnusableSecretError:
    return UnusableSecretError(
        f"entry {name} of secret/{secret.name} in namespace {secret.namespace} {why}",
        hint="Flux refuses such a Secret: keep age identities and # comments only, one a line",
    )


def recipient_of(identity: str) -> str | None:
    """The public key of an X25519 identity; empty for kinds that only a plugin can tell, ``None`` for a broken one."""
    if not identity.startswith("AGE-SECRET-KEY-1"):
        return ""
    from pyrage import IdentityError, x25519

    try:
        return str(x25519.Identity.from_str(identity.strip()).to_public())
    except IdentityError:
        return None


def generate() -> tuple[str, str]:
    """A new key pair, in memory: the identity and its recipient."""
    from pyrage import x25519

    identity = x25519.Identity.generate()
    return str(identity), str(identity.to_public())


def key_file(identity: str, recipient: str, created: str) -> str:
    """The text that ``age-keygen`` writes for a key; ``created`` is RFC 3339."""
    return f"# created: {created}\n# public key: {recipient}\n{identity}\n"


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


def entries(client: Client, namespace: str, name: str) -> dict[str, bytes]:
    """The entries that hold age identities, for the keyring.

    Raises:
        ClusterError: the Secret can't be read, or holds none.
    """
    secret = read(client, namespace, name)
    if not secret.key_entries:
        secret.require_usable()
    return secret.key_entries


def manifest(namespace: str, name: str, text: str, version: str) -> dict[str, Any]:
    """The Secret as it is created; ``version`` is ours, for the annotation."""
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
        "data": {ENTRY: base64.b64encode(text.encode()).decode()},
    }


def create(client: Client, namespace: str, name: str, text: str, version: str) -> None:
    """Create the Secret with ``text`` as its key entry.

    Raises:
        AlreadyExistsError: somebody was faster.
        NamespaceNotFoundError: the namespace is not there.
    """
    client.create(SECRETS, manifest(namespace, name, text, version), namespace)


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
