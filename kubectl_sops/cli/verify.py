"""``verify``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_sops.cli import listing, progress, session
from kubectl_sops.cli import option_table as table
from kubectl_sops.errors import SopsError, format_path
from kubectl_sops.files import remote
from kubectl_sops.files.decrypt import open_document, parse_encrypted
from kubectl_sops.repo import find
from kubectl_sops.repo.spread import spread

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kubectl_sops.keys.keyring import Keyring

OPTIONS = (listing.FORM, table.INPUT_TYPE, table.QUIET, *table.KEYS)

COLUMNS = (
    listing.Column("FILE", "file"),
    listing.Column("RESULT", "result"),
    listing.Column("VALUES", "values"),
    listing.Column("PATH", "path"),
    listing.Column("REASON", "reason"),
)


def verify(arguments: list[str], values: table.Values) -> int:
    """Open every encrypted file and check its values and its MAC; nothing decrypted is printed.

    The exit code is that of the first file that fails.

    Examples:
      kubectl sops verify

      kubectl sops verify --key-source cluster clusters/prod
    """
    form = listing.form(values)
    keyring = session.keyring(values)
    rows: list[dict[str, object]] = []
    code = 0
    quiet = bool(values.get("quiet"))

    def work(entry: find.Entry) -> dict[str, object] | None:
        data = find.read_encrypted(entry)
        return None if data is None else _verify(entry.path, data, values, keyring)

    entries = find.list_entries(arguments or ["."])
    paths = [entry.path for entry in entries]
    remote.prefetch_paths(paths, lambda path: session.input_format(path, values), keyring)
    failures: list[SopsError] = []
    shown_entries = progress.track(entries, "Verifying", quiet=quiet, failures=failures)
    for entry, row in zip(shown_entries, spread(work, entries), strict=False):
        if isinstance(row, SopsError):
            failures.append(row)
            code = code or row.exit_code
            where = format_path(row.path or ()) or None
            rows.append({
                "file": entry.path, "result": "failed", "values": None, "path": where, "reason": row.message,
                "hint": row.next_step,
            })  # fmt: skip
        elif row is not None:
            rows.append(row)
    if not rows and form is None:
        session.tell("No encrypted files found.")
        return 0
    shown = [row for row in rows if row["result"] != "verified"] if quiet and form is None else rows
    if shown or form is not None:
        listing.write(shown, COLUMNS, form, name="file")
    if form is None:
        _tell_hints(rows)
    if form is None and not quiet:
        failed = sum(row["result"] == "failed" for row in rows)
        session.tell(f"{len(rows) - failed} of {len(rows)} files verified")
    return code


def _tell_hints(rows: Sequence[Mapping[str, object]]) -> None:
    from kubectl_sops.cli.app import prefix

    for hint in dict.fromkeys(row["hint"] for row in rows if row["hint"]):
        session.tell(f"{prefix()}: hint: {hint}")


def _verify(path: str, data: bytes, values: table.Values, keyring: Keyring) -> dict[str, object]:
    kind = session.input_format(path, values, data)
    document, metadata = parse_encrypted(data, kind)
    opened, _ = open_document(document, metadata, keyring)
    unopened = len(opened.unopened_comments)
    return {
        "file": path,
        "result": "verified",
        "values": len(opened.changes),
        "path": None,
        "reason": f"{unopened} comments do not open, or are not encrypted" if unopened else None,
        "hint": None,
    }


COMMAND = table.Command(verify, OPTIONS, "[PATH]...")
