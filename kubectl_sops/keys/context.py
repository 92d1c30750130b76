"""What key systems may look at: the environment, the identities that were given, and whom to ask."""

from __future__ import annotations

from _thread import LockType, allocate_lock
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from kubectl_sops.keys.age_identities import AgeIdentities


class Context:
    """The surroundings in which keys are wrapped and unwrapped.

    Attributes:
        environ: environment variables.
        identities: age identities that were given, each with a name for messages; the text is secret.
        identity_files: paths of files of age identities, given explicitly.
        local: whether this machine's own keys and credentials may be used to unwrap.
        secret: entries of a Flux decryption Secret, by name.
        ask_passphrase: asks a person; ``None`` where there is nobody.
        tell: shows a person a line; ``None`` where there is nobody.
    """

    def __init__(
        self,
        environ: Mapping[str, str],
        *,
        identities: Sequence[tuple[str, str]] = (),
        identity_files: Sequence[str] = (),
        local: bool = True,
        secret: Mapping[str, bytes] | None = None,
        ask_passphrase: Callable[[str], str] | None = None,
        tell: Callable[[str], None] | None = None,
    ) -> None:
        self.environ = environ
        self.identities = tuple(identities)
        self.identity_files = tuple(identity_files)
        self.local = local
        self.secret = secret
        self.ask_passphrase = ask_passphrase
        self.tell = tell
        self._clients: dict[object, Any] = {}
        self._locks: dict[object, LockType] = {}
        self._guard = allocate_lock()

    @cached_property
    def age(self) -> AgeIdentities:
        """The age identities, each place read once."""
        from kubectl_sops.keys.age_identities import AgeIdentities

        return AgeIdentities(self)

    def __repr__(self) -> str:
        return f"Context(local={self.local})"

    def client(self, key: object, make: Callable[[], Any]) -> Any:
        """What ``make`` makes for a service, made once, whichever thread needs it first."""
        with self._guard:
            lock = self._locks.setdefault(key, allocate_lock())
        with lock:
            if key not in self._clients:
                self._clients[key] = make()
            return self._clients[key]
