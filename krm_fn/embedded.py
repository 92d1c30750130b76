"""Encrypted files inside the data of Secrets and ConfigMaps, where kustomize's own generators put them.

``files:`` keep the bytes of a file, so its MAC is checked exactly. ``envs:`` take a dotenv file apart, its metadata
included, and lose the order: the MAC is found by search.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from krm_fn import mac_search, secret
from krm_fn.problems import NotVerifiedError, ResourceError, ResourceMacError
from kubectl_sops.core.cipher import PREFIX, Cipher, is_sealed
from kubectl_sops.core.mac import ONLY_ENCRYPTED_SEED
from kubectl_sops.errors import MetadataError, ParseError, SopsError, ValueAuthError
from kubectl_sops.formats import format_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from krm_fn.decrypter import Decrypter
    from krm_fn.mac_source import Sources
    from kubectl_sops.core.metadata import Metadata

    Resource = dict[str, object]
    Data = dict[str, object]

_KINDS = ("Secret", "ConfigMap")
_MARK = PREFIX.encode()
_YAML, _DOTENV, _INI = b"sops:", b"sops_version=", b"[sops]"
"""How the metadata of each format begins, at the start of a line."""


def has_payload(resource: Resource) -> bool:
    """Whether anything in the resource's data looks like an encrypted file."""
    return is_taken_apart(resource) or next(_payloads(resource), None) is not None


def open_payloads(resource: Resource, decrypter: Decrypter) -> list[SopsError]:
    """Decrypt encrypted files in the data of a resource, in place; what does not open."""
    problems: list[SopsError] = []
    opened: list[tuple[str, str, bytes, bool]] = []
    for field, key, data, wrapped in _payloads(resource):
        try:
            plain = decrypter.payload(data, kind_of(data, key), key)
            opened.append((field, key, plain, wrapped))
        except SopsError as error:
            problems.append(_in_resource(error, resource, field, key))
    for field, key, plain, wrapped in opened:
        _put(resource, field, key, plain, wrapped=wrapped)
    return problems


def _in_resource(error: SopsError, resource: Resource, field: str, key: str) -> SopsError:
    kind = ResourceMacError if error.exit_code == ResourceMacError.exit_code else ResourceError
    wrapped = kind(str(error).removeprefix(f"{key}: "), resource, (field, key), hint=error.hint)
    wrapped.tried = tuple(getattr(error, "tried", ()))
    return wrapped


def _payloads(resource: Resource) -> Iterator[tuple[str, str, bytes, bool]]:
    """Field, key, bytes, and whether their base64 was broken into lines."""
    if resource.get("kind") not in _KINDS or resource.get("apiVersion") != "v1":
        return
    in_secret = resource["kind"] == "Secret"
    for field in ("data", "stringData", "binaryData"):
        values = resource.get(field)
        for key, value in values.items() if isinstance(values, dict) else ():
            if not isinstance(value, str):
                continue
            encoded = field == "binaryData" or (field == "data" and in_secret)
            data = secret.decode_base64(value) if encoded else value.encode("utf-8", "surrogateescape")
            if data is not None and _MARK in data and _looks_encrypted(data):
                yield field, str(key), data, "\n" in value


def _looks_encrypted(data: bytes) -> bool:
    if data.lstrip()[:1] == b"{":
        return b'"sops"' in data
    return any(_has_line(data, start) for start in (_YAML, _DOTENV, _INI))


def _has_line(data: bytes, start: bytes) -> bool:
    return data.startswith(start) or b"\n" + start in data


def kind_of(data: bytes, key: str) -> str:
    """The format of an encrypted file, whose name may have been changed: its content decides, then the name."""
    if data.lstrip()[:1] == b"{":
        named = format_of(key)
        if named == "json":
            return "json"
        from krm_fn.decrypter import load_json

        try:
            tree = load_json(data)
        except ParseError:
            return "binary"
        return "binary" if isinstance(tree, dict) and set(tree) == {"data", "sops"} else "json"
    if _has_line(data, _YAML):
        return "yaml"
    return "dotenv" if _has_line(data, _DOTENV) else "ini"


def _put(resource: Resource, field: str, key: str, plain: bytes, *, wrapped: bool) -> None:
    values = resource[field]
    assert isinstance(values, dict)
    if field == "data" and resource["kind"] == "Secret":
        values[key] = secret.base64_as_kustomize(plain) if wrapped else secret.base64(plain)
        return
    text = secret.text_of(plain)
    if text is not None:
        if field == "binaryData":
            _move(resource, field, key, "data", text)
        else:
            values[key] = text
    elif field == "stringData":
        _move(resource, field, key, "data", secret.base64(plain))
    elif field == "data":
        _move(resource, field, key, "binaryData", secret.base64_as_kustomize(plain))
    else:
        values[key] = secret.base64_as_kustomize(plain)


