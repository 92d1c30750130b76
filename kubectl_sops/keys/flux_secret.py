"""What a Flux decryption Secret holds, read as the kustomize-controller reads it.

Source: kustomize-controller ``internal/decryptor`` (``Decryptor.ImportKeys``): the entry's name decides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_sops.keys.context import Context

if TYPE_CHECKING:
    from collections.abc import Mapping

AGE_SUFFIX = ".agekey"
PGP_SUFFIX = ".asc"
VAULT_TOKEN, AWS, AZURE, GCP = "sops.vault-token", "sops.aws-kms", "sops.azure-kv", "sops.gcp-kms"
NAMED = (VAULT_TOKEN, AWS, AZURE, GCP)


def ignored(secret: Mapping[str, bytes]) -> list[str]:
    """Names of entries that Flux passes over, such as ``age.key``."""
    return [name for name in secret if not name.endswith((AGE_SUFFIX, PGP_SUFFIX)) and name not in NAMED]


def context_of(secret: Mapping[str, bytes], environ: Mapping[str, str]) -> Context:
    """A context that has these entries for keys and nothing of this machine but its programs and network."""
    identities = [
        (name, data.decode("utf-8", "replace")) for name, data in sorted(secret.items()) if name.endswith(AGE_SUFFIX)
    ]
    return Context(environ, identities=identities, local=False, secret=secret)
