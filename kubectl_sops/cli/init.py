"""``init``: the cluster's age key, and the rule of ``.sops.yaml`` that encrypts for it.

Order of effects: everything that can be refused is found out first; then the Secret is created, the key is printed, and
``.sops.yaml`` is written. After a crash in between the key is in the cluster, and another run completes the file.
"""

from __future__ import annotations

import sys
from importlib.metadata import version
from typing import TYPE_CHECKING

from kubectl_sops.cli import option_table as table
from kubectl_sops.cli import session
from kubectl_sops.cli.config_file import ConfigFile
from kubectl_sops.cluster import age_secret
from kubectl_sops.cluster.client import NAMESPACES, connect
from kubectl_sops.cluster.failure import AlreadyExistsError, ForbiddenError, NamespaceNotFoundError
from kubectl_sops.cluster.identities import Identity, dump, read_key_file
from kubectl_sops.errors import ClusterError, ConflictingParametersError, KeyParseError, UsageError
from kubectl_sops.keys import age

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kubectl_sops.cluster.age_secret import AgeSecret
    from kubectl_sops.cluster.client import Client

    People = list[tuple[str, str]]

GUIDE = """
Flux decrypts with it where a Kustomization in namespace {namespace} says:

  spec:
    decryption:
      provider: sops
      secretRef:
        name: {name}

Next: kubectl sops edit FILE, then commit the file and .sops.yaml.\
"""
KEEP = """
The private key is on standard output, this once. Keep it where it survives the cluster (a password
manager, a safe), and not in Git: whoever has it reads every secret of this cluster.\
"""


def init(arguments: list[str], values: table.Values) -> None:
    """Create the cluster's age key and the .sops.yaml that encrypts for it.

    The key pair is made in memory. Its private half goes into a Secret of the cluster, where Flux reads it, and to
    standard output, once; it is written to no file. Where the Secret exists, nothing in the cluster changes.

    Examples:
      kubectl sops init

      kubectl sops init --context staging --path-regex '^clusters/staging/'

      kubectl sops init --recipient "$(cat ~/.ssh/id_ed25519.pub)"

      kubectl sops init --from-stdin < age.key

      kubectl sops init --force --overlap

      kubectl sops init --force --from-stdin < age.key
    """
    if arguments:
        raise UsageError("unexpected argument", hint="a key to store is read with --from-stdin")
    if any(values.get(mode) for mode in ("force", "overlap", "resume", "abort")):
        from kubectl_sops.cli.replace import replace

        for name in ("recipient", "path_regex", "print_only", "create_namespace"):
            if values.get(name):
                raise ConflictingParametersError(
                    f"--{name.replace('_', '-')} does not go with --force", hint="run `init` with it afterwards"
                )
        replace(*secret_place(values), values)
        return
    people = parse_recipients(values.get("recipient"))
    if values.get("print_only"):
        if values.get("from_stdin") or people:
            raise ConflictingParametersError("--print-only goes with neither --from-stdin nor --recipient")
        _print_key([_generate()])
        _say(values, "nothing was stored: `init --from-stdin` puts this key into a cluster")
        return
    namespace, name = secret_place(values)
    client = connect(values)
    existing = age_secret.find(client, namespace, name)
    brought = read_identities("-") if values.get("from_stdin") else []
    if existing is None:
        try:
            _create(client, namespace, name, brought, people, values)
        except AlreadyExistsError:  # somebody else was faster
            existing = age_secret.read(client, namespace, name)
    if existing is not None:
        _keep(existing, brought, people, values)


def secret_place(values: table.Values) -> tuple[str, str]:
    """Namespace and name of the key Secret: ``--key-secret``, with ``--namespace`` on top."""
    namespace, name = session.key_secret(values)
    return str(values["namespace"]) if values.get("namespace") else namespace, name


def parse_recipients(given: object) -> People:
    """The people of ``--recipient``, each with a name: the comment of an ssh key, or words behind an age recipient.

    Raises:
        KeyParseError: not a recipient, or a private key.
    """
    people = []
    for text in given if isinstance(given, list | tuple) else ():
        if "PRIVATE KEY" in text or "SECRET-KEY" in text.upper():
            raise KeyParseError(
                "--recipient got a private key", hint="give the public one, and replace this key: others have seen it"
            )
        words = text.split()
        if not words:
            raise KeyParseError("--recipient is empty")
        ssh = words[0].startswith("ssh-")
        recipient = " ".join(words) if ssh else words[0]
        age.parse_recipients(recipient)
        people.append((recipient, " ".join(words[2:] if ssh else words[1:])))
    return people


def read_identities(path: str) -> list[Identity]:
    """Age identities of a file or, for ``-``, from standard input; a terminal shows nothing of what is typed.

    Raises:
        KeyParseError: there is none, or a line is something else.
    """
    from kubectl_sops.files.read import STDIN, read

    if path == STDIN and sys.stdin.isatty():
        return read_key_file(session.read_passphrase("age identity: ").encode(), session.now())
    return read_key_file(read(path), session.now())


def _generate() -> Identity:
    text, recipient = age.generate()
    return Identity("", text, recipient, session.now())


def _print_key(identities: Sequence[Identity]) -> None:
    sys.stdout.buffer.write(dump(identities).encode())
    sys.stdout.buffer.flush()


