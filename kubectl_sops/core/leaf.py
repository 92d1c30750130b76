"""A value at a place in a document."""

from __future__ import annotations

from kubectl_sops.core.values import Comment

Path = tuple[str | int, ...]


def aad(path: Path) -> str:
    """Additional authenticated data of a place: its map keys, each followed by ``:``; list indexes take no part.

    The root itself is ``:``. Keys are not escaped (sops ``sops.go``), so ``a:b`` and nested ``a``, ``b`` are alike.
    """
    try:
        return ":".join(path) + ":"  # type: ignore[arg-type]  # nearly always keys alone
    except TypeError:
        return "".join([part + ":" for part in path if part.__class__ is str]) or ":"


UNREAD = "unread"
"""Style of a comment that sops' parser loses, so that it can't select anything."""

INLINE = "inline"
"""Style of a comment that sops keeps behind the value it stands behind."""


HEAD = "head"
"""Style of a comment that stands right above the line it belongs to, whose collection is its own."""


class Leaf:
    """A scalar, a comment or an empty container of a document, in document order.

    Attributes:
        path: map keys and list indexes from the document root. A comment has the path of its container. Indexes count
            values only, never comments.
        value: ``str``, ``int``, ``float``, ``bool``, ``None``, ``Time``, ``Comment``, ``EMPTY_MAP`` or ``EMPTY_LIST``.
        document: index of the document in a YAML stream, otherwise 0.
        span: where the leaf's token stands in the text of the document it came from, in characters.
        style: how it is written; private to its format.
    """

    __slots__ = ("document", "path", "span", "style", "value")

    def __init__(
        self,
        path: Path,
        value: object,
        span: tuple[int, int] = (0, 0),
        style: object = None,
        document: int = 0,
    ) -> None:
        self.path = path
        self.value = value
        self.span = span
        self.style = style
        self.document = document

    @property
    def is_comment(self) -> bool:
        return self.value.__class__ is Comment

    def __repr__(self) -> str:
        # never the value: it may be plaintext
        return f"Leaf({self.path!r}, <{type(self.value).__name__}>)"
