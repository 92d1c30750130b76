"""``keys``: what the cluster's Secret holds."""

from __future__ import annotations

import os
import re
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING

from kubectl_sops.cli import listing, session
from kubectl_sops.cli import option_table as table
from kubectl_sops.cli.config_file import ConfigFile
from kubectl_sops.cli.init import NAMESPACE, read_identities, secret_place
from kubectl_sops.cluster import age_secret
from kubectl_sops.cluster.client import connect
from kubectl_sops.cluster.failure import ObjectNotFoundError, UnusableSecretError
from kubectl_sops.cluster.identities import dump
from kubectl_sops.errors import KeyParseError, SopsError, UsageError
from kubectl_sops.files.read import read
from kubectl_sops.files.write import replace_file
from kubectl_sops.keys import flux_entry
from kubectl_sops.keys.flux_secret import AGE_SUFFIX, NAMED, PGP_SUFFIX
from kubectl_sops.repo.find import find_encrypted
from kubectl_sops.repo.git import find_top

if TYPE_CHECKING:
    from kubectl_sops.cluster.age_secret import AgeSecret
    from kubectl_sops.cluster.client import Client
    from kubectl_sops.cluster.identities import Identity

_ENTRY_NAME = re.compile(r"[-._a-zA-Z0-9]{1,253}")
"""What Kubernetes allows as a name in ``data``."""

YES, IGNORED = "yes", "no: Flux ignores this name"


def _read(values: table.Values) -> tuple[Client, AgeSecret]:
    namespace, name = secret_place(values)
    client = connect(values)
    try:
        return client, age_secret.read(client, namespace, name)
    except ObjectNotFoundError as error:
        error.hint = "run `init` to create it, or name another with --key-secret"
        raise


def _age(created: object) -> str:
    """How long ago, as kubectl writes it: ``3d4h``, ``12m``."""
    try:
        seconds = int((datetime.now(UTC) - datetime.fromisoformat(str(created))).total_seconds())
    except (TypeError, ValueError):  # no date, or one without a time zone
        return "-"
    days, hours, minutes = seconds // 86400, seconds // 3600 % 24, seconds // 60 % 60
    if days:
        return f"{days}d{hours}h" if days < 10 and hours else f"{days}d"
    if hours:
        return f"{hours}h{minutes}m" if minutes else f"{hours}h"
    return f"{minutes}m" if minutes else f"{max(seconds, 0)}s"


_COLUMNS = (
    listing.Column("ENTRY", "entry"),
    listing.Column("RECIPIENT", "recipient"),
    listing.Column("AGE", "created", show=_age),
    listing.Column("FILES", "files", show=lambda value: str(len(value)) if isinstance(value, list) else "-"),
    listing.Column("USED", "used"),
    listing.Column("CREATED", "created", wide=True),
    listing.Column("RULES", "rules", wide=True),
)


def _rows(secret: AgeSecret, values: table.Values) -> list[dict[str, object]]:
    """A row for each identity, and one for each entry that Flux does not read identities from."""
    config = ConfigFile(values)
    here = os.getcwd()
    files = [(entry.path, data) for entry, data in find_encrypted([os.path.relpath(find_top(here) or here)])]
    rows: list[dict[str, object]] = []
    for identity in secret.identities():
        recipient = identity.recipient.encode()
        rows.append(
            {
                "entry": identity.entry,
                "recipient": identity.recipient,
                "created": identity.created or secret.created,
                "used": YES,
                "rules": config.rules_with([identity.recipient]) if recipient else [],
                # every format keeps the recipients of a file readable in its metadata
                "files": [path for path, data in files if recipient and recipient in data],
            }
        )
    named = {identity.entry for identity in secret.identities()}
    for name in secret.data:
        if name not in named:
            used = IGNORED if name in secret.ignored else "no: it is empty" if name.endswith(AGE_SUFFIX) else YES
            rows.append({"entry": name, "recipient": None, "created": None, "used": used, "rules": [], "files": None})
    return rows


