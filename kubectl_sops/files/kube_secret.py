"""What the API server would refuse about a Secret, found when it is saved, with the key named.

A time without quotes is taken, but Flux makes other text of it than was written.

Source: Kubernetes ``pkg/apis/core/validation`` (ValidateSecret), and the conversion of JSON to its types.
"""

from __future__ import annotations

import re
from binascii import Error as Base64Error
from binascii import a2b_base64
from typing import TYPE_CHECKING

from kubectl_sops import formats
from kubectl_sops.core.values import EMPTY_LIST, EMPTY_MAP, Time
from kubectl_sops.errors import SopsError
from kubectl_sops.files.manifest import VALUE_FIELDS, Manifest, manifests
from kubectl_sops.formats.yaml_scalars import OLD_BOOL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_sops.core.document import Document
    from kubectl_sops.core.leaf import Leaf, Path

MAX_SIZE = 1 << 20
"""Bytes of all values together; etcd's own limit is not much higher."""

# kustomize's patches have fields like `$patch`, too
FIELDS = frozenset(("apiVersion", "kind", "metadata", "data", "stringData", "type", "immutable"))

REQUIRED = {
    # keys that a Secret of a type must have
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
}
JSON_KEYS = (".dockercfg", ".dockerconfigjson")

_KEY = re.compile(r"[-._a-zA-Z0-9]{1,253}")
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_VARIABLE = "${"
"""Flux substitutes variables before the API server sees the text."""


class InvalidSecretError(SopsError):
    """A Secret that the API server would refuse."""


class Problem:
    """One thing that is refused.

    Attributes:
        path: where, in the document.
        message: what; never the value.
        places: how it is known again in another version of the text: by the name of its Secret, and by where it is.
    """

    __slots__ = ("hint", "message", "path", "places")

    def __init__(self, path: Path, message: str, hint: str) -> None:
        self.path = path
        self.message = message
        self.hint = hint
        self.places: set[tuple[object, ...]] = set()

    def stands_in(self, manifest: Manifest, value: object) -> Problem:
        """The same, with its places; ``value`` is what stands there."""
        inner = self.path[len(manifest.prefix) :]
        self.places = {
            (manifest.namespace, manifest.name, inner, self.message, value),
            (manifest.document, self.path, self.message, value),
        }
        return self


def validate(text: bytes, format: str) -> None:
    """Check every Secret in a plaintext document; other kinds and other formats pass.

    Raises:
        InvalidSecretError: the first problem, and how many there are.
    """
    validate_change(b"", text, format)


def validate_change(before: bytes, after: bytes, format: str) -> None:
    """Like ``validate``; what was wrong before is passed over, since it is not this change that is to blame."""
    if format not in ("yaml", "json") or b"Secret" not in after:
        return
    known: set[tuple[object, ...]] = set()
    if before:
        known.update(*(problem.places for problem in problems(formats.parse(before, format))))
    found = [problem for problem in problems(formats.parse(after, format)) if not problem.places & known]
    if found:
        first = found[0]
        more = f" (and {len(found) - 1} more problems)" if len(found) > 1 else ""
        raise InvalidSecretError(first.message + more, hint=first.hint, path=first.path)


def problems(document: Document) -> Iterator[Problem]:
    """Everything that the API server would refuse."""
    for manifest in manifests(document.leaves):
        if manifest.is_secret and manifest.api_version:
            leaves = [document.leaves[i] for i in manifest.leaves if not document.leaves[i].is_comment]
            values = {leaf.path: leaf.value for leaf in leaves}
            for test in (_fields, _metadata, _identity, _values):
                for problem in test(manifest, leaves):
                    yield problem.stands_in(manifest, values.get(problem.path))


def _fields(manifest: Manifest, leaves: list[Leaf]) -> Iterator[Problem]:
    seen: set[object] = set()
    for leaf in leaves:
        field = leaf.path[len(manifest.prefix)] if len(leaf.path) > len(manifest.prefix) else None
        if field is not None and field not in FIELDS and field not in seen and not str(field).startswith("$"):
            close = next((name for name in FIELDS if str(field).lower() == name.lower()), None)
            yield Problem(
                (*manifest.prefix, field), "a Secret has no such field",
                f"write {close}" if close else f"the fields are {', '.join(sorted(FIELDS))}",
            )  # fmt: skip
        seen.add(field)


def _identity(manifest: Manifest, leaves: list[Leaf]) -> Iterator[Problem]:
    by_path = {leaf.path[len(manifest.prefix) :]: leaf for leaf in leaves}
    for field, pattern, longest, what in (
        ("name", _NAME, 253, "lower-case letters, digits, - and ., and starts and ends with a letter or digit"),
        ("namespace", _LABEL, 63, "lower-case letters, digits and -, and starts and ends with a letter or digit"),
    ):
        leaf = by_path.get(("metadata", field))
        if leaf is None or leaf.value in (None, ""):
            if field == "name" and ("metadata", "generateName") not in by_path:
                yield Problem((*manifest.prefix, "metadata", "name"), "the Secret has no name", "give it one")
            continue
        if not isinstance(leaf.value, str):
            yield Problem(leaf.path, "is not text", "put it in quotes")
        elif _VARIABLE not in leaf.value and (len(leaf.value) > longest or not pattern.fullmatch(leaf.value)):
            yield Problem(leaf.path, "is not a name that Kubernetes takes", f"it has {what}")
    immutable = by_path.get(("immutable",))
    if immutable is not None and not _is_boolean(immutable.value):
        yield Problem(immutable.path, "is neither true nor false", "write true or false")


