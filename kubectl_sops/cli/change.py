"""``set``, ``unset`` and ``rotate``: changing an encrypted file without an editor."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from kubectl_sops.cli import option_table as table
from kubectl_sops.cli import session
from kubectl_sops.cli.recipe import recipients
from kubectl_sops.errors import (
    ConflictingParametersError,
    InputNotFoundError,
    InvalidValueError,
    KeyPathNotFoundError,
    MissingFileForKeysError,
    SopsError,
)
from kubectl_sops.files import change, index_path
from kubectl_sops.files.read import read
from kubectl_sops.files.write import replace_file

if TYPE_CHECKING:
    from collections.abc import Callable

IDEMPOTENT = table.Option("--idempotent", kind=table.FLAG, help="Do nothing where there is nothing to change.")
VALUE_FILE = table.Option("--value-file", kind=table.FLAG, help="VALUE names a file that holds the JSON value.")
VALUE_STDIN = table.Option("--value-stdin", kind=table.FLAG, help="Read the JSON value from standard input.")
GENERATE = table.Option(
    "--generate", kind=table.INT, help="Make the value up: N random letters and digits.", metavar="N"
)

_LONGEST = 4096
_COMMON = (table.INPUT_TYPE, table.OUTPUT_TYPE, table.IGNORE_MAC, table.INDENT, table.SHAMIR_THRESHOLD, IDEMPOTENT)
_WRITING = (table.DRY_RUN, table.QUIET)


def _edge(name: str, what: str) -> tuple[table.Option, ...]:
    return tuple(
        table.Option(f"--{name}-{flag}", many=True, help=f"{what} {kind}.", metavar="KEYS")
        for flag, kind in (
            ("age", "age or ssh recipients"),
            ("pgp", "PGP fingerprints"),
            ("kms", "AWS KMS ARNs"),
            ("gcp-kms", "GCP KMS resource ids"),
            ("hckms", "HuaweiCloud KMS key ids"),
            ("azure-kv", "Azure Key Vault URLs"),
            ("hc-vault-transit", "Vault transit key URIs"),
        )
    )


def set_value(arguments: list[str], values: table.Values) -> None:
    """Set a value in an encrypted file; the text around it stays as it is.

    VALUE is JSON. Unlike sops, numbers keep their type and arrays are accepted.

    Examples:
      kubectl sops set secret.yaml '["stringData"]["password"]' '"correct horse"'

      kubectl sops set --value-stdin secret.yaml stringData.password < value.json

      kubectl sops set --generate 32 secret.yaml stringData.password
    """
    stdin, generate = bool(values.get("value_stdin")), values.get("generate")
    expected = 2 if stdin or generate is not None else 3
    if len(arguments) != expected:
        raise InputNotFoundError(
            "no file specified, or index and value are missing: "
            f"need precisely {expected} positional arguments, found {len(arguments)}",
            hint="""write: set FILE '["key"]' '"value"'""",
        )
    file, index = arguments[:2]
    if stdin and values.get("value_file"):
        raise ConflictingParametersError("cannot use both --value-file and --value-stdin")
    if generate is not None and (stdin or values.get("value_file")):
        raise ConflictingParametersError("--generate makes the value up, so none can be given")
    if isinstance(generate, int):
        value: object = _generated(generate)
    else:
        value = _json(
            sys.stdin.buffer.read() if stdin else read(arguments[2]) if values.get("value_file") else arguments[2]
        )
    path = index_path.parse(index)
    _rewrite(
        file,
        values,
        lambda data, source, output: change.set_value(
            data,
            source,
            session.keyring(values),
            path,
            value,
            now=session.now(),
            output=output,
            ignore_mac=bool(values.get("ignore_mac")),
            idempotent=bool(values.get("idempotent")),
        ),
    )


def unset_value(arguments: list[str], values: table.Values) -> None:
    """Remove a value or subtree from an encrypted file.

    Examples:
      kubectl sops unset secret.yaml '["stringData"]["old"]'
    """
    if len(arguments) != 2:
        raise InputNotFoundError(
            f"no file specified, or index is missing: need precisely 2 positional arguments, found {len(arguments)}",
            hint="""write: unset FILE '["key"]'""",
        )
    file, index = arguments
    path = index_path.parse(index)

    def unset(data: bytes, source: str, output: str | None) -> bytes:
        try:
            return change.unset_value(
                data,
                source,
                session.keyring(values),
                path,
                now=session.now(),
                output=output,
                ignore_mac=bool(values.get("ignore_mac")),
            )
        except KeyPathNotFoundError:
            if values.get("idempotent"):
                return data
            raise

    _rewrite(file, values, unset)


def _json(text: str | bytes) -> object:
    import json

    try:
        value = json.loads(text, parse_constant=_no_constant)
        # neither a number beyond all numbers nor half a character can be stored
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
        return value
    except (ValueError, RecursionError):
        raise InvalidValueError("the value is not valid JSON", hint="""quote text twice: '"text"'""") from None


def _generated(length: int) -> str:
    import secrets
    import string

    if not 1 <= length <= _LONGEST:
        raise InvalidValueError(f"--generate takes a length from 1 to {_LONGEST}")
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(length))


def _no_constant(_: str) -> object:
    raise ValueError


def _rewrite(file: str, values: table.Values, run: Callable[[bytes, str, str | None], bytes]) -> None:
    source, output = session.input_format(file, values), session.output_format(file, values)
    data = read(file)
    try:
        result = run(data, source, output if output != source else None)
    except SopsError as error:
        raise error.at(file) from None
    session.write_result(file, data, result, "updated", values, expected=data)


def rotate(arguments: list[str], values: table.Values) -> int | None:
    """Encrypt a file anew under a new data key, and add or remove recipients.

    Examples:
      kubectl sops rotate -i secret.yaml

      kubectl sops rotate -i --add-age age1… --rm-pgp ABCDEF… secret.yaml
    """
    if not arguments:
        raise InputNotFoundError("no file specified", hint="write: rotate -i FILE")
    if values.get("in_place") and values.get("output"):
        raise ConflictingParametersError("cannot operate on both --output and --in-place")
    add, remove = recipients(values, "add_"), recipients(values, "rm_")
    file = arguments[0]
    try:
        data = read(file)
    except InputNotFoundError:
        if add or remove:
            raise MissingFileForKeysError(
                f"cannot add or remove keys on non-existent file {file}", hint="create it with `edit` first"
            ) from None
        raise
    source = session.input_format(file, values)
    try:
        result = change.rotate(
            data,
            source,
            session.keyring(values),
            now=session.now(),
            add=add,
            remove=[key.id for key in remove],
            ignore_mac=bool(values.get("ignore_mac")),
        )
    except SopsError as error:
        raise error.at(file) from None
    if values.get("in_place"):
        session.write_result(file, data, result, "rotated", values, expected=data)
    elif values.get("output"):
        replace_file(str(values["output"]), result)
    else:
        sys.stdout.buffer.write(result)
    return None


SET = table.Command(
    set_value, (*_COMMON, VALUE_FILE, VALUE_STDIN, GENERATE, *_WRITING, *table.KEYS), "FILE KEY-PATH VALUE"
)
UNSET = table.Command(unset_value, (*_COMMON, *_WRITING, *table.KEYS), "FILE KEY-PATH")
ROTATE = table.Command(
    rotate,
    (
        table.IN_PLACE,
        table.OUTPUT,
        table.INPUT_TYPE,
        table.OUTPUT_TYPE,
        table.FILENAME_OVERRIDE,
        table.IGNORE_MAC,
        table.INDENT,
        *_edge("add", "Add"),
        *_edge("rm", "Remove"),
        table.Option("--encryption-context", help="KMS context for the keys that are added.", metavar="PAIRS"),
        table.SHAMIR_THRESHOLD,
        *_WRITING,
        *table.KEYS,
    ),
    "FILE",
)
