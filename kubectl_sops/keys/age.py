"""age: X25519, ssh and plugin recipients, through pyrage; post-quantum ones through the ``age`` program.

Each recipient gets an armored age file of its own, as in sops (``age/keysource.go``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyrage
from pyrage import ssh, x25519

from kubectl_sops.core.metadata import KeyEntry
from kubectl_sops.errors import KeyParseError, WrapError
from kubectl_sops.keys import UnwrapError

if TYPE_CHECKING:
    from kubectl_sops.keys.context import Context

SSH_PREFIXES = ("ssh-ed25519 ", "ssh-rsa ")
POST_QUANTUM = "age1pq1"
_HINT = "recipients start with age1, ssh-ed25519 or ssh-rsa"


def generate() -> tuple[str, str]:
    """A new X25519 key pair: the identity's text, which is secret, and its recipient."""
    identity = x25519.Identity.generate()
    return str(identity), str(identity.to_public())


def recipient_of(identity: str) -> str:
    """The recipient of an X25519 identity.

    Raises:
        KeyParseError: not an X25519 identity.
    """
    try:
        return str(x25519.Identity.from_str(identity.strip()).to_public())
    except pyrage.IdentityError:
        raise KeyParseError("not an age identity: it does not read as AGE-SECRET-KEY-1…") from None


def parse_recipients(text: str) -> list[KeyEntry]:
    """Recipients separated by commas."""
    return [KeyEntry("age", {"enc": "", "recipient": _checked(part.strip())}) for part in text.split(",")]


def _checked(recipient: str) -> str:
    if recipient.upper().startswith(("AGE-SECRET-KEY-", "AGE-PLUGIN-")):
        raise KeyParseError("a private key was given where a recipient belongs", hint="give its public key, age1…")
    if is_post_quantum(recipient) or is_plugin(recipient):
        return recipient
    _native(recipient)
    return recipient


def is_post_quantum(recipient: str) -> bool:
    """Whether only age 1.3 and newer know this kind of recipient."""
    return recipient.startswith(POST_QUANTUM)


def is_plugin(recipient: str) -> bool:
    """Whether a plugin handles the recipient: its Bech32 prefix holds a second ``1``."""
    return recipient.startswith("age1") and recipient.count("1") > 1 and not is_post_quantum(recipient)


def _native(recipient: str) -> object:
    try:
        if recipient.startswith(SSH_PREFIXES):
            # the comment after the key material is kept in the metadata but is no part of the key
            return ssh.Recipient.from_str(" ".join(recipient.split()[:2]))
        if recipient.startswith("age1"):
            return x25519.Recipient.from_str(recipient)
    except pyrage.RecipientError:
        raise KeyParseError(f"malformed age recipient {recipient[:16]}…", hint=_HINT) from None
    raise KeyParseError("unknown recipient type" if recipient else "an empty age recipient", hint=_HINT)


def wrap(entry: KeyEntry, part: bytes, context: Context) -> KeyEntry:
    """The key with ``part`` sealed to its recipient."""
    recipient = entry.id
    if is_post_quantum(recipient):
        from kubectl_sops.keys import age_program

        return entry.with_enc(age_program.encrypt(recipient, part, context.environ))
    try:
        target = _plugin_recipient(recipient) if is_plugin(recipient) else _native(recipient)
        armored = pyrage.encrypt(part, [target], armored=True)
    except (pyrage.EncryptError, pyrage.RecipientError, OSError) as error:
        raise WrapError(f"failed to encrypt new data key with master key {recipient!r}: {_line(error)}") from None
    return entry.with_enc(armored.decode())


def _plugin_recipient(recipient: str) -> object:
    from pyrage import plugin

    parsed = plugin.Recipient.from_str(recipient)
    return plugin.RecipientPluginV1(parsed.plugin(), [parsed], [])


def unwrap(entry: KeyEntry, context: Context) -> bytes:
    """The part that is sealed to the key's recipient."""
    identities = context.age
    loaded = identities.loaded
    if is_post_quantum(entry.id):
        from kubectl_sops.keys import age_program

        return age_program.decrypt(entry.enc, identities.texts, context.environ)
    if not loaded:
        raise UnwrapError("no age identity was found" + identities.explanation())
    try:
        part: bytes = pyrage.decrypt(entry.enc.encode(errors="replace"), loaded)
    except pyrage.DecryptError as error:
        reason = "no identity matches this recipient" if "No matching" in str(error) else _line(error)
        raise UnwrapError(reason + identities.explanation()) from None
    return part


def _line(error: Exception) -> str:
    # pyrage's messages name what went wrong with keys and headers, never key material
    return " ".join(str(error).split())[:200] or type(error).__name__
