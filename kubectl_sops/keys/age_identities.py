"""Age identities: read from one place after the other, as late as possible and once, until one fits.

Places that ask nobody come first: given keys, variables and files, ssh keys. Then plugins, then commands, then what a
passphrase protects. A place that fails does not stop the others. Source: sops ``age/keysource.go``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pyrage
from pyrage import ssh, x25519

from kubectl_sops.errors import KeyParseError, SopsError
from kubectl_sops.keys import age_places as places
from kubectl_sops.keys import ssh_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kubectl_sops.keys.age_places import Place
    from kubectl_sops.keys.context import Context
    from kubectl_sops.keys.ssh_key import Protected

MAX_ENCRYPTED_FILE = 16 << 20
"""Bytes of a passphrase-encrypted identity file, as in sops."""

_POST_QUANTUM_LENGTH = 100
"""Characters, generously: the seed has 32 bytes."""


class Identity(NamedTuple):
    """One private key. Its representation says nothing.

    Attributes:
        text: for what only the ``age`` program or a plugin can use. Secret.
        handle: pyrage's object; ``None`` for a plugin or a post-quantum key.
        recipient: the public key; empty where it can't be told.
    """

    text: str
    handle: object
    recipient: str

    @property
    def is_plugin(self) -> bool:
        return self.text.startswith("AGE-PLUGIN-")

    @property
    def is_post_quantum(self) -> bool:
        return self.text.startswith("AGE-SECRET-KEY-PQ-1")

    def __repr__(self) -> str:
        return f"Identity({self.recipient!r})"


class AgeIdentities:
    """All identities that a context allows."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._places = places.find(context)
        self._commands: dict[tuple[str, str], list[Identity]] = {}

    def __repr__(self) -> str:
        return f"AgeIdentities({len(self._places)} places)"

    def holder(self, recipient: str) -> Identity | None:
        """The identity of a recipient, where it is known without asking anybody; reads no further than to it."""
        wanted = ssh_key.normalise(recipient)
        return next((identity for identity in self._plain() if identity.recipient == wanted), None)

    def stages(self, recipient: str) -> Iterator[list[Identity]]:
        """Identities for a recipient in the order of their cost, each stage read when it is asked for."""
        plain = list(self._plain())
        yield [identity for identity in plain if not identity.is_plugin]
        yield [identity for identity in plain if identity.is_plugin]
        for place in self._places:
            if place.is_command:
                yield self._of_command(place, recipient)
        wanted = ssh_key.normalise(recipient)
        for place in self._places:
            for protected in place.protected:
                # a passphrase is asked for where it can help: an ssh key tells its public half without one
                if protected.recipient in ("", wanted):
                    yield self._unlocked(place, protected)

    def _plain(self) -> Iterator[Identity]:
        for place in self._places:
            if not place.is_command:
                if place.identities is None:
                    place.identities = self._read(place, None)
                yield from place.identities

    def _of_command(self, place: Place, recipient: str) -> list[Identity]:
        key = (place.name, recipient)
        if key not in self._commands:
            self._commands[key] = self._read(place, recipient)
            place.identities = [*(place.identities or ()), *self._commands[key]]
        return self._commands[key]

    def _read(self, place: Place, recipient: str | None) -> list[Identity]:
        try:
            data = place.fetch(recipient)
            if data is None:
                return []
            place.is_fetched = True
            return self._ssh(place, data) if place.is_ssh else self._age(place, data)
        except SopsError as error:
            place.error = error
            return []

    def _ssh(self, place: Place, data: bytes) -> list[Identity]:
        protected = ssh_key.protected(data, place.public_key())
        if protected is not None:
            if place.is_command:
                raise KeyParseError("the ssh key has a passphrase, which a command's output must not have")
            place.protected.append(protected)
            return []
        try:
            return [Identity("", ssh.Identity.from_buffer(data), ssh_key.recipient_of(data, place.public_key()))]
        except pyrage.IdentityError:
            raise KeyParseError("not an ssh key of type ed25519 or rsa") from None

    def _age(self, place: Place, data: bytes) -> list[Identity]:
        if data.startswith((b"age-encryption", b"-----BEGIN AGE")):
            if len(data) > MAX_ENCRYPTED_FILE:
                raise KeyParseError("the encrypted identity file is too large")
            place.protected.append(ssh_key.Protected("", data, lambda passphrase: _decrypt(data, passphrase)))
            return []
        return _parse_lines(data)

    def _unlocked(self, place: Place, protected: Protected) -> list[Identity]:
        place.protected.remove(protected)  # asked once, whatever comes of it
        try:
            if place.is_ssh:
                question = f"Enter passphrase for ssh key '{place.name}': "
                found = self._ssh(place, protected.open(self._ask(question, "ssh key")))
            else:
                found = _parse_lines(self._open_file(place, protected))
        except SopsError as error:
            place.error = error
            return []
        place.identities = [*(place.identities or ()), *found]
        return found

    def _open_file(self, place: Place, protected: Protected) -> bytes:
        from kubectl_sops.keys import gpg_agent

        question = f"Enter passphrase for identity '{place.name}': "
        agent = gpg_agent.find(self._context.environ) if self._context.local else None
        cache = gpg_agent.cache_id(protected.data)
        passphrase = gpg_agent.ask(agent, cache, question.rstrip(), self._context.environ) if agent else None
        if agent is None or passphrase is None:
            return protected.open(self._ask(question, "identity file"))
        try:
            return protected.open(passphrase)
        except SopsError:
            gpg_agent.forget(agent, cache)
            raise

    def _ask(self, question: str, what: str) -> str:
        if self._context.ask_passphrase is None:
            raise KeyParseError(f"the {what} has a passphrase, and there is no terminal to ask for it")
        return self._context.ask_passphrase(question)

    def errors(self, *, with_ssh: bool = True) -> list[str]:
        """What went wrong at places read so far, a line for each; a broken ssh key matters only to ssh recipients."""
        places = [place for place in self._places if with_ssh or not place.is_ssh]
        return [f"{place.name}: {place.error.message}" for place in places if place.error is not None]

    def findings(self) -> list[str]:
        """What the places hold, a line for each that has something; those that have nothing together in one."""
        lines, nothing = [], []
        for place in self._places:
            if place.error is not None:
                lines.append(f"looked at {place.name}: {place.error.message}")
            elif place.identities:
                held = ", ".join(_public(identity) for identity in place.identities)
                lines.append(f"looked at {place.name}: {held}")
            elif place.protected:
                lines.append(f"looked at {place.name}: a key with a passphrase, for another recipient")
            elif place.identities is not None or place.is_absent:
                nothing.append(place.name)
        if nothing:
            lines.append("nothing in " + ", ".join(nothing))
        return lines

    def sops_suffix(self) -> str:
        """What sops appends to its error: places that failed, and places without keys."""
        errors = [place.sops_error for place in self._places if place.error is not None]
        # the default file is named only where no other place could be read (sops age/keysource.go, loadIdentities)
        found = any(p.identities or p.protected if p.is_ssh else p.is_fetched for p in self._places)
        unused = [p.name for p in self._places if p.is_absent and not (p.is_default and found)]
        unused += [p.name for p in self._places if p.error is None and not p.is_absent and not p.identities]
        text = f". Errors while loading age identities: {'; '.join(errors)}" if errors else ""
        if unused:
            listed = [f"'{name}'" for name in unused]
            if len(listed) > 2:
                quoted = ", ".join(listed[:-1]) + f", and {listed[-1]}"
            else:
                quoted = " and ".join(listed)
            text += f". Did not find keys in location{'s' if len(listed) > 1 else ''} {quoted}."
        return text