def list_keys(arguments: list[str], values: table.Values) -> None:
    """List the keys of the cluster's Secret: whose they are, how old, how many files of the repository need them.

    Examples:
      kubectl sops keys list

      kubectl sops keys list -o json --context staging
    """
    if arguments:
        raise UsageError("unexpected argument", hint="`keys show` takes the name of a key")
    form = listing.form(values)
    _, secret = _read(values)
    listing.write(_rows(secret, values), _COLUMNS, form, name="entry")


def show(arguments: list[str], values: table.Values) -> None:
    """Show keys of the cluster's Secret in full: recipient, date, the rules and files that use them.

    A key is named by its recipient or by its entry; without a name all are shown.

    Examples:
      kubectl sops keys show

      kubectl sops keys show age.agekey
    """
    form = listing.form(values)
    _, secret = _read(values)
    rows = [row for row in _rows(secret, values) if not arguments or {row["entry"], row["recipient"]} & {*arguments}]
    _require_found(arguments, [str(row[field]) for row in rows for field in ("entry", "recipient")])
    if form is not None:
        listing.write(rows, _COLUMNS, form, name="entry")
        return
    lines = [f"secret/{secret.name} in namespace {secret.namespace}" + ("" if secret.ours else ", not created by us")]
    for row in rows:
        lines += ["", str(row["entry"])]
        for field in ("recipient", "created", "used"):
            if row[field]:
                lines.append(f"  {field + ':':<11}{row[field]}")
        for field in ("rules", "files"):
            found = row[field]
            if isinstance(found, list) and row["recipient"]:
                lines.append(f"  {field + ':':<11}" + ("" if found else "none"))
                lines += [f"    {item}" for item in found]
    sys.stdout.write("\n".join(line.rstrip() for line in lines) + "\n")


def _require_found(wanted: list[str], found: list[str]) -> None:
    for name in wanted:
        if name not in found:
            _refuse_private(name)
            raise SopsError(f"the Secret has no key {name}", hint="`keys list` shows what there is")


def _refuse_private(text: str) -> None:
    if text.upper().startswith(("AGE-SECRET-KEY", "AGE-PLUGIN-")):
        raise KeyParseError("a private key was given as an argument", hint="replace this key: others have seen it")


def export(arguments: list[str], values: table.Values) -> None:
    """Print private keys of the cluster's Secret, as a key file that age and sops read.

    Examples:
      kubectl sops keys export > cluster.agekey

      kubectl sops keys export --output ~/.config/sops/age/keys.txt age.agekey
    """
    _, secret = _read(values)
    identities = secret.require_usable()
    _require_found(arguments, [text for i in identities for text in (i.entry, i.recipient)])
    chosen = [i for i in identities if not arguments or {i.entry, i.recipient} & {*arguments}]
    data = dump(chosen).encode()
    output = session.output_file(values)
    if output is None:
        sys.stdout.buffer.write(data)
        return
    replace_file(output, data)
    if not values.get("quiet"):
        session.tell(f"{output} written: whoever reads it reads every secret of the cluster")


def import_key(arguments: list[str], values: table.Values) -> None:
    """Add an age identity that you bring to the cluster's Secret, beside the keys that are there.

    With --entry it may be what Flux needs for another key system, in a Secret that is created where it is missing.

    Examples:
      kubectl sops keys import old-cluster.agekey

      pass cluster/age | kubectl sops keys import -

      gpg --export-secret-keys --armor $FINGERPRINT | kubectl sops keys import --entry sops.asc -
    """
    if len(arguments) != 1:
        raise UsageError("expected one key file", hint="write: keys import FILE, or - for standard input")
    _refuse_private(arguments[0])
    other = str(values.get("entry") or "")
    if other in NAMED or (other.endswith(PGP_SUFFIX) and _ENTRY_NAME.fullmatch(other)):
        _import_other(other, arguments[0], values)
        return
    brought = read_identities(arguments[0])
    client, secret = _read(values)
    present = {identity.text for identity in secret.identities()}
    added = [identity for identity in brought if identity.text not in present]
    suffix = " (dry run)" if values.get("dry_run") else ""
    if added:
        entry = _entry(secret, added[0], values)
        if not suffix:
            age_secret.change(client, secret, {entry: dump(added).encode()})
    if not values.get("quiet"):
        session.tell(f"secret/{secret.name} {'configured' if added else 'unchanged'}{suffix}")
        for identity in brought:
            session.tell(f"  recipient {identity.recipient}")


