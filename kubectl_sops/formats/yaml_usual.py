"""Encrypted YAML of the form that sops and we write for a Secret, read line by line. Pure.

A parser looks at every character for what it might be. In the usual file hardly a line can be anything but a key with a
ciphertext. ``read`` takes only such lines; for any other text it says that it does not know, and the parser reads it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kubectl_sops.core.cipher import PREFIX
from kubectl_sops.core.leaf import HEAD, Leaf
from kubectl_sops.core.values import Comment, is_listed_comment
from kubectl_sops.errors import EncryptTreeError
from kubectl_sops.formats.yaml_scalars import WORDS, resolve

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kubectl_sops.core.leaf import Path

_PARTS = (
    r"ENC\[AES256_GCM,data:([A-Za-z0-9+/]+={0,2}),iv:([A-Za-z0-9+/]{43}=),tag:([A-Za-z0-9+/]{22}==),type:([a-z]+)\]"
)
_SEALED = _PARTS.replace("(", "").replace(")", "")
# what can't be a number; simple keys of YAML are limited in length
_KEY = r"(?:[A-Za-z_]|\.(?=[A-Za-z_]))[A-Za-z0-9_./-]{0,252}"
# text that can't be anything else: no quotes with escapes, anchors, tags, flow collections or comments
_PLAIN = r"(?:[A-Za-z0-9_./$]|[-+](?=[A-Za-z0-9.]))[A-Za-z0-9_./$(){}+=,@ -]*"

_CIPHERTEXT = re.compile(_SEALED)
_RUN = re.compile(rf"([ ]*){_KEY}: {_SEALED}\n(?:\1{_KEY}: {_SEALED}\n)*")
_PAIR = re.compile(r" *([^:]+): (.*)\n")
_LINE = re.compile(
    rf"([ ]*)((?:- )?)({_KEY}):"
    rf"(?:[ ]+(?:\"([^\"\\\x00-\x1f\x7f]*)\"|'([^'\x00-\x1f\x7f]*)'|({_SEALED})|({_PLAIN})))?[ ]*\n"
)
_BLOCK = re.compile(rf"([ ]*)({_KEY}): [|>][-+]?\n\1[ ]+({_SEALED})\n")
_ITEM = re.compile(rf"([ ]*)- ({_SEALED})\n")
_COMMENT = re.compile(r"([ ]*)#([ -~]*)\n")
MAX_DEPTH = 50
"""Nesting; what is deeper is left to the parser, which has a limit of its own."""


def read(body: str) -> list[Leaf] | None:
    """The scalars and comments of a document without its ``sops`` entry; ``None`` where a parser has to look.

    Keys without a value are left out. A comment that stands right above a line, equally indented, has the path of the
    collection of that line, and the style ``HEAD``; any other has that of the line before it.
    """
    leaves: list[Leaf] = []
    nesting = _Nesting()
    above: list[tuple[Leaf, int]] = []  # comments that end where the next line starts, each with its column
    block = -1  # the column of the key whose block scalar the line before belongs to
    position = 4 if body.startswith("---\n") else 0
    end = len(body)
    while position < end:
        if (match := _COMMENT.match(body, position)) is not None:
            column, text = len(match[1]), match[2]
            if 0 <= block < column or ("ENC[" in text and _CIPHERTEXT.fullmatch(text) is None):
                return None  # a line of that scalar, or a damaged ciphertext
            leaves.append(Leaf(nesting.path, Comment(text)))
            above.append((leaves[-1], column))
        elif body[position] == "\n":
            above.clear()
            position += 1
            continue
        else:
            match = next((m for form in _FORMS if (m := form.match(body, position)) is not None), None)
            if match is None or not _FORMS[match.re](match, nesting, leaves):
                return None
            for comment, column in above:
                if column == len(match[1]):
                    comment.path, comment.style = nesting.container, HEAD
            above.clear()
            block = len(match[1]) if match.re is _BLOCK else -1
        position = match.end()
    return leaves


def _read_run(match: re.Match[str], nesting: _Nesting, leaves: list[Leaf]) -> bool:
    pairs = _PAIR.findall(match[0])
    above = nesting.enter_map(len(match[1]), [key for key, _ in pairs])
    if above is None:
        return False
    leaves += [Leaf((*above, key), value) for key, value in pairs]
    return True


def _read_line(match: re.Match[str], nesting: _Nesting, leaves: list[Leaf]) -> bool:
    blanks, dash, key, double, single, sealed, plain = match.groups()
    column = len(blanks)
    container: Path | None = None
    if dash:
        if not nesting.enter_list(column):
            return False
        container = nesting.container
        column += 2
        nesting.begin_map(column)
    above = nesting.enter_map(column, (key,))
    if above is None:
        return False
    if container is not None:
        nesting.container = container
    path = (*above, key)
    text = next((text for text in (double, single, sealed) if text is not None), None)
    if text is not None:
        if text.startswith(PREFIX) and _CIPHERTEXT.fullmatch(text) is None:
            return False
        leaves.append(Leaf(path, text))
    elif plain is None:
        nesting.pending = path
    else:
        try:
            leaves.append(Leaf(path, resolve(plain.rstrip(" "))))
        except EncryptTreeError:
            return False
    return True


def _read_block(match: re.Match[str], nesting: _Nesting, leaves: list[Leaf]) -> bool:
    above = nesting.enter_map(len(match[1]), (match[2],))
    if above is None:
        return False
    leaves.append(Leaf((*above, match[2]), match[3]))
    return True


def _read_item(match: re.Match[str], nesting: _Nesting, leaves: list[Leaf]) -> bool:
    if not nesting.enter_list(len(match[1])):
        return False
    path = nesting.path if is_listed_comment(match[2]) else nesting.next_item()
    leaves.append(Leaf(path, match[2]))
    return True


_FORMS = {_RUN: _read_run, _LINE: _read_line, _BLOCK: _read_block, _ITEM: _read_item}


def take_apart(body: str) -> list[str]:
    """The text before the first ciphertext, then for each its data, nonce, tag and type and the text behind it.

    Ciphertexts are of one alphabet: with others in their place the text reads as before, whatever quotes there are.
    """
    return re.split(_PARTS, body)


class _Nesting:
    """The block collections that a line stands in.

    Attributes:
        pending: the path of a key whose value the next lines may be.
        container: the path of the collection that was entered last.
    """

    __slots__ = ("_levels", "container", "pending")

    def __init__(self) -> None:
        self._levels = [_Level(0, False, ())]
        self.pending: Path | None = None
        self.container: Path = ()

    @property
    def path(self) -> Path:
        """The path of the innermost collection."""
        return self._levels[-1].path

    def enter_map(self, column: int, keys: Sequence[str]) -> Path | None:
        """Go to the map whose keys stand at ``column``; its path, or ``None`` where a parser has to look."""
        levels = self._levels
        if self.pending is not None and column > levels[-1].column:
            levels.append(_Level(column, False, self.pending))
        else:
            while levels[-1].column > column or (levels[-1].is_list and levels[-1].column == column):
                levels.pop()
                if not levels:
                    return None
        self.pending = None
        level = levels[-1]
        if len(levels) > MAX_DEPTH or level.column != column or level.is_list or not WORDS.keys().isdisjoint(keys):
            return None
        self.container = level.path
        before = len(level.keys)
        level.keys.update(keys)
        return level.path if len(level.keys) == before + len(keys) else None  # a key that appears twice

    def enter_list(self, column: int) -> bool:
        """Go to the list whose items stand at ``column``, which may be that of its key."""
        levels = self._levels
        top = levels[-1]
        if self.pending is not None and (column > top.column or (column == top.column and not top.is_list)):
            levels.append(_Level(column, True, self.pending))
        else:
            while len(levels) > 1 and levels[-1].column > column:
                levels.pop()
        self.pending = None
        self.container = levels[-1].path
        return levels[-1].column == column and levels[-1].is_list

    def next_item(self) -> Path:
        """The path of the next item of the innermost list."""
        level = self._levels[-1]
        level.items += 1
        return (*level.path, level.items - 1)

    def begin_map(self, column: int) -> None:
        """Begin a map that is an item of the innermost list."""
        self._levels.append(_Level(column, False, self.next_item()))


class _Level:
    __slots__ = ("column", "is_list", "items", "keys", "path")

    def __init__(self, column: int, is_list: bool, path: Path) -> None:
        self.column = column
        self.is_list = is_list
        self.path = path
        self.keys: set[str] = set()
        self.items = 0
