"""Changes to the text of a ``.sops.yaml`` that leave everything else as it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_sops.errors import RulesError
from kubectl_sops.rules.nodes import compose

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_sops.rules.nodes import Node


class Layout:
    """A text, and the replacements collected for it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.newline = "\r\n" if "\r\n" in text else "\n"
        self._replacements: list[tuple[int, int, str]] = []

    def replace(self, start: int, end: int, new: str) -> None:
        self._replacements.append((start, end, new))

    def insert(self, at: int, new: str) -> None:
        self.replace(at, at, new)

    def result(self) -> str:
        """The text with all replacements made; those at one place in the order in which they were asked for."""
        text = self.text
        for _, (start, end, new) in sorted(enumerate(self._replacements), key=lambda r: (r[1][0], r[0]), reverse=True):
            text = text[:start] + new + text[end:]
        return text

    def line_start(self, at: int) -> int:
        return self.text.rfind("\n", 0, at) + 1

    def line_end(self, at: int) -> int:
        """Where the line with ``at`` ends, before its line break."""
        end = self.text.find("\n", at)
        if end < 0:
            return len(self.text)
        return end - 1 if self.text[end - 1 : end] == "\r" else end

    def next_line(self, at: int) -> int:
        end = self.text.find("\n", at)
        return len(self.text) if end < 0 else end + 1

    def indent(self, at: int) -> str:
        """The blanks at the start of the line with ``at``."""
        line = self.text[self.line_start(at) : self.line_end(at)]
        return line[: len(line) - len(line.lstrip(" "))]

    def is_first_on_line(self, at: int) -> bool:
        return not self.text[self.line_start(at) : at].strip(" ")

    def dash(self, item: Node) -> int:
        """Where the dash of an item of a block list stands."""
        return self.text.rindex("-", 0, item.start)

    def insert_line(self, after: int, line: str) -> None:
        """A new line below the one with ``after``."""
        self.insert(self.line_end(after), self.newline + line)

    def insert_line_above(self, at: int, line: str) -> None:
        """A new line above the one with ``at``, equally indented; above a scalar inside of which that would be."""
        start = self.line_start(at)
        root = compose(self.text)
        # in flow style a line may begin inside of the scalar before
        outer = next((node for node in _scalars(root) if node.start < start < node.end), None) if root else None
        if outer is not None:
            self.insert_line_above(outer.start, line)
        else:
            self.insert(start, self.indent(at) + line + self.newline)

    def delete_lines(self, start: int, end: int) -> None:
        """Delete the whole lines from ``start`` to ``end``."""
        self.replace(self.line_start(start), self.next_line(end), "")


def _scalars(node: Node) -> Iterator[Node]:
    if node.kind == "scalar":
        yield node
    for inner in (*node.items, *(part for pair in node.pairs for part in pair)):
        yield from _scalars(inner)


def scalar(text: str, *, flow: bool = False) -> str:
    """``text`` as a YAML scalar: plain where that means the same, else in single quotes.

    Raises:
        RulesError: it has line breaks or other control characters.
    """
    if not text.isprintable():
        raise RulesError("control characters can't stand in .sops.yaml")
    try:
        node = compose(f"[{text}]" if flow else f"- {text}")
    except RulesError:
        node = None
    item = node.items[0] if node is not None and len(node.items) == 1 else None
    if item is not None and item.kind == "scalar" and not item.style and item.text == text and not item.is_null:
        return text
    return "'" + text.replace("'", "''") + "'"


def comment(recipient: str, name: str) -> str:
    """A comment behind a recipient; nothing where there is no name, or an ssh key carries it already."""
    return f" # {one_line(name)}" if name and not recipient.endswith(f" {name}") else ""


def one_line(text: str) -> str:
    """``text`` with every run of white space as one blank."""
    return " ".join(text.split())
