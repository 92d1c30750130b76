"""What plain text means, and how values are written: figures of go-yaml v3."""

from __future__ import annotations

import math

import pytest

from kubectl_sops.core.values import Time
from kubectl_sops.errors import EncryptTreeError, ParseError
from kubectl_sops.formats.yaml_scalars import block_fits, double, quote, resolve, scalar, tagged

RESOLVED = [
    ("12", 12), ("0x1F", 31), ("014", 12), ("0o14", 12), ("0b101", 5), ("-0b11", -3), ("-0o14", -12), ("1_000", 1000),
    ("08", 8.0), ("1.", 1.0), (".5", 0.5), (".5_0", 0.5), (".5_", ".5_"), ("1e3", 1000.0), ("1e400", "1e400"),
    ("-0", 0), ("+1", 1), ("0x", "0x"), ("1e", "1e"), ("1:30", "1:30"), ("9223372036854775807", 2**63 - 1),
    ("18446744073709551616", 2.0**64), ("+9223372036854775808", 2.0**63), ("true", True), ("FALSE", False),
    ("yes", "yes"), ("No", "No"), ("~", None), ("", None), ("NULL", None), (".inf", math.inf), ("-.INF", -math.inf),
    ("+.inf", math.inf), ("+.nan", "+.nan"), ("<<", "<<"), ("=", "="), ("http://x", "http://x"),
    ("2020-1-2", Time("2020-01-02T00:00:00Z")), ("2020-02-30", "2020-02-30"), ("2021-02-29", "2021-02-29"),
    ("2020-01-02t03:04:05.100-05:00", Time("2020-01-02T03:04:05.1-05:00")),
    ("2020-01-02 03:04:05,5", Time("2020-01-02T03:04:05.5Z")),
    ("2020-01-02T03:04:05+00:00", Time("2020-01-02T03:04:05Z")),
    ("2020-01-02 03:04:05 +02:00", "2020-01-02 03:04:05 +02:00"), ("2020-01-02T25:04:05Z", "2020-01-02T25:04:05Z"),
    ("2020-01-02T03:04:05z", "2020-01-02T03:04:05z"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "value"), RESOLVED, ids=[text for text, _ in RESOLVED])
def test_plain_text_means_what_go_yaml_says(text, value):
    """Value and type are those of go-yaml v3, not those of YAML 1.1."""
    found = resolve(text)
    assert found == value
    assert type(found) is type(value)


def test_nan():
    """``.nan`` is a float that equals nothing."""
    assert math.isnan(resolve(".NaN"))


def test_an_unsigned_integer_is_refused():
    """What only fits 64 bits without sign can't be held by SOPS."""
    with pytest.raises(EncryptTreeError):
        resolve("9223372036854775808")


QUOTED = [
    ("it's", "it's"), ("a: b", "'a: b'"), ("x:y", "x:y"), ("a,b", "a,b"), ("=", "="), ("-a", "-a"), ("- a", "'- a'"),
    ("tab\tin", '"tab\\tin"'), (" lead", "' lead'"), ("yes", '"yes"'), ("12", '"12"'), ("", '""'), ("1:30", '"1:30"'),
    ("a #b", "'a #b'"), ("#a", "'#a'"), ("---", "'---'"), ("@x", "'@x'"), ("null", '"null"'), ("<<", '"<<"'),
    ("2020-01-01", '"2020-01-01"'), ("a\r\nb", '"a\\r\\nb"'), ("é日", "é日"), ("\x7f", '"\\x7F"'), ("\x85", '"\\N"'),
    ("trail:", "'trail:'"), ("'", "''''"), ('"', "'\"'"), ("?", "'?'"), ("!", "'!'"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "written"), QUOTED, ids=[repr(text) for text, _ in QUOTED])
def test_quotes_are_those_of_go_yaml(text, written):
    """A string without quotes of its own gets the quotes that sops would print."""
    assert quote(text) == written


def test_flow_needs_more_quotes():
    """Commas and brackets end plain text in flow collections; a colon inside a word does not."""
    assert quote("a,b", flow=True) == "'a,b'"
    assert quote("a:b", flow=True) == "a:b"
    assert quote("a:]", flow=True) == "'a:]'"


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "null"), (True, "true"), (1.0, "1.0"), (1.5e300, "1.5e+300"), (math.inf, ".inf"), (-math.inf, "-.inf"),
     (math.nan, ".nan"), (12, "12"), (Time("2020-01-02T00:00:00Z"), "2020-01-02"),
     (Time("2020-01-02T03:04:05Z"), "2020-01-02T03:04:05Z")],
)  # fmt: skip
def test_values_keep_their_type(value, text):
    """What is written reads back as the same type: a float has a point, a date stays a date."""
    assert scalar(value) == text
    assert type(resolve(text)) is type(value)


@pytest.mark.parametrize(
    ("text", "tag", "plain", "value"),
    [("12", "str", True, "12"), ("3", "float", True, 3.0), ("3", "int", False, 3), ("aGk=", "binary", True, "hi"),
     ("true", "bool", True, True), ("x", "other", True, "x")],
)  # fmt: skip
def test_tags(text, tag, plain, value):
    """Core tags convert, quoted scalars too; unknown ones make strings."""
    assert tagged(text, "tag:yaml.org,2002:" + tag, plain=plain) == value


def test_the_bare_exclamation_mark_changes_nothing():
    """``! 12`` is the integer 12."""
    assert tagged("12", "!", plain=True) == 12
    assert tagged("12", "!local", plain=True) == "12"


@pytest.mark.parametrize(("text", "tag"), [("hunter2", "int"), ("hunter2", "binary"), ("hunter2", "timestamp")])
def test_a_tag_that_does_not_fit_shows_nothing(text, tag):
    """The error names the tag, never the value."""
    with pytest.raises(ParseError) as caught:
        tagged(text, "tag:yaml.org,2002:" + tag, plain=True)
    assert "hunter2" not in str(caught.value)


def test_escapes():
    """Only what must be escaped is: astral characters stay as they are."""
    assert double('a"\\\n\x01\u2028😀\ufeff') == '"a\\"\\\\\\n\\x01\\L😀\\uFEFF"'
    assert block_fits("a\tb\nc")
    assert not block_fits("a\rb")
