"""``groups add`` and ``groups delete``."""

from __future__ import annotations

import sys

from kubectl_sops.cli import option_table as table
from kubectl_sops.cli import session
from kubectl_sops.cli.recipe import recipients
from kubectl_sops.errors import InputNotFoundError, NoRecipientsError, SopsError, UsageError
from kubectl_sops.files import groups
from kubectl_sops.files.read import read

_FILE = table.Option("-f", "--file", help="The encrypted file.", metavar="FILE")
_COMMON = (_FILE, table.IN_PLACE, table.INPUT_TYPE, table.SHAMIR_THRESHOLD, table.DRY_RUN, table.QUIET, *table.KEYS)


def _file(values: table.Values) -> str:
    if not values.get("file"):
        raise InputNotFoundError("no file specified", hint="write: --file FILE")
    return str(values["file"])


def _threshold(values: table.Values) -> int:
    threshold = values.get("shamir_secret_sharing_threshold")
    return threshold if isinstance(threshold, int) else 0


def _finish(file: str, before: bytes, after: bytes, values: table.Values) -> None:
    if values.get("in_place"):
        session.write_result(file, before, after, "updated", values, expected=before)
    else:
        sys.stdout.buffer.write(after)


def add(arguments: list[str], values: table.Values) -> None:
    """Add a key group to a file.

    Examples:
      kubectl sops groups add -i --file secret.yaml --age age1… --shamir-secret-sharing-threshold 2
    """
    if arguments:
        raise UsageError("unexpected argument", hint="name the file with --file")
    file = _file(values)
    group = recipients(values)
    if not group:
        raise NoRecipientsError("the new group has no keys", hint="name them with --age, --pgp, …")
    data = read(file)
    try:
        result = groups.add_group(
            data, session.input_format(file, values), session.keyring(values), group, threshold=_threshold(values)
        )
    except SopsError as error:
        raise error.at(file) from None
    _finish(file, data, result, values)


def delete(arguments: list[str], values: table.Values) -> None:
    """Delete a key group, numbered from 0, from a file.

    Examples:
      kubectl sops groups delete -i --file secret.yaml 1
    """
    if len(arguments) != 1 or not arguments[0].isdecimal():
        raise UsageError("expected the number of the key group", hint="write: groups delete --file FILE 0")
    file = _file(values)
    data = read(file)
    try:
        result = groups.delete_group(
            data,
            session.input_format(file, values),
            session.keyring(values),
            int(arguments[0]),
            threshold=_threshold(values),
        )
    except SopsError as error:
        raise error.at(file) from None
    _finish(file, data, result, values)


# here keys may be repeated, one flag each, as in sops
_KEYS = tuple(
    table.Option(*o.flags, help=o.help, metavar=o.metavar, many=o.metavar not in ("NAME", "PAIRS"))
    for o in table.RECIPIENTS
)
ADD = table.Command(add, (*_COMMON, *_KEYS), "")
DELETE = table.Command(delete, _COMMON, "INDEX")
GROUPS = table.Group({"add": ADD, "delete": DELETE})
