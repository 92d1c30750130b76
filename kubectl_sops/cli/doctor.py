"""``doctor``."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from kubectl_sops.cli import build as build_command
from kubectl_sops.cli import listing
from kubectl_sops.cli import option_table as table
from kubectl_sops.cli import session as cli_session
from kubectl_sops.errors import InputNotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_sops.flux.remark import Remark

FOUND = 1

OPTIONS = (
    listing.FORM,
    table.Option(
        "--from-cluster", kind=table.FLAG, help="Also look at variables and decryption Secrets in the cluster."
    ),
    table.Option("--flux-version", help="Behave as this version of Flux, for instance 2.8.", metavar="VERSION"),
    table.Option("--no-strict", kind=table.FLAG, help="Let variables without a value be empty."),
    table.Option("--allow-disk", kind=table.FLAG, help="Accept a disk where there is no memory-backed storage."),
    table.QUIET,
    *table.KEYS,
)

COLUMNS = (
    listing.Column("LEVEL", "level"),
    listing.Column("WHERE", "where"),
    listing.Column("KUSTOMIZATION", "owner"),
    listing.Column("FINDING", "message"),
    listing.Column("FIX", "hint"),
    listing.Column("CODE", "code", wide=True),
)


def doctor(arguments: list[str], values: table.Values) -> int:
    """Find what keeps Flux from applying this repository's secrets, or makes it apply something else.

    Builds every Flux Kustomization of the repository with your keys, without touching the cluster. With --from-cluster
    a file that the decryption Secret there does not open is an error. Exit code 0: nothing but warnings, 1: errors.

    Examples:
      kubectl sops doctor

      kubectl sops doctor --from-cluster -o json
    """
    form = listing.form(values)
    folder = arguments[0] if arguments else "."
    if not os.path.isdir(folder):
        raise InputNotFoundError(
            "no such folder", file=folder, hint="name a folder of the repository; its Kustomizations are found there"
        )
    found = list(_remarks(folder, values))
    if form is None:
        sys.stdout.write("".join(f"{remark.level}: {remark}\n" for remark in found))
    else:
        listing.write([remark.as_dict() for remark in found], COLUMNS, form, name="where")
    errors = sum(remark.level == "error" for remark in found)
    if form is None and not values.get("quiet"):
        cli_session.tell(f"{errors} error{'s' * (errors != 1)}, {len(found) - errors} warnings")
    return FOUND if errors else 0


def _remarks(folder: str, values: table.Values) -> Iterator[Remark]:
    from kubectl_sops.flux import doctor as flux_doctor
    from kubectl_sops.flux.remark import WARNING, Remark
    from kubectl_sops.flux.target import Target, top_of

    yield from flux_doctor.tools(os.environ)
    target = Target(top_of(folder))
    with build_command.open_session(target, values, build_command.masker_of(values)) as work:
        if not work.catalog.kustomizations:
            yield Remark("no-kustomization", "no Flux Kustomization in this repository", where=folder, level=WARNING)
        yield from flux_doctor.examine(work)


COMMAND = table.Command(doctor, OPTIONS, "[PATH]")
