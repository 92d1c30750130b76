"""``create secret``: a new Secret, encrypted before it is anywhere."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from kubectl_sops import formats
from kubectl_sops.cli import option_table as table
from kubectl_sops.cli import secret_values, session
from kubectl_sops.cli.recipe import load_rules, recipe
from kubectl_sops.core.cipher import is_sealed
from kubectl_sops.core.selectors import FIELDS
from kubectl_sops.errors import AlreadyEncryptedError, ConflictingParametersError, SopsError, UsageError
from kubectl_sops.files import encrypt as encryption
from kubectl_sops.files.kube_secret import validate
from kubectl_sops.files.read import read
from kubectl_sops.files.secret_manifest import secret_text
from kubectl_sops.rules.edit import DEFAULT_ENCRYPTED_REGEX

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
TYPE = table.Option("--type", help="generic: type of the Secret.", metavar="TYPE")
PAIR = (
    table.Option("--cert", help="tls: the certificate.", metavar="FILE"),
    table.Option("--key", help="tls: the private key.", metavar="FILE"),
)
LOGIN = (
    table.Option("--docker-server", help="docker-registry: its address.", metavar="HOST"),
    table.Option("--docker-username", help="docker-registry: the user.", metavar="NAME"),
    table.Option("--docker-password", help="docker-registry: the password; asked for otherwise.", metavar="TEXT"),
    table.Option("--docker-email", help="docker-registry: the mail address.", metavar="ADDRESS"),
)
CONTENT = (*secret_values.OPTIONS, TYPE, *PAIR, *LOGIN)
OPTIONS = (*CONTENT, NAMESPACE, *WRITING)
DEFAULT_REGISTRY = "https://index.docker.io/v1/"
REGISTRY_KEY = ".dockerconfigjson"
IDENTITY = ("apiVersion", "kind", "metadata")
"""What kubectl and Flux need to read before anything is decrypted."""


class Kind:
    """A type of Secret that ``create`` knows.

    Attributes:
        collect: gives its values by key.
        type: what the API server calls it.
        options: those of ``CONTENT`` that it takes.
        example: what a whole call looks like, after the name of the kind.
    """

    __slots__ = ("collect", "example", "options", "type")

    def __init__(
        self,
        collect: Callable[[table.Values], dict[str, bytes]],
        type: str,  # the field's name
        options: tuple[table.Option, ...],
        example: str,
    ) -> None:
        self.collect = collect
        self.type = type
        self.options = options
        self.example = example


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
        known = arguments[1] if len(arguments) > 1 and arguments[1] in KINDS else ""
        example = f"{known or 'generic'} {KINDS[known or 'generic'].example}"
        raise UsageError(
            f"expected: create secret {known or '|'.join(KINDS)} NAME", hint=f"for instance: create secret {example}"
        )
    kind = KINDS[arguments[1]]
    _require_own(arguments[1], kind, values)
    content = kind.collect(values)
    text = secret_text(
        arguments[2], content, namespace=str(values.get("namespace") or ""), type=str(values.get("type") or kind.type)
    )
    write_encrypted(arguments[2], text, "created", values)


def _require_own(name: str, kind: Kind, values: table.Values) -> None:
    """Refuse options of another type: what they say would be missing in the Secret.

    Raises:
        UsageError: there is one.
    """
    for option in CONTENT:
        if values.get(option.name) and option not in kind.options:
            takers = " and ".join(other for other, its in KINDS.items() if option in its.options)
            raise UsageError(
                f"create secret {name} has no {option.flags[0]}", hint=f"leave it out: it belongs to {takers}"
            )


def _tls(values: table.Values) -> dict[str, bytes]:
    if not values.get("cert") or not values.get("key"):
        raise UsageError("a TLS Secret needs --cert and --key")
    content = {"tls.crt": read(str(values["cert"])), "tls.key": read(str(values["key"]))}
    _require_pair(content["tls.crt"], content["tls.key"])
    return content


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


def _registry(values: table.Values) -> dict[str, bytes]:
    import json
    from binascii import b2a_base64

    if values.get("from_file"):
        given = next((option.flags[0] for option in LOGIN if values.get(option.name)), None)
        if given is not None:
            raise UsageError(f"--from-file and {given} exclude each other", hint="the file holds server and user")
        return secret_values.collect(values, key=REGISTRY_KEY)
    if not values.get("docker_username"):
        raise UsageError(
            "a registry Secret needs --docker-username or --from-file",
            hint="the password is asked for; --from-file takes a .docker/config.json",
        )
    user = str(values["docker_username"])
    password = str(values.get("docker_password") or "") or _text(secret_values.ask("password"))
    entry = {"username": user, "password": password}
    if values.get("docker_email"):
        entry["email"] = str(values["docker_email"])
    entry["auth"] = b2a_base64(f"{user}:{password}".encode(), newline=False).decode()
    tree = {"auths": {str(values.get("docker_server") or DEFAULT_REGISTRY): entry}}
    return {REGISTRY_KEY: json.dumps(tree).encode()}


def _text(password: bytes) -> str:
    try:
        return password.decode()
    except UnicodeDecodeError:
        raise UsageError("the password is not UTF-8", hint="a registry's login is JSON, which holds text") from None


KINDS = {
    "generic": Kind(
        secret_values.collect,
        "Opaque",
        (*secret_values.OPTIONS, TYPE),
        "db --from-literal user=app --from-literal password --output db.yaml",
    ),
    "tls": Kind(_tls, "kubernetes.io/tls", PAIR, "web --cert tls.crt --key tls.key --output web.yaml"),
    "docker-registry": Kind(
        _registry,
        "kubernetes.io/dockerconfigjson",
        (secret_values.FROM_FILE, *LOGIN),
        "pull --docker-server ghcr.io --docker-username me --output pull.yaml",
    ),
}


def write_encrypted(name: str, text: bytes, outcome: str, values: Mapping[str, object]) -> None:
    """Encrypt a new manifest by its rule, and write or print it.

    Raises:
        AlreadyEncryptedError: the file is there already.
    """
    target = session.output_file(values)
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
    if target is None:
        sys.stdout.buffer.write(written.data)
    else:
        session.write_result(target, b"", written.data, outcome, values, new_mode=0o666)
    if not values.get("quiet"):
        _warn(path, written.data, values)


def _warn(path: str, data: bytes, values: Mapping[str, object]) -> None:
    """Say that kind and name are encrypted too, where the rule says nothing else: nothing could use such a Secret."""
    leaves = formats.parse(data, "yaml").leaves
    sealed = {str(leaf.path[0]) for leaf in leaves if is_sealed(leaf.value) and leaf.path[0] in IDENTITY}
    if not sealed:
        return
    target = str(values.get("filename_override") or path)
    config = load_rules(target, values)
    rule = config.find_rule(target) if config else None
    if config is None or rule is None or any(values.get(name) for name in FIELDS):
        who, fix = "the selector of these options", f"give --encrypted-regex '{DEFAULT_ENCRYPTED_REGEX}'"
    else:
        who = f"rule {rule.index + 1} of {os.path.relpath(config.path)} (line {rule.line})"
        instead = f" instead of {rule.selector.field}" if rule.selector else ""
        fix = f"give the rule encrypted_regex: {DEFAULT_ENCRYPTED_REGEX}{instead}"
    session.tell(f"{path}: warning: {who} encrypts {', '.join(sorted(sealed))} too, and Flux could not use it: {fix}")


COMMAND = table.Command(create, OPTIONS, "secret TYPE NAME")
