"""One creation rule: which files, for whom, what of them is encrypted."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from kubectl_sops.core.metadata import KeyEntry
from kubectl_sops.core.selectors import FIELDS as SELECTOR_FIELDS
from kubectl_sops.core.selectors import Selector, compile_regex
from kubectl_sops.errors import RulesError, SopsError
from kubectl_sops.rules import fields
from kubectl_sops.rules.names import split

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from kubectl_sops.core.metadata import Group
    from kubectl_sops.rules.nodes import Node

TEXT_KINDS = {
    # fields of a rule that hold recipients as text, in the order in which sops makes a group of them
    "age": "age",
    "pgp": "pgp",
    "kms": "kms",
    "gcp_kms": "gcp_kms",
    "hckms": "hckms",
    "azure_keyvault": "azure_kv",
    "hc_vault_transit_uri": "hc_vault",
}
GROUP_KINDS = {
    # fields of a key group in sops' order; those of maps with the metadata name of each of their fields
    "age": ("age", None),
    "pgp": ("pgp", None),
    "kms": ("kms", {"arn": "arn", "role": "role", "context": "context", "aws_profile": "aws_profile"}),
    "gcp_kms": ("gcp_kms", {"resource_id": "resource_id"}),
    "hckms": ("hckms", {"key_id": "key_id"}),
    "azure_keyvault": ("azure_kv", {"vaultUrl": "vault_url", "key": "name", "version": "version"}),
    "hc_vault": ("hc_vault", None),
}  # fmt: skip
GROUP_FIELDS = frozenset((*GROUP_KINDS, "merge"))
RULE_FIELDS = frozenset(
    ("path_regex", *TEXT_KINDS, "aws_profile", "key_groups", "shamir_threshold", *SELECTOR_FIELDS, "mac_only_encrypted")
)


@dataclass(frozen=True, slots=True)
class KeySource:
    """Where a rule names keys of one kind: as text (one recipient or a comma list) or, for a KMS, by fields."""

    kind: str
    line: int
    text: str = ""
    fields: Mapping[str, object] | None = None


@dataclass(frozen=True, eq=False)
class Rule:
    """A creation rule.

    Attributes:
        index: its position in ``creation_rules``, from 0.
        line: where it starts, from 1.
        path_regex: RE2, searched in the path; empty matches every file.
        selector: what is encrypted; ``None`` where the rule leaves it to the default.
        sources: the keys as written, one list per key group.
        scalars: the nodes that hold recipients as text, for names and edits.
        file: the ``.sops.yaml`` it is from.
    """

    index: int
    line: int
    path_regex: str
    selector: Selector | None
    shamir_threshold: int
    mac_only_encrypted: bool
    aws_profile: str
    sources: list[list[KeySource]] = field(repr=False)
    scalars: list[Node] = field(repr=False)
    has_key_groups: bool
    file: str | None = None

    def matches(self, path: str) -> bool:
        """Whether the rule is for ``path``, which is relative to the folder of the ``.sops.yaml``.

        Raises:
            RulesError: ``path_regex`` does not compile.
        """
        return self._search is None or self._search(path)

    @cached_property
    def _search(self) -> Callable[[str], bool] | None:
        if not self.path_regex:
            return None
        try:
            return compile_regex(self.path_regex)
        except RulesError as error:
            raise RulesError(f"path_regex: {error.message}", hint=error.hint, file=self.file, line=self.line) from None

    @cached_property
    def groups(self) -> list[Group]:
        """The key groups, without wrapped data keys; one empty group where the rule names no key.

        Raises:
            KeyParseError: text that is not a recipient, with the line.
        """
        groups: list[Group] = []
        for sources in self.sources:
            group: Group = []
            for source in sources:
                group += self._entries(source)
            # sops removes duplicates from key_groups only
            groups.append(_unique(group) if self.has_key_groups else group)
        return groups

    def problems(self) -> Iterator[SopsError]:
        """Every text in it that is not a recipient, with the line; ``groups`` stops at the first."""
        for sources in self.sources:
            for source in sources:
                try:
                    self._entries(source)
                except SopsError as error:
                    yield error

    def _entries(self, source: KeySource) -> Group:
        if source.fields is not None:
            return [KeyEntry(source.kind, dict(source.fields))]
        from kubectl_sops.keys import system

        try:
            entries = list(system(source.kind).parse_recipients(source.text))
        except SopsError as error:
            error.line = source.line
            raise error.at(self.file or ".sops.yaml") from None
        if self.aws_profile and source.kind == "kms" and not self.has_key_groups:
            return [KeyEntry("kms", {**entry.fields, "aws_profile": self.aws_profile}) for entry in entries]
        return entries

    @property
    def recipients(self) -> list[str]:
        """Every recipient that is written as text, in order, without duplicates; nothing is checked."""
        return list(dict.fromkeys(text for node in self.scalars for text in split(node.text)))


def _unique(group: Group) -> Group:
    seen: dict[tuple[str, str], KeyEntry] = {}
    for entry in group:
        seen.setdefault((entry.kind, entry.id), entry)
    return list(seen.values())


def parse_rule(node: Node, index: int, file: str | None, what: str = "a creation rule") -> Rule:
    """Read one rule.

    Raises:
        RulesError: unknown fields, wrong types, or fields that exclude each other; with the line.
    """
    values = fields.fields(node, what, RULE_FIELDS)
    scalars: list[Node] = []
    listed = fields.items(values, "key_groups")
    if listed:
        sources = [_group(item, scalars) for item in listed]
    else:
        sources = [_shorthand(values, scalars)]
    return Rule(
        index=index,
        line=node.line,
        path_regex=fields.text(values, "path_regex"),
        selector=_selector(values),
        shamir_threshold=fields.number(values, "shamir_threshold"),
        mac_only_encrypted=fields.flag(values, "mac_only_encrypted"),
        aws_profile=fields.text(values, "aws_profile"),
        sources=sources,
        scalars=scalars,
        has_key_groups=bool(listed),
        file=file,
    )


def _selector(values: Mapping[str, Node]) -> Selector | None:
    given = [(name, fields.text(values, name)) for name in SELECTOR_FIELDS if fields.text(values, name)]
    if len(given) > 1:
        second = values[given[1][0]]
        raise RulesError(
            "cannot use more than one of " + ", ".join(SELECTOR_FIELDS) + " for the same rule", line=second.line
        )
    if not given:
        return None
    name, text = given[0]
    if name.endswith("_regex"):
        try:
            compile_regex(text)  # sops takes a broken one for one that matches nothing, and leaves secrets readable
        except RulesError as error:
            raise RulesError(f"{name}: {error.message}", hint=error.hint, line=values[name].line) from None
    return Selector(name, text)


def _shorthand(values: Mapping[str, Node], scalars: list[Node]) -> list[KeySource]:
    sources = []
    for name, kind in TEXT_KINDS.items():
        for node in fields.texts(values, name, comma_text=name != "hckms"):
            scalars.append(node)
            sources += [KeySource(kind, node.line, text) for text in split(node.text)]
    return sources


def _group(node: Node, scalars: list[Node]) -> list[KeySource]:
    values = fields.fields(node, "a key group", GROUP_FIELDS)
    sources: list[KeySource] = []
    for item in fields.items(values, "merge"):
        sources += _group(item, scalars)
    for name, (kind, names) in GROUP_KINDS.items():
        if names is None:
            for item in fields.texts(values, name, comma_text=False):
                scalars.append(item)
                sources += [KeySource(kind, item.line, text) for text in split(item.text)]
        else:
            for item in fields.items(values, name):
                sources.append(KeySource(kind, item.line, fields=_key_fields(item, name, names)))
    return sources


def _key_fields(node: Node, what: str, names: Mapping[str, str]) -> dict[str, object]:
    values = fields.fields(node, f"an entry of {what}", names)
    found: dict[str, object] = {}
    for name, stored in names.items():
        if name == "context":
            context = values.get(name)
            if context is not None and not context.is_null:
                pairs = fields.fields(context, "an encryption context", None)
                found[stored] = {key: fields.text(pairs, key) for key in pairs}
        elif fields.text(values, name):
            found[stored] = fields.text(values, name)
    first = next(iter(names))
    if names[first] not in found:
        raise RulesError(f"an entry of {what} has no {first}", line=node.line)
    return found
