"""Setting and removing values of a YAML document, the text around them kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_sops.core.values import INT_MAX, INT_MIN
from kubectl_sops.errors import InvalidPathError, KeyPathNotFoundError
from kubectl_sops.formats.json_edit import nested
from kubectl_sops.formats.yaml_blocks import literal
from kubectl_sops.formats.yaml_nodes import (
    LIST,
    MAP,
    SCALAR,
    Node,
    first_document,
    line_end,
    line_start,
    next_line,
)
from kubectl_sops.formats.yaml_scalars import double, quote, scalar

if TYPE_CHECKING:
    from kubectl_sops.core.leaf import Path


class Editor:
    """Edits of one text.

    Args:
        text: a plaintext document without byte order mark.
        indent: blanks per level of what is added.
        newline: the line break of what is added.
    """

    def __init__(self, text: str, *, indent: int, newline: str) -> None:
        self._text = text
        self._indent = indent
        self._newline = newline

    def put(self, path: Path, value: object) -> str:
        """The text with ``value`` at ``path``; see ``Document.put``."""
        node, parent_column = first_document(self._text), -1
        for depth, part in enumerate(path):
            rest = path[depth + 1 :]
            if node.kind not in (MAP, LIST):
                return self._replace(node, nested(path[depth:], value), parent_column)
            position = _position(node, part)
            if position is None:
                return self._insert(node, part, nested(rest, value), parent_column)
            parent_column, node = self._inside(node, parent_column), node.items[position]
        return self._replace(node, value, parent_column)

    def remove(self, path: Path) -> str:
        """The text without what stands at ``path``; see ``Document.remove``."""
        node = first_document(self._text)
        parent, position = node, 0
        for depth, part in enumerate(path):
            found = _position(node, part) if node.kind in (MAP, LIST) else None
            if found is None:
                raise KeyPathNotFoundError("the document has nothing there", path=path[: depth + 1])
            parent, position, node = node, found, node.items[found]
        if len(parent.items) == 1:
            return self._empty(parent, is_root=len(path) == 1)
        if parent.flow:
            return self._remove_flow(parent, position)
        return self._remove_block(parent, position)

    # replacing

    def _inside(self, node: Node, parent_column: int) -> int:
        return parent_column if node.flow else node.column

    def _replace(self, node: Node, value: object, parent_column: int) -> str:
        text = self._text
        if _in_flow(text, node):
            lead = " " if text[node.start - 1 : node.start] == ":" else ""
            return text[: node.start] + lead + self._flow(value) + text[node.end :]
        head = text[: node.lead] + (" " if node.lead else "")
        # comments between the key and a collection stay where they are, below what takes its place
        first_line = line_start(text, node.start)
        gap = text[node.lead : first_line].rstrip() if first_line > node.lead else ""
        if not _is_block(value):
            new = self._scalar(value, parent_column, text, node.end, alone=not gap)
            return head + new + gap + text[node.end :]
        stop = line_end(text, node.end)
        behind = text[node.end : stop].rstrip()  # a comment of the line stays on the line of the key
        if node.lead and text[node.lead - 1] == "-" and not gap and not behind:
            column = node.lead - line_start(text, node.lead) + 1
            return head + self._block(value, column).lstrip(" ") + text[node.end :]
        column = parent_column + self._indent if parent_column >= 0 else 0
        lines = self._block(value, column)
        head = head.rstrip(" ") + gap + behind
        return head + (self._newline if head and head[-1] not in "\r\n" else "") + lines + text[stop:]

    # inserting

    def _insert(self, node: Node, part: str | int, value: object, parent_column: int) -> str:
        if isinstance(part, int) is (node.kind == MAP):
            if isinstance(part, int):
                raise InvalidPathError(
                    f"a map has no element {part}", hint=f'write ["{part}"] for a key that is a number'
                )
            raise InvalidPathError("a list has no keys", hint="use an index, as in [0]")
        count = len(node.items)
        if isinstance(part, int) and part > count:
            raise InvalidPathError(
                f"the index {part} is beyond the end of the list, which has {count}", hint=f"[{count}] adds an item"
            )
        # an empty one becomes a block, unless an anchor or a tag stands before it
        if node.flow and (node.items or self._text[node.start] not in "{[" or _in_flow(self._text, node)):
            return self._insert_flow(node, part, value)
        if node.is_empty or node.flow:
            return self._replace(node, {part: value} if isinstance(part, str) else [value], parent_column)
        pad = " " * node.column
        lead = f"{pad}{quote(part)}:" if isinstance(part, str) else f"{pad}-"
        at = next_line(self._text, node.end)
        line = self._entry(lead, value, node.column) + self._newline
        if at == len(self._text) and not self._text.endswith(("\n", "\r")):
            return self._text + self._newline + line.removesuffix(self._newline)
        return self._text[:at] + line + self._text[at:]

    def _insert_flow(self, node: Node, part: str | int, value: object) -> str:
        item = f"{double(part)}: {self._flow(value)}" if isinstance(part, str) else self._flow(value)
        close = node.end - 1
        last = node.items[-1].end if node.items else node.start + 1
        comma = ", " if node.items and "," not in self._text[last:close] else ""
        at = last if comma else close
        if node.items and not comma:
            item = " " + item if self._text[close - 1] == "," else item
        return self._text[:at] + comma + item + self._text[at:]

    # removing

    def _empty(self, parent: Node, *, is_root: bool) -> str:
        text = self._text
        mark = "{}" if parent.kind == MAP else "[]"
        if parent.flow:
            return text[: parent.start] + mark + text[parent.end :]
        if is_root:
            start = line_start(text, parent.start)
            return text[:start] + mark + text[parent.end :]
        first_line = line_start(text, parent.start)
        gap = text[parent.lead : first_line].rstrip() if first_line > parent.lead else ""
        return text[: parent.lead] + " " + mark + gap + text[parent.end :]

    def _remove_flow(self, parent: Node, position: int) -> str:
        text = self._text
        starts = [at for _, at in parent.keys] if parent.kind == MAP else [item.start for item in parent.items]
        if position + 1 < len(starts):
            return text[: starts[position]] + text[starts[position + 1] :]
        return text[: parent.items[position - 1].end] + text[parent.items[position].end :]

    def _remove_block(self, parent: Node, position: int) -> str:
        text = self._text
        start = parent.keys[position][1] if parent.kind == MAP else parent.dashes[position]
        end = next_line(text, parent.items[position].end)
        begin = line_start(text, start)
        if text[begin:start].strip(" "):
            # the first entry of a collection that starts behind a dash: the next one takes its place
            following = parent.keys[1][1] if parent.kind == MAP else parent.dashes[1]
            return text[:start] + text[following:]
        if end == len(text) and not text.endswith(("\n", "\r")) and begin > 0:
            begin -= 2 if text[begin - 2 : begin] == "\r\n" else 1
        return text[:begin] + text[end:]

    # rendering

    def _entry(self, lead: str, value: object, column: int) -> str:
        if not _is_block(value):
            return f"{lead} {self._scalar(value, column, '', 0, alone=True)}"
        if lead.endswith("-"):
            return f"{lead} {self._block(value, column + 2).lstrip(' ')}"
        return f"{lead}{self._newline}{self._block(value, column + self._indent)}"

    def _block(self, value: object, column: int) -> str:
        pad = " " * column
        if isinstance(value, dict):
            lines = [self._entry(f"{pad}{quote(str(key))}:", item, column) for key, item in value.items()]
        else:
            assert isinstance(value, list)  # see _is_block
            lines = [self._entry(f"{pad}-", item, column) for item in value]
        return self._newline.join(lines)

    def _scalar(self, value: object, column: int, text: str, end: int, *, alone: bool) -> str:
        if value == {} and isinstance(value, dict):
            return "{}"
        if value == [] and isinstance(value, list):
            return "[]"
        if isinstance(value, str):
            if alone and "\n" in value and not text[end : line_end(text, end)].strip():
                block = literal(value, max(column, 0) + self._indent, self._newline)
                if block is not None:
                    return block
            return quote(value) if "\n" not in value else double(value)
        return scalar(_number(value))

    def _flow(self, value: object) -> str:
        if isinstance(value, dict):
            return "{" + ", ".join(f"{double(str(k))}: {self._flow(v)}" for k, v in value.items()) + "}"
        if isinstance(value, list):
            return "[" + ", ".join(self._flow(item) for item in value) + "]"
        return double(value) if isinstance(value, str) else scalar(_number(value))


def _number(value: object) -> object:
    # integers beyond 64 bits are floats in SOPS
    if isinstance(value, int) and not isinstance(value, bool) and not INT_MIN <= value <= INT_MAX:
        return float(value)
    return value


def _is_block(value: object) -> bool:
    return isinstance(value, dict | list) and bool(value)


def _position(node: Node, part: str | int) -> int | None:
    if node.kind == MAP:
        return next((i for i, (name, _) in enumerate(node.keys) if name == part), None)
    return part if isinstance(part, int) and 0 <= part < len(node.items) else None


def _in_flow(text: str, node: Node) -> bool:
    """Whether a node stands inside a flow collection."""
    root = first_document(text)
    return _flow_around(root, node.start, inside=False)


def _flow_around(node: Node, at: int, *, inside: bool) -> bool:
    if node.start == at and (node.kind == SCALAR or not node.items or node.items[0].start != at):
        return inside
    for item in node.items:
        if item.start <= at <= item.end:
            return _flow_around(item, at, inside=inside or node.flow)
    return inside
