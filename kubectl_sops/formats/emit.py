"""Whole trees to text, as sops prints them. For conversions and extracts only: everything else is spliced."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_sops.core.values import Time
from kubectl_sops.errors import DumpError, UsageError
from kubectl_sops.formats import flat, json_text
from kubectl_sops.formats.emit_tree import ListNode, MapNode, Node, Remark, build, from_tree

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kubectl_sops.core.metadata import Metadata

__all__ = ["build", "emit", "emit_value", "flat_text"]

SOPS_KEY = "sops"
SOPS_PREFIX = "sops_"

_NOT_BINARY_HINT = "this is likely not an encrypted binary file; name the type it has with --output-type"

flat_text = flat.scalar_text


def emit(
    trees: Sequence[Node], format: str, *, indent: int | None = None, metadata: Metadata | None = None
) -> bytes:  # format: the word sops uses
    """Documents as sops prints them. All formats but YAML hold the first one only.

    Args:
        indent: blanks for a level in YAML (4) and JSON (a tab, also for -1).
        metadata: the ``sops`` entry of an encrypted file.

    Raises:
        DumpError: the format can't express the document, or the document has a ``sops`` entry of its own.
    """
    roots = [_root(tree) for tree in trees]
    if metadata is not None:
        roots = [_with_metadata(root, format, metadata) for root in roots]
    if format == "yaml":
        from kubectl_sops.formats import emit_yaml

        return emit_yaml.emit(roots, indent)
    first = roots[0]
    if format == "json" or (format == "binary" and metadata is not None):
        return (_json(first, indent) + "\n").encode("utf-8", "surrogateescape")
    if format == "dotenv":
        return _dotenv(first)
    if format == "ini":
        from kubectl_sops.formats import emit_ini

        return emit_ini.emit(first)
    if format == "binary":
        return _binary(roots)
    raise UsageError(f"unknown format {format}")


def emit_value(value: object, format: str, *, indent: int | None = None) -> bytes:  # format: the word sops uses
    """A scalar or list by itself, as ``--extract`` prints it.

    Raises:
        DumpError: the format has no such values.
    """
    if format == "yaml":
        from kubectl_sops.formats import emit_yaml

        return emit_yaml.emit_value(value)
    if format in ("json", "ini"):
        return _json(value, indent if format == "json" else None).encode("utf-8", "surrogateescape")
    if format == "dotenv":
        raise DumpError("the dotenv store only supports emitting strings", hint="add --output-type json or yaml")
    raise DumpError(
        "binary files are not structured and extracting a single value is not possible",
        hint="add --output-type json or yaml",
    )


def _root(tree: Node) -> MapNode:
    if isinstance(tree, ListNode):
        raise DumpError("a document must be a map, not a list")
    return tree


def _with_metadata(root: MapNode, format: str, metadata: Metadata) -> MapNode:  # format: the word sops uses
    taken = SOPS_PREFIX if format == "dotenv" else SOPS_KEY
    for key, _ in root.pairs:
        if key == taken or (format == "dotenv" and key.startswith(taken)):
            raise DumpError("the document has an entry that is reserved for the metadata of sops", path=(key,))
    if format in ("yaml", "json", "binary"):
        return MapNode([*root.items, (SOPS_KEY, from_tree(metadata.tree))])
    texts = flat.flatten(metadata.tree)
    if format == "dotenv":
        return MapNode([*root.items, *((SOPS_PREFIX + name, text) for name, text in texts.items())])
    # sops escapes line breaks itself, on top of what INI does
    entry = MapNode([(name, text.replace("\n", "\\n")) for name, text in texts.items()])
    return MapNode([*root.items, (SOPS_KEY, entry)])


def _json(value: object, indent: int | None) -> str:
    if indent is not None and indent < -1:
        raise DumpError("JSON can't be indented by a negative number of blanks")
    unit = "\t" if indent is None or indent == -1 else " " * indent
    return _json_value(value, "\n", unit)


def _json_value(value: object, lead: str, unit: str) -> str:
    if isinstance(value, MapNode):
        inner = lead + unit
        items = [f"{json_text.html_string(key)}: {_json_value(item, inner, unit)}" for key, item in value.pairs]
        return f"{{{inner}{(',' + inner).join(items)}{lead}}}" if items else "{}"
    if isinstance(value, ListNode):
        inner = lead + unit
        items = [_json_value(item, inner, unit) for item in value.values]
        return f"[{inner}{(',' + inner).join(items)}{lead}]" if items else "[]"
    if isinstance(value, str):
        return json_text.html_string(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return json_text.go_number(value)
    return json_text.scalar(value)


def _dotenv(root: MapNode) -> bytes:
    lines = []
    for item in root.items:
        if isinstance(item, Remark):
            lines.append(f"#{flat.comment_text(item.text)}")
            continue
        key, value = item
        if isinstance(value, MapNode | ListNode):
            raise DumpError("cannot use complex value in dotenv file", path=(key,), hint="choose another --output-type")
        text = flat.scalar_text(value)
        if isinstance(value, str) and not isinstance(value, Time):
            text = text.replace("\n", "\\n")
        lines.append(f"{key}={text}")
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape")


def _binary(roots: Sequence[MapNode]) -> bytes:
    if len(roots) != 1:
        raise DumpError("error emitting binary store: there must be exactly one tree branch", hint=_NOT_BINARY_HINT)
    for key, value in roots[0].pairs:
        if key == "data":
            if isinstance(value, str) and not isinstance(value, Time):
                return value.encode("utf-8", "surrogateescape")
            raise DumpError(
                "error emitting binary store: 'data' key in tree does not have a string value", hint=_NOT_BINARY_HINT
            )
    raise DumpError("error emitting binary store: no binary data found in tree", hint=_NOT_BINARY_HINT)
