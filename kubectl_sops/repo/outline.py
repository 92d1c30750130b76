"""A quick look at encrypted YAML: its ``sops`` entry, and whether everything else is as it should be.

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
    from collections.abc import Sequence

    from kubectl_sops.core.document import Document
    from kubectl_sops.core.metadata import Metadata
    from kubectl_sops.core.selectors import Selector

_ENTRY = re.compile(rb"^sops:[ ]*\n(?: [^\n]*\n|\n)*\Z", re.MULTILINE)
_OTHER_DOCUMENT = re.compile(rb"^(?:---|\.\.\.)(?=\s)", re.MULTILINE)
_STAND_IN = b"stand-in: 1\n"
"""A document for the entry to stand in, so that the format's own code reads and writes it."""

_BASE64 = rb"[A-Za-z0-9+/]"
_SEALED = rb"ENC\[AES256_GCM,data:(?:%s{4})*(?:%s{2}==|%s{3}=)?,iv:%s{43}=,tag:%s{22}==,type:[a-z]+\]" % (
    (_BASE64,) * 5
)
_KEY = rb"[A-Za-z_.][A-Za-z0-9_./-]*"
# a ciphertext as a value, quoted or in a block scalar of its own
_VALUE = rb"(?:%s|\"%s\"|'%s'|[|>][-+]?\n\1[ ]+%s)" % (_SEALED, _SEALED, _SEALED, _SEALED)
_RUN = re.compile(rb"([ ]*)%s: %s\n(?:\1%s: %s\n)*" % (_KEY, _VALUE, _KEY, _VALUE))
_ITEM = re.compile(rb"([ ]*)- %s\n" % _SEALED)
_SEALED_COMMENT = re.compile(rb"[ ]*#%s\n" % _SEALED)
# a line that can't be anything else: no quotes with escapes, anchors, tags, flow collections or comments
_PLAIN = rb"(?:[A-Za-z0-9_./$]|[-+](?=[A-Za-z0-9.]))[A-Za-z0-9_./$(){}+=,@ -]*"
_LINE = re.compile(rb"([ ]*)((?:- )?)(%s):(?:[ ]+(%s|\"[^\"\\\n]*\"|'[^'\n]*'))?[ ]*\n" % (_KEY, _PLAIN))
_KEYS = re.compile(rb"^[ ]*(%s): " % _KEY, re.MULTILINE)
_NOT_TEXT = frozenset((b"null", b"true", b"false", b".inf", b".nan", b"y", b"n", b"yes", b"no", b"on", b"off"))
_EMPTY = (b'""', b"''", b"null")
_IDENTITY = ("apiVersion", "kind", "metadata")


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

    def with_metadata(self, metadata: Metadata) -> bytes:
        """The file with another ``sops`` entry."""
        return self.body + self._document.splice({}, metadata).removeprefix(_STAND_IN)


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
        document = formats.parse(_STAND_IN + data[start:], "yaml")
        metadata = document.metadata
        if metadata is None or not metadata.mac:
            return None
        metadata.require_readable()
    except SopsError:
        return None
    return Outline(body, document, metadata)


def is_in_order(body: bytes, selector: Selector) -> bool:
    """Whether every selected value is a ciphertext and no other is, as far as a quick look can tell.

    ``False`` means that the file has to be read whole to know.
    """
    if selector.uses_comments or not selector.field:
        return False
    position = 4 if body.startswith(b"---\n") else 0
    end = len(body)
    nesting = _Nesting()
    while position < end:
        match = _RUN.match(body, position)
        if match is not None:
            above = nesting.enter_map(len(match[1]), _KEYS.findall(match[0]))
            if above is None or not _run_fits(match[0], above, selector):
                return False
        elif (match := _LINE.match(body, position)) is not None:
            column, key, value = len(match[1]), match[3], match[4]
            if match[2]:
                if not nesting.enter_list(column):
                    return False
                nesting.begin_item(column + 2)
                column += 2
            above = nesting.enter_map(column, (key,))
            if above is None:
                return False
            path = (*above, key.decode())
            if value is None:
                nesting.pending = path
            elif value not in _EMPTY and selector.select_path(path):
                return False
        elif (match := _ITEM.match(body, position)) is not None:
            if not nesting.enter_list(len(match[1])):
                return False
            path = nesting.path
            if path[0] in _IDENTITY or not selector.select_path(path):
                return False
        elif body[position] == 10:  # an empty line
            position += 1
            continue
        else:
            match = _SEALED_COMMENT.match(body, position)
            if match is None:
                return False
        position = match.end()
    return True


class _Nesting:
    """The block collections that a line stands in.

    Attributes:
        pending: the path of a key whose value the next lines may be.
    """

    __slots__ = ("_levels", "pending")

    def __init__(self) -> None:
        # column, whether it is a list, path, keys so far
        self._levels: list[tuple[int, bool, tuple[str, ...], set[bytes]]] = [(0, False, (), set())]
        self.pending: tuple[str, ...] | None = None

    @property
    def path(self) -> tuple[str, ...]:
        """The path of the innermost collection."""
        return self._levels[-1][2]

    def enter_map(self, column: int, keys: Sequence[bytes]) -> tuple[str, ...] | None:
        """Go to the map whose keys stand at ``column``; its path, or ``None`` where a parser has to look."""
        levels = self._levels
        if self.pending is not None and column > levels[-1][0]:
            levels.append((column, False, self.pending, set()))
        else:
            while levels[-1][0] > column or (levels[-1][1] and levels[-1][0] == column):
                levels.pop()
                if not levels:
                    return None
        self.pending = None
        at, is_list, path, seen = levels[-1]
        if at != column or is_list or any(key in seen or key.lower() in _NOT_TEXT for key in keys):
            return None
        before = len(seen)
        seen.update(keys)
        return path if len(seen) == before + len(keys) else None

    def enter_list(self, column: int) -> bool:
        """Go to the list whose items stand at ``column``, which may be that of its key."""
        levels = self._levels
        top, is_list = levels[-1][:2]
        if self.pending is not None and (column > top or (column == top and not is_list)):
            levels.append((column, True, self.pending, set()))
        else:
            while len(levels) > 1 and levels[-1][0] > column:
                levels.pop()
        self.pending = None
        return levels[-1][0] == column and levels[-1][1]

    def begin_item(self, column: int) -> None:
        """Begin a map that is an item of the innermost list."""
        self._levels.append((column, False, self.path, set()))


def _run_fits(run: bytes, above: tuple[str, ...], selector: Selector) -> bool:
    """Whether all keys of neighbouring ciphertexts are selected."""
    if above and above[0] in _IDENTITY:
        return False
    if selector.wanted and above and selector.select_path(above):
        return True
    if selector.field == "unencrypted_suffix" and above and selector.select_path(above):
        return selector.text.encode() + b":" not in run
    keys = [key.decode() for key in _KEYS.findall(run)]
    return all(selector.select_path((*above, key)) and (above or key not in _IDENTITY) for key in keys)
