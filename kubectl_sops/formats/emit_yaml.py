"""Trees to YAML, as go-yaml v3 prints what sops hands to it.

go-yaml keeps comments that were not printed where they belong and prints them at the next place that asks for one, so a
comment may come later than the node that had it. Flux hashes such bytes, hence this follows the order of its emitter
(``emitterc.go``) and of the node tree that sops makes (``stores/yaml/store.go``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from kubectl_sops.errors import DumpError
from kubectl_sops.formats.emit_scalar import BREAKS, Scalar, allowed_style, double
from kubectl_sops.formats.emit_tree import ListNode, MapNode, Remark

if TYPE_CHECKING:
    from collections.abc import Sequence

DEFAULT_INDENT = 4
MAX_SIMPLE_KEY = 128
"""Bytes of a key that may stand before its colon without ``?``."""


def emit(documents: Sequence[MapNode | ListNode], indent: int | None = None) -> bytes:
    """A stream of documents.

    Raises:
        DumpError: a negative indentation.
    """
    if indent is not None and indent < 0:
        raise DumpError("YAML can't be indented by a negative number of blanks")
    writer = _Writer(indent or DEFAULT_INDENT)
    for number, document in enumerate(documents):
        writer.document(document, first=number == 0)
    return writer.text.encode("utf-8", "surrogateescape")


def emit_value(value: object) -> bytes:
    """A value by itself, always indented by 4."""
    writer = _Writer(DEFAULT_INDENT)
    writer.document(value, first=True)
    return writer.text.encode("utf-8", "surrogateescape")


class _Writer:
    """The emitter. ``_head``, ``_line``, ``_foot`` and ``_tail`` are comments that wait for a place."""

    def __init__(self, indent: int) -> None:
        self._best = indent if 2 <= indent <= 9 else 2
        self._pieces: list[str] = []
        self._column = 0
        self._is_fresh = True  # nothing but indentation and dashes on the line
        self._is_blank = True  # the last thing written separates
        self._indent = -1
        self._foot_indent = -1
        self._head = self._line = self._foot = self._tail = self._key_line = ""

    @property
    def text(self) -> str:
        return "".join(self._pieces)

    # characters

    def _put(self, text: str) -> None:
        self._pieces.append(text)
        self._column += len(text)

    def _break(self, char: str = "\n") -> None:
        self._pieces.append(char)
        self._column = 0
        self._is_fresh = True

    def _to_indent(self) -> None:
        indent = max(self._indent, 0)
        if not self._is_fresh or self._column > indent or (self._column == indent and not self._is_blank):
            self._break()
        if self._foot_indent == indent:
            self._break()
        if self._column < indent:
            self._put(" " * (indent - self._column))
        self._is_blank = True
        self._foot_indent = -1

    def _indicator(self, text: str, *, apart: bool, blank: bool = False, dash: bool = False) -> None:
        if apart and not self._is_blank:
            self._put(" ")
        self._put(text)
        self._is_blank = blank
        self._is_fresh = self._is_fresh and dash

    def _deeper(self, *, in_item: bool, flow: bool = False) -> None:
        if self._indent < 0:
            self._indent = self._best if flow else 0
        elif in_item:
            self._indent += 2
        else:
            self._indent = self._best * ((self._indent + self._best) // self._best)

    # comments

    def _wait(self, *, head: str = "", line: str = "", foot: str = "", tail: str = "") -> None:
        self._head = head or self._head
        self._line = line or self._line
        self._foot = foot or self._foot
        self._tail = tail or self._tail

    def _comment(self, text: str) -> None:
        broken = False
        marked = False
        for char in text:
            if char in BREAKS:
                self._break(char)
                broken, marked = True, False
                continue
            if broken:
                self._to_indent()
            if not marked and char != "#":
                self._put("# ")
            marked = True
            self._put(char)
            self._is_fresh = broken = False
        if not broken:
            self._break()
        self._is_blank = True

    def _heads(self) -> None:
        if self._tail:
            self._to_indent()
            self._comment(self._tail)
            self._tail = ""
            self._foot_indent = max(self._indent, 0)
        if self._head:
            self._to_indent()
            self._comment(self._head)
            self._head = ""

    def _lines(self) -> None:
        if self._line:
            if not self._is_blank:
                self._put(" ")
            self._comment(self._line)
            self._line = ""

    def _feet(self) -> None:
        if self._foot:
            self._to_indent()
            self._comment(self._foot)
            self._foot = ""
            self._foot_indent = max(self._indent, 0)

    # nodes

    def document(self, root: object, *, first: bool) -> None:
        self._indent = -1
        if not first:
            self._to_indent()
            self._indicator("---", apart=True)
            self._to_indent()
        self._start(root)
        self._heads()
        self._node(root, in_item=False)
        self._foot_indent = 0
        self._feet()
        self._foot_indent = -1
        self._to_indent()

    def _start(self, value: object, head: str = "", line: str = "", foot: str = "") -> None:
        """The first event of a node: its comments begin to wait."""
        if isinstance(value, MapNode | ListNode):
            self._wait(head=_joined(head, _Comments(value.items).own))
        else:
            self._wait(head=head, line=line, foot=foot)

    def _node(self, value: object, *, in_item: bool, line: str = "", foot: str = "") -> None:
        """A value behind its dash or colon. A container's ``line`` and ``foot`` comments come with its end."""
        if not isinstance(value, MapNode | ListNode):
            self._scalar(Scalar(value), in_item=in_item)
        self._lines()
        self._feet()
        if isinstance(value, MapNode):
            self._map(value, in_item=in_item, line=line, foot=foot)
        elif isinstance(value, ListNode):
            self._list(value, in_item=in_item, line=line, foot=foot)

    def _map(self, node: MapNode, *, in_item: bool, line: str, foot: str) -> None:
        comments = _Comments(node.items)
        before = self._indent
        if not comments.items:
            self._empty("{", "}", in_item=in_item, line=line, foot=foot)
            return
        for number, (head, inline, item) in enumerate(comments.items):
            key, value = cast("tuple[str, object]", item)
            self._wait(head=head)
            if number == 0:
                self._deeper(in_item=in_item)
            self._heads()
            self._to_indent()
            if self._line:  # of a container that ended: it moves to this key
                self._key_line, self._line = self._line, ""
            self._key(Scalar(key))
            self._start(value, line=inline)
            self._key_comment(value)
            self._node(value, in_item=False, line=inline)
        self._wait(line=line, foot=foot, tail=comments.tail)
        self._heads()
        self._indent = before

    def _key_comment(self, value: object) -> None:
        if not self._key_line:
            return
        if isinstance(value, MapNode | ListNode):
            waiting, self._line, self._key_line = self._line, self._key_line, ""
            self._lines()
            self._line = waiting
        elif not self._line:
            self._line, self._key_line = self._key_line, ""

    def _empty(self, opening: str, closing: str, *, in_item: bool, line: str, foot: str) -> None:
        before = self._indent
        self._wait(line=line, foot=foot)
        self._indicator(opening, apart=True, blank=True)
        if opening == "{":
            self._deeper(in_item=in_item, flow=True)
            self._heads()
            self._indent = before
        elif self._column == 0:
            self._to_indent()
        self._indicator(closing, apart=False)
        self._lines()
        self._feet()

    def _key(self, scalar: Scalar) -> None:
        multiline = any(char in scalar.text for char in BREAKS)
        size = len(scalar.text.encode("utf-8", "surrogateescape")) + len(scalar.tag)
        if not multiline and size <= MAX_SIMPLE_KEY:
            self._scalar(scalar, in_item=False, simple_key=True)
            self._indicator(":", apart=False)
            return
        self._indicator("?", apart=True, dash=True)
        self._scalar(scalar, in_item=False)
        self._to_indent()
        self._indicator(":", apart=True, dash=True)

    def _list(self, node: ListNode, *, in_item: bool, line: str, foot: str) -> None:
        comments = _Comments(node.items)
        before = self._indent
        if not comments.items:
            self._empty("[", "]", in_item=in_item, line=line, foot=foot)
            return
        for number, (head, inline, value) in enumerate(comments.items):
            last = comments.tail if number == len(comments.items) - 1 else ""
            self._start(value, head, inline, last)
            if number == 0:
                self._deeper(in_item=in_item)
            self._heads()
            self._to_indent()
            self._indicator("-", apart=True, dash=True)
            self._node(value, in_item=True, line=inline, foot=last)
        self._wait(line=line, foot=foot)
        self._indent = before

    def _scalar(self, scalar: Scalar, *, in_item: bool, simple_key: bool = False) -> None:
        style = allowed_style(scalar.text, scalar.style, simple_key=simple_key)
        if scalar.tag:
            self._indicator(scalar.tag, apart=True)
        before = self._indent
        self._deeper(in_item=in_item, flow=True)
        if style == "plain":
            if scalar.text and not self._is_blank:
                self._put(" ")
            self._put(scalar.text)
            self._is_blank = self._is_fresh = False
        elif style == "double":
            self._indicator(double(scalar.text), apart=True)
        elif style == "single":
            self._single(scalar.text)
        else:
            self._literal(scalar.text, self._indent - max(before, 0))
        self._indent = before

    def _single(self, text: str) -> None:
        self._indicator("'", apart=True)
        self._broken(text.replace("'", "''"))
        self._indicator("'", apart=False)
        self._is_fresh = False

    def _broken(self, text: str, *, broken: bool = False) -> None:
        for char in text:
            if char in BREAKS:
                self._break(char)
                broken = True
                continue
            if broken:
                self._to_indent()
            self._put(char)
            self._is_fresh = broken = False

    def _literal(self, text: str, relative_indent: int) -> None:
        self._indicator("|", apart=True)
        if text[0] == " " or text[0] in BREAKS:
            # go-yaml always writes the configured number here, which below a dash can't be read back
            self._indicator(str(relative_indent), apart=False)
        body = text.rstrip(BREAKS)
        if body == text:
            self._indicator("-", apart=False)
        elif len(text) - len(body) > 1 or not body:
            self._indicator("+", apart=False)
        if self._line:
            self._lines()
        else:
            self._break()
        self._is_blank = True
        self._broken(text, broken=True)


class _Comments:
    """The comments of a container as sops gives them to nodes.

    Attributes:
        own: those before the first item, which belong to the container itself.
        items: each item with the comments above it and those behind it.
        tail: those behind the last item.
    """

    __slots__ = ("items", "own", "tail")

    def __init__(self, items: Sequence[object]) -> None:
        self.own = self.tail = ""
        self.items: list[tuple[str, str, object]] = []
        above: list[str] = []
        behind: list[str] = []
        for item in items:
            if isinstance(item, Remark):
                # go-yaml crashes on what is not UTF-8 in a comment
                text = item.text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
                (behind if item.inline else above).append(f"#{text}")
                continue
            if not self.items:
                self.own = "\n".join(above)
                above.clear()
            self.items.append(("\n".join(above), "\n".join(behind), item))
            above.clear()
            behind.clear()
        rest = "\n".join(above + behind)
        if self.items:
            self.tail = rest
        else:
            self.own = rest


def _joined(one: str, other: str) -> str:
    return f"{one}\n{other}" if one and other else one or other
