"""Options that several commands share, defined once: for the quick parser, for typer and for the sops-compatible front.

This module is on the hot path, so a definition is plain data; ``cli.options`` turns it into typer's form.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    Values = dict[str, object]
    Run = Callable[[list[str], Values], int | None]

TEXT, FLAG, INT = "text", "flag", "int"


class Option:
    """One option of a command line.

    Attributes:
        name: the keyword argument that it becomes.
        flags: how it is written, for instance ``("-i", "--in-place")``.
        kind: ``TEXT``, ``FLAG`` or ``INT``.
        many: may be given several times; the value is then a list.
        variable: environment variable that stands in for it.
    """

    __slots__ = ("flags", "help", "kind", "many", "metavar", "name", "variable")

    def __init__(
        self,
        *flags: str,
        help: str,  # the word typer uses
        kind: str = TEXT,
        name: str = "",
        many: bool = False,
        metavar: str = "",
        variable: str = "",
    ) -> None:
        self.flags = flags
        self.name = name or flags[-1].lstrip("-").replace("-", "_")
        self.help = help
        self.kind = kind
        self.many = many
        self.metavar = metavar
        self.variable = variable

    @property
    def default(self) -> object:
        if self.many:
            return ()
        return False if self.kind == FLAG else None


CONFIG = Option(
    "--config", help="Use this .sops.yaml instead of searching for one.", metavar="FILE", variable="SOPS_CONFIG"
)
IN_PLACE = Option("-i", "--in-place", kind=FLAG, help="Write the result back to the file.")
OUTPUT = Option(
    "--output", help="Write the result to this file (mode 0600), to standard output with -.", metavar="FILE"
)
INPUT_TYPE = Option(
    "--input-type", help="By the file's name, or what is in it, otherwise.", metavar="yaml|json|dotenv|ini|binary"
)
OUTPUT_TYPE = Option("--output-type", help="That of the input otherwise.", metavar="yaml|json|dotenv|ini|binary")
FILENAME_OVERRIDE = Option(
    "--filename-override", help="Choose format and creation rule as if the file had this name.", metavar="PATH"
)
IGNORE_MAC = Option("--ignore-mac", kind=FLAG, help="Skip the check of the message authentication code.")
EXTRACT = Option("--extract", help="""Print one value or subtree: '["data"]["password"]'.""", metavar="PATH")
DECRYPTION_ORDER = Option(
    "--decryption-order",
    help="Key types in the order in which they are tried, separated by commas.",
    metavar="TYPES",
    variable="SOPS_DECRYPTION_ORDER",
)
INDENT = Option("--indent", kind=INT, help="Blanks per level where a whole document is written anew.", metavar="N")
VERBOSE = Option("-v", "--verbose", kind=FLAG, help="Say more on stderr.")
QUIET = Option("-q", "--quiet", kind=FLAG, help="Say nothing but errors.")
DRY_RUN = Option("--dry-run", kind=FLAG, help="Say what would be done, and do nothing.")
YES = Option("-y", "--yes", kind=FLAG, help="Answer every question with yes.")

KEY_SOURCE = Option(
    "--key-source",
    help="Where identities may come from: auto, local, cluster or none.",
    metavar="auto|local|cluster|none",
)
KEY_SECRET = Option(
    "--key-secret", help="The cluster's key Secret, flux-system/sops-age by default.", metavar="NAMESPACE/NAME"
)
AGE_KEY_FILE = Option("--age-key-file", many=True, help="A file of age identities.", metavar="FILE")

CLUSTER = (
    Option("--kubeconfig", help="Path of the kubeconfig file.", metavar="FILE"),
    Option("--context", help="Name of the kubeconfig context.", metavar="NAME"),
    Option("--cluster", help="Name of the kubeconfig cluster.", metavar="NAME"),
    Option("--user", help="Name of the kubeconfig user.", metavar="NAME"),
    Option("--as", name="as_user", help="Username to impersonate.", metavar="NAME"),
    Option("--as-group", many=True, help="Group to impersonate.", metavar="NAME"),
    Option("--request-timeout", help="How long to wait for one server request, for instance 10s.", metavar="TIME"),
)
"""kubectl's flags that say which API server to talk to, and as whom."""

KEYS = (KEY_SOURCE, KEY_SECRET, AGE_KEY_FILE, DECRYPTION_ORDER, *CLUSTER)
"""Where identities come from: every command that opens a file has these."""


def _recipient(flag: str, short: str, what: str, variable: str, metavar: str) -> Option:
    flags = (short, flag) if short else (flag,)
    return Option(*flags, help=f"{what}, separated by commas.", metavar=metavar, variable=variable)


