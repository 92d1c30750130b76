"""The lists of ``docs/sops-compatibility.md`` against the program: every command and flag of sops is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kubectl_sops.cli import option_table, sops_front
from tests.support.tools import need, run

PAGE = Path(__file__).parents[2] / "docs" / "sops-compatibility.md"
COMMANDS = [[name] for name in sorted(sops_front.COMMANDS)] + [["groups", name] for name in sops_front.GROUP_COMMANDS]
FLAG = re.compile(r"^   (--[\w-]+)(?: value)?(?:, (-\w))?", re.MULTILINE)
HELP = {"--help", "--version"}


def flags_of_sops(*command):
    text = run([need("sops"), *command, "--help"]).stdout.decode()
    return {flag for match in FLAG.findall(text) for flag in match if flag} - HELP - {"-h", "-v"}


def our_flags(command):
    if command:
        table = sops_front.GROUP_COMMANDS if command[0] == "groups" else sops_front.COMMANDS
        extra = (*sops_front._EXTRA.get(command[-1], ()), *sops_front._KEY_SERVICE)
        options = (*sops_front._load(*table[command[-1]]).options, *extra)
    else:
        options = sops_front._root_options()
    return {flag for option in options for flag in option.flags}


def documented(section):
    text = PAGE.read_text(encoding="utf-8")
    part = text.split(f"## {section}\n", 1)[1].split("\n## ", 1)[0]
    return {name for row in re.findall(r"^\| (.*?) \|", part, re.MULTILINE) for name in re.findall(r"`([^`]+)`", row)}


def test_every_command_is_there():
    """Each subcommand of sops runs here, or the page says why it does not."""
    text = run([need("sops"), "--help"]).stdout.decode()
    listed = text.split("COMMANDS:")[1].split("GLOBAL OPTIONS:")[0]
    commands = re.findall(r"^   ([a-z-]+)(?:, h)?  ", listed, re.MULTILINE)
    ours = {*sops_front.COMMANDS, "groups", "completion", "help"}
    assert commands
    assert set(commands) - ours == set(sops_front.LEFT_OUT)
    assert documented("Commands") == {*ours, *sops_front.LEFT_OUT}


@pytest.mark.parametrize("command", [[], *COMMANDS], ids=lambda words: " ".join(words) or "older style")
def test_every_flag_is_there(command):
    """Each flag that sops documents for a command is accepted for it here."""
    theirs = flags_of_sops(*command)
    assert theirs
    assert theirs - our_flags(command) == set()


def test_every_flag_is_documented():
    """The page lists each flag of sops, and none that does not exist."""
    theirs = set().union(flags_of_sops(), *(flags_of_sops(*command) for command in COMMANDS))
    long = {flag for flag in theirs if flag.startswith("--")}
    assert documented("Flags") == long


def test_every_variable_is_documented():
    """Each environment variable that sops names in its help stands on the page."""
    text = "".join(run([need("sops"), *command, "--help"]).stdout.decode() for command in [[], *COMMANDS])
    assert set(re.findall(r"\[\$(SOPS_\w+)", text)) <= documented("Environment variables")


def test_flags_take_values_where_sops_does():
    """A flag that needs a value in sops needs one here, so that no file name is mistaken for it."""
    for command in [[], *COMMANDS]:
        text = run([need("sops"), *command, "--help"]).stdout.decode()
        with_value = set(re.findall(r"^   (--[\w-]+) value", text, re.MULTILINE))
        if command:
            table = sops_front.GROUP_COMMANDS if command[0] == "groups" else sops_front.COMMANDS
            options = sops_front._load(*table[command[-1]]).options
        else:
            options = sops_front._root_options()
        for option in options:
            if set(option.flags) & flags_of_sops(*command):
                assert (option.kind != option_table.FLAG) == bool(set(option.flags) & with_value), option.flags