def _import_other(entry: str, path: str, values: table.Values) -> None:
    """Store a PGP key or the credentials of a key service under the name that Flux looks for."""
    data = read(path)
    flux_entry.check(entry, data)
    namespace, name = secret_place(values)
    client = connect(values)
    secret = age_secret.find(client, namespace, name)
    suffix = " (dry run)" if values.get("dry_run") else ""
    if secret is None:
        outcome = "created"
        if not suffix:
            age_secret.create(client, namespace, name, data, version("kubectl-sops"), entry=entry)
    elif secret.data.get(entry) == data:
        outcome = "unchanged"
    elif entry in secret.data and entry.endswith(PGP_SUFFIX):
        # credentials are renewed, a key may be the only one that opens older files
        raise UnusableSecretError(
            f"secret/{name} in namespace {namespace} already has an entry {entry}", hint="name another with --entry"
        )
    else:
        outcome = "configured"
        if not suffix:
            age_secret.change(client, secret, {entry: data})
    if not values.get("quiet"):
        session.tell(f"secret/{name} {outcome}{suffix}")


def _entry(secret: AgeSecret, identity: Identity, values: table.Values) -> str:
    given = values.get("entry")
    name = str(given) if given else f"{identity.recipient.split('1', 1)[-1][:8]}{AGE_SUFFIX}"
    if not name.endswith(AGE_SUFFIX) or not _ENTRY_NAME.fullmatch(name):
        raise UsageError(
            f"the name of the entry must end in {AGE_SUFFIX} and have letters, digits, - _ . only: Flux ignores others",
            hint=f"keys of other systems are named …{PGP_SUFFIX}, {', '.join(NAMED)}",
        )
    if name in secret.data:
        raise UnusableSecretError(
            f"secret/{secret.name} in namespace {secret.namespace} already has an entry {name}",
            hint="name another with --entry",
        )
    return name


_PLACE = (table.KEY_SECRET, NAMESPACE, *table.CLUSTER)
LIST = table.Command(list_keys, (listing.FORM, table.CONFIG, *_PLACE), "")
SHOW = table.Command(show, (listing.FORM, table.CONFIG, *_PLACE), "[RECIPIENT|ENTRY]...")
EXPORT = table.Command(export, (table.OUTPUT, table.QUIET, *_PLACE), "[RECIPIENT|ENTRY]...")
IMPORT = table.Command(
    import_key,
    (
        table.Option(
            "--entry", help=f"Name of the entry: …{AGE_SUFFIX}, …{PGP_SUFFIX}, {', '.join(NAMED)}.", metavar="NAME"
        ),
        table.DRY_RUN,
        table.QUIET,
        *_PLACE,
    ),
    "FILE",
)


def prune(arguments: list[str], values: table.Values) -> None:
    """Remove the keys that `init --force --overlap` left in the Secret, once no file needs them.

    Examples:
      kubectl sops keys prune
    """
    from kubectl_sops.cli.replace import prune as prune_replaced

    if arguments:
        raise UsageError("unexpected argument")
    prune_replaced(*secret_place(values), values)


PRUNE = table.Command(prune, (table.DRY_RUN, table.QUIET, table.YES, *_PLACE), "")
KEYS = table.Group({"list": LIST, "show": SHOW, "export": EXPORT, "import": IMPORT, "prune": PRUNE})
