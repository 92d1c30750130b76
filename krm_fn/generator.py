"""``SopsGenerator``: resources of encrypted manifests, and Secrets made of encrypted files."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from krm_fn import checks, secret, variables
from krm_fn.decrypter import load_json
from krm_fn.problems import ConfigError, raise_all
from kubectl_sops.errors import ParseError, SopsError
from kubectl_sops.formats import format_of
from kubectl_sops.formats.yaml_load import load_all

if TYPE_CHECKING:
    from typing import Any

    from krm_fn.decrypter import Decrypter
    from kubectl_sops.core.leaf import Path

    Config = dict[str, Any]
    Resource = dict[str, object]


def generate(config: Config, decrypter: Decrypter) -> list[Resource]:
    """The resources of a checked configuration.

    Raises:
        Problems: everything that went wrong, file by file.
    """
    prefetch(config, decrypter)
    problems: list[SopsError] = []
    items: list[Resource] = []
    encode = config.get("encode", "data")
    for position, pattern in enumerate(config.get("files") or ()):
        try:
            names = decrypter.root.expand(pattern)
        except SopsError as error:
            problems.append(_in_field(error, ("files", position)))
            continue
        for name in names:
            try:
                items += manifests(name, decrypter, encode)
            except SopsError as error:
                problems.append(_in_field(error, ("files", position)))
    for position, entry in enumerate(config.get("secretFrom") or ()):
        builder = _SecretFrom(entry, ("secretFrom", position), decrypter, encode)
        items.append(builder.build())
        problems += builder.problems
    raise_all(problems)
    finish(items)
    return items


def prefetch(config: Config, decrypter: Decrypter) -> None:
    """Get the keys of all files that a configuration names; what is wrong with them is said later."""
    sources = list(config.get("files") or ())
    for entry in config.get("secretFrom") or ():
        for field in ("files", "binaryFiles", "envs") if isinstance(entry, dict) else ():
            sources += entry.get(field) or ()
    names: list[str] = []
    for source in sources:
        try:
            names += decrypter.root.expand(str(source).rpartition("=")[2])
        except SopsError:
            continue
    decrypter.prefetch(names)


def manifests(name: str, decrypter: Decrypter, encode: str) -> list[Resource]:
    """The resources of one encrypted manifest, those of a List one by one, as kustomize takes them."""
    found: list[Resource] = []
    for document in decrypter.manifests(name):
        whole = checks.resource(document, name)
        items = whole.get("items")
        if isinstance(items, list) and str(whole["kind"]).endswith("List"):
            found += [checks.resource(item, name) for item in items]
        else:
            found.append(whole)
    if encode == "data":
        return [secret.fold_string_data(item) if secret.is_secret(item) else item for item in found]
    return found


def finish(items: list[Resource]) -> None:
    """The last checks of generated resources.

    Raises:
        Problems: resources that kustomize could not take, or that stand for the same object.
    """
    problems: list[SopsError] = []
    for item in items:
        try:
            checks.prepare(item)
        except SopsError as error:
            problems.append(error)
    problems += checks.duplicates(items)
    raise_all(problems)


def split_key(source: str) -> tuple[str, str]:
    """Key and path of ``path`` or ``key=path``; the key is the file's name by default.

    Raises:
        ConfigError: more than one ``=``, or nothing on one side of it.
    """
    parts = source.split("=")
    if len(parts) == 1:
        return os.path.basename(source), source
    if len(parts) > 2:
        raise ConfigError(f"invalid format in file generator {source}: key names and paths cannot contain '='")
    key, path = parts
    if not key:
        raise ConfigError(f'key name for file path "{path}" missing')
    if not path:
        raise ConfigError(f'file path for key name "{key}" missing')
    return key, path


def variables_of(name: str, decrypter: Decrypter) -> dict[str, str]:
    """The variables of an encrypted environment file, by its format and as kustomize reads them.

    Raises:
        ParseError: it can't be read as variables; the error never quotes the text.
    """
    kind = format_of(name)
    if kind not in ("dotenv", "yaml", "json"):
        raise ParseError("unknown file format, use dotenv, yaml or json", file=name)
    plain = decrypter.file(name)
    try:
        if kind == "dotenv":
            return variables.raw(_text(plain))
        if kind == "yaml":
            documents = load_all(_text(plain))
            return variables.flat_map(documents[0] if documents else {})
        return variables.flat_map(load_json(plain))
    except ParseError as error:
        raise error.at(name) from None


def _text(plain: bytes) -> str:
    try:
        return plain.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ParseError("not UTF-8") from None


def _in_field(error: SopsError, field: Path) -> SopsError:
    """A problem of a field that names no file says which field it is."""
    if error.file is None and not isinstance(error, ConfigError):
        return ConfigError(str(error), field, hint=error.hint)
    return error


class _SecretFrom:
    """Makes one Secret of a ``secretFrom`` entry, and collects its problems."""

    def __init__(self, entry: Config, field: Path, decrypter: Decrypter, encode: str) -> None:
        self._entry = entry
        self._field = field
        self._decrypter = decrypter
        self._encode = entry.get("encode", encode)
        self.problems: list[SopsError] = []
        self._values: dict[str, bytes] = {}
        self._binary: dict[str, bytes] = {}

    def build(self) -> Resource:
        for name in ("files", "binaryFiles", "envs", "literals"):
            take = {"envs": self._env, "literals": self._literal}.get(name, self._file)
            for position, source in enumerate(self._entry.get(name) or ()):
                try:
                    take(source, (*self._field, name, position))
                except SopsError as error:
                    self.problems.append(_in_field(error, (*self._field, name, position)))
        made = secret.build(
            self._metadata(),
            self._values,
            kind=self._entry.get("type"),
            immutable=self._entry.get("immutable"),
            encode=self._encode,
        )
        if self._binary:
            data = made.setdefault("data", {})
            data.update(  # type: ignore[attr-defined]  # a dict, made by build()
                {key: secret.base64(value) for key, value in self._binary.items()}
            )
        return made

    def _metadata(self) -> Resource:
        given = self._entry["metadata"]
        metadata: Resource = {name: given[name] for name in ("name", "namespace", "labels") if given.get(name)}
        annotations: Resource = dict(given.get("annotations") or {})
        if self._entry.get("needsHash"):
            annotations[secret.NEEDS_HASH] = "true"
        if self._entry.get("behavior"):
            annotations[secret.BEHAVIOR] = self._entry["behavior"]
        if annotations:
            metadata["annotations"] = annotations
        return metadata

    def _file(self, source: str, field: Path) -> None:
        try:
            key, pattern = split_key(source)
        except ConfigError as error:
            raise ConfigError(error.message, field) from None
        names = self._decrypter.root.expand(pattern)
        if "=" in source and len(names) > 1:
            raise ConfigError("a key for several files", field, hint="leave the key out, it is the file's name then")
        for name in names:
            value = self._decrypter.file(name)
            self._put(key if "=" in source else os.path.basename(name), value, field, binary="binaryFiles" in field)

    def _env(self, source: str, field: Path) -> None:
        for name in self._decrypter.root.expand(source):
            for key, value in variables_of(name, self._decrypter).items():
                self._put(key, value.encode("utf-8", "surrogateescape"), field)

    def _literal(self, source: str, field: Path) -> None:
        key, mark, value = source.partition("=")
        if not mark or not key:
            raise ConfigError("expected key=value", field)
        self._put(key, value.encode("utf-8", "surrogateescape"), field)

    def _put(self, key: str, value: bytes, field: Path, *, binary: bool = False) -> None:
        if key in self._values or key in self._binary:
            raise ConfigError(f"the key {key} comes from two sources", field, hint="give one of them another key")
        if not key or not all(char.isascii() and (char.isalnum() or char in "-._") for char in key):
            raise ConfigError(
                "the key of a Secret can only have letters, digits, '-', '_' and '.'", field, hint="write key=path"
            )
        (self._binary if binary else self._values)[key] = value