def _parse_lines(data: bytes) -> list[Identity]:
    try:
        lines = data.decode().split("\n")
    except UnicodeDecodeError:
        raise KeyParseError("not text") from None
    # one bad line rejects the whole place, as in sops
    significant = [line.removesuffix("\r") for line in lines]
    return [_parse(line) for line in significant if line and not line.startswith("#")]


def _parse(line: str) -> Identity:
    if line.startswith("AGE-SECRET-KEY-PQ-1"):
        if len(line) > _POST_QUANTUM_LENGTH:
            raise KeyParseError("malformed secret key")
        return Identity(line, None, "")
    if line.startswith("AGE-PLUGIN-"):
        from kubectl_sops.keys import age_plugin

        age_plugin.check_identity(line)
        return Identity(line, None, "")
    if not line.startswith("AGE-SECRET-KEY-1"):
        raise KeyParseError("unknown identity type")
    try:
        handle = x25519.Identity.from_str(line)
    except pyrage.IdentityError:
        raise KeyParseError("malformed secret key") from None
    return Identity("", handle, str(handle.to_public()))


def _decrypt(data: bytes, passphrase: str) -> bytes:
    try:
        return bytes(pyrage.passphrase.decrypt(data, passphrase))
    except pyrage.DecryptError:
        raise KeyParseError("incorrect passphrase") from None


def _public(identity: Identity) -> str:
    if identity.recipient:
        return f"the key of {ssh_key.short(identity.recipient)}"
    if identity.is_plugin:
        return "a plugin's key"
    return "a post-quantum key" if identity.is_post_quantum else "an ssh key"


def handles(identities: Sequence[Identity]) -> list[object]:
    """What pyrage takes."""
    return [identity.handle for identity in identities if identity.handle is not None]
