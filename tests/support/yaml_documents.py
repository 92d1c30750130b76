"""Random YAML documents: every scalar style, comments everywhere, flow and block, several documents, odd line ends."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random

TEXTS = [
    "alpha", "x: y", "yes", "null", "12", "1.5", "true", "# no", "it's", '"q"', "a b ", "é日", "😀", "-x", "- y", "[a]",
    "{b}", "", "~", "2020-01-01", "@at", "%p", "!t", "a\tb", "#h", "x #y", "a: ", "multi\nline", "multi\nline\n",
    "\nlead", "sp  \nx", "trail\n\n", " lead", "0x1F", ".5", "<<", "=", "a,b", "ENC", "k:v", "|", ">",
]  # fmt: skip
PLAIN = [
    "plain", "two words", "12", "-7", "1.5", "true", "false", "null", "~", "2020-01-02", "a:b", "http://x/y", "x-y_z",
    "1.0", ".inf", "0.5", "1e+300",
]  # fmt: skip
BODIES = ["one", "one\ntwo", "one\n\ntwo\n", "a\n  b\nc", "é😀\nx", "# not comment\nx", "- a\n- b"]
COMMENTS = ["# c", "#c", "#  two words ", "## dbl", "# é", "# sops:enc", "# a: b"]


class Documents:
    """A source of documents.

    Args:
        random: decides everything.
        comments: how often a comment is put where one can stand.
    """

    def __init__(self, random: Random, *, comments: float = 0.25) -> None:
        self._random = random
        self._comments = comments
        self._step = 2

    def stream(self) -> bytes:
        """One to three documents."""
        pick = self._random
        self._step = pick.choice([2, 2, 4, 3])
        parts = [self._lines(0) + self._mapping(0, 3) + self._lines(0) for _ in range(pick.choice([1, 1, 1, 2, 3]))]
        text = "---\n".join(parts)
        if pick.random() < 0.2:
            text = "---\n" + text
        if pick.random() < 0.15:
            text = text.rstrip("\n")
        if pick.random() < 0.1:
            text = text.replace("\n", "\r\n")
        if pick.random() < 0.05:
            text = "\ufeff" + text
        return text.encode()

    def _scalar(self, column: int, *, flow: bool) -> str:
        pick = self._random
        text = pick.choice(TEXTS)
        style = pick.randrange(3 if flow else 5)
        if style == 0 or (style == 1 and any(c in text for c in "\n\t")):
            return json.dumps(text, ensure_ascii=False)
        if style == 1:
            return "'" + text.replace("'", "''") + "'"
        if style == 2:
            return pick.choice(PLAIN)
        pad = " " * (column + pick.choice([1, 2, 4]))
        header = "|" + pick.choice(["", "-", "+"]) + (" # header" if pick.random() < self._comments / 5 else "")
        lines = [pad + line if line else "" for line in pick.choice(BODIES).split("\n")]
        return header + "\n" + "\n".join(lines) + "\n" * pick.choice([0, 0, 1, 2])

    def _lines(self, column: int) -> str:
        pick, out = self._random, ""
        while pick.random() < self._comments:
            if pick.random() < 0.3:
                out += "\n"
            out += " " * pick.choice([column, column, column, 0, column + 2, max(column - 2, 0)])
            out += pick.choice(COMMENTS) + "\n"
            if pick.random() < 0.2:
                out += "\n"
        return out

    def _behind(self) -> str:
        return " " + self._random.choice(COMMENTS) if self._random.random() < self._comments else ""

    def _flow(self, depth: int) -> str:
        pick = self._random
        if depth <= 0 or pick.random() < 0.6:
            return self._scalar(0, flow=True)
        if pick.random() < 0.5:
            return "[" + ", ".join(self._flow(depth - 1) for _ in range(pick.randrange(4))) + "]"
        return "{" + ", ".join(f"f{i}: {self._flow(depth - 1)}" for i in range(pick.randrange(4))) + "}"

    def _value(self, column: int, depth: int) -> str:
        pick = self._random
        kind = pick.random()
        if depth > 0 and kind < 0.25:
            inner = column + self._step
            return "\n" + self._lines(inner) + self._mapping(inner, depth - 1)
        if depth > 0 and kind < 0.4:
            inner = column + pick.choice([0, self._step])
            return "\n" + self._lines(inner) + self._list(inner, depth - 1)
        text = self._flow(2) if kind < 0.5 else self._scalar(column, flow=False)
        return f" {text}{'' if text.startswith('|') else self._behind()}\n"

    def _mapping(self, column: int, depth: int) -> str:
        pick, out = self._random, ""
        for number in range(pick.randrange(1, 4)):
            key = pick.choice(["k", "key", "a b", "k_unencrypted", "data", "é"]) + str(number)
            if pick.random() < 0.15:
                key = f'"q{number}"'
            out += self._lines(column) + " " * column + key + ":" + self._value(column, depth)
        return out + (self._lines(column) if pick.random() < 0.3 else "")

    def _list(self, column: int, depth: int) -> str:
        pick, out, pad = self._random, "", " " * column
        for _ in range(pick.randrange(1, 4)):
            out += self._lines(column)
            if depth > 0 and pick.random() < 0.3:
                inner = self._mapping(column + 2, depth - 1)
                first = inner.split("\n", 1)[0]
                compact = first.startswith(pad + "  ") and first.strip() and not first.strip().startswith("#")
                out += f"{pad}- {inner[column + 2 :]}" if compact else f"{pad}-\n{inner}"
            else:
                out += pad + "-" + self._value(column, 0)
        return out
