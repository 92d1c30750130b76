"""dotenv as sops reads it: ``KEY=value`` lines taken verbatim, but for a backslash and ``n`` where a line breaks.

Source: sops ``stores/dotenv``. A comment has its ``#`` in the first column; lines end at a line feed alone, so a
carriage return belongs to its value.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kubectl_sops.core.document import Document, Token
from kubectl_sops.core.leaf import Leaf
from kubectl_sops.core.metadata import Metadata
from kubectl_sops.core.values import Comment
from kubectl_sops.errors import DumpError, InvalidPathError, KeyPathNotFoundError, ParseError
from kubectl_sops.formats import flat

if TYPE_CHECKING:
    from kubectl_sops.core.document import Changes
    from kubectl_sops.core.leaf import Path

    Edit = tuple[int, int, str]

PREFIX = "sops_"

_LINE = re.compile(r"(?:(#)|([^=\n]*)(=))?([^\n]*)\n?")


class DotenvDocument(Document):
    """Variables and comments, one a line."""

    format = "dotenv"

    def __init__(self, text: str) -> None:
        self.text = text
        self.leaves: list[Leaf] = []
        self.containers: list[Path] = [()]
        self.metadata: Metadata | None = None
        # the metadata's lines: name, start of the line, its end with the line break, start and end of the value
        self.entry: list[tuple[str, int, int, int, int]] = []

    def token(self, index: int) -> Token:
        start, end = self.leaves[index].span
        return Token(self.text[start:end])

    def splice(self, changes: Changes, metadata: Metadata | None, *, like: Document | None = None) -> bytes:
        edits: list[Edit] = [(*self.leaves[index].span, _text(value)) for index, value in changes.items()]
        if self.entry and metadata is not None:
            edits += self._revised(dict(self.metadata_lines(metadata)))
            text = self._spliced(edits)
            return (text.removesuffix("\n") if self._open_ended else text).encode("utf-8", "surrogateescape")
        edits += [(start, end, "") for _, start, end, _, _ in self.entry]
        text = self._spliced(edits)
        if self._open_ended:
            text = text.removesuffix("\n")
        if metadata is not None:
            model = like if isinstance(like, DotenvDocument) and like.entry else self
            block = "\n".join(f"{PREFIX}{name}={value}" for name, value in model.metadata_lines(metadata))
            if model.entry and model.entry[0][1] == 0 and model.leaves:
                text = f"{block}\n{text}"
            else:
                text += f"{block}\n" if not text or text.endswith("\n") else f"\n{block}"
        return text.encode("utf-8", "surrogateescape")

    @property
    def _open_ended(self) -> bool:
        # an encrypted file without a final line break stands for a plaintext without one
        return bool(self.entry) and self.entry[-1][4] == len(self.text)

    def metadata_lines(self, metadata: Metadata) -> list[tuple[str, str]]:
        """Names and texts of the metadata in the order of this document's lines, new ones where sops puts them."""
        texts = {name: _escape(text) for name, text in flat.flatten(metadata.tree).items()}
        return [(name, texts[name]) for name in flat.revised_order((line[0] for line in self.entry), texts)]

    def _revised(self, wanted: dict[str, str]) -> list[Edit]:
        edits: list[Edit] = []
        places = {name: (start, end, value, stop) for name, start, end, value, stop in self.entry}
        at = self.entry[0][1]
        for name, text in wanted.items():
            if name in places:
                _, at, value, stop = places[name]
                if self.text[value:stop] != text:
                    edits.append((value, stop, text))
            elif at and self.text[at - 1] != "\n":
                edits.append((at, at, f"\n{PREFIX}{name}={text}"))
            else:
                edits.append((at, at, f"{PREFIX}{name}={text}\n"))
        edits += [(start, end, "") for name, start, end, _, _ in self.entry if name not in wanted]
        return edits

    def _spliced(self, edits: list[Edit]) -> str:
        pieces: list[str] = []
        at = 0
        for start, end, replacement in sorted(edits, key=lambda edit: edit[:2]):
            pieces += (self.text[at:start], replacement)
            at = end
        pieces.append(self.text[at:])
        return "".join(pieces)

    def put(self, path: Path, value: object) -> bytes:
        key = _key(path)
        if isinstance(value, dict | list) or len(path) > 1:
            raise DumpError("cannot use complex value in dotenv file", path=path)
        for leaf in self.leaves:
            if leaf.path == (key,):
                return self._spliced([(*leaf.span, _text(value))]).encode("utf-8", "surrogateescape")
        if not key or key.startswith(("#", PREFIX)) or "=" in key or "\n" in key:
            raise InvalidPathError("a dotenv file can't hold a variable of that name", path=path)
        line = f"{key}={_text(value)}"
        text = self.text
        text += f"{line}\n" if not text or text.endswith("\n") else f"\n{line}"
        return text.encode("utf-8", "surrogateescape")

    def remove(self, path: Path) -> bytes:
        for leaf in self.leaves:
            if leaf.path == path and not leaf.is_comment:
                start = self.text.rfind("\n", 0, leaf.span[0]) + 1
                end = leaf.span[1] + 1
                if end > len(self.text):  # the last line, without a line break: the one before it goes
                    start, end = max(start - 1, 0), len(self.text)
                return self._spliced([(start, end, "")]).encode("utf-8", "surrogateescape")
        raise KeyPathNotFoundError("the document has nothing there", path=path)


def _key(path: Path) -> str:
    if not isinstance(path[0], str):
        raise InvalidPathError("a dotenv file has names, no indexes", path=path)
    return path[0]


def _escape(text: str) -> str:
    return text.replace("\n", "\\n")


def _text(value: object) -> str:
    if isinstance(value, Token):
        return value
    if isinstance(value, Comment):
        return flat.comment_text(value)
    return _escape(value) if isinstance(value, str) else flat.scalar_text(value)


def parse(data: bytes) -> DotenvDocument:
    """The document in ``data``; variables whose name starts with ``sops_`` are its metadata.

    Raises:
        ParseError: a line is neither empty nor a comment nor has a ``=``.
        MetadataError: the metadata contradicts itself.
    """
    text = data.decode("utf-8", "surrogateescape")
    document = DotenvDocument(text)
    held: list[tuple[str, str]] = []
    at = 0
    while at < len(text):
        match = _LINE.match(text, at)
        assert match is not None  # the pattern matches any line
        mark, key, equals, value = match.groups()
        span = match.span(4)
        if mark:
            document.leaves.append(Leaf((), Comment(value), span))
        elif equals:
            value = value.replace("\\n", "\n")
            if key.startswith(PREFIX):
                held.append((key[len(PREFIX) :], value))
                document.entry.append((key[len(PREFIX) :], at, match.end(), *span))
            else:
                document.leaves.append(Leaf((key,), value, span))
        elif value:
            raise ParseError("a dotenv line without =", line=text.count("\n", 0, at) + 1)
        at = match.end()
    if held:
        document.metadata = Metadata(flat.unflatten(held))
    return document
