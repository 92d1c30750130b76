"""One definition of an option serves both ways: the quick parser and typer read the same call alike."""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest
import typer

from kubectl_sops.cli import app, option_table
from kubectl_sops.cli.commands import COMMANDS

if TYPE_CHECKING:
    from collections.abc import Callable


def _loaded(name: str) -> object:
    module, attribute, _ = COMMANDS[name]
    return getattr(import_module(f"kubectl_sops.cli.{module}"), attribute)


ALL = {name: _loaded(name) for name in COMMANDS}
TABLES = {name: loaded for name, loaded in ALL.items() if isinstance(loaded, option_table.Command)} | {
    f"{name} {below}": command
    for name, loaded in ALL.items()
    if isinstance(loaded, option_table.Group)
    for below, command in loaded.commands.items()
}


def _typer(name: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[list[str]], tuple[list[str], dict[str, Any]]]:
    """Gives what the command gets when typer parses."""
    seen: list[tuple[list[str], dict[str, Any]]] = []
    command = TABLES[name]
    spy = option_table.Command(command.run, command.options, command.arguments)
    spy.run = lambda paths, values: seen.append((paths, dict(values)))
    first, _, below = name.partition(" ")
    module, attribute, _ = COMMANDS[first]
    monkeypatch.setattr(
        import_module(f"kubectl_sops.cli.{module}"), attribute, option_table.Group({below: spy}) if below else spy
    )
    words = name.split() if below else [name]
    if below:
        # with a single command, typer would take its name for an argument
        monkeypatch.setitem(getattr(import_module(f"kubectl_sops.cli.{module}"), attribute).commands, "other", spy)
    parser = typer.main.get_command(app.build("kubectl-sops", [first]))

    def parse(argv: list[str]) -> tuple[list[str], dict[str, Any]]:
        parser.main([*words, *argv], standalone_mode=False)
        return seen.pop()

    return parse


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    # a list and a tuple are the same to a command
    return {name: list(value) if isinstance(value, tuple | list) else value for name, value in values.items()}


def _calls(options: tuple[option_table.Option, ...]) -> list[list[str]]:
    calls = [[], ["--", "-x"], ["b"], ["a b\n"]]
    for option in options:
        for flag in option.flags:
            if option.kind == option_table.FLAG:
                calls.append([flag])
                continue
            value = "3" if option.kind == option_table.INT else "va=l ue"
            calls += [[flag, value], [flag, value, "--"]]
            if flag.startswith("--"):
                calls.append([f"{flag}={value}"])
            if option.many:
                calls.append([flag, "one", flag, "two"])
    everything: list[str] = []
    for option in options:
        everything.append(option.flags[0])
        if option.kind != option_table.FLAG:
            everything.append("7")
    return [*calls, everything]


@pytest.mark.parametrize("name", TABLES)
def test_quick_parser_and_typer_agree(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """For each option of a command, in each way of writing it, both give the same arguments and values."""
    command, by_typer = TABLES[name], _typer(name, monkeypatch)
    for call in _calls(command.options):
        argv = ["file", *call] if command.arguments else [word for word in call if word not in ("b", "a b\n", "-x")]
        paths, values = option_table.parse(argv, command.options, dict(os.environ))
        typed_paths, typed_values = by_typer(argv)
        assert (paths, _plain(values)) == (typed_paths, _plain(typed_values)), argv


@pytest.mark.parametrize("name", TABLES)
def test_both_read_the_same_environment_variables(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable stands in for its option in both, an option wins over it, and an empty one is none."""
    command, by_typer = TABLES[name], _typer(name, monkeypatch)
    argv = ["file"] if command.arguments else []
    for option in command.options:
        if not option.variable:
            continue
        for value in ("from-variable", ""):
            with monkeypatch.context() as patch:
                patch.setenv(option.variable, value)
                paths, values = option_table.parse(argv, command.options, dict(os.environ))
                typed_paths, typed_values = by_typer(argv)
            assert values[option.name] == (value or None)
            assert (typed_values[option.name] or None) == values[option.name], option.variable
            assert paths == typed_paths


@pytest.mark.parametrize(
    "call", [["--nope"], ["--help"], ["-h"], ["--in-place=yes"], ["--output"], ["--indent", "x"], ["-iq"], ["-i=yes"]]
)
def test_anything_unusual_is_left_to_typer(call: list[str]) -> None:
    """Help, mistakes and short flags written together are not for the quick parser."""
    with pytest.raises(option_table.NotPlain):
        option_table.parse(["file", *call], TABLES["decrypt"].options, {})


def test_a_missing_or_needless_argument_is_left_to_typer() -> None:
    """Which says so."""
    for name, words in (("set", []), ("filestatus", []), ("keys list", ["x"]), ("groups add", ["x"])):
        with pytest.raises(option_table.NotPlain):
            option_table.call(words, TABLES[name], {})


@pytest.mark.parametrize("name", TABLES)
def test_flags_of_a_command_are_its_own(name: str) -> None:
    """No two options of a command share a flag or a name."""
    options = TABLES[name].options
    flags = [flag for option in options for flag in option.flags]
    assert len(set(flags)) == len(flags)
    assert len({option.name for option in options}) == len(options)


def test_there_are_tables() -> None:
    """The tests above have something to test."""
    assert {"decrypt", "encrypt", "edit", "set", "exec-env", "filestatus", "keys list", "git textconv"} <= set(TABLES)


def test_ctrl_d_at_a_question_is_no_bug(capsys: pytest.CaptureFixture[str]) -> None:
    """It ends the command as Ctrl-C does."""

    def ask() -> int:
        raise EOFError

    assert app.guard(ask, "kubectl-sops") == 130
    assert "bug" not in capsys.readouterr().err
