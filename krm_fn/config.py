"""Checking a configuration against its schema, every problem at once, each with its field."""

from __future__ import annotations

from typing import TYPE_CHECKING

from krm_fn.problems import ConfigError

if TYPE_CHECKING:
    from krm_fn.schemas import Schema
    from kubectl_sops.core.leaf import Path

_TYPES: dict[str, tuple[type, str]] = {
    "string": (str, "a string"),
    "boolean": (bool, "true or false"),
    "object": (dict, "a map"),
    "array": (list, "a list"),
}


def check(value: object, schema: Schema, path: Path = ()) -> list[ConfigError]:
    """What is wrong with ``value``. Messages name fields and types, never values: they may be secret by mistake."""
    choices = schema.get("enum")
    if choices is not None:
        if value in choices and isinstance(value, str):
            return []
        return [ConfigError(f"expected {_one_of(choices)}" + _nearest(value, choices), path)]
    wanted, words = _TYPES[schema["type"]]
    if not isinstance(value, wanted):
        return [ConfigError(f"expected {words}, found {_found(value)}", path)]
    if isinstance(value, str) and len(value) < schema.get("minLength", 0):
        return [ConfigError("is empty", path)]
    problems: list[ConfigError] = []
    if isinstance(value, list):
        for index, item in enumerate(value):
            problems += check(item, schema["items"], (*path, index))
    elif isinstance(value, dict):
        problems += _check_map(value, schema, path)
    return problems


def _check_map(value: dict[str, object], schema: Schema, path: Path) -> list[ConfigError]:
    properties: dict[str, Schema] = schema.get("properties", {})
    others = schema.get("additionalProperties", True)
    problems = [ConfigError("is missing", (*path, name)) for name in schema.get("required", ()) if name not in value]
    for name, item in value.items():
        place = (*path, str(name))
        if name in properties:
            problems += check(item, properties[name], place)
        elif isinstance(others, dict):
            problems += check(item, others, place)
        elif not others:
            problems.append(ConfigError("unknown field" + _nearest(name, properties), place))
    return problems


def _found(value: object) -> str:
    if value is None:
        return "nothing"
    for kind, words in _TYPES.values():
        if isinstance(value, kind):
            return "a boolean" if kind is bool else words
    return "a number"


def _one_of(choices: list[str]) -> str:
    return choices[0] if len(choices) == 1 else f"{', '.join(choices[:-1])} or {choices[-1]}"


def _nearest(word: object, choices: object) -> str:
    from difflib import get_close_matches

    known = [str(choice) for choice in choices]  # type: ignore[attr-defined]  # a list or a dict of names
    found = get_close_matches(str(word), known, n=1, cutoff=0.6)
    if not found:
        lower = {name.lower(): name for name in known}
        found = [lower[str(word).lower()]] if str(word).lower() in lower else []
    return f"; did you mean {found[0]}?" if found and len(known) > 1 else ""
