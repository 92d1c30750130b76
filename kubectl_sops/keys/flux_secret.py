"""What a Flux decryption Secret holds, read as the kustomize-controller reads it.

Source: kustomize-controller ``internal/decryptor`` (``KustomizeDecryptor.ImportKeys``): the entry's name decides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_sops.keys.context import Context

if TYPE_CHECKING:
    from collections.abc import Mapping

AGE_SUFFIX = ".agekey"
PGP_SUFFIX = ".asc"
NAMED = ("sops.vault-token", "sops.aws-kms", "sops.azure-kv", "sops.gcp-kms")


def ignored(secret: Mapping[str, bytes]) -> list[str]:
    """Names of entries that Flux passes over, such as ``age.key``."""
    return [name for name in secret if not name.endswith((AGE_SUFFIX, PGP_SUFFIX)) and name not in NAMED]


def context_of(secret: Mapping[str, bytes]) -> Context:
    """A context that knows these entries and nothing of this machine."""
    identities = [data.decode("utf-8", "replace") for name, data in sorted(secret.items()) if name.endswith(AGE_SUFFIX)]
    return Context({}, identities=identities, local=False, secret=secret)