def _is_boolean(value: object) -> bool:
    # kubectl and Flux read YAML 1.1, where `yes` is one
    return (
        value is None
        or isinstance(value, bool)
        or (isinstance(value, str) and (value in OLD_BOOL or _VARIABLE in value))
    )


def _metadata(manifest: Manifest, leaves: list[Leaf]) -> Iterator[Problem]:
    for leaf in leaves:
        inner = leaf.path[len(manifest.prefix) :]
        if inner[:1] != ("metadata",) or leaf.value is None or leaf.value is EMPTY_MAP:
            continue
        if len(inner) < 3 and isinstance(leaf.value, str) and _VARIABLE in leaf.value:
            continue
        if len(inner) == 1:
            yield Problem(leaf.path, "is not a map of keys and values", "write one key a line below it")
        elif inner[1] not in ("labels", "annotations"):
            continue
        elif len(inner) == 2:
            yield Problem(leaf.path, "is not a map of keys and values", "write one key a line below it")
        elif len(inner) > 3 or leaf.value is EMPTY_LIST:
            yield Problem(leaf.path, "is nested, labels and annotations are texts", "put the structure into one text")
        elif type(leaf.value) is not str:
            yield Problem(leaf.path, f"is {_kind(leaf.value)}, not text", "put it in quotes")


def _kind(value: object) -> str:
    kinds: dict[type, str] = {bool: "a boolean", int: "a number", float: "a number", Time: "a time"}
    return kinds.get(type(value), "no text")


def _values(manifest: Manifest, leaves: list[Leaf]) -> Iterator[Problem]:
    content: dict[str, bytes] = {}
    kind = ""
    account = False
    for leaf in leaves:
        inner = leaf.path[len(manifest.prefix) :]
        if inner == ("type",) and isinstance(leaf.value, str):
            kind = leaf.value
        elif inner == ("type",) and leaf.value is not None:
            yield Problem(leaf.path, f"is {_kind(leaf.value)}, not text", "put it in quotes")
        if inner == ("metadata", "annotations", "kubernetes.io/service-account.name"):
            account = bool(leaf.value)
        if inner[:1] in ((VALUE_FIELDS[0],), (VALUE_FIELDS[1],)):
            yield from _value(leaf, inner, content)
    size = sum(map(len, content.values()))
    at: Path = (*manifest.prefix, "data")
    if size > MAX_SIZE:
        yield Problem(at, f"the values are larger than the limit of {MAX_SIZE} bytes together", "split the Secret")
    unknown = any(_VARIABLE in key for key in content)  # Flux says later what it is
    for key in () if unknown else REQUIRED.get(kind, ()):
        if key not in content or (key == "ssh-privatekey" and not content[key]):
            yield Problem(at, f"a Secret of type {kind} needs the key {key}", f"add {key}, or change the type")
        elif key in JSON_KEYS and not _is_json(content[key]):
            yield Problem((*at, key), "is not JSON", "registries are described by a JSON object with `auths`")
    if kind == "kubernetes.io/basic-auth" and not unknown and not {"username", "password"} & content.keys():
        yield Problem(at, f"a Secret of type {kind} needs username or password", "add one, or change the type")
    if kind == "kubernetes.io/service-account-token" and not account:
        yield Problem(
            (*manifest.prefix, "metadata", "annotations"),
            f"a Secret of type {kind} needs the annotation kubernetes.io/service-account.name", "name the account",
        )  # fmt: skip


def _value(leaf: Leaf, inner: Path, content: dict[str, bytes]) -> Iterator[Problem]:
    value = leaf.value
    if len(inner) == 1:
        if value is not None and value is not EMPTY_MAP and not (isinstance(value, str) and _VARIABLE in value):
            yield Problem(leaf.path, "is not a map of keys and values", "write one key a line below it")
        return
    key = str(inner[1])
    if key == "<<":
        return  # merged by whoever reads it
    if len(inner) > 2 or isinstance(inner[1], int) or value is EMPTY_MAP or value is EMPTY_LIST:
        yield Problem(leaf.path, "is nested, the values of a Secret are texts", "put the structure into one text")
        return
    if not is_key(key) and _VARIABLE not in key:
        yield Problem(leaf.path, "is not a key that Kubernetes takes", "it has letters, digits, -, _ and .")
    if value is None:
        content.setdefault(key, b"")
    elif type(value) is not str:
        yield Problem(leaf.path, f"is {_kind(value)}, not text", "put it in quotes")
    elif inner[0] == "stringData":
        content[key] = value.encode("utf-8", "surrogateescape")
    elif _VARIABLE not in value:
        decoded = decode(value)
        if decoded is None:
            yield Problem(leaf.path, "is not base64", "move it to stringData, or encode it")
        else:
            content.setdefault(key, decoded)  # stringData wins, wherever it stands
    else:
        content.setdefault(key, value.encode("utf-8", "surrogateescape"))


def is_key(text: str) -> bool:
    """Whether a value of a Secret can have this key."""
    return _KEY.fullmatch(text) is not None and text != "." and not text.startswith("..")


def decode(value: str) -> bytes | None:
    """The bytes of a ``data`` value as Go decodes them: padded base64, line breaks ignored; ``None`` if it is not."""
    try:
        return a2b_base64(value.replace("\n", "").replace("\r", "").encode("ascii"), strict_mode=True)
    except (Base64Error, UnicodeEncodeError):
        return None


def _is_json(data: bytes) -> bool:
    """Whether Go reads it as an object; what Flux puts in later nobody knows."""
    import json

    if _VARIABLE.encode() in data:
        return True
    try:
        found = json.loads(data.decode(), parse_constant=_no_constant)
        return found is None or isinstance(found, dict)
    except (ValueError, RecursionError):
        return False


def _no_constant(_: str) -> object:
    raise ValueError
