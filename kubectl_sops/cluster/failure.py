"""What can go wrong between us and an API server, each with what to do next."""

from __future__ import annotations

from kubectl_sops.errors import ClusterError


class KubeconfigError(ClusterError):
    """No kubeconfig, no such context, or one that can't be used."""


class CredentialsError(ClusterError):
    """The API server does not know who we are: expired or wrong credentials, or a plugin that gave none."""


class ForbiddenError(ClusterError):
    """The API server knows who we are and refuses."""


class UnreachableError(ClusterError):
    """No answer from the API server."""


class ObjectNotFoundError(ClusterError):
    """The object is not there."""


class NamespaceNotFoundError(ObjectNotFoundError):
    """The namespace is not there."""


class AlreadyExistsError(ClusterError):
    """An object of that name is there already."""


class ChangedMeanwhileError(ClusterError):
    """Somebody else changed the object between reading and writing it."""


class InvalidObjectError(ClusterError):
    """The API server does not accept an object; ``immutable``: because a field can't be changed."""

    def __init__(self, message: str, *, immutable: bool, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.immutable = immutable


class UnusableSecretError(ClusterError):
    """The Secret is there and holds no key that Flux can use."""
