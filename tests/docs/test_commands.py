"""What the documentation tells people to type exists: commands, options, variables and exit codes."""

from __future__ import annotations

import re
import shlex
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from kubectl_sops import errors
from kubectl_sops.cli.commands import COMMANDS

ROOT = Path(__file__).parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
SOURCES = [path for package in ("kubectl_sops", "krm_fn") for path in (ROOT / package).rglob("*.py")]
_PROGRAM = re.compile(r"(?<!install )\b(?:kubectl[ -]sops|flux sops) (?=[a-z])")
_END_OF_COMMAND = re.compile(r"[|&;()<>\n]+|\d?>")


def _words(line: str) -> list[str]:
    """The words of one command, up to what a shell takes for the end of it."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;<>()")
    lexer.whitespace_split = True
    lexer.commenters = "#"
    words: list[str] = []
    try:
        for word in lexer:
            if _END_OF_COMMAND.fullmatch(word):
                break
            words.append(word)
    except ValueError:
        pass  # a quote that ends in a later line: the words until there are checked
    return words


def _blocks(text: str) -> list[str]:
    return [block.split("\n", 1)[1].replace("\\\n", " ") for block in text.split("```")[1::2]]


def _command_lines() -> list[tuple[str, str]]:
    """Each command in a block of code of the documentation, and in the examples of help texts."""
    found = []
    for page in PAGES:
        for block in _blocks(page.read_text(encoding="utf-8")):
            for line in block.splitlines():
                found += [(page.name, line[match.end() :]) for match in _PROGRAM.finditer(line.partition("  #")[0])]
    for path in SOURCES:
        for match in re.finditer(
            r'"""(?:(?!""").)*?\n +Examples:\n((?:(?!""").)*)"""', path.read_text(encoding="utf-8"), re.S
        ):
            for line in match[1].splitlines():
                found += [(path.name, line[found.end() :]) for found in _PROGRAM.finditer(line.partition("  #")[0])]
    return found


def _mentions() -> list[tuple[str, str]]:
    """Each command that a sentence names."""
    found = []
    for page in PAGES:
        prose = "".join(page.read_text(encoding="utf-8").split("```")[::2])
        for span in re.findall(r"`([^`]+)`", prose):
            match = _PROGRAM.search(span.replace("\n", " "))
            if match:
                found.append((page.name, span.replace("\n", " ")[match.end() :]))
    return found


@cache
def _node(command: str, sub: str) -> tuple[Any, bool]:
    from kubectl_sops.cli.completion import _descend

    node, rest = _descend(command, [sub] if sub else [])
    return node, not rest and bool(sub)


def _find(words: list[str]) -> tuple[Any, list[str]]:
    assert words[0] in COMMANDS, words
    node, is_sub = _node(words[0], words[1] if len(words) > 1 and not words[1].startswith("-") else "")
    return node, words[2 if is_sub else 1 :]


@pytest.mark.parametrize(("page", "line"), sorted(set(_command_lines())), ids=lambda value: value[:60])
def test_command_line_is_accepted(page: str, line: str) -> None:
    """A command in a block of code has these options, and this many arguments."""
    words = [word for word in _words(line) if word not in ("…", "...")]
    node, rest = _find(words)
    node.make_context(words[0], rest)


@pytest.mark.parametrize(("page", "line"), sorted(set(_mentions())), ids=lambda value: value[:60])
def test_command_that_is_named_exists(page: str, line: str) -> None:
    """A command that a sentence names exists, with the options that stand there."""
    words = [word for word in _words(line) if word not in ("…", "...")]
    node, rest = _find(words)
    flags = {flag for parameter in node.params for flag in (*parameter.opts, *parameter.secondary_opts)}
    assert {word.partition("=")[0] for word in rest if re.match("--?[a-z]", word)} <= flags


def test_there_are_commands() -> None:
    """The tests above have something to test."""
    assert len(_command_lines()) > 50
    assert len(_mentions()) > 10


def _table(title: str) -> str:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    return readme.split(f"## {title}\n")[1].split("\n## ")[0]


def test_exit_codes_of_the_readme_exist() -> None:
    """Each code in the README is one of an error, or of the program itself, and no two rows share one."""
    cells = [cell.strip() for cell in re.sub(r"^\|---.*$", "", _table("Exit codes"), flags=re.M).split("|")]
    listed = [int(cell) for cell in cells if cell.isdecimal()]
    classes = [c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, errors.SopsError)]
    known = {c.exit_code for c in classes} | {errors.BUG_EXIT_CODE, errors.INTERRUPTED_EXIT_CODE}
    assert len(set(listed)) == len(listed) > 10
    assert set(listed) <= known


def test_environment_variables_are_documented() -> None:
    """Each variable of ours that the code reads is in the README, and each of sops' there or in the comparison."""
    code = "".join(path.read_text(encoding="utf-8") for path in SOURCES)
    read = set(re.findall(r"[\"']((?:KUBECTL_)?SOPS_[A-Z_]+)[\"']", code)) - {
        "SOPS_AGE_RECIPIENT"
    }  # handed to commands
    ours = {name for name in read if name.startswith("KUBECTL_")}
    readme = _table("Environment variables")
    documented = readme + (ROOT / "docs/sops-compatibility.md").read_text(encoding="utf-8")
    assert ours
    assert {name for name in ours if f"`{name}`" not in readme} == set()
    assert {name for name in read - ours if f"`{name}`" not in documented} == set()


def test_variables_of_the_readme_are_read() -> None:
    """Each variable in the README is one that the code knows."""
    code = "".join(path.read_text(encoding="utf-8") for path in SOURCES)
    listed = re.findall(
        r"`([A-Z][A-Z_]+)`", "".join(re.findall(r"^\| (.*?) \|", _table("Environment variables"), re.M))
    )
    assert len(listed) > 10
    assert [name for name in listed if name not in code] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """Relative links of the documentation name files that are there."""
    text = page.read_text(encoding="utf-8")
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]
    assert [link for link in links if link and not (page.parent / link).exists()] == []
