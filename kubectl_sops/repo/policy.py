"""What the ``.sops.yaml`` files of a repository say about each file."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kubectl_sops import rules
from kubectl_sops.core.selectors import Selector
from kubectl_sops.errors import SopsError
from kubectl_sops.keys.azure import settled
from kubectl_sops.repo import git

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from kubectl_sops.core.metadata import Group, Metadata


@dataclass(frozen=True, slots=True)
class Coverage:
    """What a creation rule says about a file.

    Attributes:
        selector: what it encrypts.
        narrow: its path_regex is about some files only, so that every file it matches is meant to be encrypted; a
            wide one (every ``.yaml``) is about the Secrets among them.
        ending: its path_regex tells the file from one that only ends in something else.
    """

    selector: Selector
    narrow: bool
    ending: bool = False


_MANIFESTS = (".yaml", ".yml", ".json")
_CONFIGURATION = (*_MANIFESTS, ".ini")
"""Endings of files that other programs read, too, whether there is a secret in them or not."""
_OTHER = ".other"
"""An ending that no rule is about."""


class Policy:
    """Finds the rule for each file; every ``.sops.yaml`` is read once.

    Args:
        config: use this one instead of searching.
        read: the bytes of a ``.sops.yaml`` where they are not those on disk (the Git index); ``None`` where they are.
    """

    def __init__(self, config: str | None = None, *, read: Callable[[str], bytes | None] | None = None) -> None:
        self._config = config
        self._read = read
        self._found: dict[str, str | None] = {}
        self._loaded: dict[str, rules.Rules] = {}
        self._names: dict[str, Mapping[str, str]] = {}
        self._problems: dict[str, Sequence[SopsError]] = {}
        self._narrow: dict[tuple[int, str], bool] = {}

    def rules_for(self, path: str) -> rules.Rules | None:
        """The ``.sops.yaml`` that is responsible for a file.

        Raises:
            RulesError: it can't be used.
        """
        folder = os.path.dirname(path)
        if folder not in self._found:
            self._found[folder] = rules.find(path, self._config)
        found = self._found[folder]
        if found is None:
            return None
        loaded = self._loaded.get(found)
        if loaded is None:
            data = self._read(found) if self._read is not None else None
            loaded = self._loaded[found] = rules.load(found) if data is None else rules.parse(data, found)
        return loaded

    def problems_for(self, path: str) -> Sequence[SopsError]:
        """What is no recipient in the ``.sops.yaml`` that is responsible for a file; looked at once."""
        loaded = self.rules_for(path)
        if loaded is None:
            return ()
        if loaded.path not in self._problems:
            self._problems[loaded.path] = [error for rule in loaded.creation_rules or [] for error in rule.problems()]
        return self._problems[loaded.path]

    def rule_for(self, path: str) -> rules.Rule | None:
        """The creation rule that matches a file."""
        loaded = self.rules_for(path)
        return None if loaded is None else loaded.find_rule(path)

    def names_for(self, path: str) -> Mapping[str, str]:
        """The names of recipients, those included that the last commit still had beside them: people who just left."""
        loaded = self.rules_for(path)
        if loaded is None:
            return {}
        names = self._names.get(loaded.path)
        if names is None:
            names = self._names[loaded.path] = {**_committed_names(loaded.path), **loaded.names}
        return names

    def names(self) -> set[str]:
        """Every name in a ``.sops.yaml`` that ``names_for`` was asked about."""
        return {name for names in self._names.values() for name in names.values()}

    def coverage(self, path: str) -> Coverage | None:
        """What the rule that matches a file says about it."""
        loaded = self.rules_for(path)
        rule = None if loaded is None else loaded.find_rule(path)
        if loaded is None or rule is None:
            return None
        name = os.path.basename(path)
        suffix = name[name.rfind(".") :] if "." in name else ""  # that of `.env` is the whole name
        key = (id(rule), suffix)
        if key not in self._narrow:
            self._narrow[key] = _is_narrow(rule, suffix)
        narrow = self._narrow[key]
        ending = narrow and not rule.matches(os.path.splitext(loaded.relative(path))[0] + _OTHER)
        return Coverage(rule.selector or Selector(), narrow, ending)


def _is_narrow(rule: rules.Rule, suffix: str) -> bool:
    def matches(*suffixes: str) -> bool:
        # names that nobody chose: a regex that matches them is about a kind of file
        return any(rule.matches(name + suffix) for name in ("x", "a/b/x") for suffix in suffixes)

    if not rule.path_regex:
        return False
    if not matches(suffix):
        return True
    if suffix in _CONFIGURATION or matches(_OTHER):
        return False
    # A kind of file that holds nothing but secrets once a rule names it. Where the rule is about configuration, too, it
    # may list whatever sops can read, except for dotenv files.
    return suffix == ".env" or not matches(*_MANIFESTS)


def _committed_names(path: str) -> Mapping[str, str]:
    place = os.path.realpath(path)
    top = git.find_top(os.path.dirname(place))
    if top is None:
        return {}
    try:
        name = os.path.relpath(place, os.path.realpath(top))
        (data,) = git.read_blobs([f"HEAD:{name}"], top)
        return {} if data is None else rules.parse(data, path).names
    except SopsError:
        return {}


Key = tuple[str, str]
"""Kind and id of a recipient."""


@dataclass(frozen=True, slots=True)
class Drift:
    """How the recipients of a file differ from those of its rule.

    Attributes:
        missing: in the rule, not in the file.
        extra: in the file, not in the rule.
        regrouped: the same recipients in other key groups.
    """

    missing: list[Key]
    extra: list[Key]
    regrouped: bool

    def __bool__(self) -> bool:
        return bool(self.missing or self.extra or self.regrouped)


def drift(metadata: Metadata, rule: rules.Rule) -> Drift:
    """Compare a file with its rule; order means nothing, in sops either.

    Raises:
        SopsError: the rule holds text that is not a recipient, or the metadata has no usable keys.
    """
    before = metadata.groups
    mine, wanted = _keys(before), _keys(settled(rule.groups, before))
    has, should = set().union(*mine), set().union(*wanted)
    missing = [key for group in wanted for key in group if key not in has]
    extra = [key for group in mine for key in group if key not in should]
    regrouped = not missing and not extra and [set(group) for group in mine] != [set(group) for group in wanted]
    return Drift(list(dict.fromkeys(missing)), list(dict.fromkeys(extra)), regrouped)


def _keys(groups: list[Group]) -> list[list[Key]]:
    return [[(entry.kind, entry.id) for entry in group] for group in groups]
