"""File formats: bytes to leaves and back, layout kept. Each format is a module, loaded when a file of it is met."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_sops.errors import UsageError

if TYPE_CHECKING:
    from kubectl_sops.core.document import Document

FORMATS = ("yaml", "json", "dotenv", "ini", "binary")

_SUFFIXES = ((".yaml", "yaml"), (".yml", "yaml"), (".json", "json"), (".env", "dotenv"), (".ini", "ini"))


def format_of(path: str) -> str:
    """The format that sops chooses for a file name: by suffix, case-sensitive, otherwise ``binary``."""
    for suffix, name in _SUFFIXES:
        if path.endswith(suffix):
            return name
    return "binary"


def parse(data: bytes, format: str) -> Document:  # the word sops uses
    """The document in ``data``.

    Raises:
        ParseError: the text is not of this format; the error carries the line, never the text.
        MetadataError: there is a ``sops`` entry that can't be read.
    """
    if format == "yaml":
        from kubectl_sops.formats import yaml

        return yaml.parse(data)
    if format == "json":
        from kubectl_sops.formats import json

        return json.parse(data)
    if format == "dotenv":
        from kubectl_sops.formats import dotenv

        return dotenv.parse(data)
    if format == "ini":
        from kubectl_sops.formats import ini

        return ini.parse(data)
    if format == "binary":
        from kubectl_sops.formats import binary

        return binary.parse(data)
    raise UsageError(f"unknown format {format}, expected one of {', '.join(FORMATS)}")
