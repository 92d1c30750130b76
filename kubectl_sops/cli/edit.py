"""``edit``."""

from __future__ import annotations

import os

from kubectl_sops.cli import option_table as table
from kubectl_sops.cli import session
from kubectl_sops.cli.recipe import recipe
from kubectl_sops.errors import NotModifiedError, SopsError, UsageError
from kubectl_sops.files.decoded import DecodedView
from kubectl_sops.files.edit import UNCHANGED, edit_file
from kubectl_sops.files.kube_secret import validate

OPTIONS = (
    table.INPUT_TYPE,
    table.CONFIG,
    table.IGNORE_MAC,
    table.QUIET,
    table.Option("--resume", kind=table.FLAG, help="Go on with an edit that was given up."),
    table.Option("--decode", kind=table.FLAG, help="Show the values below data of Secrets decoded."),
    table.Option("--allow-disk", kind=table.FLAG, help="Accept a disk where no memory-backed folder exists."),
    *table.RECIPIENTS,
    *table.SELECTORS,
    table.SHAMIR_THRESHOLD,
    *table.KEYS,
)


def edit(arguments: list[str], values: table.Values) -> None:
    """Create or edit an encrypted file in your editor.

    The decrypted text exists in memory only. Unchanged values keep their ciphertext; leaving the text as it is
    leaves the file untouched. A Secret that the API server would refuse is not saved.

    Examples:
      kubectl sops edit secret.yaml

      EDITOR="code --wait" kubectl sops edit secret.yaml

      kubectl sops edit --decode secret.yaml

      kubectl sops edit --resume secret.yaml
    """
    file = _single(arguments) if arguments or not session.is_interactive() else _chosen()
    kind = session.input_format(file, values)
    try:
        outcome = edit_file(
            file,
            kind,
            session.keyring(values),
            recipe=lambda: recipe(file, values),
            now=session.now,
            environ=os.environ,
            interactive=session.is_interactive(),
            validate=lambda text: None if values.get("as_sops") else validate(text, kind),
            tell=session.tell,
            ignore_mac=bool(values.get("ignore_mac")),
            allow_disk=bool(values.get("allow_disk")),
            resume=bool(values.get("resume")),
            view=DecodedView(kind) if values.get("decode") else None,
        )
    except SopsError as error:
        raise error.at(file) from None
    if outcome == UNCHANGED and values.get("as_sops"):
        raise NotModifiedError("File has not changed, exiting.")
    if not values.get("quiet"):
        session.tell(f"{file} {outcome}")


def _chosen() -> str:
    from kubectl_sops.cli.choose import choose

    return choose()


def _single(arguments: list[str]) -> str:
    if len(arguments) != 1:
        hint = "run `edit` once for each file" if arguments else "write: edit FILE"
        raise UsageError(f"expected one file, found {len(arguments)}", hint=hint)
    return arguments[0]


COMMAND = table.Command(edit, OPTIONS, "[FILE]")
