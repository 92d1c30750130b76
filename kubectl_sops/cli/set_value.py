"""``set`` and ``unset``: changing values of an encrypted file without an editor."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from kubectl_sops.cli import option_table as table
from kubectl_sops.cli import secret_values, session
from kubectl_sops.core.selectors import Selector
from kubectl_sops.errors import (
    ConflictingParametersError,
    InputNotFoundError,
    InvalidValueError,
    KeyPathNotFoundError,
    RulesError,
    SopsError,
    format_path,
)
from kubectl_sops.files import change, index_path
from kubectl_sops.files.kube_secret import validate_change
from kubectl_sops.files.manifest import VALUE_FIELDS
from kubectl_sops.files.read import read

if TYPE_CHECKING:
    from collections.abc import Callable

    from kubectl_sops.core.leaf import Path
    from kubectl_sops.files.change import Values
    from kubectl_sops.files.readable import Readable

IDEMPOTENT = table.Option("--idempotent", kind=table.FLAG, help="Do nothing where there is nothing to change.")
VALUE_FILE = table.Option("--value-file", kind=table.FLAG, help="VALUE names a file that holds the JSON value.")
VALUE_STDIN = table.Option("--value-stdin", kind=table.FLAG, help="Read the JSON value from standard input.")
GENERATE = table.Option(
    "--generate", kind=table.INT, help="Make the value up: N random letters and digits.", metavar="N"
)

_LONGEST = 4096
_COMMON = (table.INPUT_TYPE, table.OUTPUT_TYPE, table.IGNORE_MAC, table.INDENT, table.SHAMIR_THRESHOLD, IDEMPOTENT)
_OF_OBJECT = ("apiVersion", "kind", "metadata", "type", "immutable")
_WRITING = (table.DRY_RUN, table.QUIET)


def set_value(arguments: list[str], values: table.Values) -> None:
    """Set values in an encrypted file; the text around them stays as it is.

    VALUE is JSON. Unlike sops, numbers keep their type and arrays are accepted. Without VALUE a text is asked for. With
    --from-literal, --from-file and --from-env-file, as `kubectl create secret` has them, KEYs of a Secret are set, many
    at once. A file that is not there is created where a rule of .sops.yaml matches it. What the API server would refuse
    in a Secret is not written.

    Examples:
      kubectl sops set secret.yaml '["stringData"]["password"]' '"correct horse"'

      kubectl sops set --value-stdin secret.yaml stringData.password < value.json

      kubectl sops set --generate 32 secret.yaml stringData.password

      kubectl sops set secret.yaml --from-env-file .env --from-literal password
    """
    if secret_values.are_given(values):
        file = _only_file(arguments, values)
        content = secret_values.collect(values)
        _set(file, values, lambda document: change.places(document, content), _refuse_readable, of_secret=True)
        return
    file, path, value = _one_value(arguments, values)
    of_secret = path[0] in VALUE_FIELDS and len(path) == 2
    _set(file, values, lambda _: [(0, path, value)], _teller(file, values), of_secret=of_secret)


def _refuse_readable(paths: list[Path]) -> None:
    raise InvalidValueError(
        "would not be encrypted: the file's selector does not cover it",
        path=paths[0],
        hint="`explain` shows the rule and what it encrypts; name a key path that it covers",
    )


def _teller(file: str, values: table.Values) -> Readable:
    """Says which values are not encrypted; names and labels of an object never are."""

    def tell(paths: list[Path]) -> None:
        shown = [format_path(path) for path in paths if path[0] not in _OF_OBJECT]
        if shown and not values.get("quiet"):
            session.tell(f"{file}: warning: {', '.join(shown)} stays readable: the file's selector does not cover it")

    return tell


def _only_file(arguments: list[str], values: table.Values) -> str:
    if any(values.get(name) for name in ("value_file", "value_stdin", "generate")) or len(arguments) != 1:
        raise ConflictingParametersError(
            "--from-literal, --from-file and --from-env-file name keys and values themselves",
            hint="write: set FILE --from-literal KEY=VALUE",
        )
    return arguments[0]


def _one_value(arguments: list[str], values: table.Values) -> tuple[str, Path, object]:
    stdin, generate = bool(values.get("value_stdin")), values.get("generate")
    expected = 2 if stdin or generate is not None else 3
    asks = expected == 3 and len(arguments) == 2 and session.is_interactive() and not values.get("as_sops")
    if len(arguments) != expected and not asks:
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
    elif asks:
        value = session.read_passphrase(f"{index}: ")
    else:
        value = _json(
            sys.stdin.buffer.read() if stdin else read(arguments[2]) if values.get("value_file") else arguments[2]
        )
    return file, index_path.parse(index), value


def _set(file: str, values: table.Values, wanted: Values, readable: Readable, *, of_secret: bool) -> None:
    plain_sops = bool(values.get("as_sops"))
    if not os.path.lexists(file) and not plain_sops:
        _create(file, values, wanted, of_secret=of_secret)
        return
    _rewrite(
        file,
        values,
        lambda data, source, output: change.set_values(
            data,
            source,
            session.keyring(values),
            wanted,
            now=session.now(),
            output=output,
            ignore_mac=bool(values.get("ignore_mac")),
            idempotent=bool(values.get("idempotent")),
            validate=None if plain_sops else lambda before, after: validate_change(before, after, source),
            readable=None if plain_sops else readable,
        ),
    )


def _create(file: str, values: table.Values, wanted: Values, *, of_secret: bool) -> None:
    from kubectl_sops.cli.recipe import recipe
    from kubectl_sops.files.encrypt import encrypt
    from kubectl_sops.files.scaffold import bare

    kind = session.input_format(file, values)
    try:
        how = recipe(file, values)
    except RulesError as error:
        raise InputNotFoundError(
            "no such file or directory", file=file, hint=f"check the path; it isn't created, since: {error.message}"
        ) from None
    try:
        selector = how.selector or Selector()
        if kind == "binary":
            selector = Selector("")
        text = change.with_values(bare(file, kind, is_secret=of_secret), kind, wanted, selector, _refuse_readable)
        validate_change(b"", text, kind)
        data = encrypt(text, kind, how, session.keyring(values), now=session.now()).data
    except SopsError as error:
        raise error.at(file) from None
    session.write_result(file, b"", data, "created", values, new_mode=0o666)


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
                guarded=not values.get("as_sops"),
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
        raise InvalidValueError(f"--generate takes a length from 1 to {_LONGEST}", hint="32 is a good one")
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(length))


def _no_constant(_: str) -> object:
    raise ValueError


def _rewrite(file: str, values: table.Values, run: Callable[[bytes, str, str | None], bytes]) -> None:
    data = read(file)
    source, output = session.input_format(file, values, data), session.output_format(file, values, data)
    try:
        result = run(data, source, output if output != source else None)
    except SopsError as error:
        raise error.at(file) from None
    session.write_result(file, data, result, "updated", values, expected=data)


SET_ONE = table.Command(
    set_value, (*_COMMON, VALUE_FILE, VALUE_STDIN, GENERATE, *_WRITING, *table.KEYS), "FILE KEY-PATH VALUE"
)
"""One value, as sops has it."""

SET = table.Command(set_value, (*SET_ONE.options, *secret_values.OPTIONS, table.CONFIG), "FILE [KEY-PATH [VALUE]]")
UNSET = table.Command(unset_value, (*_COMMON, *_WRITING, *table.KEYS), "FILE KEY-PATH")
