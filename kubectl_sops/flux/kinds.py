"""The kinds that the controller knows as Go types: which fields they have, and of what type.

The controller sends such an object through its type, where unknown fields get lost without a word. The table was made
from the types that client-go registers; a field's type is ``s`` text, ``i`` integer, ``f`` number, ``b`` boolean, ``y``
base64, ``q`` a quantity, ``*`` anything, ``:NAME`` another type, ``[`` a list and ``{`` a map of what follows.
"""

from __future__ import annotations

import functools
import json
from importlib import resources
from typing import TYPE_CHECKING, Any

from kubectl_sops.flux.go_yaml import format_float
from kubectl_sops.flux.quantity import canonical
from kubectl_sops.flux.resources import decode_base64

if TYPE_CHECKING:
    from kubectl_sops.core.leaf import Path

    Object = dict[str, Any]
    Types = dict[str, dict[str, str]]

_ZERO: dict[str, Any] = {"s": "", "i": 0, "f": 0, "b": False}
"""What a null becomes as an element of a list or map."""


class _NoFitError(Exception):
    """A value that the type can't hold; the controller then leaves the whole object alone."""


@functools.cache
def _table() -> tuple[dict[str, str], Types]:
    text = resources.files("kubectl_sops.flux").joinpath("kinds.json").read_text(encoding="utf-8")
    table = json.loads(text)
    return table["kinds"], table["types"]


def fit(manifest: Object) -> tuple[Object, list[Path]] | None:
    """The object with the fields that its Go type has, and the places of those that it has not.

    ``None`` where the controller does not know the kind, or the object does not fit its type.
    """
    kinds, types = _table()
    name = kinds.get(f"{manifest.get('apiVersion')} {manifest.get('kind')}")
    if name is None:
        return None
    dropped: list[Path] = []
    try:
        out: Object = _convert(manifest, f":{name}", types, (), dropped)
    except _NoFitError:
        return None
    return out, dropped


def _convert(value: Any, kind: str, types: Types, path: Path, dropped: list[Path]) -> Any:
    if kind == "*":
        return value
    if kind[0] == ":":
        return _struct(value, types[kind[1:]], types, path, dropped)
    if kind[0] in "[{":
        return _container(value, kind, types, path, dropped)
    if kind == "q":
        return _quantity(value)
    fits = {
        "s": isinstance(value, str),
        "b": isinstance(value, bool),
        "i": isinstance(value, int) and not isinstance(value, bool),
        "f": isinstance(value, int | float) and not isinstance(value, bool),
        "y": value is None or decode_base64(value) is not None,
    }
    if not fits[kind]:
        raise _NoFitError
    return value


def _quantity(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise _NoFitError
    text = canonical(
        value if isinstance(value, str) else format_float(value) if isinstance(value, float) else str(value)
    )
    if text is None:
        raise _NoFitError
    return text


def _struct(value: Any, fields: dict[str, str], types: Types, path: Path, dropped: list[Path]) -> Object:
    if not isinstance(value, dict):
        raise _NoFitError
    out: Object = {}
    for key, item in value.items():
        kind = fields.get(key)
        if kind is None:
            dropped.append((*path, key))
        elif item is not None:
            out[key] = _convert(item, kind, types, (*path, key), dropped)
    return out


def _container(value: Any, kind: str, types: Types, path: Path, dropped: list[Path]) -> Any:
    of = kind[1:]
    if kind[0] == "[":
        if not isinstance(value, list):
            raise _NoFitError
        return [_element(item, of, types, (*path, index), dropped) for index, item in enumerate(value)]
    if not isinstance(value, dict):
        raise _NoFitError
    return {key: _element(item, of, types, (*path, key), dropped) for key, item in value.items()}


def _element(item: Any, kind: str, types: Types, path: Path, dropped: list[Path]) -> Any:
    if item is None:
        return _ZERO.get(kind, {} if kind[0] == ":" else None)
    return _convert(item, kind, types, path, dropped)
