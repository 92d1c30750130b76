"""Objects of the cluster that a build reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_sops.cluster.client import SECRETS, Resource
from kubectl_sops.cluster.failure import ObjectNotFoundError
from kubectl_sops.flux.catalog import data_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kubectl_sops.cluster.client import Client

CONFIG_MAPS = Resource("/api/v1", "configmaps", "configmap")


def lookup(client: Client, kind: str, namespace: str, name: str) -> Mapping[str, bytes] | None:
    """The data of a live ConfigMap or Secret; ``None`` where there is none."""
    try:
        found = client.get(SECRETS if kind == "Secret" else CONFIG_MAPS, name, namespace)
    except ObjectNotFoundError:
        return None
    return data_of({**found, "kind": kind})
