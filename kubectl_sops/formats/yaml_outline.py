"""A quick look at encrypted YAML: the ``sops`` entry apart from everything else.

Reading a large file whole costs a hundred times what its metadata costs. So the text is taken apart where its form is
the one that sops and we write: one document, the entry at its end. Whenever anything is not of that form the answer is
"don't know", and the file is read whole.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kubectl_sops import formats
from kubectl_sops.errors import SopsError

if TYPE_CHECKING:
    from kubectl_sops.core.document import Document
    from kubectl_sops.core.leaf import Leaf
    from kubectl_sops.core.metadata import Metadata

_ENTRY = re.compile(rb"^sops:[ ]*\n(?: [^\n]*\n|\n)*\Z", re.MULTILINE)
_OTHER_DOCUMENT = re.compile(rb"^(?:---|\.\.\.)(?=\s)", re.MULTILINE)
_STAND_IN = b"stand-in: 1\n"
"""A document for the entry to stand in, so that the format's own code reads and writes it."""


class Outline:
    """An encrypted YAML file in two pieces.

    Attributes:
        body: everything before the ``sops`` entry.
        metadata: the entry.
    """

    __slots__ = ("_document", "body", "metadata")

    def __init__(self, body: bytes, document: Document, metadata: Metadata) -> None:
        self.body = body
        self._document = document
        self.metadata = metadata

    def leaves(self) -> list[Leaf] | None:
        """What the body holds, if it has the usual form. See ``yaml_usual.read``."""
        from kubectl_sops.formats import yaml_usual

        return yaml_usual.read(self.body.decode()) if self.body.isascii() else None

    def with_metadata(self, metadata: Metadata) -> bytes:
        """The file with another ``sops`` entry."""
        return self.with_body(self.body, metadata)

    def with_body(self, body: bytes, metadata: Metadata) -> bytes:
        """The file with another body and another ``sops`` entry."""
        return body + self._document.splice({}, metadata).removeprefix(_STAND_IN)

    def parts(self) -> list[str]:
        """The body taken apart. See ``yaml_usual.take_apart``."""
        from kubectl_sops.formats import yaml_usual

        return yaml_usual.take_apart(self.body.decode())


def outline(data: bytes, format: str) -> Outline | None:
    """The two pieces of a file; ``None`` where it does not have the usual form."""
    if format != "yaml" or b"\r" in data or data.startswith(b"\xef\xbb\xbf"):
        return None
    start = data.rfind(b"\nsops:") + 1
    if not start or _ENTRY.match(data, start) is None:
        return None
    body = data[:start]
    # `sops:` a second time, or a second document: which entry counts is for the parser to say
    if b"\nsops:" in body or body.startswith(b"sops:"):
        return None
    if (b"\n---" in body or b"\n..." in body) and _OTHER_DOCUMENT.search(body, 3) is not None:
        return None
    try:
        document = formats.parse(_STAND_IN + data[start:], format)
        metadata = document.metadata
        if metadata is None or not metadata.mac:
            return None
        metadata.require_readable()
    except SopsError:
        return None
    return Outline(body, document, metadata)
