"""Typed values and their byte form, which is what is encrypted and what the MAC hashes.

Source: sops ``aes/cipher.go`` and ``sops.go`` (``ToBytes``).
"""

from __future__ import annotations

import re

from kubectl_sops.errors import ValueAuthError


class Comment(str):
    """Text of a comment without its marker: ``# x`` is ``Comment(" x")``."""

    __slots__ = ()


class Time(str):
    """A timestamp as normalised RFC 3339 text: ``2020-01-02T00:00:00Z``, ``2001-12-14T21:59:43.1-05:00``."""

    __slots__ = ()


class Sealed(str):
    """A ciphertext: ``ENC[AES256_GCM,data:…,iv:…,tag:…,type:…]``."""

    __slots__ = ()


def is_listed_comment(value: object) -> bool:
    """Whether a value of a list is an encrypted comment: sops stores it as an item, ``- ENC[…,type:comment]``."""
    return value.__class__ is str and str(value).endswith(",type:comment]") and str(value).startswith("ENC[")


class _Empty:
    """An empty container. It is a leaf so that a document can be rebuilt, but is neither encrypted nor hashed."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


EMPTY_MAP = _Empty("{}")
EMPTY_LIST = _Empty("[]")

INT_MIN, INT_MAX = -(2**63), 2**63 - 1

_TRUE = frozenset((b"1", b"t", b"T", b"TRUE", b"true", b"True"))
_FALSE = frozenset((b"0", b"f", b"F", b"FALSE", b"false", b"False"))
# compiled by `re` when the first value of the type is met
_INT = rb"[+-]?[0-9]+"
_FLOAT = rb"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
_FLOAT_WORDS = {b"inf", b"+inf", b"-inf", b"infinity", b"+infinity", b"-infinity", b"nan"}
_TIME = rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)"


def float_text(value: float) -> str:
    """Shortest digits that read back, always positional: ``1``, ``0.0000001``, ``+Inf`` (Go ``'f', -1``)."""
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "+Inf" if value > 0 else "-Inf"
    text = repr(value)
    if "e" in text or "E" in text:
        from decimal import Decimal  # rare, and half a millisecond to load

        text = format(Decimal(text), "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return text


def encode(value: object) -> bytes:
    """The bytes of a value: what is encrypted, and what the MAC hashes."""
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape")
    if isinstance(value, bool):
        return b"True" if value else b"False"
    if isinstance(value, int):
        return b"%d" % value
    if isinstance(value, float):
        return float_text(value).encode()
    raise TypeError(f"no SOPS type for {type(value).__name__}")


_TYPE_NAMES = {str: "str", bool: "bool", int: "int", float: "float", Time: "time", Comment: "comment"}


def type_name(value: object) -> str:
    """The ``type:`` of a value in a ciphertext."""
    try:
        return _TYPE_NAMES[type(value)]
    except KeyError:
        raise TypeError(f"no SOPS type for {type(value).__name__}") from None


def decode(data: bytes, kind: str) -> object:
    """The value of decrypted ``data`` whose ciphertext says ``type:kind``.

    Raises:
        ValueAuthError: the type is unknown or the bytes do not fit it; the message shows neither.
    """
    if kind == "str":
        return data.decode("utf-8", "surrogateescape")
    if kind == "int":
        if re.fullmatch(_INT, data):
            number = int(data)
            if INT_MIN <= number <= INT_MAX:
                return number
        raise ValueAuthError("the decrypted value is not the int that its type says")
    if kind == "bool":
        if data in _TRUE:
            return True
        if data in _FALSE:
            return False
        raise ValueAuthError("the decrypted value is not the bool that its type says")
    if kind == "float":
        if re.fullmatch(_FLOAT, data) or data.lower() in _FLOAT_WORDS:
            return float(data)
        raise ValueAuthError("the decrypted value is not the float that its type says")
    if kind == "comment":
        return Comment(data.decode("utf-8", "surrogateescape"))
    if kind == "time":
        if re.fullmatch(_TIME, data):
            return Time(data.decode())
        raise ValueAuthError("the decrypted value is not the time that its type says")
    if kind == "bytes":  # written by sops before 2.0; today's sops can't read it
        return data.decode("utf-8", "surrogateescape")
    raise ValueAuthError("unknown datatype in an encrypted value")
