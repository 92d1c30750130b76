"""``exec-env`` and ``exec-file``."""

from __future__ import annotations

import os
import sys

from kubectl_sops.cli import option_table as table
from kubectl_sops.cli import session
from kubectl_sops.cli.decrypt import decrypt_one
from kubectl_sops.errors import ConflictingParametersError, SopsError, UsageError
from kubectl_sops.files import environment
from kubectl_sops.files.decrypt import open_document, parse_encrypted
from kubectl_sops.files.read import read

_USER = table.Option("--user", help="Run the command as this user.", metavar="NAME")
_BACKGROUND = table.Option("--background", kind=table.FLAG, help="Return at once (deprecated).")
_KEYS = tuple(option for option in table.KEYS if "--user" not in option.flags)


def _two(arguments: list[str], name: str) -> tuple[str, str]:
    if len(arguments) != 2:
        raise UsageError(
            "missing file to decrypt: expected a file and a command", hint=f"write: {name} FILE 'COMMAND …', in quotes"
        )
    return arguments[0], arguments[1]


def exec_env(arguments: list[str], values: table.Values) -> int | None:
    """Run a command with the decrypted values in its environment.

    Examples:
      kubectl sops exec-env secret.env 'env | grep DB_'
    """
    file, command = _two(arguments, "exec-env")
    if values.get("background") and values.get("same_process"):
        raise ConflictingParametersError("cannot use both --background and --same-process")
    try:
        data = read(file)
        document, metadata = parse_encrypted(data, session.input_format(file, values, data))
        opened, _ = open_document(document, metadata, session.keyring(values))
        added = environment.variables(document, opened)
    except SopsError as error:
        raise error.at(file) from None
    user = str(values["user"]) if values.get("user") else None
    inherited = {} if values.get("pristine") else dict(os.environ)
    environ = inherited | environment.user_environment(user) | added
    if values.get("same_process"):
        sys.stdout.flush()
        environment.replace_process(command, environ, user=user)
    return _code(environment.run(command, environ, user=user), values)


def exec_file(arguments: list[str], values: table.Values) -> int | None:
    """Run a command in which {} stands for a file with the decrypted text; the file exists in memory only.

    Examples:
      kubectl sops exec-file --filename config.yaml secret.yaml 'app --config {}'
    """
    file, command = _two(arguments, "exec-file")
    data = decrypt_one(file, values, session.keyring(values))
    user = str(values["user"]) if values.get("user") else None
    code = environment.run_with_file(
        command,
        data,
        dict(os.environ) | environment.user_environment(user),
        filename=str(values["filename"]) if values.get("filename") else None,
        fifo=not values.get("no_fifo"),
        user=user,
    )
    return _code(code, values)


def _code(code: int, values: table.Values) -> int:
    if code and not values.get("quiet"):
        session.tell(f"exit status {code}")
    return code


EXEC_ENV = table.Command(
    exec_env,
    (
        _BACKGROUND,
        _USER,
        table.Option("--pristine", kind=table.FLAG, help="Give the command nothing but the decrypted values."),
        table.Option("--same-process", kind=table.FLAG, help="Replace this process by the command."),
        table.INPUT_TYPE,
        table.QUIET,
        *_KEYS,
    ),
    "FILE COMMAND",
)
EXEC_FILE = table.Command(
    exec_file,
    (
        _BACKGROUND,
        _USER,
        table.Option("--no-fifo", kind=table.FLAG, help="Use a regular file, which can be read several times."),
        table.Option("--filename", help="The file's name; what the program's parser may go by.", metavar="NAME"),
        table.INPUT_TYPE,
        table.OUTPUT_TYPE,
        table.QUIET,
        *_KEYS,
    ),
    "FILE COMMAND",
)
