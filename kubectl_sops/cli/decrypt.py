"""``decrypt``: on the hot path, so that its plain forms run without typer."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from kubectl_sops.cli import option_table as table
from kubectl_sops.cli import session
from kubectl_sops.errors import ConflictingParametersError, DumpError, SopsError, UsageError
from kubectl_sops.files import remote
from kubectl_sops.files.decrypt import open_document, parse_encrypted
from kubectl_sops.files.read import STDIN, read

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from kubectl_sops.keys.keyring import Keyring

OPTIONS = (
    table.IN_PLACE,
    table.OUTPUT,
    table.EXTRACT,
    table.INPUT_TYPE,
    table.OUTPUT_TYPE,
    table.FILENAME_OVERRIDE,
    table.CONFIG,
    table.IGNORE_MAC,
    table.INDENT,
    table.DRY_RUN,
    table.QUIET,
    *table.KEYS,
)


def decrypt(targets: list[str], values: table.Values) -> int:
    """Print files decrypted; several files become one YAML stream.

    Examples:
      kubectl sops decrypt secret.yaml | kubectl apply -f -

      kubectl sops decrypt --extract '["stringData"]["password"]' secret.yaml

      kubectl sops decrypt apps/ infrastructure/
    """
    if values.get("in_place") and values.get("output"):
        raise ConflictingParametersError("cannot operate on both --output and --in-place")
    if not targets:
        if session.is_interactive():
            targets = [_chosen()]
        elif sys.stdin.isatty():
            raise UsageError("no file to decrypt", hint="name files or directories, or pipe a file in")
        else:
            targets = [STDIN]
    if values.get("in_place") and STDIN in targets:
        raise ConflictingParametersError("cannot write to standard input", hint="leave out --in-place")
    keyring = session.keyring(values)
    many = len(targets) > 1 or os.path.isdir(targets[0])
    if not many:
        data = decrypt_one(targets[0], values, keyring)
        _write(targets[0], data, values)
        return 0
    if values.get("extract"):
        raise ConflictingParametersError("--extract takes one file")
    files = _expand(targets)
    if not files and not values.get("quiet"):
        session.tell(f"no encrypted file in {', '.join(targets)}")
    return _decrypt_many(files, values, keyring)


def _chosen() -> str:
    from kubectl_sops.cli.choose import choose

    return choose()


def decrypt_one(path: str, values: Mapping[str, object], keyring: Keyring, *, part: bool = False) -> bytes:
    """The plaintext of one file, in the wanted format; errors name the file.

    Args:
        part: it becomes a part of a YAML stream.
    """
    try:
        data = read(path)
        source, wanted = session.input_format(path, values, data), session.output_format(path, values, data)
        if part:
            wanted = _as_yaml(wanted, str(values.get("output_type") or ""))
        document, metadata = parse_encrypted(data, source)
        opened, _ = open_document(document, metadata, keyring, ignore_mac=bool(values.get("ignore_mac")))
        if values.get("extract"):
            from kubectl_sops.files.convert import extract

            return extract(
                document, opened, str(values["extract"]), wanted, indent=lambda: _indent(path, wanted, values)
            )
        if wanted == source and values.get("indent") is None:
            return document.splice(opened.changes, None)
        from kubectl_sops.files.convert import convert

        return convert(document, opened, wanted, indent=_indent(path, wanted, values))
    except SopsError as error:
        raise error.at("<stdin>" if path == STDIN else path) from None


def _indent(path: str, wanted: str, values: Mapping[str, object]) -> int | None:
    from kubectl_sops.cli.recipe import indent_for

    return indent_for(path, wanted, values)


def _write(path: str, data: bytes, values: Mapping[str, object]) -> None:
    target = path if values.get("in_place") else session.output_file(values)
    if target is not None:
        from kubectl_sops.files.write import replace_file

        if not values.get("dry_run"):
            replace_file(target, data)
        if not values.get("quiet"):
            session.tell(f"{target} decrypted" + session.mark(values))
        return
    sys.stdout.buffer.write(data)


def _expand(targets: list[str]) -> list[str]:
    if not any(os.path.isdir(path) for path in targets):
        return targets
    from kubectl_sops.repo.find import encrypted_files

    return list(encrypted_files(targets))


def _decrypt_many(targets: list[str], values: Mapping[str, object], keyring: Keyring) -> int:
    failures: list[SopsError] = []
    first = True
    output: list[bytes] = []
    target = session.output_file(values)
    remote.prefetch_paths(targets, lambda path: session.input_format(path, values), keyring)
    for path in _tracked(targets, failures, values):
        try:
            if values.get("in_place"):
                _write(path, decrypt_one(path, values, keyring), values)
                continue
            text = decrypt_one(path, values, keyring, part=True)
        except SopsError as error:
            failures.append(error)
            continue
        separator = b"" if first else b"---\n"
        first = False
        chunk = separator + text + (b"" if text.endswith(b"\n") or not text else b"\n")
        if target is not None:
            output.append(chunk)
        else:
            sys.stdout.buffer.write(chunk)
    if failures:
        from kubectl_sops.cli import recovery

        sys.stdout.flush()
        code = recovery.report(failures)
        if target is not None:
            session.tell(f"{target} was not written: {len(failures)} of {len(targets)} files can't be decrypted")
        else:
            done = session.mark(values)
            session.tell(f"{len(targets) - len(failures)} of {len(targets)} files decrypted{done}")
        return code
    if target is not None:
        _write("", b"".join(output), values)
    return 0


def _tracked(targets: list[str], failures: list[SopsError], values: Mapping[str, object]) -> Iterable[str]:
    if sys.stdout.isatty() and not values.get("in_place") and not values.get("output"):
        return targets  # a bar would stand among the text
    from kubectl_sops.cli import progress

    return progress.track(targets, "Decrypting", quiet=bool(values.get("quiet")), failures=failures)


def _as_yaml(kind: str, given: str) -> str:
    """The format of a part of a stream that is ready for ``kubectl apply -f -``.

    Raises:
        DumpError: there is none that holds everything.
    """
    if kind not in ("yaml", "json") or given == "json":
        raise DumpError(f"{kind} can't be part of a YAML stream", hint="decrypt it alone or with --output-type yaml")
    return "yaml"


COMMAND = table.Command(decrypt, OPTIONS, "[PATH]...")
