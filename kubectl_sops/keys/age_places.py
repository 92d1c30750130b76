"""Where age identities can be: what was given, and the places of sops in its order."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from kubectl_sops.errors import KeyParseError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kubectl_sops.errors import SopsError
    from kubectl_sops.keys.age_identities import Identity
    from kubectl_sops.keys.context import Context
    from kubectl_sops.keys.ssh_key import Protected

    Fetch = Callable[[str | None], bytes | None]

_SSH_FILES = ("id_ed25519", "id_rsa")
_LIMIT = (16 << 20) + 1  # bytes; one more than the largest identity file that is accepted


class Place:
    """One place.

    Attributes:
        name: as people and sops call it: a variable, a path, an entry of a Secret.
        fetch: its bytes, given the recipient that is looked for; ``None`` where there are none.
        is_ssh: whether it holds one ssh key instead of lines of identities.
        is_command: whether fetching runs a command, which may ask somebody.
        is_absent: whether there is nothing, known without fetching.
        is_default: the file that sops mentions only where nothing else was found.
        is_fetched: whether its bytes could be read.
        identities: what was found, ``None`` before it was looked at.
        protected: what was found behind a passphrase.
        error: why it could not be used.
    """

    def __init__(
        self,
        name: str,
        fetch: Fetch,
        *,
        path: str = "",
        is_ssh: bool = False,
        is_command: bool = False,
        is_absent: bool = False,
        is_default: bool = False,
    ) -> None:
        self.name = name
        self.fetch = fetch
        self.is_ssh = is_ssh
        self.is_command = is_command
        self.is_absent = is_absent
        self.is_default = is_default
        self.is_fetched = False
        self._path = path
        self.identities: list[Identity] | None = None
        self.protected: list[Protected] = []
        self.error: SopsError | None = None

    def public_key(self) -> bytes:
        """The content of the ``.pub`` file beside an ssh key, for formats that don't hold the public half."""
        if not self.is_ssh or not self._path:
            return b""
        try:
            with open(self._path + ".pub", "rb") as file:
                return file.read(1 << 16)
        except OSError:
            return b""

    @property
    def sops_error(self) -> str:
        """Why it could not be used, in the words of sops."""
        assert self.error is not None  # asked of places that failed
        if isinstance(self.error, UnreadablePlaceError):
            what = "file" if self.is_ssh or self.is_default else f"{self.name} file"
            return f"failed to open {what}: open {self._path}: {self.error.reason}"
        if isinstance(self.error, CommandError):
            return f"failed to execute command {self.error.program}: {self.error.reason}"
        if self.is_ssh:
            return f'malformed SSH identity in "{self._path or self.name}": {self.error.message}'
        return f"failed to parse '{self.name}' age identities: {self.error.message}"


class UnreadablePlaceError(KeyParseError):
    """A file that can't be read; ``reason`` is the system's word for it, in lower case."""

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class CommandError(KeyParseError):
    """A command that failed. Names the program only: arguments may hold anything."""

    def __init__(self, message: str, program: str, reason: str) -> None:
        super().__init__(message)
        self.program = program
        self.reason = reason


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


def find(context: Context) -> list[Place]:
    """All places of a context; none of them is looked at yet."""
    found = [Place(name, _constant(text.encode())) for name, text in context.identities]
    found += [Place(path, _reader(path), path=path) for path in context.identity_files]
    if context.local:
        found += _of_sops(context.environ)
    return found


def _of_sops(environ: Mapping[str, str]) -> list[Place]:
    found = [
        _variable(environ, "SOPS_AGE_SSH_PRIVATE_KEY_FILE", is_ssh=True),
        _variable(environ, "SOPS_AGE_SSH_PRIVATE_KEY_CMD", is_ssh=True),
    ]
    home = environ.get("HOME") or ""
    for path in [os.path.join(home, ".ssh", name) for name in _SSH_FILES] if home else []:
        found.append(_optional(path, is_ssh=True))
    found += [_variable(environ, name) for name in ("SOPS_AGE_KEY", "SOPS_AGE_KEY_FILE", "SOPS_AGE_KEY_CMD")]
    folder = config_folder(environ)
    if folder:
        found.append(_optional(os.path.join(folder, "sops", "age", "keys.txt"), is_default=True))
    return found


def _optional(path: str, *, is_ssh: bool = False, is_default: bool = False) -> Place:
    exists = os.path.exists(path)
    fetch = _reader(path) if exists else _constant(None)
    return Place(path, fetch, path=path, is_ssh=is_ssh, is_default=is_default, is_absent=not exists)


def _variable(environ: Mapping[str, str], name: str, *, is_ssh: bool = False) -> Place:
    # a variable counts as set even where it is empty, as in sops
    value = environ.get(name)
    if value is None:
        return Place(name, _constant(None), is_absent=True)
    if name.endswith("_CMD"):
        return Place(name, _command(value, environ), is_ssh=is_ssh, is_command=True)
    if name.endswith("_FILE"):
        return Place(name, _reader(value), path=value, is_ssh=is_ssh)
    text = value if value.startswith("-----BEGIN AGE") else "\n".join(_words(value))
    return Place(name, _constant(text.encode()))


def _constant(data: bytes | None) -> Fetch:
    return lambda _recipient: data


def _reader(path: str) -> Fetch:
    def read(_recipient: str | None) -> bytes:
        try:
            with open(path, "rb") as file:
                return file.read(_LIMIT)
        except OSError as error:
            reason = (error.strerror or "can't be read").lower()
            where = "" if os.path.isabs(path) or not path else f" (looked in {os.getcwd()})"
            raise UnreadablePlaceError(f"{reason}{where}", reason) from None

    return read


def _command(command: str, environ: Mapping[str, str]) -> Fetch:
    def run(recipient: str | None) -> bytes:
        import shlex
        import subprocess

        program = ""
        try:
            argv = shlex.split(command)
            program = argv[0]
            # a person may have to unlock something, so there is no timeout
            result = subprocess.run(
                argv, env={**environ, "SOPS_AGE_RECIPIENT": recipient or ""}, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, check=False,
            )  # fmt: skip
        except (ValueError, IndexError):
            raise CommandError("the command can't be read as a shell would", program, "bad quoting") from None
        except OSError as error:
            reason = (error.strerror or "can't be run").lower()
            raise CommandError(f"the command {program} can't be run: {reason}", program, reason) from None
        if result.returncode:
            reason = f"exit status {result.returncode}"
            raise CommandError(f"the command {program} failed with {reason}", program, reason)
        return result.stdout

    return run


def _words(text: str) -> list[str]:
    # several identities may share a line (sops 3.13.0); a comment has its line for itself
    return [word for line in text.splitlines() for word in ([line] if line.startswith("#") else line.split())]
