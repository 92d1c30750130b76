"""``rotate`` of one file, as sops has it."""

from __future__ import annotations

import sys

from kubectl_sops.cli import option_table as table
from kubectl_sops.cli import session
from kubectl_sops.cli.recipe import recipients
from kubectl_sops.errors import (
    ConflictingParametersError,
    InputNotFoundError,
    MissingFileForKeysError,
    SopsError,
)
from kubectl_sops.files import rotate as file_rotate
from kubectl_sops.files.read import read

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
    source = session.input_format(file, values, data)
    try:
        result = file_rotate.rotate(
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
    output = session.output_file(values)
    if values.get("in_place"):
        session.write_result(file, data, result, "rotated", values, expected=data)
    elif output is not None:
        session.write_result(output, b"", result, "rotated", values)
    else:
        sys.stdout.buffer.write(result)
    return None


COMMAND = table.Command(
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
