"""Help texts, of every command: readable on a terminal of 80 columns, with examples as one types them."""

from __future__ import annotations

import io
import sys
from contextlib import redirect_stdout

import pytest
import typer

from kubectl_sops.cli import app
from kubectl_sops.cli.commands import COMMANDS
from kubectl_sops.cli.completion import complete


def _groups() -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    for name, (module, attribute, _) in COMMANDS.items():
        loaded = getattr(app._load(module), attribute)
        if isinstance(loaded, typer.Typer):
            found += [(name, str(command.name)) for command in loaded.registered_commands]
        else:
            found.append((name,))
    return found


COMMAND_LINES = _groups()


def _help(*words: str) -> str:
    return _printed(*words, "--help")


def _printed(*words: str) -> str:
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
    with redirect_stdout(out):
        assert app.guard(lambda: app._run("kubectl-sops", [*words]), "kubectl-sops") == 0
    return out.buffer.getvalue().decode()  # type: ignore[attr-defined]  # BytesIO


@pytest.mark.parametrize("words", COMMAND_LINES, ids=" ".join)
def test_help_of_a_command_is_readable(words: tuple[str, ...]) -> None:
    """Examples keep their lines, arguments are shown once as they are written, and nothing is typer's jargon."""
    text = _help(*words)
    head = text.split("\nOptions:\n")[0]
    assert head.startswith(f"Usage: kubectl-sops {' '.join(words)} [OPTIONS]")
    assert "{" not in head.splitlines()[0]
    assert "[[" not in head.splitlines()[0]
    assert "\nArguments:\n" not in text
    assert "<list[str]>" not in text
    assert "Examples: " not in text
    if "Examples:" in head:
        examples = head.split("  Examples:\n")[1].splitlines()
        assert examples
        assert all(line.startswith("    ") for line in examples)


@pytest.mark.parametrize("words", [(), ("encrypt",), ("keys",), ("keys", "list")], ids=" ".join)
def test_help_is_a_word_too(words: tuple[str, ...]) -> None:
    """`help COMMAND` prints what `COMMAND --help` prints, for commands below a command too, and completes them."""
    assert _printed("help", *words) == _help(*words)
    assert complete(["help", *words, ""]) == complete([*words, ""])


def test_help_of_what_is_no_command(capsys: pytest.CaptureFixture[str]) -> None:
    """The error is that of the command itself."""
    assert app.guard(lambda: app._run("kubectl-sops", ["help", "encrypr"]), "kubectl-sops") == 2
    error = capsys.readouterr().err
    assert "error: no such command 'encrypr'" in error
    assert "encrypt" in error


@pytest.mark.parametrize("words", COMMAND_LINES, ids=" ".join)
def test_options_are_explained(words: tuple[str, ...]) -> None:
    """Every option says what it is for, in a sentence."""
    from kubectl_sops.cli.completion import _descend

    node, _ = _descend(words[0], list(words[1:]))
    unexplained = [p.opts for p in node.params if p.opts[0].startswith("-") and not (p.help or "").endswith(".")]
    assert unexplained == []


def test_list_of_commands_is_whole() -> None:
    """Every line on a command fits on a terminal."""
    assert {name: summary for name, (_, _, summary) in COMMANDS.items() if len(summary) >= 60} == {}
    listed = _help().split("Commands:\n")[1].splitlines()
    assert [line.split()[0] for line in listed] == list(COMMANDS)
    assert not [line for line in listed if line.endswith("...")]


def test_no_command_shows_the_help() -> None:
    """Without a command, the list of commands appears, as a usage error."""
    err = io.StringIO()
    before, sys.stderr = sys.stderr, err
    try:
        code = app.guard(lambda: app._run("kubectl-sops", []), "kubectl-sops")
    finally:
        sys.stderr = before
    assert code == 2
    assert "Commands:" in err.getvalue()
