"""Destination rules: where ``publish`` sends a file."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from kubectl_sops.core.selectors import compile_regex
from kubectl_sops.errors import RulesError
from kubectl_sops.rules import fields
from kubectl_sops.rules.rule import Rule, parse_rule

if TYPE_CHECKING:
    from collections.abc import Callable

    from kubectl_sops.rules.nodes import Node

PLACES = ("s3_bucket", "gcs_bucket", "vault_path")
"""The field that says which kind of destination it is; a rule has one of them."""

PLACE_FIELDS = (
    "s3_bucket",
    "s3_prefix",
    "gcs_bucket",
    "gcs_prefix",
    "vault_path",
    "vault_address",
    "vault_kv_mount_name",
)
DESTINATION_FIELDS = frozenset(("path_regex", *PLACE_FIELDS, "vault_kv_version", "recreation_rule", "omit_extensions"))


@dataclass(frozen=True, eq=False)
class DestinationRule:
    """A destination rule.

    Attributes:
        place: the texts that are set, by field name: ``{"s3_bucket": …, "s3_prefix": …}``.
        recreation: for whom the file is encrypted again before it is published; ``None`` leaves it as it is.
    """

    index: int
    line: int
    path_regex: str
    place: dict[str, str]
    vault_kv_version: int
    omit_extensions: bool
    recreation: Rule | None = field(repr=False)
    file: str | None = None

    def matches(self, path: str) -> bool:
        """Whether the rule is for ``path``, the file as the user named it."""
        return self._search is None or self._search(path)

    @cached_property
    def _search(self) -> Callable[[str], bool] | None:
        return compile_regex(self.path_regex) if self.path_regex else None


def parse_destination(node: Node, index: int, file: str | None) -> DestinationRule:
    """Read one destination rule.

    Raises:
        RulesError: unknown fields, wrong types, or more than one destination; with the line.
    """
    values = fields.fields(node, "a destination rule", DESTINATION_FIELDS)
    place = {name: fields.text(values, name) for name in PLACE_FIELDS if fields.text(values, name)}
    kinds = [name for name in PLACES if name in place]
    if len(kinds) > 1:
        raise RulesError(
            "more than one destinations were found in a single destination rule, you can only use one per rule",
            line=values[kinds[1]].line,
        )
    recreation = values.get("recreation_rule")
    return DestinationRule(
        index=index,
        line=node.line,
        path_regex=fields.text(values, "path_regex"),
        place=place,
        vault_kv_version=fields.number(values, "vault_kv_version"),
        omit_extensions=fields.flag(values, "omit_extensions"),
        recreation=parse_rule(recreation, 0, file, "a recreation rule")
        if recreation is not None and not recreation.is_null
        else None,
        file=file,
    )
