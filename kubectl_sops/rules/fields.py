"""Checked reading of the fields of ``.sops.yaml``: every complaint names the line.

What is accepted is what go-yaml v3 decodes into sops' structs; fields that sops would silently ignore are refused.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING

from kubectl_sops.errors import RulesError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from kubectl_sops.rules.nodes import Node

_INT = re.compile(r"[+-]?(0x[0-9a-fA-F_]+|0o?[0-7_]*|0b[01_]+|[1-9][0-9_]*)")
_TRUE = frozenset(word for text in ("y", "yes", "true", "on") for word in (text, text.title(), text.upper()))
_FALSE = frozenset(word for text in ("n", "no", "false", "off") for word in (text, text.title(), text.upper()))


def fields(node: Node, what: str, known: Collection[str] | None) -> dict[str, Node]:
    """The values of a map by key, merge keys (``<<``) followed; ``known`` lists the keys that there may be.

    Raises:
        RulesError: not a map, or an unknown key.
    """
    if node.is_null:
        return {}
    if node.kind != "map":
        raise RulesError(f"{what} is not a map", line=node.line)
    own: dict[str, Node] = {}
    merged: dict[str, Node] = {}
    for key, value in node.pairs:
        if key.kind != "scalar":
            raise RulesError(f"a key of {what} is not text", line=key.line)
        if key.text == "<<" and not key.style:
            for source in value.items if value.kind == "list" else [value]:
                merged = {**fields(source, "what is merged with <<", None), **merged}
        else:
            if known is not None and key.text not in known:
                close = get_close_matches(key.text, known, 1)
                raise RulesError(
                    f"{what} has no field {key.text!r}",
                    line=key.line,
                    hint=f"did you mean {close[0]}?" if close else "the fields are " + ", ".join(sorted(known)),
                )
            own[key.text] = value
    return {**merged, **own}


def text(values: Mapping[str, Node], name: str) -> str:
    """A text field; empty where it is missing or null."""
    node = values.get(name)
    if node is None or node.is_null:
        return ""
    if node.kind != "scalar":
        raise RulesError(f"{name} is not text", line=node.line)
    return node.text


def number(values: Mapping[str, Node], name: str, default: int = 0) -> int:
    """An integer field."""
    node = values.get(name)
    if node is None or node.is_null:
        return default
    if node.kind != "scalar" or node.style or not _INT.fullmatch(node.text):
        raise RulesError(f"{name} is not a whole number", line=node.line)
    digits = node.text.replace("_", "")
    if re.fullmatch(r"[+-]?0[0-7]+", digits):  # YAML 1.1 octal, which go-yaml reads too
        return int(digits, 8)
    return int(digits, 0)


def flag(values: Mapping[str, Node], name: str) -> bool:
    """A boolean field, in the words that go-yaml takes for one."""
    node = values.get(name)
    if node is None or node.is_null:
        return False
    if node.kind == "scalar" and not node.style:
        if node.text in _TRUE:
            return True
        if node.text in _FALSE:
            return False
    raise RulesError(f"{name} is neither true nor false", line=node.line)


def items(values: Mapping[str, Node], name: str) -> list[Node]:
    """The items of a list of maps, without null ones; empty where it is missing or null."""
    node = values.get(name)
    if node is None or node.is_null:
        return []
    if node.kind != "list":
        raise RulesError(f"{name} is not a list", line=node.line)
    return node.present


def texts(values: Mapping[str, Node], name: str, *, comma_text: bool) -> list[Node]:
    """The scalars of a key field: a list of texts or, where ``comma_text``, one text."""
    node = values.get(name)
    if node is None or node.is_null:
        return []
    if comma_text and node.kind == "scalar":
        return [node]
    if node.kind != "list":
        raise RulesError(f"{name} is not " + ("text or a list of texts" if comma_text else "a list"), line=node.line)
    for item in node.items:
        if item.kind != "scalar" or item.is_null:
            raise RulesError(f"an item of {name} is not text", line=item.line)
    return node.items
