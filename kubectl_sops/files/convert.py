"""Decrypted documents in another format, and parts of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_sops.core.leaf import Leaf
from kubectl_sops.core.values import EMPTY_LIST, EMPTY_MAP, Comment
from kubectl_sops.errors import InvalidExtractPathError, InvalidPathError, KeyPathNotFoundError
from kubectl_sops.files import index_path
from kubectl_sops.files.neighbours import neighbours
from kubectl_sops.formats import emit

if TYPE_CHECKING:
    from collections.abc import Callable

    from kubectl_sops.core.document import Document, Opened


def convert(document: Document, opened: Opened, output: str, *, indent: int | None = None) -> bytes:
    """The plaintext of an opened document, printed as sops prints the format ``output``."""
    return emit.emit(emit.build(document.leaves, opened.changes), output, indent=indent)


def extract(
    document: Document, opened: Opened, path_text: str, output: str, *, indent: Callable[[], int | None] = lambda: None
) -> bytes:
    """The value or subtree at a key path of the first document, as ``sops decrypt --extract`` prints it.

    Args:
        indent: asked for a subtree only, as it may have to read ``.sops.yaml``.

    Raises:
        InvalidExtractPathError: the path can't be read.
        KeyPathNotFoundError: there is nothing at it.
    """
    try:
        path = index_path.parse(path_text)
    except InvalidPathError as error:
        raise InvalidExtractPathError(error.message, hint=error.hint) from None
    part: list[Leaf] = []
    for index, leaf in enumerate(document.leaves):
        if leaf.document == 0 and leaf.path[: len(path)] == path:
            value = opened.changes.get(index, leaf.value)
            part.append(Leaf(leaf.path[len(path) :], value, leaf.span, leaf.style))
    values = [leaf for leaf in part if leaf.value.__class__ is not Comment]
    if not values:
        raise KeyPathNotFoundError("the document has nothing there", path=path, hint=neighbours(document, path))
    if len(values) == 1 and not values[0].path and values[0].value not in (EMPTY_MAP, EMPTY_LIST):
        value = values[0].value
        if isinstance(value, str):
            return value.encode("utf-8", "surrogateescape")
        return emit.emit_value(value, output)
    tree = emit.build(part, {})
    if values[0].path and isinstance(values[0].path[0], str) and output != "binary":
        return emit.emit(tree, output, indent=indent())
    return emit.emit_value(tree[0], output, indent=indent())
