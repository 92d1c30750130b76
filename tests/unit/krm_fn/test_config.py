"""Checking configurations, and the schemas that they are checked against."""

from __future__ import annotations

from typing import Any

import pytest

from krm_fn.config import check
from krm_fn.schemas import SCHEMAS

WORDS = {
    "$id", "$schema", "title", "type", "description", "properties", "required", "additionalProperties", "items", "enum",
    "minLength",
}  # fmt: skip
GOOD: dict[str, Any] = {"apiVersion": "kubectl-sops.dev/v1", "kind": "SopsGenerator", "metadata": {"name": "g"}}


def _words(schema: object) -> set[str]:
    if isinstance(schema, list):
        return set().union(*map(_words, schema))
    if not isinstance(schema, dict):
        return set()
    found = set(schema)
    for name, value in schema.items():
        found |= set().union(*map(_words, value.values())) if name == "properties" else _words(value)
    return found


@pytest.mark.parametrize("kind", SCHEMAS)
def test_schemas_use_no_word_that_is_not_checked(kind: str) -> None:
    """What an editor enforces, the function enforces."""
    assert _words(SCHEMAS[kind]) <= WORDS


@pytest.mark.parametrize(
    "extra", [{}, {"files": []}, {"secretFrom": [{"metadata": {"name": "s"}}]}, {"argsOneLiner": ""}]
)
def test_a_good_configuration_has_no_problems(extra: dict[str, Any]) -> None:
    """Empty lists are good, too."""
    assert check(GOOD | extra, SCHEMAS["SopsGenerator"]) == []


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ({"metadata": None}, "metadata: expected a map, found nothing"),
        ({"files": "a.yaml"}, "files: expected a list, found a string"),
        ({"files": [["a"]]}, "files[0]: expected a string, found a list"),
        ({"files": [""]}, "files[0]: is empty"),
        ({"encode": True}, "encode: expected data or stringData"),
        ({"Files": []}, "Files: unknown field; did you mean files?"),
        ({"wholly-other": 1}, "wholly-other: unknown field"),
        (
            {"secretFrom": [{"metadata": {"name": "s", "labels": {"a": 1}}}]},
            "secretFrom[0].metadata.labels.a: expected a string",
        ),
        (
            {"secretFrom": [{"metadata": {"name": "s"}, "immutable": "yes"}]},
            "secretFrom[0].immutable: expected true or false",
        ),
        ({"secretFrom": [{"metadata": {}}]}, "secretFrom[0].metadata.name: is missing"),
    ],
)
def test_a_problem_names_its_field_and_no_value(extra: dict[str, Any], message: str) -> None:
    """Types are named; a value could be a secret in the wrong place."""
    (problem,) = check(GOOD | extra, SCHEMAS["SopsGenerator"])
    assert str(problem).startswith(message)


def test_a_value_is_not_shown() -> None:
    """Not even where a word was expected."""
    problems = check(GOOD | {"encode": "hunter2", "files": {"hunter2": 1}}, SCHEMAS["SopsGenerator"])
    assert len(problems) == 2
    assert "hunter2" not in "".join(map(str, problems))
