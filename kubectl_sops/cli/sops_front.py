"""The program under the name ``sops``: both styles of its command line, its messages and its exit codes.

sops reads flags with urfave/cli v1. For subcommands flags may stand anywhere; in the older style (``sops -d FILE``)
they end at the first positional argument. Long flags may have one dash. A first word that is no command is a file to
edit.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from kubectl_sops.cli import option_table as table
from kubectl_sops.core.metadata import SOPS_VERSION
from kubectl_sops.errors import (
    AlreadyEncryptedError,
    ConfigNotFoundError,
    ConflictingParametersError,
    InputNotFoundError,
    InvalidPathError,
    NoMatchingKeyError,
    NoRecipientsError,
    SopsError,
    UnreadableFileError,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

# name: (module below kubectl_sops.cli, its Command)
COMMANDS = {
    "encrypt": ("encrypt", "COMMAND"),
    "decrypt": ("decrypt", "COMMAND"),
    "edit": ("edit", "COMMAND"),
    "rotate": ("rotate_file", "COMMAND"),
    "set": ("set_value", "SET_ONE"),
    "unset": ("set_value", "UNSET"),
    "updatekeys": ("updatekeys", "SOPS"),
    "filestatus": ("filestatus", "COMMAND"),
    "exec-env": ("execute", "EXEC_ENV"),
    "exec-file": ("execute", "EXEC_FILE"),
    "publish": ("publish", "COMMAND"),
}
GROUP_COMMANDS = {"add": ("groups", "ADD"), "delete": ("groups", "DELETE")}

LEFT_OUT = {
    "keyservice": "a key service would hand out data keys over an unauthenticated connection",
}
"""Commands of sops that we do not have, with the reason."""

_KEY_SERVICE = (
    table.Option("--enable-local-keyservice", kind=table.FLAG, help="Always on: there is no other key service."),
    table.Option("--keyservice", many=True, help="Not supported.", metavar="URI"),
)
_EXTRA = {
    # flags of sops that have no meaning here: the text in the editor is never converted, nor shown with its keys
    "edit": (
        table.OUTPUT_TYPE,
        table.Option("-s", "--show-master-keys", kind=table.FLAG, help=""),
    ),
}
_GLOBAL = (
    # read by subcommands where they stand before the subcommand's name
    table.CONFIG,
    table.INDENT,
    table.Option("--mac-only-encrypted", kind=table.FLAG, help=""),
)
_ROOT_ONLY = (
    table.Option("-d", "--decrypt", kind=table.FLAG, help=""),
    table.Option("-e", "--encrypt", kind=table.FLAG, help=""),
    table.Option("-r", "--rotate", kind=table.FLAG, help=""),
    table.Option("--set", name="set", help="", metavar=""),
    table.Option("-s", "--show-master-keys", kind=table.FLAG, help=""),
    table.Option("--verbose", kind=table.FLAG, help=""),
    table.Option("--disable-version-check", kind=table.FLAG, help="", variable="SOPS_DISABLE_VERSION_CHECK"),
    table.Option("--check-for-updates", kind=table.FLAG, help=""),
)

ALREADY_ENCRYPTED = """\
The file you have provided contains a top-level entry called 'sops', or for
flat file formats top-level entries starting with 'sops_'. This is
generally due to the file already being encrypted. SOPS uses a top-level
entry called 'sops' to store the metadata required to decrypt the file. For
this reason, SOPS can not encrypt files that already contain such an entry.

If this is an unencrypted file, rename the 'sops' entry.

If this is an encrypted file and you want to edit it, use the editor mode,
for example: `sops edit my_file.yaml`"""
"""sops' own text, which editors and scripts look for."""


EMPTY_GROUP = "Could not generate data key: [empty key group provided]"
"""sops' own text, which scripts compare."""

_MISSING: dict[str, type[SopsError]] = {
    "rotate_file": UnreadableFileError,
    "set_value": UnreadableFileError,
    "execute": UnreadableFileError,
    "updatekeys": SopsError,
    "filestatus": SopsError,
    "groups": SopsError,
}
"""What a file that is not there is to the commands that do not say 100."""


class FlagError(SopsError):
    """A flag that is not defined. sops prints its usage and fails with 1."""


