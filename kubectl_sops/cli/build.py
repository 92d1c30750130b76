"""``build``."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from kubectl_sops.cli import option_table as table
from kubectl_sops.cli import session
from kubectl_sops.errors import InputNotFoundError, SopsError, UsageError

if TYPE_CHECKING:
    from kubectl_sops.flux.mask import Masker
    from kubectl_sops.flux.pipeline import Build
    from kubectl_sops.flux.session import Session
    from kubectl_sops.flux.spec import Kustomization
    from kubectl_sops.flux.target import Target

    Object = dict[str, Any]

FORMS = ("yaml", "json", "name")

MASK_KEY_VARIABLE = "KUBECTL_SOPS_MASK_KEY"

SHARED = (
    table.Option(
        "--kustomization-file", help="The manifest of the Flux Kustomization, for a PATH.", metavar="FILE"
    ),
    table.Option("-n", "--namespace", help="Namespace of the Kustomization that is named.", metavar="NAME"),
    table.Option("--source", help="The folder that stands for the source, else the work tree.", metavar="DIR"),
    table.Option("-R", "--recursive", kind=table.FLAG, help="Follow Kustomizations among the built objects."),
    table.Option(
        "--from-cluster", kind=table.FLAG, help="Read variables and the decryption Secret from the cluster."
    ),
    table.Option("--show-secrets", kind=table.FLAG, help="Print the values of Secrets."),
    table.Option(
        "--mask-key-file",
        help="A file whose bytes key the digests of masked values, so that they can be compared between runs.",
        metavar="FILE",
    ),
    table.Option("--allow-encrypted", kind=table.FLAG, help="Warn of objects that stay encrypted instead of failing."),
    table.Option("--flux-version", help="Behave as this version of Flux, for instance 2.8.", metavar="VERSION"),
    table.Option("--no-strict", kind=table.FLAG, help="Let variables without a value be empty."),
    table.Option("--allow-disk", kind=table.FLAG, help="Accept a disk where there is no memory-backed storage."),
    table.QUIET,
    *table.KEYS,
)  # fmt: skip
"""Options of ``build`` and ``diff``."""

OPTIONS = (
    table.Option("-o", "--output", help="Form of the output.", metavar="|".join(FORMS)),
    *SHARED,
)


def build(arguments: list[str], values: table.Values) -> int:
    """Print what Flux would apply, decrypted with your keys and masked.

    PATH is the folder that a Flux Kustomization applies; its manifest is found in the repository, or named by
    --kustomization-file. Nothing is written, and nothing is left behind.

    Examples:
      kubectl sops build kustomization/apps

      kubectl sops build ./apps/prod

      kubectl sops build ./apps/prod --kustomization-file clusters/prod/apps.yaml

      kubectl sops build -R kustomization/flux-system --from-cluster
    """
    form = str(values.get("output") or "yaml")
    if form not in FORMS:
        raise UsageError(f"unknown output form {form}", hint=f"use -o {'|'.join(FORMS)}")
    target = target_of(arguments, values)
    masker = masker_of(values)
    failures: list[SopsError] = []
    objects: list[Object] = []
    with open_session(target, values, masker) as work:
        for outcome in work.build_all([choose(target, work, values)], recursive=bool(values.get("recursive"))):
            report(outcome, values)
            if outcome.error is not None:
                failures.append(outcome.error)
            else:
                objects += outcome.objects if values.get("show_secrets") else outcome.masked(masker)
    if not failures or objects:
        sys.stdout.write(render(objects, form))
        sys.stdout.flush()
    return finish(failures)


def target_of(arguments: list[str], values: table.Values) -> Target:
    """What the arguments name."""
    from kubectl_sops.flux import target

    if len(arguments) > 1:
        raise UsageError("name one folder or Kustomization", hint="-R follows those that it creates")
    file, source = values.get("kustomization_file"), values.get("source")
    argument = arguments[0] if arguments else None
    if values.get("namespace"):
        argument = target.in_namespace(argument, str(values["namespace"]))
    return target.resolve(argument, str(file) if file else None, str(source) if source else None)


def masker_of(values: table.Values) -> Masker:
    """Masks with the key that the user keeps, or with one of this run."""
    from kubectl_sops.files.read import read
    from kubectl_sops.flux.mask import Masker

    path = values.get("mask_key_file")
    if path:
        return Masker(read(str(path)))
    return Masker(os.environ.get(MASK_KEY_VARIABLE, "").encode() or None)


def open_session(target: Target, values: table.Values, masker: Masker) -> Session:
    """The session for a target."""
    from kubectl_sops.flux import profile
    from kubectl_sops.flux.session import Session

    return Session(
        target.root,
        session.keyring(values),
        profile=profile.parse(str(values["flux_version"]) if values.get("flux_version") else None),
        masker=masker,
        remote=remote(values) if values.get("from_cluster") else None,
        strict=False if values.get("no_strict") else None,
        allow_disk=bool(values.get("allow_disk")),
        allow_encrypted=bool(values.get("allow_encrypted")),
    )


def choose(target: Target, work: Session, values: table.Values) -> Kustomization:
    """The Kustomization that a target means: in the repository, or with ``--from-cluster`` in the cluster."""
    try:
        return target.choose(work.catalog)
    except InputNotFoundError:
        if not target.name or not values.get("from_cluster"):
            raise
        from kubectl_sops.cluster.client import connect
        from kubectl_sops.flux.live import find_kustomization
        from kubectl_sops.flux.spec import DEFAULT_NAMESPACE

        namespace, _, name = target.name.rpartition("/")
        found = find_kustomization(connect(values), namespace or DEFAULT_NAMESPACE, name)
        if found is None:
            raise
        return found


def remote(values: table.Values) -> Any:  # a Lookup
    """Looks up ConfigMaps and Secrets in the cluster."""
    from kubectl_sops.cluster.client import connect
    from kubectl_sops.flux.live import lookup

    client = connect(values)
    return lambda kind, namespace, name: lookup(client, kind, namespace, name)


def report(outcome: Build, values: table.Values) -> None:
    """Show what there is to say about a build, on stderr."""
    if not values.get("quiet"):
        from kubectl_sops.cli.app import prefix

        for remark in outcome.remarks:
            session.tell(f"{prefix()}: {remark.level}: {remark}")


def render(objects: list[Object], form: str) -> str:
    """Objects in a form of output."""
    from kubectl_sops.flux.manifest import name_of

    if form == "name":
        return "".join(f"{name_of(manifest)}\n" for manifest in objects)
    if form == "json":
        import json

        document = {"apiVersion": "v1", "kind": "List", "items": objects}
        return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    from kubectl_sops.flux import go_yaml

    return "---\n".join(go_yaml.dump(manifest) for manifest in objects)


def finish(failures: list[SopsError]) -> int:
    """Report failures; the exit code is that of the first."""
    if not failures:
        return 0
    from kubectl_sops.cli import recovery

    return recovery.report(failures)


COMMAND = table.Command(build, OPTIONS, "[PATH | kustomization/NAME]")
