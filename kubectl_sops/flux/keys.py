"""Keys for a build: those of this machine, then those that Flux itself would use."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from kubectl_sops.errors import NoMatchingKeyError
from kubectl_sops.keys.flux_secret import AGE_SUFFIX
from kubectl_sops.keys.keyring import Keyring

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kubectl_sops.core.metadata import Metadata
    from kubectl_sops.files.decrypt import DataKeys

    Secret = Mapping[str, bytes]


def recipients_of(entries: Secret) -> list[str]:
    """The age recipients of the identities in a decryption Secret, as far as they are X25519 keys."""
    from pyrage import IdentityError, x25519

    found: list[str] = []
    for name, data in entries.items():
        if not name.endswith(AGE_SUFFIX):
            continue
        for line in data.decode("utf-8", "replace").splitlines():
            try:
                found.append(str(x25519.Identity.from_str(line.strip()).to_public()))
            except IdentityError:
                continue  # a comment, or a key of another kind
    return found


class BuildKeys:
    """Tries the local keys, then the Secret that ``spec.decryption.secretRef`` names.

    Args:
        local: the keys of this machine.
        secret: gives the entries of the decryption Secret, ``None`` where it can't be found; called at most once.
    """

    def __init__(self, local: DataKeys, secret: Callable[[], Secret | None]) -> None:
        self._local = local
        self._secret = secret
        self._flux: Keyring | None = None
        self._asked = False

    def data_key(self, metadata: Metadata) -> bytes:
        """The data key of a file.

        Raises:
            NoMatchingKeyError: neither has it.
        """
        try:
            return self._local.data_key(metadata)
        except NoMatchingKeyError as error:
            flux = self._of_flux()
            if flux is None:
                raise
            try:
                return flux.data_key(metadata)
            except NoMatchingKeyError as other:
                raise NoMatchingKeyError(
                    error.message, tried=(*error.tried, *(f"decryption Secret: {line}" for line in other.tried)),
                    hint=error.hint,
                ) from None  # fmt: skip

    def _of_flux(self) -> Keyring | None:
        if not self._asked:
            self._asked = True
            entries = self._secret()
            if entries is not None:
                self._flux = Keyring(os.environ, cluster=lambda: entries, source="cluster")
        return self._flux
