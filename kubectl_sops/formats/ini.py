"""INI as sops reads it through go-ini: sections of keys, every value a text; only what changed is written anew.

Sources: sops ``stores/ini``, gopkg.in/ini.v1. Comments at the end of a file, which sops drops, are kept and encrypted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_sops.core.document import Document, Token
from kubectl_sops.core.leaf import Leaf
from kubectl_sops.core.metadata import Metadata
from kubectl_sops.core.values import EMPTY_MAP, Comment, Sealed
from kubectl_sops.errors import DumpError, MetadataError
from kubectl_sops.formats import flat, ini_lines, ini_text
from kubectl_sops.formats.ini_comments import Block, blocks
from kubectl_sops.formats.ini_lines import Key, Section, Span

if TYPE_CHECKING:
    from kubectl_sops.core.document import Changes
    from kubectl_sops.core.leaf import Path

    Edit = tuple[int, int, str]

METADATA_SECTION = "sops"


class IniDocument(Document):
    """Sections of keys. Keys before any header belong to the section ``DEFAULT``."""

    format = "ini"

    def __init__(self, text: str) -> None:
        self.text = text
        self.lines = ini_lines.read(text)
        self.leaves: list[Leaf] = []
        self.containers: list[Path] = [()]
        self.metadata: Metadata | None = None
        self.entry: Section | None = None
        trailing = list(self.lines.trailing)
        for section in self.lines.sections:
            if section.name == METADATA_SECTION:
                self._add_entry(section)
                # what stands above our section stood at the end of the plaintext
                trailing = section.comments + trailing
            else:
                self._add_section(section)
        self._add_comments((), trailing, None, inline=False)

    def _add_section(self, section: Section) -> None:
        path = (section.name,)
        self.containers.append(path)
        before = len(self.leaves)
        self._add_comments(path, section.comments, section, inline=section.inline, header=section.header)
        for key in section.keys:
            self.leaves.append(Leaf((section.name, key.name), key.value.text, key.value.span, key))
            self._add_comments(path, key.comments, section, inline=key.inline)
        if len(self.leaves) == before:
            self.leaves.append(Leaf(path, EMPTY_MAP, (section.header, section.header)))

    def _add_comments(
        self, path: Path, lines: list[Span], owner: Section | None, *, inline: bool, header: int | None = None
    ) -> None:
        for block in blocks(self.text, lines, inline=inline, header=header):
            block.owner = owner
            self.leaves.append(Leaf(path, Comment(block.text), block.span, block))

    def _add_entry(self, section: Section) -> None:
        if self.entry is not None:
            raise MetadataError("the document has two sections named sops")
        self.entry = section
        # sops up to 3.12 and from 3.13.2 on escapes line breaks twice, versions between do not
        pairs = ((key.name, key.value.text.replace("\\n", "\n")) for key in section.keys)
        self.metadata = Metadata(flat.unflatten(pairs))

    def token(self, index: int) -> Token:
        style = self.leaves[index].style
        if isinstance(style, Key):
            start, end = style.value.token
            return Token(self.text[start:end])
        return Token(style.text if isinstance(style, Block) else "")

    def splice(self, changes: Changes, metadata: Metadata | None, *, like: Document | None = None) -> bytes:
        edits: list[Edit] = []
        for index, value in changes.items():
            leaf = self.leaves[index]
            if isinstance(leaf.style, Key):
                edits.append(self._value_edit(leaf, leaf.style, value))
            elif isinstance(leaf.style, Block):
                if value.__class__ is Comment:
                    edits += leaf.style.opened(self.text, str(value))
                else:
                    edits += leaf.style.sealed(self.text, str(value), self.newline)
        entry = self.entry
        if entry is None:
            text = spliced(self.text, edits)
            if metadata is not None:
                text = self._with_entry(text, metadata, like if isinstance(like, IniDocument) else None)
        else:
            # an encrypted file without a final line break stands for a plaintext without one
            is_open = entry.end == len(self.text) and not self.text.endswith("\n")
            blank = self._blank_before(entry)
            if metadata is None:
                edits.append((entry.header - len(blank), entry.end, ""))
            else:
                edits += self.revised_entry(entry, metadata)
            text = spliced(self.text, edits)
            if is_open:
                text = text.removesuffix(blank or "\n")
        return text.encode("utf-8", "surrogateescape")

    def _value_edit(self, leaf: Leaf, key: Key, value: object) -> Edit:
        start, end = key.value.token
        if isinstance(value, Token):
            return start, end, value
        if isinstance(value, Sealed):
            if key.value.quote == ini_text.CONTINUED:
                return start, end, value
            return (*key.value.span, value)
        rest = self.text[end : ini_text.line_end(self.text, end)].rstrip("\r\n") if end < len(self.text) else ""
        text = value if isinstance(value, str) else flat.scalar_text(value)
        try:
            return start, end, ini_text.write(text, key.value.quote, rest)
        except DumpError as error:
            error.path = leaf.path
            raise

    def _blank_before(self, entry: Section) -> str:
        for blank in ("\r\n", "\n"):
            if self.text.endswith(f"\n{blank}", 0, entry.header):
                return blank
        return ""

    def revised_entry(self, entry: Section, metadata: Metadata) -> list[Edit]:
        """The edits that make the section hold ``metadata``: lines that say the same stay as they are."""
        edits: list[Edit] = []
        wanted = flat.flatten(metadata.tree)
        keys = {key.name: key for key in entry.keys}
        at = ini_text.line_end(self.text, entry.header)
        width = self._width(entry)
        newline = self.newline
        for name in flat.revised_order(keys, wanted):
            if name in keys:
                value = keys[name].value
                at = value.end
                if value.text.replace("\\n", "\n") != wanted[name]:
                    edits.append((*value.token, _written(wanted[name])))
            else:
                line = _line(name, wanted[name], width)
                broken = at == 0 or self.text[at - 1] == "\n"
                edits.append((at, at, line + newline if broken else newline + line))
        for name, key in keys.items():
            if name not in wanted:
                edits.append((key.line, key.value.end, ""))
        return edits

    def _with_entry(self, text: str, metadata: Metadata, like: IniDocument | None) -> str:
        newline = self.newline
        model = None if like is None else like.entry
        if like is None or model is None:
            wanted = flat.flatten(metadata.tree)
            width = max(len(ini_text.write_key(name)) for name in wanted)
            lines = [f"[{METADATA_SECTION}]", *(_line(name, value, width) for name, value in wanted.items())]
            block = newline.join(lines)
        else:
            body = spliced(like.text, like.revised_entry(model, metadata))
            start, stop = model.header, len(body) - (len(like.text) - model.end)
            block = body[start:stop].rstrip("\r\n")
        end = newline
        if text and not text.endswith("\n"):
            text += newline
            end = ""
        return f"{text}{newline if text else ''}{block}{end}"

    def _width(self, entry: Section) -> int:
        for key in entry.keys:
            found = self.text.find("=", key.start, key.value.token[0])
            if found > 0:
                return found - key.start - 1
        return 0

    @property
    def newline(self) -> str:
        """The line end of the document."""
        first = self.text.find("\n")
        return "\r\n" if first > 0 and self.text[first - 1] == "\r" else "\n"

    def put(self, path: Path, value: object) -> bytes:
        from kubectl_sops.formats import ini_edit

        return ini_edit.put(self, path, value)

    def remove(self, path: Path) -> bytes:
        from kubectl_sops.formats import ini_edit

        return ini_edit.remove(self, path)


def _written(text: str) -> str:
    text = text.replace("\n", "\\n")
    return ini_text.write(text, ini_text.preferred_quote(text))


def _line(name: str, text: str, width: int) -> str:
    return f"{ini_text.write_key(name).ljust(width)} = {_written(text)}"


def spliced(text: str, edits: list[Edit]) -> str:
    """The text with some places replaced."""
    pieces: list[str] = []
    at = 0
    for start, end, replacement in sorted(edits, key=lambda edit: edit[:2]):
        pieces += (text[at:start], replacement)
        at = end
    pieces.append(text[at:])
    return "".join(pieces)


def parse(data: bytes) -> IniDocument:
    """The document in ``data``; its section ``sops`` is its metadata.

    Raises:
        ParseError: a line can't be read, or says something that sops would silently drop.
        MetadataError: the section ``sops`` contradicts itself, or there are two.
    """
    return IniDocument(data.decode("utf-8", "surrogateescape"))