def _say(values: table.Values, line: str) -> None:
    if not values.get("quiet"):
        session.tell(line)


def _create(
    client: Client, namespace: str, name: str, brought: list[Identity], people: People, values: table.Values
) -> None:
    """Nothing is there yet.

    Raises:
        AlreadyExistsError: by now there is.
    """
    identities = brought or [_generate()]
    config = ConfigFile(values)
    config.enrol([*((identity.recipient, f"{namespace}/{name}") for identity in identities), *people])
    if values.get("dry_run"):
        if _lacks_namespace(client, namespace, values):
            _say(values, f"namespace/{namespace} created (dry run)")
        _say(values, f"secret/{name} created (dry run)")
        config.write()
        return
    _store(client, namespace, name, dump(identities), values)
    _say(values, f"secret/{name} created")
    try:
        if not brought:
            _print_key(identities)
    finally:  # whoever reads the key may have gone
        config.write()
    for identity in identities:
        _say(values, f"  recipient {identity.recipient}")
    if not brought:
        _say(values, KEEP)
    _say(values, GUIDE.format(namespace=namespace, name=name))


def _lacks_namespace(client: Client, namespace: str, values: table.Values) -> bool:
    try:
        client.get(NAMESPACES, namespace)
    except NamespaceNotFoundError as error:
        if not values.get("create_namespace"):
            raise _bootstrap(error) from None
        return True
    except ForbiddenError:
        pass  # whoever may only write Secrets can't look; creating will tell
    return False


def _store(client: Client, namespace: str, name: str, text: str, values: table.Values) -> None:
    """Create the Secret, and before it the namespace where that is missing and wanted."""
    ours = version("kubectl-sops")
    try:
        age_secret.create(client, namespace, name, text, ours)
    except NamespaceNotFoundError as error:
        if not values.get("create_namespace"):
            raise _bootstrap(error) from None
        try:
            age_secret.create_namespace(client, namespace)
            _say(values, f"namespace/{namespace} created")
        except AlreadyExistsError:
            pass
        age_secret.create(client, namespace, name, text, ours)


def _bootstrap(error: ClusterError) -> ClusterError:
    error.hint = "install Flux first (`flux bootstrap` or `flux install`), or add --create-namespace"
    return error


def _keep(existing: AgeSecret, brought: list[Identity], people: People, values: table.Values) -> None:
    """The Secret is there and stays as it is; ``.sops.yaml`` is completed where that was left undone."""
    identities = existing.require_usable()
    if not {identity.text for identity in brought} <= {identity.text for identity in identities}:
        raise ClusterError(
            f"secret/{existing.name} in namespace {existing.namespace} already holds another key",
            hint="add yours with `keys import`",
        )
    identities.sort(key=lambda identity: identity.entry != age_secret.ENTRY)
    recipients = [identity.recipient for identity in identities if identity.recipient]
    _say(values, f"secret/{existing.name} unchanged")
    for identity in identities:
        _say(values, f"  recipient {identity.recipient or 'known to its plugin only'}")
    config = ConfigFile(values)
    _complete(config, existing, recipients, people, values)
    routed = config.rules_with(recipients)
    if routed:
        _say(values, f"{config.path} encrypts for it: {', '.join(routed)}")
    else:
        _say(values, f"{config.path} has no rule that encrypts for it; `init --path-regex REGEX` adds one")


def _complete(
    config: ConfigFile, existing: AgeSecret, recipients: list[str], people: People, values: table.Values
) -> None:
    asked = bool(people) or values.get("path_regex") is not None
    if not recipients or not (asked or (existing.ours and not config.rules_with(recipients))):
        return
    try:
        config.enrol([(recipients[0], f"{existing.namespace}/{existing.name}"), *people])
    except UsageError:  # several rules
        if asked:
            raise
        return
    config.write()
    if not asked:
        _say(values, "  `keys export` prints the private key, should it have been lost")


NAMESPACE = table.Option("-n", "--namespace", help="Namespace of the Secret, flux-system by default.", metavar="NAME")

COMMAND = table.Command(
    init,
    (
        table.Option(
            "--path-regex", help="The rule for this cluster's files: an existing one or a new one.", metavar="RE2"
        ),
        table.Option(
            "--recipient",
            many=True,
            help="Also encrypt for this age or ssh recipient; a name may follow it.",
            metavar="RECIPIENT",
        ),
        table.Option("--from-stdin", kind=table.FLAG, help="Store the age identity on standard input."),
        table.Option("--create-namespace", kind=table.FLAG, help="Create the namespace where it is missing."),
        table.Option("--print-only", kind=table.FLAG, help="Print a new key pair; touch neither cluster nor files."),
        table.Option("--force", kind=table.FLAG, help="Replace the key pair, and encrypt its files anew."),
        table.Option("--overlap", kind=table.FLAG, help="With --force: keep the old key until `keys prune`."),
        table.Option("--resume", kind=table.FLAG, help="Finish a --force that was interrupted."),
        table.Option("--abort", kind=table.FLAG, help="Undo a --force that was interrupted."),
        table.DRY_RUN,
        table.QUIET,
        table.YES,
        table.CONFIG,
        table.KEY_SECRET,
        NAMESPACE,
        *table.CLUSTER,
    ),
    "",
)
