"""What a function reports: one or more problems, each with the resource or the configuration field that it is about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_sops.errors import MacMismatchError, SopsError, format_path

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kubectl_sops.core.leaf import Path


class ConfigError(SopsError):
    """A field of a function's configuration that can't be used."""

    def __init__(self, message: str, field: Path = (), *, hint: str | None = None) -> None:
        super().__init__(f"{format_path(field)}: {message}" if field else message, hint=hint)
        self.field = field


class ResourceError(SopsError):
    """A resource that can't be decrypted or verified.

    Attributes:
        resource: the object; only its identity is ever shown.
        field: the key path in it.
        reason: the message without the identity.
        tried: which keys were tried, if it is about keys.
    """

    def __init__(self, message: str, resource: dict[str, object], field: Path = (), *, hint: str | None = None) -> None:
        where = f"{identity(resource)}: {format_path(field)}: " if field else f"{identity(resource)}: "
        super().__init__(where + message, hint=hint)
        self.resource = resource
        self.field = field
        self.reason = message
        self.tried: tuple[str, ...] = ()


class NotVerifiedError(ResourceError):
    """The MAC of a resource could be neither verified nor refuted."""


class ResourceMacError(ResourceError, MacMismatchError):
    """The MAC of a resource is missing or wrong."""


class FileError(SopsError):
    """An error about a file in the words of a predecessor.

    Attributes:
        tried: which keys were tried, if it is about keys.
    """

    def __init__(self, message: str, cause: SopsError) -> None:
        super().__init__(message, hint=cause.hint)
        self.tried: tuple[str, ...] = tuple(getattr(cause, "tried", ()))


class Problems(SopsError):  # noqa: N818  # several errors
    """Several problems at once."""

    def __init__(self, problems: Sequence[SopsError]) -> None:
        super().__init__(f"{len(problems)} problems")
        self.problems = tuple(problems)


def all_of(error: SopsError) -> tuple[SopsError, ...]:
    """The single problems of an error."""
    return error.problems if isinstance(error, Problems) else (error,)


def raise_all(problems: Sequence[SopsError]) -> None:
    """Raise what was collected, if anything."""
    if len(problems) == 1:
        raise problems[0]
    if problems:
        raise Problems(problems)


def identity(resource: dict[str, object]) -> str:
    """A resource in a message: ``Secret prod/db``. A kind or name that is encrypted is not shown."""
    metadata = resource.get("metadata")
    fields = metadata if isinstance(metadata, dict) else {}
    name, namespace = _name(fields.get("name")), fields.get("namespace")
    prefix = f"{_name(namespace)}/" if namespace else ""
    return f"{_name(resource.get('kind'))} {prefix}{name}"


def _name(value: object) -> str:
    if not isinstance(value, str) or not value:
        return "(unnamed)"
    return "(encrypted)" if "ENC[AES256_GCM," in value else value
