"""``encrypt``."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from kubectl_sops import formats
from kubectl_sops.cli import option_table as table
from kubectl_sops.cli import session
from kubectl_sops.cli.recipe import indent_for, recipe
from kubectl_sops.errors import ConflictingParametersError, MetadataError, SopsError, UsageError, format_path
from kubectl_sops.files import encrypt as encryption
from kubectl_sops.files.read import STDIN, read
from kubectl_sops.formats import format_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from kubectl_sops.files.encrypt import Recipe, Written
    from kubectl_sops.keys.keyring import Keyring

OPTIONS = (
    table.IN_PLACE,
    table.OUTPUT,
    table.INPUT_TYPE,
    table.OUTPUT_TYPE,
    table.FILENAME_OVERRIDE,
    table.CONFIG,
    table.INDENT,
    table.DRY_RUN,
    table.QUIET,
    table.VERBOSE,
    table.Option("--if-needed", kind=table.FLAG, help="Encrypt what is still readable, if anything is."),
    table.IGNORE_MAC,
    *table.RECIPIENTS,
    *table.SELECTORS,
    table.SHAMIR_THRESHOLD,
    *table.KEYS,
)


def encrypt(targets: list[str], values: table.Values) -> int:
    """Encrypt files by the rules of .sops.yaml.

    Where the target is an encrypted version of the file, unchanged values keep their ciphertext. A folder stands for
    the files in it that `check` says are to be encrypted: Secrets that a rule covers, and files that its path_regex is
    about. With --if-needed, values that somebody added to an encrypted file by hand are encrypted too.

    Examples:
      kubectl sops encrypt -i secret.yaml

      kubectl sops encrypt -i --if-needed clusters/prod

      kubectl sops encrypt --output secret.enc.yaml secret.yaml

      kubectl sops encrypt --filename-override secret.yaml < secret.yaml
    """
    if values.get("in_place") and values.get("output"):
        raise ConflictingParametersError("cannot operate on both --output and --in-place")
    if not targets:
        if sys.stdin.isatty():
            raise UsageError("no file to encrypt", hint="name a file, or pipe one in")
        targets = [STDIN]
    if STDIN in targets:
        if values.get("in_place"):
            raise ConflictingParametersError("cannot write to standard input", hint="leave out --in-place")
        if not values.get("filename_override"):
            raise ConflictingParametersError(
                "must specify --filename-override when reading from stdin", hint="it chooses format and rule"
            )
    folder = any(os.path.isdir(path) for path in targets)
    if (folder or len(targets) > 1) and not values.get("in_place"):
        raise UsageError("several files can only be encrypted in place", hint="add --in-place")
    if folder:
        folders, targets = targets, _expanded(targets, values)
        if not targets and not values.get("quiet"):
            session.tell(f"nothing to encrypt in {', '.join(folders)}")
    keyring = session.keyring(values)
    failures: list[SopsError] = []
    for path in _tracked(targets, failures, values):
        try:
            _encrypt_one(path, values, keyring)
        except SopsError as error:
            failures.append(error.at("<stdin>" if path == STDIN else path))
    if len(targets) == 1 and failures:
        raise failures[0]
    if not failures:
        return 0
    from kubectl_sops.cli import recovery

    code = recovery.report(failures)
    session.tell(f"{len(targets) - len(failures)} of {len(targets)} files encrypted{session.mark(values)}")
    return code


def _tracked(targets: list[str], failures: list[SopsError], values: Mapping[str, object]) -> Iterable[str]:
    if len(targets) == 1:
        return targets
    from kubectl_sops.cli import progress

    return progress.track(targets, "Encrypting", quiet=bool(values.get("quiet")), failures=failures)


def _encrypt_one(path: str, values: Mapping[str, object], keyring: Keyring) -> None:
    source, wanted = session.input_format(path, values), session.output_format(path, values)
    data = read(path)
    target = path if values.get("in_place") else session.output_file(values)
    if values.get("if_needed") and _is_encrypted(data, source, strict=True):
        from kubectl_sops.files.heal import heal

        ignore_mac = bool(values.get("ignore_mac"))
        result = heal(data, source, keyring, now=session.now(), ignore_mac=ignore_mac)
        if target is None:
            sys.stdout.buffer.write(result)
        else:
            expected = data if values.get("in_place") else None
            session.write_result(target, data, result, "encrypted", values, expected=expected)
        return
    how = recipe(path, values)
    outcome = "encrypted"
    if wanted != source:
        indent = indent_for(path, wanted, values)
        result = encryption.encrypt_as(data, source, wanted, how, keyring, now=session.now(), indent=indent)
        base = None
    else:
        base = _base(target, wanted, keyring, values) if target else None
        written = None
        if values.get("in_place") and base is None and not values.get("as_sops"):
            written = _over_committed(path, data, wanted, how, values)
        if written is not None:
            outcome = "encrypted over the version in Git"
        else:
            written = encryption.encrypt(data, wanted, how, keyring, now=session.now(), base=base)
        result = written.data
        if values.get("verbose") and not written.exact:
            session.tell(f"{path}: decrypting gives the same data in another spelling (see docs/format.md)")
        _warn(path, data, source, values)
    if target is None:
        sys.stdout.buffer.write(result)
        return
    before = data if values.get("in_place") else base
    session.write_result(target, before or b"", result, outcome, values, expected=before)


def _over_committed(path: str, data: bytes, format: str, how: Recipe, values: Mapping[str, object]) -> Written | None:
    """The file encrypted over the version that Git has, if that is encrypted and opens: a plaintext that was looked at
    or edited and goes back comes without a change, or with the changed values alone.
    """
    from kubectl_sops.repo import git

    top = git.find_top(os.path.dirname(path) or ".")
    if top is None:
        return None
    # whatever order is wished for, nobody is asked: what is at hand comes first
    keyring = session.keyring({**values, "decryption_order": None, "key_source": values.get("key_source") or "local"})
    name = os.path.relpath(os.path.realpath(path), os.path.realpath(top))
    try:
        for version in git.read_blobs([f":{name}", f"HEAD:{name}"], top):
            metadata = None if version is None else formats.parse(version, format).metadata
            if metadata is not None:
                if not keyring.holds(metadata):
                    return None  # whoever encrypts need not be able to open the old version
                return encryption.encrypt(data, format, how, keyring, now=session.now(), base=version)
    except SopsError:
        pass  # what is in Git is not what was asked about
    return None


def _warn(path: str, data: bytes, format: str, values: Mapping[str, object]) -> None:
    """Say what is wrong with a Secret. The file may still be a patch, or completed by others: it is encrypted."""
    if values.get("quiet") or values.get("as_sops") or format not in ("yaml", "json") or b"Secret" not in data:
        return
    from kubectl_sops.files.kube_secret import problems

    for problem in problems(formats.parse(data, format)):
        where = f"{path}: {format_path(problem.path)}"
        session.tell(f"{where}: warning: {problem.message}; {problem.hint}")


def _expanded(targets: list[str], values: Mapping[str, object]) -> list[str]:
    from kubectl_sops.repo.guard import unencrypted_files
    from kubectl_sops.repo.policy import Policy

    policy = Policy(str(values["config"]) if values.get("config") else None)
    files: list[str] = []
    for path in targets:
        if not os.path.isdir(path):
            files.append(path)
            continue
        found = unencrypted_files([path], policy)
        # without --if-needed an encrypted file is an error, and nobody named this one
        files += [name for name in found if values.get("if_needed") or not _is_encrypted(read(name), format_of(name))]
    return list(dict.fromkeys(files))


def _is_encrypted(data: bytes, format: str, *, strict: bool = False) -> bool:
    try:
        return formats.parse(data, format).metadata is not None
    except MetadataError:
        if strict:
            raise
        return False
    except SopsError:
        return False


def _base(target: str, format: str, keyring: Keyring, values: Mapping[str, object]) -> bytes | None:
    # the encrypted version that is being replaced; the plaintext itself, or anything else, is none
    if not os.path.isfile(target):
        return None
    data = read(target)
    try:
        metadata = formats.parse(data, format).metadata
    except SopsError:
        return None
    if metadata is None:
        return None
    try:
        keyring.data_key(metadata)
    except SopsError:
        if not values.get("quiet"):
            session.tell(f"{target} does not open here, so all of it is encrypted anew")
        return None
    return data


COMMAND = table.Command(encrypt, OPTIONS, "[PATH]...")
