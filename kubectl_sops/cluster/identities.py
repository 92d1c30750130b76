"""Age identities as text: what a key file and an entry of the Secret hold."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kubectl_sops.cluster.failure import UnusableSecretError
from kubectl_sops.errors import KeyParseError
from kubectl_sops.keys import age

if TYPE_CHECKING:
    from collections.abc import Iterable

X25519_PREFIX = "AGE-SECRET-KEY-1"
IDENTITY_PREFIXES = (X25519_PREFIX, "AGE-SECRET-KEY-PQ-1", "AGE-PLUGIN-")
"""What a line may start with; anything else, an ssh key included, stops Flux's whole reconciliation."""


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


def key_file(identity: str, recipient: str, created: str) -> str:
    """The text that ``age-keygen`` writes for a key; ``created`` is RFC 3339."""
    return f"# created: {created}\n# public key: {recipient}\n{identity}\n"


def read_key_file(data: bytes, now: str) -> list[Identity]:
    """The identities that a user brings: a key file, or just the line of one.

    Blanks around lines go, as an entry must not have them; an identity without a date gets ``now``.

    Raises:
        KeyParseError: there is none, a line is something else, or a public key is not known.
    """
    text = "".join(line.strip() + "\n" for line in data.decode("utf-8", "replace").splitlines())
    try:
        found = parse_entry("", text.encode(), "", "")
    except UnusableSecretError:
        found = []
    if not found:
        raise KeyParseError(
            "that is no age identity, or something else beside it",
            hint="Flux takes lines that start with AGE-SECRET-KEY-1 and # comments, nothing else",
        )
    if not all(identity.recipient for identity in found):
        raise KeyParseError(
            "the public key of an identity is not known", hint="put a line `# public key: age1…` before it"
        )
    return [Identity("", i.text, i.recipient, i.created or now) for i in found]


def dump(identities: Iterable[Identity]) -> str:
    """A key file with these identities."""
    return "".join(key_file(i.text, i.recipient, i.created) for i in identities)


def parse_entry(entry: str, value: bytes, namespace: str, name: str) -> list[Identity]:
    """The identities of one entry of the Secret ``namespace``/``name``.

    Raises:
        UnusableSecretError: it has a line that is no identity, which stops Flux.
    """
    try:
        lines = value.decode().splitlines()
    except UnicodeDecodeError:
        raise _unreadable(entry, namespace, name, "is not text") from None
    found: list[Identity] = []
    created = public = ""
    for line in lines:
        if line.startswith("#"):
            comment = line[1:].strip()
            created = comment.removeprefix("created:").strip() if comment.startswith("created:") else created
            public = comment.removeprefix("public key:").strip() if comment.startswith("public key:") else public
        elif line:
            if not line.startswith(IDENTITY_PREFIXES) or line != line.rstrip():
                raise _unreadable(entry, namespace, name, "has a line that is not an age identity")
            recipient = public  # what a plugin or a post-quantum identity belongs to only its comment says
            if line.startswith(X25519_PREFIX):
                try:
                    recipient = age.recipient_of(line)
                except KeyParseError:
                    raise _unreadable(entry, namespace, name, "has an identity that can't be read") from None
            found.append(Identity(entry, line, recipient, created))
            created = public = ""
    return found


def _unreadable(entry: str, namespace: str, name: str, why: str) -> UnusableSecretError:
    return UnusableSecretError(
        f"entry {entry} of secret/{name} in namespace {namespace} {why}",
        hint="Flux refuses such a Secret: keep age identities and # comments only, one a line",
    )