def main(args: Sequence[str]) -> int:
    """Run a command line of sops; the exit code."""
    before, rest = _split(list(args))
    root = parse(before, _root_options())[1]
    if not rest:
        if "-h" in args or "--help" in args:
            sys.stdout.write(usage())
            return 0
        if "-v" in args or "--version" in args:
            sys.stdout.write(f"sops {SOPS_VERSION}\n")
            return 0
    word = rest[0] if rest else ""
    if word in ("help", "h"):
        sys.stdout.write(usage())
        return 0
    if word == "groups":
        if len(rest) < 2 or rest[1] not in GROUP_COMMANDS:
            sys.stdout.write("usage: sops groups add|delete [flags]\n")
            return 0
        return _run(*GROUP_COMMANDS[rest[1]], rest[2:], root)
    if word == "completion":
        from kubectl_sops.cli.completion import sops_script

        sys.stdout.write(sops_script(rest[1] if len(rest) > 1 else "bash"))
        return 0
    if word in LEFT_OUT:
        raise SopsError(f"{word} is left out: {LEFT_OUT[word]}", hint="see docs/sops-compatibility.md")
    if word in COMMANDS:
        return _run(*COMMANDS[word], rest[1:], root)
    return _legacy(rest, root)


def _root_options() -> tuple[table.Option, ...]:
    from kubectl_sops.cli import decrypt, encrypt, rotate_file

    options: dict[str, table.Option] = {}
    for option in (
        *_ROOT_ONLY,
        *_GLOBAL,
        *encrypt.OPTIONS,
        *decrypt.COMMAND.options,
        *rotate_file.COMMAND.options,
        *_KEY_SERVICE,
    ):
        options.setdefault(option.name, option)
    return tuple(options.values())


def _split(args: list[str]) -> tuple[list[str], list[str]]:
    # root flags end at the first word that is not a flag or a flag's value
    by_flag = _by_flag(_root_options())
    at = 0
    while at < len(args):
        word = args[at]
        if word == "--":
            return args[:at], args[at + 1 :]
        if not word.startswith("-") or word == "-":
            return args[:at], args[at:]
        option = by_flag.get(_flag(word))
        if option is not None and option.kind != table.FLAG and "=" not in word:
            at += 1
        at += 1
    return args, []


def _flag(word: str) -> str:
    return word.partition("=")[0].lstrip("-")


def _by_flag(options: Sequence[table.Option]) -> dict[str, table.Option]:
    return {flag.lstrip("-"): option for option in options for flag in option.flags}


def parse(args: list[str], options: tuple[table.Option, ...]) -> tuple[list[str], table.Values]:
    """Positional arguments and flag values, with one dash or two, in any order.

    Raises:
        FlagError: an undefined flag, or a value that does not fit.
    """
    by_flag = _by_flag(options)
    normal: list[str] = []
    words = iter(args)
    for word in words:
        if word == "--":
            normal += ["--", *words]
            break
        if not word.startswith("-") or word == "-":
            normal.append(word)
            continue
        option = by_flag.get(_flag(word))
        if option is None:
            if _flag(word) in ("h", "help", "v", "version"):
                continue
            raise FlagError(f"flag provided but not defined: -{_flag(word)}")
        _, equals, value = word.partition("=")
        flag = option.flags[-1]
        if option.kind == table.FLAG:
            if not equals or value.lower() in ("true", "1", "t"):
                normal.append(flag)
        elif equals:
            normal.append(f"{flag}={value}")
        else:
            found = next(words, None)
            if found is None:
                raise FlagError(f"flag needs an argument: -{_flag(word)}")
            normal.append(f"{flag}={found}")
    environ = {name: value for name, value in os.environ.items() if not name.endswith("_VERSION_CHECK")}
    try:
        return table.parse(normal, options, environ)
    except table.NotPlain:
        raise FlagError("a flag has a value that is not a number") from None


def _load(module: str, name: str) -> table.Command:
    from importlib import import_module

    command: table.Command = getattr(import_module(f"kubectl_sops.cli.{module}"), name)
    return command


def _run(module: str, name: str, args: list[str], root: table.Values) -> int:
    command = _load(module, name)
    options = (*command.options, *_EXTRA.get(module, ()), *_KEY_SERVICE)
    flags = args[: args.index("--")] if "--" in args else args
    if any(word.startswith("-") and _flag(word) in ("h", "help") for word in flags):
        sys.stdout.write(_usage_of(command, options))
        return 0
    arguments, values = parse(args, options)
    if values.get("keyservice"):
        raise SopsError("--keyservice is not supported", hint="see docs/sops-compatibility.md")
    for option in _GLOBAL:
        if root.get(option.name):
            values[option.name] = root[option.name]
    if command.arguments in ("[PATH]...", "[FILE]", "FILE") and len(arguments) > 1 and module != "updatekeys":
        sys.stderr.write("Warning: More than one positional argument provided. Only the first one will be used!\n")
        arguments = arguments[:1]
    return _as_sops(command, arguments, values, missing=_MISSING.get(module, InputNotFoundError))


