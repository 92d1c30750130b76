"""The KRM Functions Specification as pydantic models, and ``run``: enough to write another function in ten lines.

Reads and writes what kustomize, kpt and their SDKs read and write. ``krm-sops`` itself does not use it: importing
pydantic costs more than a whole call. Promised to users, as ``docs/kustomize.md`` shows.
"""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from krm_fn import emit
from kubectl_sops.errors import SopsError
from kubectl_sops.formats.yaml_load import load_all
from kubectl_sops.program import buffer_output

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KubeObject = dict[str, Any]
"""A resource, as plain maps, lists and scalars, in the order in which it came."""


class Severity(StrEnum):
    """How bad a result is."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class _Model(BaseModel):
    # functions of later versions may send more: it is kept
    model_config = ConfigDict(extra="allow", populate_by_name=True)


class ResourceRef(_Model):
    """Which resource a result is about."""

    api_version: str = Field(alias="apiVersion")
    kind: str
    name: str
    namespace: str | None = None

    @classmethod
    def of(cls, resource: KubeObject) -> Self:
        """The reference to a resource."""
        metadata = resource.get("metadata") or {}
        return cls(
            apiVersion=resource.get("apiVersion", ""),
            kind=resource.get("kind", ""),
            name=metadata.get("name", ""),
            namespace=metadata.get("namespace"),
        )


class FieldRef(_Model):
    """Which field of the resource. Leave the values out where they may be secret."""

    path: str
    current_value: Any = Field(default=None, alias="currentValue")
    proposed_value: Any = Field(default=None, alias="proposedValue")


class FileRef(_Model):
    """Which file the resource came from."""

    path: str
    index: int = 0


class Result(_Model):
    """One message of a function."""

    message: str
    severity: Severity = Severity.ERROR
    resource_ref: ResourceRef | None = Field(default=None, alias="resourceRef")
    field: FieldRef | None = None
    file: FileRef | None = None
    tags: dict[str, str] = Field(default_factory=dict)


class ResourceList(_Model):
    """What a function gets and gives back: change ``items``, append to ``results``."""

    api_version: Literal["config.kubernetes.io/v1", "config.kubernetes.io/v1beta1", "config.kubernetes.io/v1alpha1"] = (
        Field(default="config.kubernetes.io/v1", alias="apiVersion")
    )
    kind: Literal["ResourceList"] = "ResourceList"
    items: list[KubeObject] = Field(default_factory=list)
    function_config: KubeObject | None = Field(default=None, alias="functionConfig")
    results: list[Result] = Field(default_factory=list)

    @classmethod
    def parse(cls, text: str | bytes) -> Self:
        """A ResourceList from YAML or JSON, with the scalars of go-yaml: ``yes`` is text, ``0o14`` a number.

        Raises:
            SopsError: it is not one; the message shows no values.
        """
        documents = load_all(text)
        try:
            return cls.model_validate(documents[0] if documents else {})
        except ValidationError as error:
            places = ", ".join(".".join(map(str, problem["loc"])) for problem in error.errors())
            raise SopsError(f"not a ResourceList: {places}") from None

    def dump(self) -> str:
        """The text that kustomize and kpt read."""
        tree = self.model_dump(by_alias=True, exclude_none=True, exclude={"items", "results", "function_config"})
        tree["items"] = self.items
        if self.function_config is not None:
            tree["functionConfig"] = self.function_config
        if self.results:
            tree["results"] = [
                result.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_defaults=False)
                for result in self.results
            ]
        return emit.text(tree) + "\n"

    def find(self, kind: str, api_version: str | None = None) -> Iterator[KubeObject]:
        """The items of one kind."""
        for item in self.items:
            if item.get("kind") == kind and api_version in (None, item.get("apiVersion")):
                yield item

    def fail(self, message: str, resource: KubeObject | None = None, path: str | None = None) -> None:
        """Append a result of severity ``error``; ``run`` then exits with 1."""
        self.results.append(
            Result(
                message=message,
                severity=Severity.ERROR,
                resourceRef=ResourceRef.of(resource) if resource else None,
                field=FieldRef(path=path) if path else None,
            )
        )


def run(processor: Callable[[ResourceList], None]) -> None:
    """Read a ResourceList from stdin, let ``processor`` change it, print it, and exit.

    Exits with 1 where a result has severity ``error``, which kustomize ignores otherwise, and prints errors on stderr,
    which is all that kustomize shows.
    """
    try:
        resources = ResourceList.parse(sys.stdin.buffer.read())
        processor(resources)
        text = resources.dump()
    except SopsError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(1)
    buffer_output()
    sys.stdout.buffer.write(text.encode())
    failed = [result for result in resources.results if result.severity is Severity.ERROR]
    for result in failed:
        sys.stderr.write(f"error: {result.message}\n")
    sys.exit(1 if failed else 0)