RECIPIENTS = (
    _recipient("--age", "-a", "age or ssh recipients", "SOPS_AGE_RECIPIENTS", "RECIPIENTS"),
    _recipient("--pgp", "-p", "PGP fingerprints", "SOPS_PGP_FP", "FINGERPRINTS"),
    _recipient("--kms", "-k", "AWS KMS ARNs", "SOPS_KMS_ARN", "ARNS"),
    _recipient("--gcp-kms", "", "GCP KMS resource ids", "SOPS_GCP_KMS_IDS", "IDS"),
    _recipient("--hckms", "", "HuaweiCloud KMS key ids", "SOPS_HUAWEICLOUD_KMS_IDS", "IDS"),
    _recipient("--azure-kv", "", "Azure Key Vault URLs", "SOPS_AZURE_KEYVAULT_URLS", "URLS"),
    _recipient("--hc-vault-transit", "", "Vault transit key URIs", "SOPS_VAULT_URIS", "URIS"),
    Option("--aws-profile", help="AWS profile for KMS requests.", metavar="NAME"),
    Option("--encryption-context", help="KMS context: key:value pairs separated by commas.", metavar="PAIRS"),
)
SELECTORS = (
    Option("--unencrypted-suffix", help="Leave keys with this suffix readable.", metavar="TEXT"),
    Option("--encrypted-suffix", help="Encrypt only keys with this suffix.", metavar="TEXT"),
    Option("--unencrypted-regex", help="Leave keys that match readable.", metavar="RE2"),
    Option("--encrypted-regex", help="Encrypt only keys that match.", metavar="RE2"),
    Option("--unencrypted-comment-regex", help="Leave values readable whose comment matches.", metavar="RE2"),
    Option("--encrypted-comment-regex", help="Encrypt only values whose comment matches.", metavar="RE2"),
    Option("--mac-only-encrypted", kind=FLAG, help="Compute the MAC over encrypted values only."),
)
SHAMIR_THRESHOLD = Option(
    "--shamir-secret-sharing-threshold",
    kind=INT,
    help="How many key groups are needed to open the file.",
    metavar="N",
)


class Command:
    """A command that both typer and the sops-compatible front can run.

    Attributes:
        run: takes the positional arguments and the option values by name; returns the exit code, ``None`` for 0.
        arguments: how the positional arguments are shown: ``FILE`` for exactly one, ``[PATH]...`` for any number.
        help: the first paragraph is the summary; then examples.
    """

    __slots__ = ("arguments", "help", "options", "run")

    def __init__(self, run: Run, options: tuple[Option, ...], arguments: str) -> None:
        self.run = run
        self.options = options
        self.arguments = arguments
        self.help = run.__doc__ or ""


class Group:
    """Commands below a command, as in ``keys list``.

    Attributes:
        commands: by name, in the order in which help lists them.
        hidden: names of those that help leaves out.
    """

    __slots__ = ("commands", "hidden")

    def __init__(self, commands: dict[str, Command], hidden: tuple[str, ...] = ()) -> None:
        self.commands = commands
        self.hidden = hidden


class NotPlain(Exception):  # noqa: N818  # not an error: the caller takes the other way
    """A command line that the quick parser leaves to typer."""


def call(argv: list[str], command: Command, environ: dict[str, str]) -> int | None:
    """Run a command with a well-formed command line; its exit code.

    Raises:
        NotPlain: see ``parse``; also where arguments are missing, or there are some that it does not take.
    """
    positional, values = parse(argv, command.options, environ)
    optional = not command.arguments or command.arguments.startswith("[")
    if (not positional and not optional) or (positional and not command.arguments):
        raise NotPlain
    return command.run(positional, values)


def parse(argv: list[str], options: tuple[Option, ...], environ: dict[str, str]) -> tuple[list[str], Values]:
    """Positional arguments and option values of a well-formed call.

    Raises:
        NotPlain: help is asked for, or something is not as defined; typer then explains.
    """
    by_flag = {flag: option for option in options for flag in option.flags}
    values: Values = {}
    positional: list[str] = []
    rest = iter(argv)
    for word in rest:
        if word == "--":
            positional.extend(rest)
            break
        if not word.startswith("-") or word == "-":
            positional.append(word)
            continue
        flag, equals, value = word.partition("=")
        option = by_flag.get(flag)
        if option is None or (equals and not flag.startswith("--")):
            raise NotPlain
        if option.kind == FLAG:
            if equals:
                raise NotPlain
            values[option.name] = True
            continue
        if not equals:
            found = next(rest, None)
            if found is None:
                raise NotPlain
            value = found
        _store(values, option, value)
    for option in options:
        if option.variable and option.name not in values and environ.get(option.variable):
            _store(values, option, environ[option.variable])
    for option in options:
        values.setdefault(option.name, option.default)
    return positional, values


def _store(values: Values, option: Option, value: str) -> None:
    if option.many:
        values[option.name] = (*values.get(option.name, ()), value)  # type: ignore[misc]  # a tuple of ours
    elif option.kind == INT:
        try:
            values[option.name] = int(value)
        except ValueError:
            raise NotPlain from None
    else:
        values[option.name] = value
