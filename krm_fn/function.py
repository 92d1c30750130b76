"""One call of the function: a configuration and resources in, resources out; doors differ in how they carry them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from krm_fn import build_annotations, resource_list
from krm_fn.decrypter import Decrypter
from krm_fn.problems import ConfigError, ResourceError, all_of, raise_all
from krm_fn.root import ALLOW_VARIABLE, Root

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from krm_fn.resource_list import Input
    from krm_fn.transformer import Outcome
    from kubectl_sops.core.metadata import Metadata
    from kubectl_sops.errors import SopsError
    from kubectl_sops.keys.keyring import Keyring

    Config = dict[str, Any]
    Resource = dict[str, object]

KEY_SOURCE_VARIABLE = "KUBECTL_SOPS_KEY_SOURCE"
KEY_SOURCES = ("local", "cluster", "auto")

_OWN_VARIABLES = "KUBECTL_SOPS_"


class Keys:
    """The keyring, made when the first file needs it: most calls in a large build have none.

    Only local identities, so that a build does not depend on a cluster that happens to be reachable, unless the
    environment says otherwise.
    """

    def __init__(self, environ: dict[str, str]) -> None:
        self._environ = environ
        self._keyring: Keyring | None = None

    def data_key(self, metadata: Metadata) -> bytes:
        """The data key of a file."""
        if self._keyring is None:
            from kubectl_sops.keys.keyring import Keyring

            source = self._environ.get(KEY_SOURCE_VARIABLE) or "local"
            if source not in KEY_SOURCES:
                raise ConfigError(f"{KEY_SOURCE_VARIABLE}: expected {', '.join(KEY_SOURCES)}")
            self._keyring = Keyring(
                environ=self._environ, source=source, cluster=None if source == "local" else _cluster_entries
            )
        return self._keyring.data_key(metadata)


def _cluster_entries() -> Mapping[str, bytes]:
    from kubectl_sops.cluster.age_secret import entries
    from kubectl_sops.cluster.client import connect

    return entries(connect({}), "flux-system", "sops-age")


class Call:
    """What one call knows.

    Args:
        program: the name that it was started by; that of a predecessor makes every configuration one of its.
        environ: the environment.
        folder: the root of the kustomization.
    """

    def __init__(self, program: str, environ: dict[str, str], folder: str) -> None:
        self._program = program
        self._environ = environ
        self._folder = folder
        self._allow_outside = environ.get(ALLOW_VARIABLE) == "1"
        self._keys = Keys(environ)
        self._decrypter = Decrypter(Root(folder, allow_outside=self._allow_outside), self._keys, environ)
        self.warnings: list[Resource] = []

    def run(self, config: Config | None, given: Input, options: dict[str, object]) -> bytes:
        """The ResourceList to print.

        Raises:
            SopsError: nothing may be printed then but the problems.
        """
        if config is None:
            configs = [item for item in given.items if self._generator(item) is not None]
            if configs:  # KSOPS takes its configurations from the items
                given.items = [item for item in given.items if not any(item is one for one in configs)]
                given.texts = None
                return self._generate(configs, given)
            config = {"apiVersion": "v1", "kind": "ConfigMap"}
        _reject_widening(config)
        if build_annotations.text(config, build_annotations.PACKAGE_PATH):
            self._enter_package(config)
        else:
            _drop_copy(config, given)
        if self._generator(config) is not None:
            if options:
                raise ConfigError(f"a generator has no option {next(iter(options))}")
            return self._generate([config], given)
        kind, settings = _checker(config)
        settings.update(options)
        return self._transform(kind, settings, given)

    def _enter_package(self, config: Config) -> None:
        """Look up files beside the configuration: kpt starts functions in the folder where it was called.

        The annotation is part of the configuration, so the package has to lie below that folder.
        """
        here = Root(self._folder, allow_outside=self._allow_outside)
        package = os.path.realpath(build_annotations.text(config, build_annotations.PACKAGE_PATH))
        if not self._allow_outside and not here.holds(package):
            raise ConfigError(
                f"the package is not below {here.path}", hint="call kpt in the folder of the package, or above it"
            )
        beside = os.path.dirname(build_annotations.text(config, build_annotations.PATH))
        root = Root(package, names_from=beside, allow_outside=self._allow_outside)
        self._decrypter = Decrypter(root, self._keys, self._environ)

    def _generator(self, config: Config) -> str | None:
        """Which generator a configuration is for, by its kind and by the name of the program."""
        from krm_fn.predecessors import SSG_KIND, SSG_KINDS

        kind = config.get("kind")
        if str(config.get("apiVersion")).startswith("kubectl-sops.dev/"):
            return "SopsGenerator" if kind == "SopsGenerator" else None
        if kind in SSG_KINDS or self._program == SSG_KIND:
            return SSG_KIND
        if kind == "ksops" or self._program == "ksops":
            return "ksops"
        return "SopsGenerator" if kind == "SopsGenerator" else None

    def _generate(self, configs: Sequence[Config], given: Input) -> bytes:
        from krm_fn import generator, predecessors

        made: list[Resource] = []
        for config in configs:
            kind = self._generator(config)
            if kind == "SopsGenerator":
                _check(config, kind)
                made += generator.generate(config, self._decrypter)
            elif kind == "ksops":
                made += predecessors.ksops(config, self._decrypter, self._environ)
            else:
                made += predecessors.secret_generator(config, self._decrypter)
        return resource_list.write([*given.items, *made], texts=given.texts)

    def _transform(self, kind: str, settings: Config, given: Input) -> bytes:
        from krm_fn import transformer

        outcome = transformer.transform(given.items, settings, self._decrypter)
        self.warnings = [result(warning, "warning") for warning in outcome.warnings]
        if kind == "SopsValidator":
            # kustomize compares what a validator returns, line numbers included, and prints both in full
            from_kustomize = any(build_annotations.KUSTOMIZE_ID in build_annotations.of(item) for item in given.items)
            items = [] if from_kustomize or given.texts is None else given.items
            return resource_list.write(items, self.warnings, given.texts)
        texts = None if given.texts is None else self._texts(given, outcome)
        return resource_list.write(given.items, self.warnings, texts)

    def _texts(self, given: Input, outcome: Outcome) -> list[str | None]:
        from krm_fn import item_text

        assert given.texts is not None
        if outcome.changed:
            self.warnings.append({"message": _IN_PLACE.format(len(outcome.changed)), "severity": "warning"})
        return item_text.rewrite(given.items, given.texts, outcome)


def result(error: SopsError, severity: str = "error") -> Resource:
    """A problem as the KRM Functions Specification writes it. Values are never among its fields."""
    found: Resource = {"message": str(error), "severity": severity}
    if isinstance(error, ResourceError):
        item = error.resource
        metadata = item.get("metadata")
        fields = metadata if isinstance(metadata, dict) else {}
        found["message"] = error.reason
        ref = {"apiVersion": item.get("apiVersion"), "kind": item.get("kind"), "name": fields.get("name")}
        if fields.get("namespace"):
            ref["namespace"] = fields["namespace"]
        found["resourceRef"] = ref
        if error.field:
            from kubectl_sops.errors import format_path

            found["field"] = {"path": format_path(error.field)}
        path = build_annotations.text(item, build_annotations.PATH)
        if path:
            found["file"] = {"path": path}
    elif error.file:
        found["file"] = {"path": error.file}
    return found


def results(error: SopsError) -> list[Resource]:
    """All problems of an error."""
    return [result(problem) for problem in all_of(error)]


def _check(config: Config, kind: str) -> None:
    from krm_fn.config import check
    from krm_fn.schemas import SCHEMAS

    raise_all(check(config, SCHEMAS[kind]))


def _checker(config: Config) -> tuple[str, Config]:
    """The kind and the settings of a transformer's or validator's configuration."""
    from krm_fn.schemas import SCHEMAS

    kind = config.get("kind")
    if kind == "ConfigMap":
        return _from_config_map(config)
    if kind not in SCHEMAS:
        from difflib import get_close_matches

        known = (*SCHEMAS, "ksops", "SopsSecretGenerator")
        near = get_close_matches(str(kind), known, n=1)
        names = ", ".join(known)
        raise ConfigError(
            f"unknown kind, expected one of {names}" + (f"; did you mean {near[0]}?" if near else ""), ("kind",)
        )
    _check(config, str(kind))
    return str(kind), dict(config)


def _from_config_map(config: Config) -> tuple[str, Config]:
    """What ``kpt fn eval … -- key=value`` makes: settings as text."""
    from krm_fn.config import check
    from krm_fn.schemas import SCHEMAS

    data = dict(config.get("data") or {})
    kind = {"verify": "SopsValidator", "transform": "SopsTransformer"}.get(str(data.pop("mode", "transform")))
    if kind is None:
        raise ConfigError("expected verify or transform", ("data", "mode"))
    if str(data.pop("cmd", "decrypt")) != "decrypt":
        raise ConfigError("only decrypt is possible", ("data", "cmd"))
    if str(data.pop("ignore-mac", "false")).lower() == "true":
        data.setdefault("requireMac", "off")
    settings: Config = {}
    for name, value in data.items():
        if name == "allowPatched":
            settings[name] = str(value).lower() == "true"
        elif name == "detachAnnotations":
            settings[name] = [part.strip() for part in str(value).split(",")]
        else:
            settings[name] = value
    schema = {**SCHEMAS[kind], "required": []}
    problems = check(settings, schema)
    raise_all([ConfigError(problem.message, ("data",)) for problem in problems])
    return kind, settings


def _reject_widening(config: Config) -> None:
    """A configuration is part of the repository: it must not set what only the caller may."""
    if _OWN_VARIABLES in build_annotations.text(config, build_annotations.FUNCTION):
        raise ConfigError(
            f"a configuration can't set variables that begin with {_OWN_VARIABLES}",
            ("metadata", "annotations", build_annotations.FUNCTION),
            hint="set them in the environment of kustomize",
        )


def _drop_copy(config: Config, given: Input) -> None:
    """Take out the copy of a generator's own configuration that kustomize puts among the items."""
    for index, item in enumerate(given.items):
        metadata, mine = item.get("metadata"), config.get("metadata")
        if (
            item.get("apiVersion") == config.get("apiVersion")
            and item.get("kind") == config.get("kind")
            and isinstance(metadata, dict)
            and isinstance(mine, dict)
            and metadata.get("name") == mine.get("name")
            and build_annotations.text(item, build_annotations.LOCAL_CONFIG) == "true"
        ):
            del given.items[index]
            if given.texts is not None:
                del given.texts[index]
            return


def working_folder() -> str:
    """The root of the kustomization: where kustomize starts every plugin and function."""
    return os.getcwd()


_IN_PLACE = (
    "{} resources decrypted; in place they are written to the package in plaintext: use -o unwrap | kubectl apply -f -"
)
