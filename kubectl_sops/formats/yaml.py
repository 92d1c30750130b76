"""YAML: a stream of documents, read and written by splicing.

``docs/format.md`` says what comes back byte for byte.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kubectl_sops.core.document import Document, Token
from kubectl_sops.core.metadata import Metadata
from kubectl_sops.core.values import Comment, Sealed, is_listed_comment
from kubectl_sops.errors import MetadataError, NoDocumentError, ParseError
from kubectl_sops.formats import yaml_aliases, yaml_blocks, yaml_entry, yaml_listed
from kubectl_sops.formats.yaml_entry_edits import entry_edits
from kubectl_sops.formats.yaml_render import block_token, kept_token, plain_token, sealed_token, value_token
from kubectl_sops.formats.yaml_scalars import BREAKING_TAGS
from kubectl_sops.formats.yaml_scan import Scan, Style, scan

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kubectl_sops.core.leaf import Leaf, Path
    from kubectl_sops.formats.yaml_edit import Editor
    from kubectl_sops.formats.yaml_entry_tree import EntryTree
    from kubectl_sops.formats.yaml_scan import Part

    Edit = tuple[int, int, str]

_BOM = "\ufeff"
_NEWLINE = re.compile(r"\r\n|\n|\r")


def parse(data: bytes) -> YamlDocument:
    """The document in ``data``.

    Raises:
        NoDocumentError: there is none.
        ParseError: not YAML that sops could read; with the line.
        EncryptTreeError: keys or numbers that SOPS can't hold.
        MetadataError: a ``sops`` entry that is no mapping.
    """
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise ParseError("not UTF-8", hint="convert it, or use --input-type binary") from None
    bom = text.startswith(_BOM)
    if bom:
        text = text[1:]  # libyaml's positions do not count it
    if _BOM in text and (stray := re.search(f"(?m)^{_BOM}", text)) is not None:
        # libyaml skips it, go-yaml does so in some places only
        raise ParseError("a byte order mark within the text", line=text.count("\n", 0, stray.start()) + 1)
    found = scan(text)
    if not found.parts:
        raise NoDocumentError(
            "File cannot be completely empty, it must contain at least one document", hint="put {} into it"
        )
    return YamlDocument(found, bom=bom)


class Model:
    """The ``sops`` entry of a document, as an example of how to write one.

    Attributes:
        source: a text with it.
        start: where its lines start.
        end: where they end, behind a line break.
        entry: what it holds.
        column: of its key.
        newline: how lines end there.
        after: the key that follows it in its document.
        exact: whether the lines hold nothing but the entry.
    """

    __slots__ = ("after", "column", "end", "entry", "exact", "newline", "source", "start")

    def __init__(self, source: str, lines: tuple[int, int], entry: EntryTree, column: int, newline: str) -> None:
        self.source = source
        self.start, self.end = lines
        self.entry = entry
        self.column = column
        self.newline = newline
        self.after: str | None = None
        self.exact = True

    @property
    def indent(self) -> int:
        """Blanks per level, as far as its first field shows."""
        first = re.compile(r"sops:[^\n]*\n( *)").search(self.source, self.start)
        own = len(first.group(1)) - self.column if first else 0
        return own if 2 <= own <= 9 else yaml_entry.DEFAULT_INDENT


class YamlDocument(Document):
    """A YAML stream."""

    format = "yaml"

    def __init__(self, found: Scan, *, bom: bool) -> None:
        self._scan = found
        self._text = found.text
        self._bom = _BOM if bom else ""
        newline = _NEWLINE.search(found.text)
        self._newline = newline.group() if newline else "\n"
        self.leaves = found.leaves
        self.containers = list(dict.fromkeys(found.containers))
        self.metadata = None
        if found.entry is not None:
            if not isinstance(found.entry.tree, dict):
                raise MetadataError("found sops entry that is not a mapping")
            self.metadata = Metadata(found.entry.tree)
            self.unsealed = frozenset(number for number, part in enumerate(found.parts) if part.entry is None)
        if found.solid is not None:
            from kubectl_sops.formats import yaml_comments

            self.moving_comments = yaml_comments.add(found)
            self.leaves = found.leaves

    def token(self, index: int) -> Token:
        """The source text of a leaf."""
        return Token(self._text[slice(*self._extent(self.leaves[index]))])

    def _extent(self, leaf: Leaf) -> tuple[int, int]:
        style = leaf.style
        if isinstance(style, Style) and style.mark in ("|", ">"):
            return leaf.span[0], max(self._block(leaf, style).end, leaf.span[0] + 1)
        if isinstance(style, Style) and style.alias is None and is_listed_comment(leaf.value):
            return yaml_listed.item_start(self._text, leaf), leaf.span[1]
        return leaf.span

    def _block(self, leaf: Leaf, style: Style) -> yaml_blocks.Block:
        start, end = leaf.span
        return yaml_blocks.Block(self._text, start, end, str(leaf.value), style.column)

    def splice(
        self, changes: Mapping[int, object], metadata: Metadata | None, *, like: Document | None = None
    ) -> bytes:
        """See ``Document.splice``."""
        edits: list[Edit] = []
        leaves = self.leaves
        # empty text is never encrypted: its spelling is still there
        changes = {index: value for index, value in changes.items() if value != "" or leaves[index].value != ""}
        listed, items = False, set[tuple[int, "Path"]]()
        moved = self._header_comments() if metadata is None else {}
        for index, value in changes.items():
            if index in moved:
                continue
            leaf = leaves[index]
            style = leaf.style
            if isinstance(style, Style) and style.alias is not None:
                continue
            if leaf.value.__class__ is Comment:
                if isinstance(value, Token):
                    value = Token(yaml_listed.sealed(self._text, leaf, value, self._scan.lists))
                    if value.startswith("-"):
                        items.add((leaf.document, leaf.path))
            elif value.__class__ is Comment:
                listed = True
            edits += self._leaf_edits(leaf, value)
        if self._scan.aliases:
            edits += yaml_aliases.edits(self._scan.aliases, leaves, changes)
        if listed:
            edits += yaml_listed.emptied(self._text, leaves, changes, self._newline)
        if items:
            edits += yaml_listed.filled(self._text, leaves, items)
        if metadata is None:
            edits += self._removals({start: changes.get(index, leaves[index].value) for index, start in moved.items()})
        else:
            edits += self._entry_edits(metadata, like)
        return self._encode(_apply(self._text, edits))

    def split(self, index: int) -> tuple[bytes, bytes, bytes]:
        """See ``Document.split``."""
        part, text = self._scan.parts[index], self._text
        before, own, behind = text[: part.start], text[part.start : part.end], text[part.end :]
        return self._encode(before), own.encode("utf-8", "surrogateescape"), behind.encode("utf-8", "surrogateescape")

    def put(self, path: Path, value: object) -> bytes:
        """See ``Document.put``; the first document only."""
        return self._encode(self._editor().put(path, value))

    def remove(self, path: Path) -> bytes:
        """See ``Document.remove``; the first document only."""
        return self._encode(self._editor().remove(path))

    def _editor(self) -> Editor:
        from kubectl_sops.formats.yaml_edit import Editor

        return Editor(self._text, indent=self._indent(), newline=self._newline)

    def _encode(self, text: str) -> bytes:
        return (self._bom + text).encode("utf-8", "surrogateescape")

    def _leaf_edits(self, leaf: Leaf, value: object) -> list[Edit]:
        style = leaf.style
        if leaf.value.__class__ is Comment:
            start, end = leaf.span
            return [(start, end, str(value) if isinstance(value, Token) else "#" + str(value))]
        assert isinstance(style, Style)  # every leaf that can change is a scalar
        if isinstance(value, Token):
            start, end = self._extent(leaf)
            kept = kept_token(value, style.mark, self._text[start:end], leaf.value, flow=style.flow)
            return [*self._tag_edits(style), (start, end, kept)]
        if value.__class__ is Comment:
            return [yaml_listed.opened(self._text, leaf, str(value), self._scan.lists)]
        if isinstance(value, Sealed):
            return self._seal(leaf, style, value.strip())  # one that is kept may come from a block scalar
        return self._plain(leaf, style, value)

    def _seal(self, leaf: Leaf, style: Style, sealed: str) -> list[Edit]:
        edits = self._tag_edits(style)
        if style.mark in ("|", ">"):
            block = self._block(leaf, style)
            body = yaml_blocks.sealed_body(block, self._text, sealed, self._newline)
            edits.append((block.body, block.end, body))
        else:
            token = self._text[slice(*leaf.span)]
            edits.append((*leaf.span, sealed_token(sealed, style.mark, token, leaf.value, flow=style.flow)))
        return edits

    def _tag_edits(self, style: Style) -> list[Edit]:
        if style.tag not in BREAKING_TAGS:
            return []
        start, end = style.properties
        text = re.sub(r"!!\w+[ \t]*|!<[^>]*>[ \t]*", "", self._text[start:end], count=1)
        return [(start, end, text)]

    def _plain(self, leaf: Leaf, style: Style, value: object) -> list[Edit]:
        text, newline = self._text, self._newline
        if style.mark in ("|", ">"):
            block = self._block(leaf, style)
            if type(value) is str and yaml_blocks.can_hold(block, value):
                body = yaml_blocks.open_body(block, value, newline)
                end = block.end
                if not body:
                    end += len(newline) if text.startswith(newline, end) else 0
                return [(block.body, end, body)]
            start, end = self._extent(leaf)
            return [(start, end, value_token(value, "", flow=style.flow))]
        start, end = leaf.span
        if type(value) is str and "\n" in value and style.mark == "" and not style.flow:
            token = block_token(value, leaf, text, newline, self._indent())
            # at the end of a text without final line break, a block would lose the value's own
            is_final = leaf is self.leaves[-1] and not text.endswith(("\n", "\r"))
            if token is not None and not (is_final and value.endswith("\n")):
                return [(start, end, token)]
        return [
            *self._tag_edits(style),
            (start, end, plain_token(value, text[start:end], style.mark, style.tag, flow=style.flow)),
        ]

    def _indent(self) -> int:
        return yaml_entry.indent_of(self._text)

    # the sops entry

    def _entry_edits(self, metadata: Metadata, like: Document | None) -> list[Edit]:
        parts, entry = self._scan.parts, self._scan.entry
        if entry is not None and all(part.entry for part in parts):
            return self._changed_entry(metadata)
        edits: list[Edit] = []
        for number, part in enumerate(parts):
            model = like._model(number) if isinstance(like, YamlDocument) else None
            edits += self._insertion(part, number, metadata, model)
        return edits + self._keep_final_block()

    def _model(self, number: int) -> Model | None:
        """How the entry of a document is written; of the first one where there are not so many."""
        parts = self._scan.parts
        part = parts[number if number < len(parts) else 0]
        if part.flow or part.entry is None or part.tree is None:
            return None
        source, (start, end) = self._text, self._entry_lines(part)
        if source[end - 1 : end] not in ("\n", "\r"):
            source += self._newline
            end = len(source)
        model = Model(source, (start, end), part.tree, part.column, self._newline)
        model.after = next((name for name, at in part.keys if at > part.entry[0]), None)
        model.exact = not self._has_header_comment(part)
        return model

    def _entry_lines(self, part: Part) -> tuple[int, int]:
        assert part.entry is not None  # asked by the callers
        start = _line_start(self._text, part.entry[0])
        return start, _line_end(self._text, part.entry[2])

    def _has_header_comment(self, part: Part) -> bool:
        assert part.entry is not None  # asked by the callers
        return "#" in self._text[part.entry[0] : self._header_end(part)] and self.moving_comments

    def _header_end(self, part: Part) -> int:
        assert part.entry is not None  # asked by the callers
        return _line_end(self._text, part.entry[0] + 1)

    def _header_comments(self) -> dict[int, int]:
        """Comments behind `sops:` (sops writes one there that was the last of its document) → start of the key."""
        lines = [
            (part.entry[0], self._header_end(part))
            for part in self._scan.parts
            if part.entry is not None and not part.flow and self._has_header_comment(part)
        ]
        return {
            index: start
            for start, end in lines
            for index, leaf in enumerate(self.leaves)
            if leaf.value.__class__ is Comment and start < leaf.span[0] < end
        }

    def _removals(self, moved: dict[int, object]) -> list[Edit]:
        edits = []
        for part in self._scan.parts:
            if part.entry is not None:
                start, end, text = self._removal(part)
                if part.entry[0] in moved:
                    text += f"{' ' * part.column}#{moved[part.entry[0]]}{self._newline}"
                edits.append((start, end, text))
        return edits

    def _removal(self, part: Part) -> Edit:
        text = self._text
        assert part.entry is not None  # asked by the caller
        key, _, end = part.entry
        if part.flow:
            after = re.compile(r"\s*,[ \t]*").match(text, end)
            if after is not None:
                return (key, after.end(), "")
            before = re.compile(r",\s*$").search(text, 0, key)
            return (before.start() if before else key, end, "")
        start, stop = self._entry_lines(part)
        if not part.keys and not text.endswith("---", 0, part.start):
            # without anything it would be no document
            return (start, stop, "{}" + (self._newline if text[stop - 1] in "\n\r" else ""))
        if stop == len(text) and not text.endswith(("\n", "\r")) and start > 0:
            # the entry has no final line break, because the plaintext had none
            start -= 2 if text[start - 2 : start] == "\r\n" else 1
        return (start, stop, "")

    def _changed_entry(self, metadata: Metadata) -> list[Edit]:
        entry = self._scan.entry
        assert entry is not None  # asked by the caller
        before = entry.tree
        if before == metadata.tree or not isinstance(before, dict):
            return []
        edits: list[Edit] = []
        for number, part in enumerate(self._scan.parts):
            model = self._model(number)
            if model is None or part.entry is None:
                edits += self._flow_entry(part, metadata)
                continue
            start, stop = self._entry_lines(part)
            header = self._header_end(part)
            if header <= part.entry[1]:
                start = header  # a comment may stand behind the key
            small = entry_edits(model.entry, metadata.tree, model.source, model.end, self._newline)
            if small is not None and stop == model.end:
                edits += small
                continue
            if small is not None:
                block = _apply(model.source, small, start, model.end)
            else:
                block = yaml_entry.emit(
                    metadata.tree, indent=model.indent, column=part.column, newline=self._newline
                )  # fmt: skip
                block = block.partition("\n")[2] if start == header else block
            edits.append((start, stop, block.removesuffix(self._newline) if stop != model.end else block))
        return edits

    def _flow_entry(self, part: Part, metadata: Metadata) -> list[Edit]:
        assert part.entry is not None  # asked by the callers
        _, start, end = part.entry
        return [(start, end, yaml_entry.in_flow(metadata.tree))]

    def _modelled(self, metadata: Metadata, model: Model, column: int) -> str:
        """The entry's text, written like an earlier one."""
        edits = None
        if model.exact and model.column == column:
            edits = entry_edits(model.entry, metadata.tree, model.source, model.end, self._newline)
        if edits is not None:
            block = _apply(model.source, edits, model.start, model.end)
            return block if model.newline == self._newline else _NEWLINE.sub(self._newline, block)
        return yaml_entry.emit(metadata.tree, indent=model.indent, column=column, newline=self._newline)

    def _insertion(
        self,
        part: Part,
        number: int,
        metadata: Metadata,
        model: Model | None,
    ) -> list[Edit]:
        text, newline = self._text, self._newline
        if part.flow:
            start, end = _line_start(text, part.root), _line_end(text, part.root + 2)
            if model is not None and text[start:end].strip() == "{}":
                # a document that held nothing but its entry
                block = self._modelled(metadata, model, 0)
                return [(start, end, block if text[end - 1] in "\n\r" else block.removesuffix(newline))]
            pair = f'"sops": {yaml_entry.in_flow(metadata.tree)}, '
            return [(part.root + 1, part.root + 1, pair)]
        if part.null is not None:
            return [(*part.null, f'{{"sops": {yaml_entry.in_flow(metadata.tree)}, }}')]
        if model is not None:
            block = self._modelled(metadata, model, part.column)
            place = next((at for name, at in part.keys if name == model.after), None)
            if place is not None:
                at = _line_start(text, place)
                return [(at, at, block)]
        else:
            block = yaml_entry.emit(
                metadata.tree, indent=self._indent(), column=max(part.column, 0), newline=newline
            )  # fmt: skip
        at = part.end
        if at > 0 and text[at - 1] not in "\r\n\x85\u2028\u2029":
            if at == len(text):
                return [(at, at, newline + block.removesuffix(newline))]
            start = _line_start(text, at)
            if text[start:at].startswith("---") or (number == 0 and not text[start:at].strip()):
                return [(at, at, newline + block)]
            at = start
        return [(at, at, block)]

    def _keep_final_block(self) -> list[Edit]:
        # `|` at the very end of a text without final line break: the entry's line break would become part of the value
        text = self._text
        if not self.leaves or text.endswith(("\n", "\r")):
            return []
        leaf = self.leaves[-1]
        style = leaf.style
        if not isinstance(style, Style) or style.mark not in ("|", ">") or leaf.span[1] != len(text):
            return []
        block = self._block(leaf, style)
        if block.chomp == "-" or str(leaf.value).startswith("ENC["):
            return []
        header = re.compile(r"[|>][1-9]?([+]?)").match(text, leaf.span[0])
        assert header is not None  # a block scalar starts there
        return [(header.start(1), header.end(1), "-")]


def _line_start(text: str, index: int) -> int:
    while index > 0 and text[index - 1] not in "\n\r\x85\u2028\u2029":
        index -= 1
    return index


def _line_end(text: str, index: int) -> int:
    """Behind the line break of the line that ``index`` is in; of a block scalar that has its break already, there."""
    if index > 0 and text[index - 1] in "\n\r":
        return index
    match = _NEWLINE.search(text, index)
    return match.end() if match else len(text)


def _apply(text: str, edits: list[Edit], at: int = 0, end: int | None = None) -> str:
    """The text from ``at`` to ``end`` with spans replaced; spans do not overlap."""
    out: list[str] = []
    for start, stop, new in sorted(edits, key=lambda edit: (edit[0], edit[1])):
        out += (text[at:start], new)
        at = stop
    out.append(text[at:end])
    return "".join(out)
