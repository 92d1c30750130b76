"""Environment files, by both sets of rules."""

from __future__ import annotations

import pytest

from krm_fn import variables
from kubectl_sops.errors import ParseError

GODOTENV = [
    ("A=1", {"A": "1"}),
    ("A = 1 ", {"A": "1"}),
    ("export A=1\nexport\tB=2", {"A": "1", "B": "2"}),
    ("exported=1", {"exported": "1"}),
    ("A: 1", {"A": "1"}),
    ("A=b # c", {"A": "b"}),
    ("A=b#c", {"A": "b#c"}),
    ("# c\n\n  # d\nA=1", {"A": "1"}),
    ('A="b # c" # d\nB=2', {"A": "b # c", "B": "2"}),
    ("A='b\nc'", {"A": "b\nc"}),
    (r'A="b\nc\rd\te"', {"A": "b\nc\rdte"}),
    (r'A="say \"hi\" now"', {"A": 'say "hi" now'}),
    (r'A="say \"hi\""', {"A": 'say "hi' + "\\"}),  # trims the quotes before the escapes
    ("A=b # c # d", {"A": "b # c"}),
    ("A=#b", {"A": "#b"}),
    (r"A='$B \n'", {"A": r"$B \n"}),
    ("A=1\nB=$A-${A}-$C-", {"A": "1", "B": "1-1--"}),
    (r"A=1" + "\n" + r"B=\$A $(A) $a", {"A": "1", "B": "$A 1) $a"}),
    ("A=", {"A": ""}),
    ("A=\nB=1", {"A": "", "B": "1"}),
    ("A=1\nA=2", {"A": "2"}),
    ("a.b_C1=1", {"a.b_C1": "1"}),
    ("A=1\r\nB=2\r\n", {"A": "1", "B": "2"}),
    ("", {}),
    ("A=ö", {"A": "ö"}),
]


@pytest.mark.parametrize(("text", "expected"), GODOTENV)
def test_godotenv(text: str, expected: dict[str, str]) -> None:
    """Each rule of godotenv 1.5 that KSOPS users may rely on."""
    assert variables.godotenv(text) == expected


@pytest.mark.parametrize(
    ("text", "line"), [("a-b=hunter2", 1), ("A=1\nhunter2", 2), ("A=1\n\nB='hunter2", 3), ("Ä=hunter2", 1)]
)
def test_godotenv_errors_name_the_line_only(text: str, line: int) -> None:
    """KSOPS prints the rest of the decrypted file there."""
    with pytest.raises(ParseError) as caught:
        variables.godotenv(text)
    assert caught.value.line == line
    assert "hunter2" not in str(caught.value)


RAW = [
    ("A=1", {"A": "1"}),
    ("A= b \nB='q'", {"A": " b ", "B": "'q'"}),
    ("export A=1", {"export A": "1"}),
    ("A=$B#c", {"A": "$B#c"}),
    ("  A=1\n\t# c\n\n", {"A": "1"}),
    ("\ufeffA=1\r\n", {"A": "1"}),
    ("A=b=c", {"A": "b=c"}),
]


@pytest.mark.parametrize(("text", "expected"), RAW)
def test_raw(text: str, expected: dict[str, str]) -> None:
    """Values as they stand, as in kustomize's generators and SopsSecretGenerator."""
    assert variables.raw(text) == expected


def test_raw_errors_name_the_line_only() -> None:
    """SopsSecretGenerator prints the line."""
    with pytest.raises(ParseError, match="line 2: expected KEY=value"):
        variables.raw("A=1\nhunter2")


def test_a_flat_map_is_text() -> None:
    """Scalars as sops prints them."""
    value = {"a": "x", "b": 1, "c": True, "d": None, "e": 1.5, "f": 1e21, 7: False}
    assert variables.flat_map(value) == {
        "a": "x", "b": "1", "c": "true", "d": "", "e": "1.5", "f": "1000000000000000000000", "7": "false"
    }  # fmt: skip


@pytest.mark.parametrize("value", [[], "text", {"a": {}}, {"a": [1]}, None])
def test_anything_else_is_no_map_of_variables(value: object) -> None:
    """A nested value has no text."""
    with pytest.raises(ParseError):
        variables.flat_map(value)
