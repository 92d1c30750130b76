"""Post-build substitution of variables in built objects.

Source: fluxcd/pkg ``kustomize`` (``SubstituteVariables``): an object is printed as YAML, the text is substituted and
read again, so that a value can become a number, a list or a syntax error.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from kubectl_sops.errors import SopsError
from kubectl_sops.flux import envsubst, go_yaml
from kubectl_sops.flux.manifest import annotation, label
from kubectl_sops.flux.spec import GROUP

if TYPE_CHECKING:
    from kubectl_sops.core.leaf import Path

    Object = dict[str, Any]

KEY = f"{GROUP}/substitute"
_NAME = re.compile(r"[_a-zA-Z][_a-zA-Z0-9]*")
NAME_RULE = "^[_[:alpha:]][_[:alpha:][:digit:]]*$"


class SubstitutionError(SopsError):
    """Variables that can't be put into an object."""


class Variables:
    """The variables of one Kustomization.

    Attributes:
        values: name → value, newlines already removed.
        secret: names whose values come from a Secret.
        origin: name → where it comes from, for messages.
    """

    __slots__ = ("origin", "secret", "values")

    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        self.secret: set[str] = set()
        self.origin: dict[str, str] = {}

    def add(self, name: str, value: str, origin: str, *, secret: bool) -> None:
        """Set a variable, over whatever it was."""
        self.values[name] = value.replace("\n", "")
        self.origin[name] = origin
        self.secret.discard(name)
        if secret:
            self.secret.add(name)

    def require_names(self) -> None:
        """Check the names.

        Raises:
            SubstitutionError: a name that fails the whole Kustomization.
        """
        for name in self.values:
            if not _NAME.fullmatch(name):
                raise SubstitutionError(
                    f"'{name}' var name is invalid, must match '{NAME_RULE}' (from {self.origin[name]})",
                    hint="rename the key, or move it to an object that substituteFrom does not name",
                )


def is_disabled(manifest: Object) -> bool:
    """Whether a label or annotation keeps the object from being substituted."""
    return "disabled" in (label(manifest, KEY), annotation(manifest, KEY))


class Substituted:
    """What substitution made of an object.

    Attributes:
        object: the object with variables replaced.
        masked: place of a secret variable's value → the text there with tokens in its stead, or ``None`` where the
            whole value has to be hidden.
        tokens: token → value of the secret variable.
    """

    __slots__ = ("masked", "object", "tokens")

    def __init__(self, manifest: Object) -> None:
        self.object = manifest
        self.masked: dict[Path, str | None] = {}
        self.tokens: dict[str, str] = {}


def apply(manifest: Object, variables: Variables, *, strict: bool) -> Substituted:
    """The object with variables replaced.

    Raises:
        ExpressionError, UnsetVariablesError, SubstitutionError: as the controller would fail.
    """
    if not _mentions(manifest):
        return Substituted(manifest)
    text = go_yaml.dump(manifest)
    out = Substituted(_load(envsubst.substitute(text, variables.values, strict=strict)))
    used = [name for name in envsubst.names(text) if name in variables.secret]
    if used:
        # once more with tokens for secret variables: where the results differ, their values went
        out.tokens = {f"SOPSMASK{index}Q": variables.values[name] for index, name in enumerate(used)}
        masked_values = variables.values | dict(zip(used, out.tokens, strict=True))
        try:
            masked: object = _load(envsubst.substitute(text, masked_values, strict=False))
        except SopsError:
            masked = None
        _compare(out.object, masked, (), out.masked)
    return out


def _load(text: str) -> Object:
    try:
        value = go_yaml.load(text)
    except go_yaml.NotYamlError as error:
        raise SubstitutionError(
            f"the object is not YAML any more: {error.message}",
            hint="quote the value, for instance with a variable that holds one double quote: ${q}${value}${q}",
        ) from None
    if not isinstance(value, dict):
        raise SubstitutionError("the object is no map any more")
    return value


def _mentions(value: object) -> bool:
    """Whether there is a dollar sign anywhere; nothing else changes on the way through YAML."""
    if isinstance(value, str):
        return "$" in value
    if isinstance(value, dict):
        return any("$" in key or _mentions(item) for key, item in value.items())
    if isinstance(value, list):
        return any(map(_mentions, value))
    return False


def _compare(one: Any, other: Any, path: Path, found: dict[Path, str | None]) -> None:  # JSON values
    if isinstance(one, dict) and isinstance(other, dict):
        for key, value in one.items():
            if key in other:
                _compare(value, other[key], (*path, key), found)
            else:
                found[*path, key] = None
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for index, (value, masked) in enumerate(zip(one, other, strict=True)):
            _compare(value, masked, (*path, index), found)
    elif one.__class__ is not other.__class__ or one != other:
        found[path] = other if isinstance(one, str) and isinstance(other, str) else None


def retyped(before: Object, after: Object) -> list[tuple[Path, str, str]]:
    """Texts that substitution turned into something else: path, type before and after."""
    found: list[tuple[Path, str, str]] = []
    _retyped(before, after, (), found)
    return found


def _retyped(before: Any, after: Any, path: Path, found: list[tuple[Path, str, str]]) -> None:
    if isinstance(before, dict) and isinstance(after, dict):
        for key in before.keys() & after.keys():
            _retyped(before[key], after[key], (*path, key), found)
    elif isinstance(before, list) and isinstance(after, list):
        for index, (one, other) in enumerate(zip(before, after, strict=False)):
            _retyped(one, other, (*path, index), found)
    elif isinstance(before, str) and not isinstance(after, str):
        found.append((path, "text", type_name(after)))


def type_name(value: object) -> str:
    """A JSON type in words."""
    names = {bool: "a boolean", int: "a number", float: "a number", dict: "a map", list: "a list", str: "text"}
    return "null" if value is None else names[type(value)]