def _as_sops(
    command: table.Command,
    arguments: list[str],
    values: table.Values,
    *,
    missing: type[SopsError] = InputNotFoundError,
) -> int:
    if command.arguments in ("[FILE]", "FILE") and not arguments:
        raise InputNotFoundError("Error: no file specified")
    if command.arguments in ("[FILE]", "FILE", "[PATH]...") and len(arguments) == 1 and os.path.isdir(arguments[0]):
        raise UnreadableFileError("is a directory", file=arguments[0])  # folders are for `kubectl sops`
    # sops says nothing when it succeeds
    try:
        return command.run(arguments, {**values, "quiet": True, "as_sops": True}) or 0
    except SopsError as error:
        raise _with_their_code(error, command, missing) from None


def _with_their_code(error: SopsError, command: table.Command, missing: type[SopsError]) -> SopsError:
    """The same error with sops' exit code, where ours tells apart what sops does not."""
    kind: type[SopsError] = type(error)
    message = error.message
    if isinstance(error, NoRecipientsError | ConfigNotFoundError):
        kind = SopsError
        if command is _load("rotate_file", "COMMAND"):  # without the last key
            message = EMPTY_GROUP
    elif isinstance(error, InputNotFoundError) and error.file:
        kind = missing
    if kind is type(error):
        return error
    return kind(message, hint=error.hint, file=error.file, path=error.path, line=error.line)


def _legacy(rest: list[str], root: table.Values) -> int:
    if not rest:
        raise InputNotFoundError("Error: no file specified")
    modes = [name for name in ("decrypt", "encrypt", "rotate", "set") if root.get(name)]
    if len(modes) > 1:
        raise ConflictingParametersError("Error: cannot use more than one of --encrypt, --decrypt, --rotate, --set")
    if len(rest) > 1:
        sys.stderr.write("Warning: More than one positional argument provided. Only the first one will be used!\n")
    arguments = rest[:1]
    mode = modes[0] if modes else "edit"
    if mode == "set":
        words = [*arguments, *_set_argument(str(root["set"]))]
        return _as_sops(_load("set_value", "SET_ONE"), words, root, missing=UnreadableFileError)
    return _as_sops(_load(*COMMANDS[mode]), arguments, root)


def _set_argument(text: str) -> tuple[str, str]:
    # '["a"]["b"] "value"': the path ends at the first bracket that a blank follows
    path, bracket, value = text.partition("] ")
    if not bracket:
        raise InvalidPathError("Invalid --set format", hint="""write --set '["key"] "value"'""")
    return path + "]", value


def message(error: SopsError) -> str:
    """What sops prints for an error, where scripts match its text; our own message otherwise."""
    if isinstance(error, AlreadyEncryptedError):
        return ALREADY_ENCRYPTED
    if error.exit_code == NoMatchingKeyError.exit_code:
        from kubectl_sops.keys.keyring import DataKeyError
        from kubectl_sops.keys.report import report

        if isinstance(error, DataKeyError):
            return report(error)
    if error.message.startswith("Could not generate data key"):
        return error.message  # scripts compare the whole text
    return str(error) if error.exit_code != 1 or error.hint is None else f"{error}\n{error.hint}"


def _usage_of(command: table.Command, options: Sequence[table.Option]) -> str:
    lines = [command.help.partition("\n")[0], "", f"usage: [flags] {command.arguments}".rstrip(), ""]
    for option in options:
        flags = ", ".join(option.flags) + (f" {option.metavar or 'VALUE'}" if option.kind != table.FLAG else "")
        lines.append(f"   {flags:32} {option.help}".rstrip())
    return "\n".join(lines) + "\n"


def usage() -> str:
    """The text of ``--help``."""
    lines = ["sops: encrypted files (served by kubectl-sops)", "", "COMMANDS:"]
    lines += [f"   {name}" for name in sorted([*COMMANDS, "groups", "completion"])]
    lines += [
        "",
        "OLDER STYLE:",
        "   sops [-d|-e|-r|--set '[\"key\"] value'] [flags] FILE; without any of them FILE is edited",
    ]
    return "\n".join(lines) + "\n"
