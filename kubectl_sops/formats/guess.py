"""The format of an encrypted text whose name does not say it: standard input, ``db.yaml.tpl``, no suffix at all."""

from __future__ import annotations

import re

from kubectl_sops import formats
from kubectl_sops.errors import SopsError

_MARKS = (
    # what the metadata looks like in each format, before it is read
    ("json", re.compile(rb"\A\s*\{.*\"sops\"", re.DOTALL)),
    ("yaml", re.compile(rb"^[\"']?sops[\"']?[ ]*:", re.MULTILINE)),
    ("ini", re.compile(rb"^\[sops\]", re.MULTILINE)),
    ("dotenv", re.compile(rb"^sops_version=", re.MULTILINE)),
)
_BINARY = ("data",)
"""The one value of a JSON file in which sops keeps a binary file."""


def guess(data: bytes) -> str | None:
    """The format, if the text is an encrypted file of one; ``None`` also for a binary file, which may have any name."""
    if b"sops" not in data:
        return None
    for name, mark in _MARKS:
        if mark.search(data) is None:
            continue
        try:
            document = formats.parse(data, name)
        except SopsError:
            continue
        if document.metadata is not None and document.metadata.mac:
            is_binary = name == "json" and [leaf.path for leaf in document.leaves] == [_BINARY]
            return None if is_binary else name
    return None


def format_with(name: str, data: bytes) -> str:
    """The format of a file by its name, or by its content where the name says nothing."""
    by_name = formats.format_of(name)
    return guess(data) or by_name if by_name == "binary" else by_name
