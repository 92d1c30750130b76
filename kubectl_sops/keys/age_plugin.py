"""Plugins of age (``age-plugin-*`` on PATH), through pyrage."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyrage
from pyrage import plugin

from kubectl_sops.errors import KeyParseError, WrapError
from kubectl_sops.keys import UnwrapError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kubectl_sops.keys.context import Context


class Dialog:
    """What a plugin may ask and say. The public names are pyrage's.

    An exception must not pass through pyrage, which would end the process: it is kept, and raised by ``settle``.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._raised: BaseException | None = None

    def display_message(self, message: str) -> None:
        """Show what a plugin says, for instance that a key is to be touched."""
        if self._context.tell is not None:
            self._context.tell(message)

    def confirm(self, message: str, yes_string: str, no_string: str | None) -> bool | None:
        """Let a person choose; ``None`` where there is nobody."""
        answer = self._ask(f"{message} ({yes_string}{'/' + no_string if no_string else ''}): ")
        return None if answer is None else answer.strip() == yes_string

    def request_public_string(self, description: str) -> str | None:
        """Ask a person; ``None`` where there is nobody."""
        return self._ask(f"{description}: ")

    def request_passphrase(self, description: str) -> str | None:
        """Ask a person for a secret; ``None`` where there is nobody."""
        return self._ask(f"{description}: ")

    def _ask(self, text: str) -> str | None:
        if self._context.ask_passphrase is None or self._raised is not None:
            return None
        try:
            return self._context.ask_passphrase(text)
        except BaseException as error:  # noqa: BLE001  # Ctrl-C too, see above
            self._raised = error
            return None

    def settle(self) -> None:
        """Raise what a person's answer raised."""
        if self._raised is not None:
            raise self._raised


def encrypt(recipient: str, part: bytes, context: Context) -> str:
    """An armored age file for one recipient.

    Raises:
        WrapError: the plugin is missing or refuses.
    """
    dialog = Dialog(context)
    try:
        parsed = plugin.Recipient.from_str(recipient)
        target = plugin.RecipientPluginV1(parsed.plugin(), [parsed], [], dialog)
        armored: bytes = pyrage.encrypt(part, [target], armored=True)
    except (pyrage.RecipientError, pyrage.EncryptError) as error:
        dialog.settle()
        raise WrapError(_cause(error)) from None
    return armored.decode()


def decrypt(armored: str, texts: Sequence[str], context: Context) -> bytes | None:
    """The content of an armored age file, ``None`` where none of the plugins' identities opens it.

    Raises:
        UnwrapError: a plugin is missing or failed.
    """
    dialog = Dialog(context)
    try:
        identities = [_identity(text, dialog) for text in texts]
        part: bytes = pyrage.decrypt(armored.encode(errors="replace"), identities)
    except (pyrage.IdentityError, pyrage.DecryptError) as error:
        dialog.settle()
        if "No matching" in str(error):
            return None
        raise UnwrapError(_cause(error)) from None
    return part


def check_identity(text: str) -> None:
    """Raise ``KeyParseError`` where a text is no identity of a plugin."""
    try:
        plugin.Identity.from_str(text)
    except pyrage.IdentityError:
        raise KeyParseError("malformed plugin identity") from None


def check_recipient(text: str) -> None:
    """Raise ``KeyParseError`` where a text is no recipient of a plugin."""
    try:
        plugin.Recipient.from_str(text)
    except pyrage.RecipientError:
        raise KeyParseError(f"malformed age recipient {text[:16]}…") from None


def _identity(text: str, dialog: Dialog) -> object:
    parsed = plugin.Identity.from_str(text)
    return plugin.IdentityPluginV1(parsed.plugin(), [parsed], dialog)


def _cause(error: Exception) -> str:
    # a plugin's own words may be long; what went wrong stands first
    return " ".join(str(error).split())[:200] or "the plugin failed"
