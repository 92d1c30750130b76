"""Where age identities are: every place that sops looks at, read once and in its order.

A place that can't be read does not stop the others; what went wrong is told only if nothing opens the file. Source:
sops ``age/keysource.go``.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pyrage
from pyrage import ssh, x25519

from kubectl_sops.errors import KeyParseError, SopsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from kubectl_sops.keys.context import Context

MAX_ENCRYPTED_FILE = 16 << 20
"""Bytes of a passphrase-encrypted identity file, as in sops."""

_SSH_FILES = ("id_ed25519", "id_rsa")


def config_folder(environ: Mapping[str, str], platform: str = sys.platform) -> str | None:
    """The user's configuration folder, as Go and sops see it."""
    if platform == "win32":
        return environ.get("AppData") or environ.get("APPDATA")
    if environ.get("XDG_CONFIG_HOME"):
        return environ["XDG_CONFIG_HOME"]
    home = environ.get("HOME")
    if not home:
        return None
    return (
        os.path.join(home, "Library", "Application Support") if platform == "darwin" else os.path.join(home, ".config")
    )


class AgeIdentities:
    """The identities of all places.

    Attributes:
        loaded: identity objects, in the order in which sops collects them.
        texts: the texts of identities that only the ``age`` program can use. Secret.
        recipients: recipients of the X25519 identities, for messages.
        errors: what went wrong, a line for each place.
        missing: places that do not exist or hold nothing.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self.loaded: list[object] = []
        self.texts: list[str] = []
        self.recipients: list[str] = []
        self.errors: list[str] = []
        self.missing: list[str] = []
        for number, text in enumerate(context.identities):
            self._place(f"identity {number + 1}", lambda text=text: text.encode())  # type: ignore[misc]  # a bound copy
        for path in context.identity_files:
            self._place(path, lambda path=path: _read(path))  # type: ignore[misc]
        if context.local:
            self._local(context.environ)

    def __repr__(self) -> str:
        return f"AgeIdentities({self.recipients!r})"

    def explanation(self) -> str:
        """What to add to an error: sources that failed, and places without keys."""
        text = ""
        if self.errors:
            text += ". Errors while loading age identities: " + "; ".join(self.errors)
        if self.missing:
            quoted = [f"'{place}'" for place in self.missing]
            listed = quoted[0] if len(quoted) == 1 else ", ".join(quoted[:-1]) + " and " + quoted[-1]
            text += f". Did not find keys in location{'s' if len(quoted) > 1 else ''} {listed}"
        return text

    def _local(self, environ: Mapping[str, str]) -> None:
        home = environ.get("HOME") or ""
        self._variable("SOPS_AGE_SSH_PRIVATE_KEY_FILE", _read, self._add_ssh)
        self._variable("SOPS_AGE_SSH_PRIVATE_KEY_CMD", self._run, self._add_ssh)
        for name in _SSH_FILES:
            path = os.path.join(home, ".ssh", name)
            if home and os.path.exists(path):
                self._place(path, lambda path=path: _read(path), self._add_ssh)  # type: ignore[misc]
            elif home:
                self.missing.append(path)
        self._variable("SOPS_AGE_KEY", lambda text: "\n".join(_words(text)).encode())
        self._variable("SOPS_AGE_KEY_FILE", _read)
        self._variable("SOPS_AGE_KEY_CMD", self._run)
        folder = config_folder(environ)
        if folder:
            path = os.path.join(folder, "sops", "age", "keys.txt")
            if os.path.exists(path):
                self._place(path, lambda: _read(path))
            else:
                self.missing.append(path)

    def _variable(
        self, name: str, fetch: Callable[[str], bytes], add: Callable[[str, bytes], int] | None = None
    ) -> None:
        value = self._context.environ.get(name)
        if value is None:
            self.missing.append(name)
        else:
            self._place(name, lambda: fetch(value), add)

    def _place(self, name: str, fetch: Callable[[], bytes], add: Callable[[str, bytes], int] | None = None) -> None:
        try:
            found = (add or self._add_age)(name, fetch())
        except SopsError as error:
            self.errors.append(f"{name}: {error.message}")
        else:
            if not found:
                self.missing.append(name)

    def _run(self, command: str) -> bytes:
        import shlex
        import subprocess

        try:
            argv = shlex.split(command)
            result = subprocess.run(argv, env=dict(self._context.environ), stdout=subprocess.PIPE, check=False)
        except (ValueError, OSError, IndexError):
            raise KeyParseError("the command can't be run") from None
        if result.returncode:
            raise KeyParseError(f"the command failed with exit status {result.returncode}")
        return result.stdout

    def _add_age(self, name: str, data: bytes) -> int:
        if data.startswith((b"age-encryption", b"-----BEGIN AGE")):
            data = self._open_passphrase(name, data)
        try:
            lines = data.decode().splitlines()
        except UnicodeDecodeError:
            raise KeyParseError("not text") from None
        # one bad line rejects the whole place, as in sops
        identities = [self._parse(line) for line in _significant(lines)]
        for text, identity, recipient in identities:
            if identity is None:
                self.texts.append(text)
            else:
                self.loaded.append(identity)
            if recipient:
                self.recipients.append(recipient)
        return len(identities)

    def _parse(self, line: str) -> tuple[str, object, str]:
        if line.startswith("AGE-SECRET-KEY-PQ-1"):
            return line, None, ""
        try:
            if line.startswith("AGE-SECRET-KEY-1"):
                identity = x25519.Identity.from_str(line)
                return line, identity, str(identity.to_public())
            if line.startswith("AGE-PLUGIN-"):
                from pyrage import plugin

                parsed = plugin.Identity.from_str(line)
                return line, plugin.IdentityPluginV1(parsed.plugin(), [parsed]), ""
        except (pyrage.IdentityError, OSError):
            raise KeyParseError("a line is not a well-formed age identity") from None
        raise KeyParseError("unknown identity type")

    def _open_passphrase(self, name: str, data: bytes) -> bytes:
        from pyrage import passphrase

        if len(data) > MAX_ENCRYPTED_FILE:
            raise KeyParseError("the encrypted identity file is too large")
        ask = self._context.ask_passphrase
        if ask is None:
            raise KeyParseError("the identity file has a passphrase, and there is no terminal to ask for it")
        try:
            return bytes(passphrase.decrypt(data, ask(f"Enter passphrase for identity '{name}': ")))
        except pyrage.DecryptError:
            raise KeyParseError("the passphrase does not open the identity file") from None

    def _add_ssh(self, name: str, data: bytes) -> int:
        try:
            self.loaded.append(ssh.Identity.from_buffer(data))
        except pyrage.IdentityError as error:
            if "must be decrypted" not in str(error):
                raise KeyParseError("not an ssh key of type ed25519 or rsa") from None
            self.loaded.append(self._open_ssh(name, data))
        return 1

    def _open_ssh(self, name: str, data: bytes) -> object:
        ask = self._context.ask_passphrase
        if ask is None:
            raise KeyParseError("the ssh key has a passphrase, and there is no terminal to ask for it")
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives import serialization as form

        try:
            key = form.load_ssh_private_key(data, ask(f"Enter passphrase for ssh key '{name}': ").encode())
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise KeyParseError("the passphrase does not open the ssh key") from None
        plain = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.OpenSSH, form.NoEncryption())
        return ssh.Identity.from_buffer(plain)


def _significant(lines: Iterable[str]) -> list[str]:
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def _words(text: str) -> list[str]:
    # several identities may share a line (sops 3.13.0); a comment has its line for itself
    return [word for line in text.splitlines() for word in ([line] if line.startswith("#") else line.split())]


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(MAX_ENCRYPTED_FILE + 1)
    except OSError as error:
        if not os.path.isabs(path) and isinstance(error, FileNotFoundError):
            raise KeyParseError(f"no such file (looked in {os.getcwd()})") from None
        raise KeyParseError(f"can't be read: {error.strerror}") from None
