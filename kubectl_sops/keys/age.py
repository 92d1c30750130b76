"""age: X25519 and ssh recipients through pyrage; plugins through it too; post-quantum ones through the ``age`` program.

Each recipient gets an armored age file of its own, as in sops (``age/keysource.go``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyrage
from pyrage import ssh, x25519

from kubectl_sops.core.metadata import KeyEntry
from kubectl_sops.errors import KeyParseError, WrapError
from kubectl_sops.keys import UnwrapError, failed_to_wrap, ssh_key
from kubectl_sops.keys.age_identities import handles

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kubectl_sops.keys.age_identities import Identity
    from kubectl_sops.keys.context import Context

POST_QUANTUM = "age1pq1"
_HINT = "recipients start with age1, ssh-ed25519 or ssh-rsa"
_NO_MATCH = "identity did not match any of the recipients: incorrect identity for recipient block"


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
    if is_post_quantum(recipient):
        return recipient
    if is_plugin(recipient):
        from kubectl_sops.keys import age_plugin

        age_plugin.check_recipient(recipient)
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
        if recipient.startswith(ssh_key.PREFIXES):
            # the comment after the key material is kept in the metadata but is no part of the key
            return ssh.Recipient.from_str(ssh_key.normalise(recipient))
        if recipient.startswith("age1"):
            return x25519.Recipient.from_str(recipient)
    except pyrage.RecipientError:
        raise KeyParseError(f"malformed age recipient {recipient[:16]}…", hint=_HINT) from None
    raise KeyParseError("unknown recipient type" if recipient else "an empty age recipient", hint=_HINT)


def service(_entry: KeyEntry) -> str:
    """No service is asked."""
    return ""


def wrap(entry: KeyEntry, part: bytes, context: Context) -> KeyEntry:
    """The key with ``part`` sealed to its recipient."""
    try:
        return entry.with_enc(_seal(entry.id, part, context))
    except (KeyParseError, WrapError) as error:
        raise failed_to_wrap(entry, error) from None


def _seal(recipient: str, part: bytes, context: Context) -> str:
    if is_post_quantum(recipient):
        from kubectl_sops.keys import age_program

        return age_program.encrypt(recipient, part, context.environ)
    if is_plugin(recipient):
        from kubectl_sops.keys import age_plugin

        return age_plugin.encrypt(recipient, part, context)
    try:
        armored: bytes = pyrage.encrypt(part, [_native(recipient)], armored=True)
    except pyrage.EncryptError as error:
        raise WrapError(_line(error)) from None
    return armored.decode()


def is_held(entry: KeyEntry, context: Context) -> bool:
    """Whether the key's identity is there without asking anybody."""
    return context.age.holder(entry.id) is not None


def unwrap(entry: KeyEntry, context: Context) -> bytes:
    """The part that is sealed to the key's recipient."""
    identities = context.age
    holder = identities.holder(entry.id)
    problem = None
    if holder is not None:
        part = _open(entry, [holder], context)
        if part is not None:
            return part
    some = False
    for stage in identities.stages(entry.id):
        some = some or bool(stage)
        try:
            part = _open(entry, stage, context)
        except UnwrapError as error:  # one that failed, not one that does not fit: the next may do
            problem = problem or error
            continue
        if part is not None:
            return part
    suffix = identities.sops_suffix()
    if problem is not None:
        reason = f"failed to create reader for decrypting sops data key with age: {problem.message}"
        raise UnwrapError(problem.message, hint=problem.hint, sops=reason + suffix)
    if not some:
        raise UnwrapError("no age identity was found", sops="failed to load age identities" + suffix)
    reason = f"failed to create reader for decrypting sops data key with age: {_NO_MATCH}"
    raise UnwrapError("no identity fits", sops=reason + suffix)


def _open(entry: KeyEntry, identities: Sequence[Identity], context: Context) -> bytes | None:
    native = handles(identities)
    if native and not is_post_quantum(entry.id):
        try:
            part: bytes = pyrage.decrypt(entry.enc.encode(errors="replace"), native)
        except pyrage.DecryptError as error:
            if "No matching" not in str(error):
                what = f"is damaged: {_line(error)}" if entry.enc.strip() else "is missing"
                raise UnwrapError(
                    f"the wrapped data key {what}", hint="restore the `sops` entry, for instance with `git checkout`"
                ) from None
        else:
            return part
    plugins = [identity.text for identity in identities if identity.is_plugin]
    if plugins:
        from kubectl_sops.keys import age_plugin

        opened = age_plugin.decrypt(entry.enc, plugins, context)
        if opened is not None:
            return opened
    post_quantum = [identity.text for identity in identities if identity.is_post_quantum]
    if post_quantum and is_post_quantum(entry.id):
        from kubectl_sops.keys import age_program

        return age_program.decrypt(entry.enc, post_quantum, context.environ)
    return None


def _line(error: Exception) -> str:
    # pyrage's messages name what went wrong with keys and headers, never key material
    return " ".join(str(error).split())[:200] or type(error).__name__
