"""How a new file is encrypted: what ``.sops.yaml`` says, and the options, which win."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_sops import rules
from kubectl_sops.core.metadata import KeyEntry
from kubectl_sops.core.selectors import FIELDS, Selector, compile_regex
from kubectl_sops.errors import (
    ConfigNotFoundError,
    ConflictingParametersError,
    InvalidEncryptionContextError,
    KeyParseError,
    SopsError,
)
from kubectl_sops.files.encrypt import Recipe
from kubectl_sops.keys import system

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kubectl_sops.core.metadata import Group
    from kubectl_sops.rules import Rule, Rules

_RECIPIENT_FLAGS = (
    # sops' order of keys given on the command line, each with the name of its key system
    ("kms", "kms"),
    ("gcp_kms", "gcp_kms"),
    ("hckms", "hckms"),
    ("azure_kv", "azure_kv"),
    ("pgp", "pgp"),
    ("hc_vault_transit", "hc_vault"),
    ("age", "age"),
)


def load_rules(path: str, values: Mapping[str, object]) -> Rules | None:
    """The ``.sops.yaml`` for a file: ``--config``, or the one that is found."""
    config = rules.find(path, str(values["config"]) if values.get("config") else None)
    return rules.load(config) if config else None


def recipe(path: str, values: Mapping[str, object]) -> Recipe:
    """How the file at ``path`` (or ``--filename-override``) is encrypted.

    Raises:
        ConfigNotFoundError: there is neither a rule nor a recipient.
        NoMatchingRuleError: there are rules, and none is for this file.
        ConflictingParametersError: the options and the rule select in different ways.
    """
    target = str(values.get("filename_override") or path)
    found = load_rules(target, values)
    rule = found.match(target) if found else None
    given = recipients(values)
    if rule is None and not given:
        raise ConfigNotFoundError(
            "config file not found, or has no creation rules, and no keys provided through command line options",
            file=path,
            hint="run `init`, or name a recipient with --age",
        )
    threshold = values.get("shamir_secret_sharing_threshold")
    return Recipe(
        [given] if given else rule.groups if rule else [],
        shamir_threshold=threshold
        if isinstance(threshold, int) and threshold
        else rule.shamir_threshold
        if rule
        else 0,
        selector=_selector(values, rule),
        mac_only_encrypted=bool(values.get("mac_only_encrypted")) or bool(rule and rule.mac_only_encrypted),
    )


def indent_for(path: str, format: str, values: Mapping[str, object]) -> int | None:
    """Blanks per level for a document that is printed anew: ``--indent``, or ``stores`` of the ``.sops.yaml``."""
    given = values.get("indent")
    if isinstance(given, int):
        return given
    found = load_rules(str(values.get("filename_override") or path), values)
    return found.stores.get(format, {}).get("indent") if found else None


def recipients(values: Mapping[str, object], prefix: str = "") -> Group:
    """The keys that ``--age``, ``--pgp``, … name; with a ``prefix``, those of ``--add-age`` or ``--rm-age``."""
    group: Group = []
    for flag, kind in _RECIPIENT_FLAGS:
        given = values.get(prefix + flag)
        texts = given if isinstance(given, list | tuple) else [given]
        for text in texts:
            if text:
                try:
                    group += system(kind).parse_recipients(str(text))
                except KeyParseError as error:
                    raise error if values.get("as_sops") else _of_flag(error, prefix + flag) from None
    context, profile = _context(values.get("encryption_context")), values.get("aws_profile")
    extra: dict[str, object] = {}
    if context:
        extra["context"] = context
    if profile:
        extra["aws_profile"] = str(profile)
    return [KeyEntry(key.kind, {**key.fields, **extra}) if key.kind == "kms" else key for key in group]


def _of_flag(error: KeyParseError, name: str) -> KeyParseError:
    """The error, naming the option; the texts of sops have no such name."""
    hint = error.hint or ""
    if name.startswith("rm_"):
        hint = f"{hint}; `recipients` shows those of a file, and `recipients rm` takes names".removeprefix("; ")
    return KeyParseError(f"--{name.replace('_', '-')}: {error.message}", hint=hint or None)


def _context(text: object) -> dict[str, str]:
    pairs = [pair.split(":") for pair in str(text or "").split(",") if pair]
    if any(len(pair) != 2 for pair in pairs):
        raise InvalidEncryptionContextError(
            "invalid KMS encryption context format", hint="write --encryption-context key:value,other:value"
        )
    return {key.strip(): value.strip() for key, value in pairs}


def _selector(values: Mapping[str, object], rule: Rule | None) -> Selector | None:
    given = {name: str(values[name]) for name in FIELDS if values.get(name)}
    if rule is not None and rule.selector is not None:
        given.setdefault(rule.selector.field, rule.selector.text)
    if len(given) > 1:
        raise ConflictingParametersError("cannot use more than one of " + ", ".join(FIELDS) + " in the same file")
    for name, text in given.items():
        if name.endswith("_regex"):
            try:
                compile_regex(text)  # sops takes a broken one for one that matches nothing
            except SopsError as error:
                raise ConflictingParametersError(f"{name}: {error.message}", hint=error.hint) from None
        return Selector(name, text)
    return None
