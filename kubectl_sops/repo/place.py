"""Line numbers of leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import re

    from kubectl_sops.core.leaf import Leaf


class Lines:
    """Finds lines in the text of a file, counted from 1."""

    __slots__ = ("_data", "_text")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._text: str | None = None

    def of(self, leaf: Leaf) -> int | None:
        """The line where a leaf starts; ``None`` where its format keeps no spans."""
        start, end = leaf.span
        if not end:
            return None
        if self._text is None:
            # spans count characters, without a byte order mark
            self._text = self._data.decode("utf-8", "surrogateescape").removeprefix("\ufeff")
        return self._text.count("\n", 0, start) + 1

    def at_byte(self, position: int) -> int:
        return self._data.count(b"\n", 0, position) + 1

    def first(self, pattern: re.Pattern[bytes]) -> int | None:
        """The line of the first match."""
        match = pattern.search(self._data)
        return None if match is None else self.at_byte(match.start())
