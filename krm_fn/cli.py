"""``krm-sops`` called by people: help, version, installing links, merging configurations, schemas."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from kubectl_sops.errors import SopsError

if TYPE_CHECKING:
    from collections.abc import Sequence

HELP = """\
Decrypts SOPS files inside kustomize. kustomize, kubectl and kpt start this program; it serves

  kubectl kustomize --enable-alpha-plugins DIR            legacy plugin; run `krm-sops install` once
  kustomize build --enable-alpha-plugins --enable-exec    KRM function, named in an annotation
  kpt fn eval DIR --exec krm-sops                         KRM function

with configurations of kubectl-sops.dev/v1 (SopsGenerator, SopsTransformer, SopsValidator), viaduct.ai (ksops) and
goabout.com (SopsSecretGenerator).
"""


def run(name: str, args: Sequence[str]) -> int:
    """Run one command; the exit code."""
    parser = _parser(name)
    options = parser.parse_args(list(args))
    if options.version:
        from importlib.metadata import version

        sys.stdout.write(f"krm-sops {version('kubectl-sops')}\n")
        return 0
    if options.command is None:
        parser.print_help()
        return 0 if args else 2
    code: int = options.run(options)
    return code


def _parser(name: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=name, description=HELP, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--version", action="store_true", help="print the version")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")

    install = commands.add_parser("install", help="link the program into kustomize's plugin home")
    install.add_argument("directory", nargs="?", metavar="DIR", help="the plugin home, if not the usual one")
    install.add_argument("--uninstall", action="store_true", help="remove the links")
    # ksops install --with-kustomize DIR copies kustomize, too: the images of KSOPS carry one
    install.add_argument("--with-kustomize", action="store_true", help=argparse.SUPPRESS)
    install.set_defaults(run=lambda options: _install(name, options))

    merge = commands.add_parser("merge", help="rewrite the generators of a kustomization into one process")
    merge.add_argument("directory", metavar="DIR", help="the folder with the kustomization")
    merge.add_argument("--dry-run", action="store_true", help="show what would be written")
    merge.add_argument("--kustomize", metavar="PATH", help="the kustomize or kubectl that proves the result")
    merge.set_defaults(run=_merge)

    schema = commands.add_parser("schema", help="print the JSON Schema of a configuration")
    schema.add_argument("kind", nargs="?", metavar="KIND", help="SopsGenerator, SopsTransformer or SopsValidator")
    schema.set_defaults(run=_schema)
    return parser


def _install(name: str, options: argparse.Namespace) -> int:
    from krm_fn import install

    if name == "ksops":
        return _install_as_ksops(options)
    for line in install.install(options.directory, uninstall=options.uninstall):
        sys.stdout.write(f"{line}\n")
    return 0


def _install_as_ksops(options: argparse.Namespace) -> int:
    from krm_fn import install

    if not options.directory:
        raise SopsError("install requires a destination directory", hint="ksops install [--with-kustomize] DIR")
    if options.with_kustomize:
        raise SopsError(
            "there is no kustomize in this package to install",
            hint="take kustomize from its own image, or from the tool's",
        )
    for line in install.copy_links(options.directory, ("ksops", "krm-sops")):
        sys.stderr.write(f"{line}\n")
    return 0


def _merge(options: argparse.Namespace) -> int:
    from krm_fn.merge import merge

    for line in merge(options.directory, dry_run=options.dry_run, builder=options.kustomize):
        sys.stdout.write(f"{line}\n")
    return 0


def _schema(options: argparse.Namespace) -> int:
    import json

    from krm_fn.schemas import SCHEMAS

    if options.kind is not None and options.kind not in SCHEMAS:
        raise SopsError(f"no schema for {options.kind}", hint=f"one of: {', '.join(SCHEMAS)}")
    chosen = SCHEMAS[options.kind] if options.kind else SCHEMAS
    sys.stdout.write(json.dumps(chosen, indent=2) + "\n")
    return 0
