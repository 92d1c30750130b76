"""The configurations of KSOPS (``viaduct.ai``) and SopsSecretGenerator (``goabout.com``), unchanged.

Their results, and the texts of their errors that scripts look for; where they print decrypted text or read outside the
kustomization, this does not.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from krm_fn import secret, variables
from krm_fn.build_annotations import FUNCTION, LOCAL_CONFIG, is_build
from krm_fn.decrypter import concurrency
from krm_fn.generator import finish, manifests, prefetch, split_key, variables_of
from krm_fn.problems import ConfigError, FileError, raise_all
from kubectl_sops.errors import InputNotFoundError, ParseError, SopsError

if TYPE_CHECKING:
    from typing import Any

    from krm_fn.decrypter import Decrypter

    Config = dict[str, Any]
    Resource = dict[str, object]

SSG_API_VERSION = "goabout.com/v1beta1"
SSG_KIND = "SopsSecretGenerator"
SSG_KINDS = (SSG_KIND, "SopsSecret")


def ksops(config: Config, decrypter: Decrypter, environ: dict[str, str]) -> list[Resource]:
    """What KSOPS 4.5 generates of a configuration; unknown fields are ignored, as there.

    Raises:
        Problems: everything that went wrong, file by file.
    """
    if config.get("files") is None and config.get("secretFrom") is None:
        raise ConfigError("missing the required 'files' or 'secretFrom' key in the ksops manifests")
    concurrency(environ)
    prefetch(config, decrypter)
    problems: list[SopsError] = []
    items: list[Resource] = []
    for name in _strings(config, ("files",)):
        try:
            items += manifests(name, decrypter, "stringData")
        except SopsError as error:
            problems.append(_ksops_error(error, name, "manifest.Files"))
    entries = config.get("secretFrom") or []
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ConfigError("error unmarshalling manifest content: expected a list of maps", ("secretFrom",))
    for position, entry in enumerate(entries):
        items.append(_ksops_secret(entry, position, decrypter, problems))
    raise_all(problems)
    finish(items)
    return items


def _strings(config: Config, field: tuple[str | int, ...]) -> list[str]:
    value = config.get(str(field[-1]))
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ConfigError("error unmarshalling manifest content: expected a list of strings", field)
    return value


def _ksops_error(error: SopsError, name: str, source: str) -> SopsError:
    """The words of KSOPS around an error about one file, which may be a configuration error too."""
    if isinstance(error, ConfigError):
        return error
    reason = str(error).removeprefix(f"{name}: ")
    if isinstance(error, InputNotFoundError):
        reason = f'error reading "{name}": open {name}: no such file or directory'
    else:
        reason = f"trouble decrypting file: {reason}"
    return FileError(f'error decrypting file "{name}" from {source}: {reason}', error)


def _ksops_secret(entry: Config, position: int, decrypter: Decrypter, problems: list[SopsError]) -> Resource:
    field = ("secretFrom", position)
    texts: dict[str, bytes] = {}
    binary: dict[str, bytes] = {}
    for name, target in (("files", texts), ("binaryFiles", binary)):
        for source in _strings(entry, (*field, name)):
            path = source
            try:
                key, path = split_key(source) if source.count("=") != 1 else tuple(source.split("="))
                target[key] = decrypter.file(path)
            except SopsError as error:
                problems.append(_ksops_error(error, path, f"secretFrom.{name[0].upper()}{name[1:]}"))
    for source in _strings(entry, (*field, "envs")):
        try:
            plain = decrypter.file(source)
        except SopsError as error:
            problems.append(_ksops_error(error, source, "secretFrom.Envs"))
            continue
        try:
            found = variables.godotenv(plain.decode("utf-8", "surrogateescape"))
        except ParseError as error:
            problems.append(ParseError(f'error unmarshalling .env file "{source}": {error}', hint=error.hint))
            continue
        texts.update((key, value.encode("utf-8", "surrogateescape")) for key, value in found.items())
    made = secret.build(_object_meta(entry.get("metadata")), texts, kind=entry.get("type"), encode="stringData")
    if binary:
        data: Resource = {key: secret.base64(value) for key, value in binary.items()}
        made["data"] = {**data, **made.get("data", {})}  # type: ignore[dict-item]  # a dict, made by build()
    return made


def _object_meta(given: object) -> Resource:
    metadata = given if isinstance(given, dict) else {}
    return {
        name: metadata[name] for name in ("name", "namespace", "labels", "annotations") if metadata.get(name)
    }  # fmt: skip


def secret_generator(config: Config, decrypter: Decrypter) -> list[Resource]:
    """What SopsSecretGenerator 1.6 generates of a configuration.

    Raises:
        Problems: everything that went wrong, file by file.
    """
    if config.get("apiVersion") != SSG_API_VERSION or config.get("kind") not in SSG_KINDS:
        raise ConfigError(f"input must be apiVersion {SSG_API_VERSION}, kind {SSG_KIND}")
    metadata = _object_meta(config.get("metadata"))
    if not isinstance(metadata.get("name"), str):
        raise ConfigError("input must contain metadata.name value")
    prefetch({"secretFrom": [config]}, decrypter)
    problems: list[SopsError] = []
    values: dict[str, bytes] = {}
    for source in _strings(config, ("envs",)):
        try:
            found = variables_of(source, decrypter)
            values.update((key, value.encode("utf-8", "surrogateescape")) for key, value in found.items())
        except SopsError as error:
            problems.append(_ssg_error(error, "env", source, source))
    for source in _strings(config, ("files",)):
        path = source
        try:
            key, path = split_key(source)
            values[key] = decrypter.file(path)
        except SopsError as error:
            problems.append(_ssg_error(error, "file", source, path))
    raise_all(problems)
    annotations = dict(metadata.get("annotations") or {})  # type: ignore[call-overload]  # a dict by its use
    annotations = {
        name: value
        for name, value in annotations.items()
        if not is_build(name) and name not in (FUNCTION, LOCAL_CONFIG)
    }
    if not config.get("disableNameSuffixHash"):
        annotations[secret.NEEDS_HASH] = "true"
    if config.get("behavior"):
        annotations[secret.BEHAVIOR] = str(config["behavior"])
    metadata.pop("annotations", None)
    if annotations:
        metadata["annotations"] = annotations
    items = [secret.build(metadata, values, kind=config.get("type"))]
    finish(items)
    return items


def _ssg_error(error: SopsError, what: str, source: str, path: str) -> SopsError:
    reason = str(error).removeprefix(f"{os.path.normpath(path)}: ").removeprefix(f"{path}: ")
    if isinstance(error, InputNotFoundError):
        reason = f"could not read file: open {path}: no such file or directory"
    elif not isinstance(error, ConfigError | ParseError):
        reason = f"sops could not decrypt: {reason}"
    return FileError(f'{what} source "{source}": {reason}', error)
