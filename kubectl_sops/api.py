"""The Python interface: bytes in, bytes out, and two functions that look around as the command line does.

Only what ``kubectl_sops.__all__`` and ``kubectl_sops.errors`` name is promised.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from kubectl_sops import formats
from kubectl_sops.core.selectors import FIELDS, Selector, compile_regex
from kubectl_sops.errors import ConflictingParametersError, SopsError
from kubectl_sops.files import decrypt as decryption
from kubectl_sops.files import encrypt as encryption
from kubectl_sops.files.read import read
from kubectl_sops.keys import age
from kubectl_sops.keys.keyring import Keyring

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kubectl_sops.core.metadata import Group


class Identity:
    """A private age key. Its representation does not show it."""

    __slots__ = ("_text", "recipient")

    def __init__(self, text: str) -> None:
        self.recipient = age.recipient_of(text)
        self._text = text.strip()

    def __repr__(self) -> str:
        return f"Identity({self.recipient})"


class Rules:
    """What of a document is encrypted: at most one selector, as in a rule of ``.sops.yaml``.

    Raises:
        ConflictingParametersError: more than one selector.
        RulesError: a pattern that is not RE2.
    """

    __slots__ = ("mac_only_encrypted", "selector")

    def __init__(self, *, mac_only_encrypted: bool = False, **selector: str) -> None:
        unknown = set(selector) - set(FIELDS)
        if unknown:
            raise TypeError(f"unknown selector {', '.join(sorted(unknown))}")
        if len(selector) > 1:
            raise ConflictingParametersError("cannot use more than one of " + ", ".join(FIELDS))
        for name, text in selector.items():
            if name.endswith("_regex"):
                compile_regex(text)
        self.selector = Selector(*next(iter(selector.items()))) if selector else None
        self.mac_only_encrypted = mac_only_encrypted


def parse_identity(text: str) -> Identity:
    """The identity in ``AGE-SECRET-KEY-1…``.

    Raises:
        KeyParseError: not an X25519 identity; the text is not shown.
    """
    return Identity(text)


def decrypt(data: bytes, *, format: str, identities: Sequence[Identity]) -> bytes:
    """The plaintext of an encrypted document, returned only after its MAC was checked.

    Looks at nothing but its arguments.

    Raises:
        NoMatchingKeyError, ValueAuthError, MacMismatchError, MetadataError, ParseError: see ``kubectl_sops.errors``.
    """
    return decryption.decrypt(data, format, _keyring(identities))


def encrypt(
    data: bytes,
    *,
    format: str,
    recipients: Sequence[str],
    rules: Rules | None = None,
    base: bytes | None = None,
    identities: Sequence[Identity] = (),
) -> bytes:
    """An encrypted document for age and ssh recipients.

    Args:
        base: an encrypted earlier version, which ``identities`` open: unchanged values keep their ciphertext.
    """
    group: Group = [key for text in recipients for key in age.parse_recipients(text)]
    how = encryption.Recipe(
        [group],
        selector=rules.selector if rules else None,
        mac_only_encrypted=rules.mac_only_encrypted if rules else False,
    )
    return encryption.encrypt(data, format, how, _keyring(identities), now=_now(), base=base).data


def decrypt_file(path: str, *, identities: Sequence[Identity] | None = None) -> bytes:
    """The plaintext of an encrypted file, with the keys that the command line finds, or with ``identities`` only."""
    keyring = Keyring(os.environ) if identities is None else _keyring(identities)
    try:
        return decryption.decrypt(read(path), formats.format_of(path), keyring)
    except SopsError as error:
        raise error.at(path) from None


def encrypt_file(path: str) -> bytes:
    """The encrypted form of a plaintext file, by the rule of ``.sops.yaml`` that matches it.

    Raises:
        ConfigNotFoundError, NoMatchingRuleError: no rule is for this file.
    """
    from kubectl_sops import rules
    from kubectl_sops.errors import ConfigNotFoundError

    config = rules.find(path)
    rule = rules.load(config).match(path) if config else None
    if rule is None:
        raise ConfigNotFoundError("no .sops.yaml with creation rules was found", file=path, hint="run `init`")
    how = encryption.Recipe(
        rule.groups,
        shamir_threshold=rule.shamir_threshold,
        selector=rule.selector,
        mac_only_encrypted=rule.mac_only_encrypted,
    )
    try:
        return encryption.encrypt(read(path), formats.format_of(path), how, Keyring(os.environ), now=_now()).data
    except SopsError as error:
        raise error.at(path) from None


def _keyring(identities: Sequence[Identity]) -> Keyring:
    return Keyring({}, identities=[identity._text for identity in identities], source="none")


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
