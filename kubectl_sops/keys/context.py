"""What key systems may look at: the environment, the identities that were given, and whom to ask."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from kubectl_sops.keys.age_identities import AgeIdentities


class Context:
    """The surroundings in which keys are wrapped and unwrapped.

    Attributes:
        environ: environment variables.
        identities: texts of age identities, given explicitly or read from the cluster.
        identity_files: paths of files of age identities, given explicitly.
        local: whether the places that sops knows (variables, files, ssh keys) count too.
        secret: entries of a Flux decryption Secret, by name.
        ask_passphrase: asks a person; ``None`` where there is nobody.
    """

    def __init__(
        self,
        environ: Mapping[str, str],
        *,
        identities: Sequence[str] = (),
        identity_files: Sequence[str] = (),
        local: bool = True,
        secret: Mapping[str, bytes] | None = None,
        ask_passphrase: Callable[[str], str] | None = None,
    ) -> None:
        self.environ = environ
        self.identities = tuple(identities)
        self.identity_files = tuple(identity_files)
        self.local = local
        self.secret = secret
        self.ask_passphrase = ask_passphrase

    @cached_property
    def age(self) -> AgeIdentities:
        """The age identities, read once."""
        from kubectl_sops.keys.age_identities import AgeIdentities

        return AgeIdentities(self)
