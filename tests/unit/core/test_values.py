"""Byte forms of typed values, against the figures that real sops produces."""

from __future__ import annotations

import math

import pytest

from kubectl_sops.core.values import Comment, Time, decode, encode, float_text, type_name
from kubectl_sops.errors import ValueAuthError

FLOATS = [
    (1.0, "1"), (1000.0, "1000"), (1e-7, "0.0000001"), (2.0**64, "18446744073709552000"), (-0.0, "-0"),
    (1.5, "1.5"), (float("inf"), "+Inf"), (float("-inf"), "-Inf"), (float("nan"), "NaN"), (1e300, "1" + "0" * 300),
]  # fmt: skip


@pytest.mark.parametrize(("value", "text"), FLOATS, ids=[text[:20] for _, text in FLOATS])
def test_floats_are_positional_and_shortest(value, text):
    """A float is written with its shortest digits and never with an exponent, and reads back."""
    assert float_text(value) == text
    back = decode(text.encode(), "float")
    assert (math.isnan(back) and math.isnan(value)) or back == value


@pytest.mark.parametrize(
    ("value", "kind", "data"),
    [
        ("héllo", "str", "héllo".encode()),
        ("\udcff", "str", b"\xff"),
        (True, "bool", b"True"),
        (False, "bool", b"False"),
        (-(2**63), "int", b"-9223372036854775808"),
        (Time("2020-01-02T00:00:00Z"), "time", b"2020-01-02T00:00:00Z"),
        (Comment(" note"), "comment", b" note"),
    ],
)
def test_values_and_bytes_are_inverse(value, kind, data):
    """Every type has one byte form, and decoding it gives the value and its class back."""
    assert (type_name(value), encode(value)) == (kind, data)
    back = decode(data, kind)
    assert back == value
    assert type(back) is type(value)


@pytest.mark.parametrize("text", [b"1", b"t", b"T", b"TRUE", b"true", b"True"])
def test_every_spelling_of_true_that_go_accepts(text):
    """``bool`` accepts what Go's ParseBool accepts."""
    assert decode(text, "bool") is True


@pytest.mark.parametrize(
    ("data", "kind"),
    [(b"hunter2", "int"), (b"9223372036854775808", "int"), (b"yes", "bool"), (b"1.2.3", "float"),
     (b"yesterday", "time"), (b"x", "map")],
)  # fmt: skip
def test_a_wrong_type_is_refused_without_showing_the_value(data, kind):
    """The error for bytes that do not fit their type names neither of them."""
    with pytest.raises(ValueAuthError) as caught:
        decode(data, kind)
    assert data.decode() not in str(caught.value).split()


def test_containers_have_no_byte_form():
    """Only scalars can be sealed."""
    with pytest.raises(TypeError):
        encode([])
    with pytest.raises(TypeError):
        type_name({})
