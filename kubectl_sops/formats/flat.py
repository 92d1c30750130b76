"""Metadata as a flat list of names and texts, as dotenv and INI hold it, and scalars as text.

Source: sops ``stores/flatten.go``, ``stores/stores.go`` (``ValToString``).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kubectl_sops.core.values import Time, float_text
from kubectl_sops.errors import MetadataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_SEPARATOR = re.compile(r"(__map_|__list_)")
_INTEGER = re.compile(r"[+-]?[0-9]+")
_FRACTION = re.compile(r"\.[0-9]+")


def flatten(tree: Mapping[str, object]) -> dict[str, str]:
    """Names like ``age__list_0__map_enc`` → text. Empty containers have no line."""
    return {name: scalar_text(value) for name, value in _descend("", tree)}


def _descend(prefix: str, tree: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    for key, value in tree.items():
        yield from _descend_value(f"{prefix}{key}", value)


def _descend_value(name: str, value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, dict):
        yield from _descend(f"{name}__map_", value)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _descend_value(f"{name}__list_{index}", item)
    else:
        yield name, value


def unflatten(pairs: Iterable[tuple[str, str]]) -> dict[str, object]:
    """The tree of flat names, keys in the order in which they first occur.

    Raises:
        MetadataError: names contradict each other, or a list has gaps.
    """
    root: dict[str | int, object] = {}
    for name, text in pairs:
        parts = _SEPARATOR.split(name)
        keys: list[str | int] = [parts[0]]
        for kind, part in zip(parts[1::2], parts[2::2], strict=True):
            # what is not a number counts as 0, as Go's Atoi leaves it
            keys.append(part if kind == "__map_" else int(part) if _INTEGER.fullmatch(part) else 0)
        node = root
        for key in keys[:-1]:
            node = node.setdefault(key, {})  # type: ignore[assignment]  # checked on the next line
            if not isinstance(node, dict):
                raise MetadataError("the sops metadata has a value and a container under the same name")
        if keys[-1] in node:
            raise MetadataError("the sops metadata has the same name twice")
        node[keys[-1]] = text
    return {str(key): _convert(value) for key, value in root.items()}


def _convert(node: object) -> object:
    if not isinstance(node, dict):
        return node
    indexes = {key for key in node if isinstance(key, int)}
    if not indexes:
        return {key: _convert(value) for key, value in node.items()}
    if len(indexes) != len(node):
        raise MetadataError("the sops metadata has a list and a map under the same name")
    if indexes != set(range(len(node))):
        raise MetadataError("a list in the sops metadata has gaps")
    return [_convert(node[index]) for index in range(len(node))]


def revised_order(before: Iterable[str], after: Mapping[str, str]) -> list[str]:
    """The names of ``after``: those of ``before`` in their order there, each new one behind the name it follows."""
    order = [name for name in dict.fromkeys(before) if name in after]
    kept = set(order)
    previous = None
    for name in after:
        if name not in kept:
            order.insert(order.index(previous) + 1 if previous is not None else 0, name)
        previous = name
    return order


def comment_text(text: str) -> str:
    """The text of a comment so that each of its lines is one behind ``#``; comments of INI have several."""
    first, *others = text.split("\n")
    return "\n".join([first, *(line if line.startswith("#") else f"#{line}" for line in others)])


def scalar_text(value: object) -> str:
    """A scalar as sops prints it in dotenv and INI: ``true``, ``1.0``, ``1E+06``, ``<nil>``."""
    if isinstance(value, Time):
        return _FRACTION.sub("", value)
    if isinstance(value, str):
        return value
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        text = general_text(value).upper() if value == value and abs(value) != float("inf") else float_text(value)
        return text if any(c in text for c in ".EIN") else text + ".0"
    return str(value)


def general_text(value: float) -> str:
    """A finite float with the fewest digits, as Go's ``'g'`` prints it: exponents below -4 and from 6 on."""
    sign = "-" if repr(value).startswith("-") else ""
    mantissa, _, shift = repr(abs(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    power = len(digits) - len(fraction) - 1 + int(shift or 0)
    digits = digits.rstrip("0")
    if not digits or -4 <= power < 6:
        return sign + float_text(abs(value))
    return f"{sign}{digits[0]}{'.' + digits[1:] if len(digits) > 1 else ''}e{'-' if power < 0 else '+'}{abs(power):02d}"
