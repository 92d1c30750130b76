"""A whole ``.sops.yaml``: its creation rules, destination rules and settings of the stores."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from kubectl_sops.errors import ConfigNotFoundError, NoMatchingRuleError, RulesError
from kubectl_sops.rules import fields
from kubectl_sops.rules.destination import DestinationRule, parse_destination
from kubectl_sops.rules.names import find_names
from kubectl_sops.rules.nodes import compose
from kubectl_sops.rules.rule import Rule, parse_rule
from kubectl_sops.rules.search import NAME, working_directory

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kubectl_sops.rules.nodes import Node

STORES: dict[str, dict[str, int]] = {
    # settings of each store, with sops' default; -1 is a tab, 0 is YAML's own 4 blanks
    "yaml": {"indent": 0},
    "json": {"indent": -1},
    "json_binary": {"indent": -1},
    "dotenv": {},
    "ini": {},
}


@dataclass(frozen=True, eq=False)
class Rules:
    """What a ``.sops.yaml`` says.

    Attributes:
        path: the file.
        text: its text, without a byte order mark.
        creation_rules: in order; ``None`` where the file has none, which sops treats as no file at all.
        destination_rules: for ``publish``.
        stores: for each store its settings, defaults filled in.
    """

    path: str
    text: str = field(repr=False)
    creation_rules: list[Rule] | None
    destination_rules: list[DestinationRule]
    stores: dict[str, dict[str, int]]
    tree: Node | None = field(repr=False)

    @property
    def directory(self) -> str:
        return os.path.dirname(os.path.normpath(os.path.join(working_directory(), self.path)))

    @cached_property
    def names(self) -> Mapping[str, str]:
        """Names of recipients, from the comments beside them."""
        return find_names(self.text, [node for rule in self.creation_rules or [] for node in rule.scalars])

    def relative(self, file: str) -> str:
        """``file`` as ``path_regex`` sees it: relative to the folder of the ``.sops.yaml``, absolute outside it."""
        path = os.path.normpath(os.path.join(working_directory(), file))
        return path.removeprefix(self.directory.rstrip(os.sep) + os.sep)

    def find_rule(self, file: str) -> Rule | None:
        """The first rule that is for ``file``.

        Raises:
            RulesError: a ``path_regex`` before it does not compile.
        """
        path = self.relative(file)
        return next((rule for rule in self.creation_rules or [] if rule.matches(path)), None)

    def match(self, file: str) -> Rule | None:
        """The first rule that is for ``file``; ``None`` where there are no creation rules at all.

        Raises:
            NoMatchingRuleError: there are rules, and none is for this file. sops fails then even where recipients are
                given on the command line.
        """
        if self.creation_rules is None:
            return None
        rule = self.find_rule(file)
        if rule is None:
            raise NoMatchingRuleError(
                f"no matching creation rules found in {self.path} for {self.relative(file)}",
                hint="add a rule whose path_regex matches it",
            )
        return rule


def parse(data: bytes, path: str = NAME) -> Rules:
    """Read the bytes of a ``.sops.yaml``.

    Raises:
        RulesError: it can't be used; names the file and the line.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise RulesError("not UTF-8", file=path) from None
    try:
        tree = compose(text)
        return _rules(text, tree, path)
    except RulesError as error:
        raise error.at(path) from None


def load(path: str) -> Rules:
    """Read a ``.sops.yaml``.

    Raises:
        ConfigNotFoundError: there is no such file.
        RulesError: it can't be read or used.
    """
    try:
        with open(path, "rb") as stream:
            data = stream.read()
    except FileNotFoundError:
        raise ConfigNotFoundError("no such file", file=path) from None
    except OSError as error:
        raise RulesError(f"could not read it: {os.strerror(error.errno or 0)}", file=path) from None
    return parse(data, path)


def _rules(text: str, tree: Node | None, path: str) -> Rules:
    # sops ignores unknown names at the top, and people keep anchors there
    values = fields.fields(tree, "the file", None) if tree is not None else {}
    listed = values.get("creation_rules")
    creation_rules = None
    if listed is not None and not listed.is_null:
        creation_rules = [parse_rule(node, i, path) for i, node in enumerate(fields.items(values, "creation_rules"))]
    return Rules(
        path=path,
        text=text,
        creation_rules=creation_rules,
        destination_rules=[
            parse_destination(node, i, path) for i, node in enumerate(fields.items(values, "destination_rules"))
        ],
        stores=_stores(values.get("stores")),
        tree=tree,
    )


def _stores(node: Node | None) -> dict[str, dict[str, int]]:
    values = fields.fields(node, "stores", STORES) if node is not None else {}
    stores = {}
    for name, defaults in STORES.items():
        settings = fields.fields(values[name], f"stores.{name}", defaults) if name in values else {}
        stores[name] = {setting: fields.number(settings, setting, default) for setting, default in defaults.items()}
    return stores
