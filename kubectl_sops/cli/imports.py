"""``import secret``: a live Secret as an encrypted manifest."""

from __future__ import annotations

from binascii import a2b_base64
from typing import TYPE_CHECKING

from kubectl_sops.cli import option_table as table
from kubectl_sops.cli.create import NAMESPACE, WRITING, write_encrypted
from kubectl_sops.errors import UsageError
from kubectl_sops.files.secret_manifest import secret_text

if TYPE_CHECKING:
    from collections.abc import Mapping

OPTIONS = (NAMESPACE, *WRITING, *table.CLUSTER)

# what the API server, kubectl and Flux write about an object, and what would be wrong in a manifest
_SERVER_ANNOTATIONS = ("kubectl.kubernetes.io/last-applied-configuration", "deployment.kubernetes.io/revision")
_SERVER_PREFIXES = ("kustomize.toolkit.fluxcd.io/", "helm.toolkit.fluxcd.io/", "meta.helm.sh/")


def import_secret(arguments: list[str], values: table.Values) -> None:
    """Write a Secret of the cluster as an encrypted manifest, without what the API server added.

    Examples:
      kubectl sops import secret db -n shop --output clusters/prod/shop/db.yaml
    """
    if len(arguments) != 2 or arguments[0] != "secret":
        kind, slash, name = arguments[0].partition("/") if len(arguments) == 1 else ("", "", "")
        shown = name if slash and kind in ("secret", "secrets") else "NAME"
        raise UsageError("expected: import secret NAME", hint=f"write: import secret {shown} --namespace NAMESPACE")
    from kubectl_sops.cluster.client import SECRETS, connect
    from kubectl_sops.cluster.failure import ObjectNotFoundError

    client = connect(values)
    namespace = str(values.get("namespace") or "default")
    try:
        found = client.get(SECRETS, arguments[1], namespace)
    except ObjectNotFoundError as error:
        error.hint = f"`kubectl get secrets -n {namespace}` lists them; name another namespace with --namespace"
        raise
    metadata: Mapping[str, object] = found.get("metadata") or {}
    text = secret_text(
        arguments[1],
        {key: a2b_base64(value) for key, value in (found.get("data") or {}).items()},
        namespace=namespace,
        type=str(found.get("type") or ""),
        labels=_kept(metadata.get("labels")),
        annotations=_kept(metadata.get("annotations")),
        immutable=bool(found.get("immutable")),
    )
    write_encrypted(arguments[1], text, "imported", values)


def _kept(given: object) -> dict[str, str]:
    if not isinstance(given, dict):
        return {}
    return {
        key: value
        for key, value in given.items()
        if key not in _SERVER_ANNOTATIONS and not key.startswith(_SERVER_PREFIXES)
    }


COMMAND = table.Command(import_secret, OPTIONS, "secret NAME")
