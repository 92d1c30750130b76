"""The ``sops`` entry of a file: who can open it, what is encrypted, and its MAC.

It is kept as the tree that the file holds, in the file's own order and with fields we do not know, so that writing it
back changes only what changed. Source: sops ``stores/stores.go``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kubectl_sops.core.selectors import FIELDS, Selector
from kubectl_sops.errors import MetadataError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SOPS_VERSION = "3.13.3"
"""The sops release whose file format we write, recorded in new files as ``version``."""

KINDS = ("kms", "gcp_kms", "hckms", "azure_kv", "hc_vault", "pgp", "age")
"""Names of key lists, in the order in which sops loads the keys of a group."""

ID_FIELDS: dict[str, tuple[str, ...]] = {
    "age": ("recipient",),
    "pgp": ("fp",),
    "kms": ("arn", "role", "context", "aws_profile"),
    "gcp_kms": ("resource_id",),
    "hckms": ("key_id",),
    "azure_kv": ("vault_url", "name", "version"),
    "hc_vault": ("vault_address", "engine_path", "key_name"),
}
"""The fields that say which key an entry is, without its wrapped data key and date."""

_RFC3339 = re.compile(r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:[.,]\d+)?([Zz]|[+-]\d\d:\d\d)")


class KeyEntry:
    """One wrapped copy of the data key (or of a group's share), as the file holds it.

    Attributes:
        kind: one of ``KINDS``.
        fields: everything the file says about it, ``enc`` (the wrapped key) included, in the file's order.
    """

    __slots__ = ("fields", "kind")

    def __init__(self, kind: str, fields: dict[str, object]) -> None:
        self.kind = kind
        self.fields = fields

    def get(self, name: str) -> str:
        value = self.fields.get(name)
        return value if isinstance(value, str) else ""

    @property
    def enc(self) -> str:
        return self.get("enc")

    @property
    def id(self) -> str:
        """The text by which sops compares, lists and removes keys."""
        if self.kind == "kms":
            arn, role, profile = self.get("arn"), self.get("role"), self.get("aws_profile")
            context = self.fields.get("context")
            text = f"{arn}+{role}" if role else arn
            pairs = ",".join(f"{k}:{v}" for k, v in sorted(context.items())) if isinstance(context, dict) else ""
            if profile:
                return f"{text}|{pairs}|{profile}"
            return f"{text}|{pairs}" if pairs else text
        if self.kind == "azure_kv":
            return f"{self.get('vault_url')}/keys/{self.get('name')}/{self.get('version')}"
        if self.kind == "hc_vault":
            return f"{self.get('vault_address')}/v1/{self.get('engine_path')}/keys/{self.get('key_name')}"
        return self.get(ID_FIELDS[self.kind][0])

    def with_enc(self, enc: str) -> KeyEntry:
        """The same key with another wrapped copy."""
        return KeyEntry(self.kind, {**self.fields, "enc": enc})

    def __repr__(self) -> str:
        return f"KeyEntry({self.kind!r}, {self.id!r})"


Group = list[KeyEntry]


def groups_needed(groups: Sequence[Group], shamir_threshold: int) -> int:
    """How many key groups have to be opened."""
    return 1 if len(groups) < 2 else shamir_threshold or len(groups)


def shuts_out(before: Sequence[Group], threshold: int, after: Sequence[Group], new_threshold: int) -> bool:
    """Whether some people could open a file together and can't afterwards: they know its data key.

    With several groups, whoever moves from one to another may be missed by those who needed him there.
    """
    old, new = ([{(key.kind, key.id) for key in group} for group in groups] for groups in (before, after))
    if len(new) == 1:
        return not set().union(*old) <= new[0]
    return (
        len(old) != len(new)
        or groups_needed(before, threshold) < groups_needed(after, new_threshold)
        or any(not was <= now for was, now in zip(old, new, strict=True))
    )


def normalise_time(text: str) -> str:
    """RFC 3339 with seconds and the offset kept, as Go prints the time it parsed: the AAD of the MAC.

    Raises:
        MetadataError: not a time.
    """
    match = _RFC3339.fullmatch(text.strip())
    if match is None:
        raise MetadataError("a time in the sops metadata is not RFC 3339")
    date, time, zone = match.groups()
    return f"{date}T{time}{'Z' if zone in ('Z', 'z', '+00:00', '-00:00') else zone}"


def _text(tree: Mapping[str, object], name: str) -> str:
    value = tree.get(name)
    if value is None or isinstance(value, dict | list):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


class Metadata:
    """The ``sops`` entry.

    Args:
        tree: the entry as a tree of ``dict``, ``list`` and scalars, in the file's order. Field names are matched
            without regard to case, as sops does since 3.13.
    """

    __slots__ = ("_by_name", "_selector", "tree")

    def __init__(self, tree: dict[str, object]) -> None:
        self.tree = tree
        self._by_name = {name.lower(): value for name, value in tree.items()}
        self._selector: Selector | None = None

    @property
    def mac(self) -> str:
        return _text(self._by_name, "mac")

    @property
    def lastmodified(self) -> str:
        """The time of the last change, normalised: the AAD of the MAC."""
        return normalise_time(_text(self._by_name, "lastmodified"))

    @property
    def version(self) -> str:
        return _text(self._by_name, "version")

    @property
    def mac_only_encrypted(self) -> bool:
        return _text(self._by_name, "mac_only_encrypted").lower() in ("1", "t", "true")

    @property
    def shamir_threshold(self) -> int:
        text = _text(self._by_name, "shamir_threshold")
        if not text:
            return 0
        try:
            return int(text)
        except ValueError:
            raise MetadataError("shamir_threshold in the sops metadata is not a number") from None

    @property
    def selector(self) -> Selector:
        """What is encrypted.

        Raises:
            MetadataError: more than one selector is set.
        """
        if self._selector is None:
            present = [(name, _text(self._by_name, name)) for name in FIELDS if _text(self._by_name, name)]
            if len(present) > 1:
                raise MetadataError("cannot use more than one of " + ", ".join(FIELDS) + " in the same file")
            self._selector = Selector(*present[0]) if present else Selector()
        return self._selector

    @property
    def groups(self) -> list[Group]:
        """The key groups; one group where the file has no ``key_groups``.

        Raises:
            MetadataError: no keys at all, or entries of the wrong shape.
        """
        single = _group(self._by_name)
        if single:
            return [single]
        listed = _list(self._by_name.get("key_groups"), "key_groups")
        groups = [_group({k.lower(): v for k, v in _mapping(g, "key_groups").items()}) for g in listed]
        if not groups:
            raise MetadataError("no keys found in file", hint="restore the sops block from Git history")
        return groups

    def require_readable(self) -> None:
        """Raise ``MetadataError`` unless ``version`` and ``lastmodified`` are there and well-formed."""
        version = self.version
        if not version:
            raise MetadataError("version string empty in the sops metadata")
        if not re.match(r"v?\d+\.\d+\.\d+|1\.", version):
            raise MetadataError("the version in the sops metadata is not like 3.13.3")
        _ = self.lastmodified

    def replace(self, **changes: object) -> Metadata:
        """A copy with some fields set, in place where they exist; ``None`` removes a field."""
        tree = dict(self.tree)
        names = {name.lower(): name for name in tree}
        for name, value in changes.items():
            if value is None:
                tree.pop(names.get(name, name), None)
            else:
                tree[names.get(name, name)] = value
        return Metadata(tree)

    def with_groups(self, groups: Sequence[Group], shamir_threshold: int) -> Metadata:
        """A copy with other keys. The fields keep their place; new ones are inserted in sops' order (sorted)."""
        tree = {k: v for k, v in self.tree.items() if k.lower() not in (*KINDS, "key_groups", "shamir_threshold")}
        added: dict[str, object] = {}
        if len(groups) == 1:
            added.update(group_tree(groups[0]))
        elif groups:
            # hc_vault and age are written even where they are empty (sops stores.go: no omitempty)
            added["key_groups"] = [
                dict(sorted({"age": [], "hc_vault": [], **group_tree(group)}.items())) for group in groups
            ]
        if shamir_threshold:
            added["shamir_threshold"] = shamir_threshold
        return Metadata(_merge_in_order(self.tree, tree, added))

    def __repr__(self) -> str:
        return f"Metadata({sorted(self.tree)!r})"


def new(
    groups: Sequence[Group],
    *,
    shamir_threshold: int = 0,
    selector: Selector | None = None,
    mac_only_encrypted: bool = False,
) -> Metadata:
    """Metadata of a new file, fields sorted as sops 3.13 writes them; ``mac`` and ``lastmodified`` still empty."""
    tree: dict[str, object] = {"lastmodified": "", "mac": "", "version": SOPS_VERSION}
    selector = selector or Selector()
    if selector.field:
        tree[selector.field] = selector.text
    if mac_only_encrypted:
        tree["mac_only_encrypted"] = True
    base = Metadata(dict(sorted(tree.items())))
    return base.with_groups(groups, shamir_threshold)


def group_tree(group: Group) -> dict[str, object]:
    """The key lists of one group, as the metadata holds them."""
    lists: dict[str, list[dict[str, object]]] = {}
    for entry in group:
        lists.setdefault(entry.kind, []).append(entry.fields)
    return dict(sorted(lists.items()))


def _merge_in_order(old: dict[str, object], kept: dict[str, object], added: dict[str, object]) -> dict[str, object]:
    tree: dict[str, object] = {}
    remaining = dict(added)
    for name in old:
        if name in kept:
            tree[name] = kept[name]
        elif name in remaining:
            tree[name] = remaining.pop(name)
    for name, value in sorted(remaining.items()):
        names = list(tree)
        position = next((i for i, other in enumerate(names) if other > name), len(names))
        items = list(tree.items())
        items.insert(position, (name, value))
        tree = dict(items)
    return tree


def _list(value: object, name: str) -> list[object]:
    if value is None or value == "":
        return []
    if isinstance(value, dict):
        return [value]  # sops decodes weakly: one mapping counts as a list of one
    if not isinstance(value, list):
        raise MetadataError(f"{name} in the sops metadata is not a list")
    return value


def _mapping(value: object, name: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise MetadataError(f"an entry of {name} in the sops metadata is not a mapping")
    return value


def _group(tree: Mapping[str, object]) -> Group:
    group: Group = []
    for kind in KINDS:
        for item in _list(tree.get(kind), kind):
            fields = _mapping(item, kind)
            names = [name for name in fields if name != name.lower()]
            group.append(KeyEntry(kind, {k.lower(): v for k, v in fields.items()} if names else fields))
    return group
