"""What the options of a command say about keys, formats and rules, made into objects. On the hot path."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

from kubectl_sops import formats
from kubectl_sops.core.metadata import KINDS
from kubectl_sops.errors import InputNotFoundError, UsageError
from kubectl_sops.keys.keyring import Keyring

if TYPE_CHECKING:
    from collections.abc import Mapping


DEFAULT_KEY_SECRET = "flux-system/sops-age"  # noqa: S105  # the name of an object
KEY_SOURCES = ("auto", "local", "cluster", "none")


def now() -> str:
    """The current time as SOPS records it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def is_interactive() -> bool:
    """Whether a person can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def tell(line: str) -> None:
    """Show a line to the user, on stderr."""
    from kubectl_sops.cli.terminal import show

    show(line)


def output_file(values: Mapping[str, object]) -> str | None:
    """The file that ``--output`` names; ``None`` for standard output, which ``-`` means too.

    sops has no such name for it: there, and under its name, ``-`` is a file.
    """
    output = values.get("output")
    return None if not output or (output == "-" and not values.get("as_sops")) else str(output)


def mark(values: Mapping[str, object]) -> str:
    """What follows a line that says what was done, where nothing is."""
    return " (dry run)" if values.get("dry_run") else ""


def read_passphrase(prompt: str) -> str:
    """Ask for a passphrase on the terminal, without echo."""
    from getpass import getpass

    return getpass(prompt)


def keyring(values: Mapping[str, object]) -> Keyring:
    """The keyring that ``option_table.KEYS`` describe."""
    source = str(values.get("key_source") or "auto")
    if source not in KEY_SOURCES:
        raise UsageError(f"--key-source is {source}, expected one of {', '.join(KEY_SOURCES)}")
    order = _order(values)
    for path in _texts(values.get("age_key_file")):
        if not os.path.exists(path):
            raise InputNotFoundError("no such file", file=path, hint="check --age-key-file")
    return Keyring(
        environ=os.environ,
        identity_files=_texts(values.get("age_key_file")),
        cluster=(lambda: _cluster_entries(values)) if _has_cluster(values) or source == "cluster" else None,
        source=source,
        order=order,
        ask_passphrase=read_passphrase if is_interactive() else None,
        tell=tell if sys.stderr.isatty() else None,
    )


def _order(values: Mapping[str, object]) -> list[str] | None:
    given = values.get("decryption_order")
    if not given:
        return None
    order = str(given).split(",")
    unknown = [kind for kind in order if kind not in KINDS]
    if unknown and not values.get("as_sops"):  # which passes over it
        raise UsageError(f"--decryption-order has {unknown[0]}, expected some of {', '.join(KINDS)}")
    return order


def _texts(value: object) -> tuple[str, ...]:
    return tuple(value) if isinstance(value, list | tuple) else ()


def _has_cluster(values: Mapping[str, object]) -> bool:
    # looked at before the Kubernetes client is imported: most machines that decrypt have no cluster
    if values.get("kubeconfig") or values.get("context") or os.environ.get("KUBERNETES_SERVICE_HOST"):
        return True
    paths = os.environ.get("KUBECONFIG", "").split(os.pathsep)
    if not any(paths):
        paths = [os.path.join(os.path.expanduser("~"), ".kube", "config")]
    return any(path and os.path.exists(path) for path in paths)


def key_secret(values: Mapping[str, object]) -> tuple[str, str]:
    """Namespace and name of the cluster's key Secret."""
    text = str(values.get("key_secret") or DEFAULT_KEY_SECRET)
    namespace, slash, name = text.rpartition("/")
    if not name or (slash and not namespace):
        raise UsageError("--key-secret is not NAMESPACE/NAME")
    return namespace or DEFAULT_KEY_SECRET.partition("/")[0], name


def _cluster_entries(values: Mapping[str, object]) -> Mapping[str, bytes]:
    from kubectl_sops.cluster.age_secret import entries
    from kubectl_sops.cluster.client import connect

    namespace, name = key_secret(values)
    return entries(connect(values), namespace, name)


def input_format(path: str, values: Mapping[str, object], data: bytes = b"") -> str:
    """The format of an input: by ``--input-type``, ``--filename-override``, its name, or else what is in it."""
    given = _type(values, "input_type")
    if given is not None:
        return given
    if values.get("filename_override"):
        return formats.format_of(str(values["filename_override"]))
    if values.get("as_sops") or formats.format_of(path) != "binary":
        return formats.format_of(path)
    from kubectl_sops.formats.guess import format_with

    return format_with(path, data)


def output_format(path: str, values: Mapping[str, object], data: bytes = b"") -> str:
    """The format of an output: by ``--output-type``, otherwise that of the input."""
    return _type(values, "output_type") or input_format(path, values, data)


def _type(values: Mapping[str, object], name: str) -> str | None:
    value = values.get(name)
    if value is None or value == "":
        return None
    if value not in formats.FORMATS:
        if values.get("as_sops"):
            return None  # sops goes by the file's name then
        flag = "--" + name.replace("_", "-")
        raise UsageError(f"{flag} is {value}, expected one of {', '.join(formats.FORMATS)}")
    return str(value)


def write_result(
    path: str,
    before: bytes,
    after: bytes,
    outcome: str,
    values: Mapping[str, object],
    *,
    expected: bytes | None = None,
    new_mode: int | None = None,
) -> None:
    """Write a changed file in place and say so; a file that did not change keeps its bytes and its time.

    Args:
        new_mode: of a file that is created, with its folder, and must not be there; ``None`` for one that may be there.
        expected: what the file must still hold; somebody else's change is not overwritten.
    """
    from kubectl_sops.files.write import PRIVATE, make_folder, replace_file

    if after == before:
        outcome = "unchanged"
    elif not values.get("dry_run"):
        if new_mode is not None:
            make_folder(path)
        replace_file(path, after, new_mode=new_mode or PRIVATE, expected=expected, new=new_mode is not None)
    if not values.get("quiet"):
        tell(f"{path} {outcome}{mark(values)}")
