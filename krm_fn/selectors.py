"""Which resources a transformer or validator works on: the ``selectors`` of its configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from krm_fn.problems import ConfigError
from kubectl_sops.core.selectors import compile_regex
from kubectl_sops.errors import RulesError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Resource = dict[str, object]
    Test = Callable[[Resource], bool]

_NAMES = ("group", "version", "kind", "name", "namespace")


def compile_all(selectors: list[dict[str, Any]]) -> Test:
    """Whether one of the selectors matches; everything does where there is none.

    Raises:
        ConfigError: a regular expression or label selector that can't be read.
    """
    if not selectors:
        return lambda _: True
    tests = [_compile(selector, index) for index, selector in enumerate(selectors)]
    return lambda resource: any(all(test(resource) for test in group) for group in tests)


def _compile(selector: dict[str, Any], index: int) -> list[Test]:
    tests: list[Test] = []
    for name in _NAMES:
        if name in selector:
            try:
                # whole names, as the targets of kustomize's patches
                search = compile_regex(f"^(?:{selector[name]})$")
            except RulesError as error:
                raise ConfigError(error.message, ("selectors", index, name), hint=error.hint) from None
            tests.append(lambda resource, name=name, search=search: search(_value(resource, name)))  # type: ignore[misc]
    for name, field in (("labelSelector", "labels"), ("annotationSelector", "annotations")):
        if name in selector:
            for part in _split(selector[name]):
                requirement = _requirement(part, ("selectors", index, name))
                tests.append(lambda resource, field=field, test=requirement: test(_map(resource, field)))  # type: ignore[misc]
    return tests


def _value(resource: Resource, name: str) -> str:
    if name in ("group", "version"):
        group, _, version = str(resource.get("apiVersion", "")).rpartition("/")
        return group if name == "group" else version
    if name == "kind":
        return str(resource.get("kind", ""))
    metadata = resource.get("metadata")
    value = metadata.get(name) if isinstance(metadata, dict) else None
    return str(value or "")


def _map(resource: Resource, field: str) -> dict[str, object]:
    metadata = resource.get("metadata")
    value = metadata.get(field) if isinstance(metadata, dict) else None
    return value if isinstance(value, dict) else {}


def _split(text: str) -> list[str]:
    """The parts of a label selector: commas outside of parentheses divide them."""
    parts, depth, start = [], 0, 0
    for at, char in enumerate(text):
        depth += (char == "(") - (char == ")")
        if char == "," and not depth:
            parts.append(text[start:at])
            start = at + 1
    return [part.strip() for part in (*parts, text[start:])]


def _requirement(part: str, field: tuple[str | int, ...]) -> Callable[[dict[str, object]], bool]:
    """One requirement: ``k``, ``!k``, ``k=v``, ``k==v``, ``k!=v``, ``k in (a, b)`` or ``k notin (a, b)``."""
    for mark, wanted in (("!=", False), ("==", True), ("=", True)):
        key, found, value = part.partition(mark)
        if found:
            return _one_of(key.strip(), {value.strip()}, wanted=wanted)
    words = part.split(None, 2)
    if len(words) == 3 and words[1] in ("in", "notin") and words[2].startswith("(") and words[2].endswith(")"):
        values = {value.strip() for value in words[2][1:-1].split(",")}
        return _one_of(words[0], values, wanted=words[1] == "in")
    if len(words) != 1 or not words[0].strip("!"):
        raise ConfigError("expected k=v, k!=v, k, !k, k in (…) or k notin (…)", field)
    name = words[0].lstrip("!")
    absent = words[0].startswith("!")
    return lambda labels: (name in labels) is not absent


def _one_of(key: str, values: set[str], *, wanted: bool) -> Callable[[dict[str, object]], bool]:
    return lambda labels: (key in labels and str(labels[key]) in values) is wanted
