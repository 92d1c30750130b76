"""``create secret``: a new Secret, encrypted before it is anywhere."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from kubectl_sops.cli import option_table as table
from kubectl_sops.cli import secret_values, session
from kubectl_sops.cli.recipe import recipe
from kubectl_sops.errors import AlreadyEncryptedError, ConflictingParametersError, SopsError, UsageError
from kubectl_sops.files import encrypt as encryption
from kubectl_sops.files.kube_secret import validate
from kubectl_sops.files.read import read
from kubectl_sops.files.secret_manifest import secret_text
from kubectl_sops.files.write import replace_file

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

NAMESPACE = table.Option("-n", "--namespace", help="Namespace of the Secret.", metavar="NAME")
WRITING = (
    table.Option("--output", help="The file to write; standard output otherwise.", metavar="FILE"),
    table.FILENAME_OVERRIDE,
    table.CONFIG,
    table.DRY_RUN,
    table.QUIET,
    *table.RECIPIENTS,
    *table.SELECTORS,
    table.SHAMIR_THRESHOLD,
)
OPTIONS = (
    *secret_values.OPTIONS,
    table.Option("--type", help="Type of a generic Secret.", metavar="TYPE"),
    table.Option("--cert", help="tls: the certificate.", metavar="FILE"),
    table.Option("--key", help="tls: the private key.", metavar="FILE"),
    table.Option("--docker-server", help="docker-registry: its address.", metavar="HOST"),
    table.Option("--docker-username", help="docker-registry: the user.", metavar="NAME"),
    table.Option("--docker-email", help="docker-registry: the mail address.", metavar="ADDRESS"),
    NAMESPACE,
    *WRITING,
)
DEFAULT_REGISTRY = "https://index.docker.io/v1/"


def create(arguments: list[str], values: table.Values) -> None:
    """Create a Secret's manifest, encrypted by the rule that matches the file.

    Values that are not given are asked for, or read from standard input: what stands on a command line is seen by
    everybody on the machine and stays in the history.

    Examples:
      kubectl sops create secret generic db --from-literal user=app --from-literal password --output db.yaml

      kubectl sops create secret generic db --from-env-file .env --output db.yaml

      kubectl sops create secret tls web --cert tls.crt --key tls.key --output web.yaml

      kubectl sops create secret docker-registry pull --docker-server ghcr.io --docker-username me --output pull.yaml
    """
    if len(arguments) != 3 or arguments[0] != "secret" or arguments[1] not in KINDS:
        raise UsageError("expected: create secret generic|tls|docker-registry NAME")
    kind, content = KINDS[arguments[1]](values)
    text = secret_text(
        arguments[2], content, namespace=str(values.get("namespace") or ""), type=str(values.get("type") or kind)
    )
    write_encrypted(arguments[2], text, "created", values)


def _generic(values: table.Values) -> tuple[str, dict[str, bytes]]:
    return "Opaque", secret_values.collect(values)


def _tls(values: table.Values) -> tuple[str, dict[str, bytes]]:
    if not values.get("cert") or not values.get("key"):
        raise UsageError("a TLS Secret needs --cert and --key")
    content = {"tls.crt": read(str(values["cert"])), "tls.key": read(str(values["key"]))}
    _require_pair(content["tls.crt"], content["tls.key"])
    return "kubernetes.io/tls", content


def _require_pair(certificate: bytes, key: bytes) -> None:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
    from cryptography.x509 import load_pem_x509_certificates

    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    try:
        public = load_pem_x509_certificates(certificate)[0].public_key().public_bytes(*form)
        mine = load_pem_private_key(key, None).public_key().public_bytes(*form)
    except (ValueError, TypeError):
        raise UsageError("the certificate or the key is not PEM that can be read") from None
    if public != mine:
        raise UsageError("the key does not belong to the certificate")


def _registry(values: table.Values) -> tuple[str, dict[str, bytes]]:
    import json
    from binascii import b2a_base64

    if not values.get("docker_username"):
        raise UsageError("a registry Secret needs --docker-username", hint="the password is asked for")
    user = str(values["docker_username"])
    password = secret_values.ask("password").decode()
    entry = {"username": user, "password": password}
    if values.get("docker_email"):
        entry["email"] = str(values["docker_email"])
    entry["auth"] = b2a_base64(f"{user}:{password}".encode(), newline=False).decode()
    tree = {"auths": {str(values.get("docker_server") or DEFAULT_REGISTRY): entry}}
    return "kubernetes.io/dockerconfigjson", {".dockerconfigjson": json.dumps(tree).encode()}


KINDS: dict[str, Callable[[table.Values], tuple[str, dict[str, bytes]]]] = {
    "generic": _generic,
    "tls": _tls,
    "docker-registry": _registry,
}


def write_encrypted(name: str, text: bytes, outcome: str, values: Mapping[str, object]) -> None:
    """Encrypt a new manifest by its rule, and write or print it.

    Raises:
        AlreadyEncryptedError: the file is there already.
    """
    target = str(values["output"]) if values.get("output") else None
    path = target or str(values.get("filename_override") or f"{name}.yaml")
    validate(text, "yaml")
    if target is not None and os.path.lexists(target):
        raise AlreadyEncryptedError("is there already", file=target, hint="`edit` or `set` changes it")
    if session.input_format(path, {}) != "yaml":
        raise ConflictingParametersError("the manifest is YAML", file=path, hint="give the file a name with .yaml")
    try:
        found = recipe(path, values)
        written = encryption.encrypt(text, "yaml", found, session.keyring({"key_source": "none"}), now=session.now())
    except SopsError as error:
        raise error.at(path) from None
    suffix = " (dry run)" if values.get("dry_run") else ""
    if target is None:
        sys.stdout.buffer.write(written.data)
    elif not suffix:
        replace_file(target, written.data, new_mode=0o666)
    if target is not None and not values.get("quiet"):
        session.tell(f"{target} {outcome}{suffix}")


COMMAND = table.Command(create, OPTIONS, "secret TYPE NAME")
