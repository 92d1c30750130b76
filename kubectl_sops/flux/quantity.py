"""Quantities of Kubernetes, such as ``500m`` and ``1Gi``, as Go writes them after reading them.

Source: k8s.io/apimachinery ``pkg/api/resource``: some spellings are kept, others become the canonical one.
"""

from __future__ import annotations

import re
from decimal import ROUND_UP, Context, Decimal

_QUANTITY = re.compile(r"([+-]?)(\d*)(?:\.(\d*))?(n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei|[eE][+-]?\d+)?")
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
_SUFFIXES = {exponent: suffix for suffix, exponent in _DECIMAL.items()}
_MOST = 2**63 - 1
_DIGITS = 18
"""Decimal digits that surely fit into an int64."""
_EXACT = Context(prec=400, Emax=10**9, Emin=-(10**9))


def canonical(text: str) -> str | None:
    """What a quantity is written as; ``None`` for what is none."""
    text = text.strip()
    match = _QUANTITY.fullmatch(text)
    if match is None or not (match[2] or match[3]):
        return None
    whole, fraction, suffix = match[2].lstrip("0"), match[3] or "", match[4] or ""
    binary = suffix in _BINARY[1:]
    power = 10 * _BINARY.index(suffix) if binary else _DECIMAL[suffix] if suffix in _DECIMAL else int(suffix[1:])
    if _is_kept(whole or "0", fraction, power, binary=binary):
        return text
    number = _EXACT.create_decimal(f"{whole or '0'}.{fraction or '0'}")
    number = _EXACT.multiply(number, Decimal(2**power)) if binary else _EXACT.scaleb(number, power)
    # nothing finer than a nano
    nanos = int(_EXACT.scaleb(number, 9).to_integral_value(rounding=ROUND_UP, context=_EXACT))
    if binary:
        nanos = min(nanos, _MOST * 10**9)
    if not nanos:
        return "0"
    sign = match[1].removeprefix("+")
    if binary and nanos >= 1024 * 10**9 and not nanos % 10**9:
        return sign + _binary(nanos // 10**9)
    return sign + _decimal(nanos, exponential=suffix not in _DECIMAL and not binary)


def _is_kept(whole: str, fraction: str, power: int, *, binary: bool) -> bool:
    """Whether Go keeps the spelling: its quick way for numbers that fit, where they look canonical."""
    digits = whole + fraction
    if binary:
        fits = not fraction and 15 - len(whole) - power * 3 // 10 - 1 >= 0
        return fits and int(digits) & 7 != 0
    scale = power - len(fraction)
    if len(digits) > _DIGITS or scale < -9:
        return False
    return scale % 3 == 0 and not digits.endswith("000") and not digits.startswith("0")


def _binary(number: int) -> str:
    power = 0
    while number % 1024 == 0 and power < len(_BINARY) - 1:
        number //= 1024
        power += 1
    return f"{number}{_BINARY[power]}"


def _decimal(nanos: int, *, exponential: bool) -> str:
    power = -9
    while nanos % 1000 == 0 and (power < 18 or exponential):
        nanos //= 1000
        power += 3
    if exponential:
        return f"{nanos}e{power}" if power else str(nanos)
    return f"{nanos}{_SUFFIXES[power]}"
