"""Block scalars: where the body is, and bodies for other values. Pure.

The header stays as it is written: other tools read a ciphertext below any header, and only the same header gives the
same bytes back.
"""

from __future__ import annotations

import re

from kubectl_sops.formats.yaml_scalars import block_fits

_BREAK = re.compile(r"\r\n|[\r\n\x85\u2028\u2029]")
_HEADER = re.compile(r"([|>])([1-9]?)([+-]?)([1-9]?)")


class Block:
    """A block scalar in a text.

    Attributes:
        body: where its lines start.
        end: where the last line that is not blank ends, without its line break.
        indent: blanks before each line of the body.
        chomp: ``-``, ``+`` or ``""``.
        explicit: whether the header gives the indentation.
    """

    __slots__ = ("body", "chomp", "end", "explicit", "folded", "indent", "start")

    def __init__(self, text: str, start: int, end: int, value: str, column: int) -> None:
        self.start = start
        match = _HEADER.match(text, start)
        assert match is not None  # the parser found a block scalar here
        mark, before, chomp, after = match.groups()
        self.folded = mark == ">"
        self.chomp = chomp
        self.explicit = bool(before or after)
        first = _BREAK.search(text, match.end())
        self.body = first.end() if first else len(text)
        self.end, self.indent = self._geometry(text, end, value, column, before or after)

    def _geometry(self, text: str, end: int, value: str, column: int, digit: str) -> tuple[int, int]:
        lines = []
        at = min(self.body, end)
        while at < end:
            found = _BREAK.search(text, at, end)
            stop = found.start() if found else end
            lines.append((at, stop))
            at = found.end() if found else end
        solid = [(a, b) for a, b in lines if text[a:b].strip(" ")]
        if not solid:
            # nothing but blank lines: there is no line to read the indentation from
            return self.body, (max(column, 0) + int(digit)) if digit else max(column, 0) + 2
        a, b = solid[0]
        source = text[a:b]
        content = next((line for line in value.split("\n") if line.strip(" ")), "")
        return solid[-1][1], _leading(source) - _leading(content)


def _leading(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def sealed_body(block: Block, text: str, sealed: str, newline: str) -> str:
    """What replaces the body's lines (``block.body`` to ``block.end``) for a ciphertext."""
    line = " " * block.indent + sealed
    if block.end > block.body:
        return line
    # only blank lines: the ciphertext gets a line before them
    return line + newline if block.body <= len(text) else newline + line


def can_hold(block: Block, value: str) -> bool:
    """Whether ``value`` can stand below the header as it is."""
    if not block_fits(value):
        return False
    core = value.rstrip("\n")
    if not core:
        return block.chomp == "+" and bool(value)
    tail = len(value) - len(core)
    if block.chomp == "-" and tail:
        return False
    if block.chomp == "" and tail != 1:
        return False
    first = core.lstrip("\n")
    if first.startswith((" ", "\t")) and not block.explicit:
        return False
    return not any(line.strip(" ") == "" and line for line in core.split("\n"))


def open_body(block: Block, value: str, newline: str) -> str:
    """The lines of ``value`` for the body, without the last line break; the header and blank lines after it stay."""
    core = value.rstrip("\n")
    lines = folded_lines(core) if block.folded else core.split("\n")
    pad = " " * block.indent
    return newline.join(pad + line if line else "" for line in lines)


def folded_lines(value: str) -> list[str]:
    """Source lines of a folded scalar: k breaks between two normal lines are written as k + 1."""
    lines = value.split("\n")
    result: list[str] = []
    previous_normal = False
    blanks = 0
    for line in lines:
        if not line:
            blanks += 1
            continue
        normal = line[0] not in " \t"
        if result or blanks:
            extra = blanks + 1 if previous_normal and normal and result else blanks
            result += [""] * extra
        result.append(line)
        previous_normal, blanks = normal, 0
    return result


def literal(value: str, indent: int, newline: str) -> str | None:
    """A literal block scalar for ``value``, header included and without the last line break; ``None`` if none fits."""
    core = value.rstrip("\n")
    tail = len(value) - len(core)
    if not core or tail > 1 or not block_fits(value) or core.startswith((" ", "\t", "\n")):
        return None
    lines = core.split("\n")
    if any(line != line.rstrip(" ") for line in lines):
        return None  # trailing blanks would be invisible
    pad = " " * indent
    return ("|" if tail else "|-") + newline + newline.join(pad + line if line else "" for line in lines)