def _move(resource: Resource, field: str, key: str, target: str, value: str) -> None:
    values = resource[field]
    assert isinstance(values, dict)
    del values[key]
    if not values:
        del resource[field]
    others = resource.setdefault(target, {})
    assert isinstance(others, dict)
    others[key] = value


def is_taken_apart(resource: Resource) -> bool:
    """Whether the data are those of an encrypted dotenv file, one variable each."""
    data = resource.get("data")
    return (
        resource.get("kind") in _KINDS
        and resource.get("apiVersion") == "v1"
        and isinstance(data, dict)
        and {"sops_mac", "sops_version"} <= set(data)
    )


def open_taken_apart(resource: Resource, decrypter: Decrypter, sources: Sources | None) -> None:
    """Decrypt the variables of an encrypted dotenv file, and drop its metadata.

    Args:
        sources: where the file itself may be found; ``None`` skips the MAC.

    Raises:
        ResourceError: a variable does not open.
        ResourceMacError: the MAC is missing or no order of the variables gives it.
        NotVerifiedError: there are too many variables to search for their order.
    """
    data = resource["data"]
    assert isinstance(data, dict)
    values = {str(key): _text(resource, str(key), value) for key, value in data.items()}
    metadata = _metadata(values, resource)
    try:
        cipher = Cipher(decrypter.data_key(metadata))
    except SopsError as error:
        raise _in_resource(error, resource, "data", "sops_mac") from None
    hashed: dict[tuple[str | int, ...], bytes] = {}
    plain: dict[str, bytes] = {}
    for key, value in values.items():
        if key.startswith("sops_"):
            continue
        if not is_sealed(value):
            if value and metadata.selector.select_path((key,)):
                raise ResourceError("not encrypted, but a rule of its file says it is", resource, ("data", key))
            plain[key] = value.encode()
        else:
            try:
                plain[key] = str(cipher.open(value, f"{key}:")).encode("utf-8", "surrogateescape")
            except ValueAuthError as error:
                raise ResourceError(error.message, resource, ("data", key), hint=error.hint) from None
        if not metadata.mac_only_encrypted or metadata.selector.select_path((key,)):
            hashed[(key,)] = plain[key]
    if sources is not None:
        sealed = sorted((f"{key}:", values[key]) for key in plain if is_sealed(values[key]))
        _verify(metadata, cipher, hashed, resource, sources.compare_flat(metadata, sealed, resource))
    in_secret = resource["kind"] == "Secret"
    resource["data"] = opened = {}
    for key, data_value in plain.items():
        # dotenv has no line breaks: the plaintext file would say \\n, and kustomize would leave it so
        line = data_value.replace(b"\n", b"\\n")
        opened[key] = secret.base64_as_kustomize(line) if in_secret else line.decode("utf-8", "surrogateescape")


def _text(resource: Resource, key: str, value: object) -> str:
    if resource["kind"] == "Secret":
        decoded = secret.decode_base64(value) if isinstance(value, str) else None
        if decoded is None:
            raise ResourceError("not base64", resource, ("data", key))
        return decoded.decode("utf-8", "surrogateescape")
    return str(value)


def _metadata(values: dict[str, str], resource: Resource) -> Metadata:
    from kubectl_sops import formats

    # the metadata lines as they stood in the file; the format knows how they are nested
    lines = "".join(f"{key}={_one_line(value)}\n" for key, value in values.items() if key.startswith("sops_"))
    try:
        metadata = formats.parse(lines.encode(), "dotenv").metadata
        if metadata is None:
            raise MetadataError("the sops metadata can't be used")
        metadata.require_readable()
    except SopsError as error:
        raise ResourceError(error.message, resource, ("data", "sops_mac")) from None
    return metadata


def _one_line(value: str) -> str:
    return value.replace("\n", "\\n")


def _verify(
    metadata: Metadata,
    cipher: Cipher,
    hashed: dict[tuple[str | int, ...], bytes],
    resource: Resource,
    missing_source: str | None,
) -> None:
    if not metadata.mac:
        raise ResourceMacError("the file has no MAC, so its values can't be trusted", resource)
    try:
        wanted = bytes.fromhex(str(cipher.open(metadata.mac, metadata.lastmodified)))
    except (ValueAuthError, ValueError):
        raise ResourceMacError("the MAC can't be decrypted: mac or lastmodified was changed", resource) from None
    if missing_source is None:
        return
    seed = ONLY_ENCRYPTED_SEED if metadata.mac_only_encrypted else b""
    reason = mac_search.find_flat(hashed, wanted, seed)
    if reason is not None:
        raise NotVerifiedError(
            f"the MAC of the dotenv file can't be verified: its order of variables is lost; {missing_source}; {reason}",
            resource,
            hint="list the file under envs of a SopsGenerator, or set requireMac: off in the configuration",
        )
