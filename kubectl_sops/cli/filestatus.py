"""``filestatus``."""

from __future__ import annotations

import sys

from kubectl_sops import formats
from kubectl_sops.cli import option_table as table
from kubectl_sops.cli import session
from kubectl_sops.errors import InputNotFoundError, SopsError, UsageError
from kubectl_sops.files.read import read


def filestatus(arguments: list[str], values: table.Values) -> None:
    """Say whether a file is encrypted, as JSON; the exit code is 0 either way.

    Examples:
      kubectl sops filestatus secret.yaml
    """
    if not arguments:
        raise InputNotFoundError("no file specified", hint="write: filestatus FILE")
    if len(arguments) > 1 and not values.get("as_sops"):
        raise UsageError(f"expected one file, found {len(arguments)}", hint="`status` shows many")
    file = arguments[0]
    try:
        data = read(file)
        metadata = formats.parse(data, session.input_format(file, values, data)).metadata
        encrypted = metadata is not None and bool(metadata.mac) and bool(metadata.version)
    except SopsError as error:
        raise error.at(file) from None
    sys.stdout.write('{"encrypted":true}\n' if encrypted else '{"encrypted":false}\n')


COMMAND = table.Command(filestatus, (table.INPUT_TYPE,), "FILE")
