"""Which API server to talk to, and as whom: kubeconfig files, kubectl's flags, or the pod we run in.

The ``kubernetes`` package merges the files and reads certificates and tokens. What it gets wrong is done here: the
first file decides the current context, ``--cluster`` and ``--user`` replace parts of a context, credential plugins
report failures, and its error texts, which can quote a token, are never shown.
"""

from __future__ import annotations

import os
import re
from binascii import a2b_base64
from typing import TYPE_CHECKING, Any

from kubectl_sops.cluster.failure import CredentialsError, KubeconfigError
from kubectl_sops.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Values = Mapping[str, object]
    Untyped = Any  # what the kubernetes package hands out

DEFAULT_PATH = "~/.kube/config"
IN_CLUSTER_VARIABLE = "KUBERNETES_SERVICE_HOST"

DEFAULT_TIMEOUT = 30.0
"""Seconds without ``--request-timeout``; kubectl waits for ever, a tool in a script should not."""

MEMORY_FOLDER = "/dev/shm"  # noqa: S108  # nothing is created under a name that could be foreseen
"""Where the package puts a client key that the kubeconfig holds as text, on systems without files of one process."""

_OURS = "\0kubectl-sops"
"""Name of the context that the flags describe; no kubeconfig can have it."""

_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?|\.\d+)(ns|us|µs|ms|s|m|h)")


class Access:
    """How to reach one API server.

    Attributes:
        configuration: the ``kubernetes`` package's ``Configuration``.
        context: name of the context, for messages; empty in a pod.
        impersonate: headers of ``--as`` and ``--as-group``.
        timeout: seconds for one request; ``None`` waits for ever.
    """

    __slots__ = ("configuration", "context", "impersonate", "timeout")

    def __init__(
        self,
        configuration: Untyped,
        context: str,
        impersonate: Sequence[tuple[str, str]],
        timeout: float | None,
    ) -> None:
        self.configuration = configuration
        self.context = context
        self.impersonate = tuple(impersonate)
        self.timeout = timeout


def load_access(values: Values) -> Access:
    """Find the API server that kubectl would talk to.

    Args:
        values: kubectl's flags as ``option_table.CLUSTER`` names them.

    Raises:
        KubeconfigError: there is none, or what the flags name is not in it.
        CredentialsError: the credential plugin failed.
    """
    timeout = parse_timeout(_text(values, "request_timeout"))
    paths = _paths(values)
    if not paths and os.environ.get(IN_CLUSTER_VARIABLE) and not _text(values, "context"):
        return Access(_in_cluster(), "", _impersonate(values, {}), timeout)
    if not paths:
        raise KubeconfigError(
            "no kubeconfig found", hint="set KUBECONFIG or --kubeconfig, or run `kubectl config get-contexts`"
        )
    config = _merged(paths)
    name, context = _context(config, values)
    user = _user(config, context)
    configuration = _load(config, context, user)
    return Access(configuration, name, _impersonate(values, user), timeout)


def parse_timeout(text: str) -> float | None:
    """Seconds of a Go duration or a plain number; ``None`` for 0, which waits for ever."""
    if not text:
        return DEFAULT_TIMEOUT
    if re.fullmatch(r"\d+", text):
        return float(text) or None
    if not _DURATION.sub("", text) and (parts := _DURATION.findall(text)):
        return sum(float(number) * _UNITS[unit] for number, unit in parts) or None
    raise UsageError("--request-timeout is not a time", hint="write it like 10s or 1m30s")


def _text(values: Values, name: str) -> str:
    value = values.get(name)
    return value if isinstance(value, str) else ""


def _paths(values: Values) -> list[str]:
    given = _text(values, "kubeconfig")
    if given:
        if not os.path.exists(given):
            raise KubeconfigError("no such kubeconfig file", file=given, hint="check --kubeconfig")
        return [given]
    listed = [path for path in os.environ.get("KUBECONFIG", "").split(os.pathsep) if path]
    # kubectl passes over files of the list that are not there
    return [path for path in map(os.path.expanduser, listed or [DEFAULT_PATH]) if os.path.exists(path)]


def _merged(paths: list[str]) -> Untyped:
    import yaml
    from kubernetes.config.config_exception import ConfigException
    from kubernetes.config.kube_config import KubeConfigMerger

    try:
        merger = KubeConfigMerger(os.pathsep.join(paths))
        current = (merger.config_files[path].get("current-context") for path in merger.paths)
        # kubectl takes the first file that sets it, the package the last
        merger.config.value["current-context"] = next((name for name in current if name), None)
    except OSError as error:
        raise KubeconfigError(
            f"could not read the kubeconfig: {os.strerror(error.errno or 0)}", file=error.filename
        ) from None
    except (ConfigException, yaml.YAMLError, AttributeError, KeyError, TypeError, ValueError):
        raise _unusable() from None
    return merger.config


def _unusable() -> KubeconfigError:
    return KubeconfigError("the kubeconfig can't be used", hint="`kubectl config view` shows what kubectl makes of it")


def _named(config: Untyped, kind: str, name: str) -> Untyped:
    return next((node for node in config.value[kind] if node.value.get("name") == name), None)


def _context(config: Untyped, values: Values) -> tuple[str, dict[str, object]]:
    """The name of the chosen context, and what is in it after ``--cluster`` and ``--user``."""
    name = _text(values, "context") or str(config.value["current-context"] or "")
    cluster, user = _text(values, "cluster"), _text(values, "user")
    node = _named(config, "contexts", name)
    if node is None and not (not name and cluster):
        known = [str(other.value.get("name")) for other in config.value["contexts"]]
        raise KubeconfigError(
            f"the kubeconfig has no context {name}" if name else "the kubeconfig has no current context",
            hint="choose one with --context: " + ", ".join(known) if known else "run `kubectl config get-contexts`",
        )
    context = dict(node.value.get("context") or {}) if node is not None else {}
    for kind, field, given in (("clusters", "cluster", cluster), ("users", "user", user)):
        if given:
            context[field] = given
        if context.get(field) and _named(config, kind, str(context[field])) is None:
            raise KubeconfigError(f"the kubeconfig has no {field} {context[field]}", hint="run `kubectl config view`")
    server = _named(config, "clusters", str(context.get("cluster")))
    if server is None or not (server.value.get("cluster") or {}).get("server"):
        raise KubeconfigError(
            f"context {name} names no API server", hint="run `kubectl config view`, or choose another with --context"
        )
    return name, context


def _user(config: Untyped, context: dict[str, object]) -> dict[str, object]:
    node = _named(config, "users", str(context.get("user")))
    return dict(node.value.get("user") or {}) if node is not None else {}


def _load(config: Untyped, context: dict[str, object], user: dict[str, object]) -> Untyped:
    from kubernetes.client import Configuration
    from kubernetes.config.config_exception import ConfigException
    from kubernetes.config.kube_config import ConfigNode, KubeConfigLoader

    users = _named(config, "users", str(context.get("user")))
    if "exec" in user and "token" not in user:
        user = {key: value for key, value in user.items() if key != "exec"} | _run_plugin(config, context, user)
    cluster = _named(config, "clusters", str(context["cluster"]))
    configuration = Configuration()
    folder = MEMORY_FOLDER if os.access(MEMORY_FOLDER, os.W_OK | os.X_OK) else None
    try:
        for kind, field, node, path in (
            ("contexts", "context", {**context, "user": _OURS, "cluster": _OURS}, None),
            ("users", "user", _in_memory(user), users.path if users else None),
            ("clusters", "cluster", _in_memory(cluster.value["cluster"]), cluster.path),
        ):
            config.value[kind].append(ConfigNode(_OURS, {"name": _OURS, field: node}, path))
        # without config_base_path relative names are looked for beside the file that has them
        loader = KubeConfigLoader(config, active_context=_OURS, config_base_path=None, temp_file_path=folder)
        loader.load_and_set(configuration)
    except OSError as error:
        raise KubeconfigError(
            f"could not read what the kubeconfig names: {os.strerror(error.errno or 0)}", file=error.filename
        ) from None
    except (ConfigException, AttributeError, KeyError, TypeError, ValueError):
        raise _unusable() from None
    return configuration


def _in_memory(node: Mapping[str, object]) -> dict[str, object]:
    """A user or cluster with names of files in place of what it holds as text, since OpenSSL reads from files only.

    The files exist in this process alone, and end with it, however it ends.
    """
    found = dict(node)
    if not hasattr(os, "memfd_create"):
        return found  # the package makes temporary files, and removes them
    for name in ("certificate-authority", "client-certificate", "client-key"):
        text = found.get(f"{name}-data")
        if not text:
            continue
        descriptor = os.memfd_create(name, os.MFD_CLOEXEC)
        path = f"/proc/self/fd/{descriptor}"
        if not os.path.exists(path):
            os.close(descriptor)
            return found
        os.write(descriptor, a2b_base64(str(text)))
        found[name] = path
        del found[f"{name}-data"]
    return found


def _run_plugin(config: Untyped, context: dict[str, object], user: dict[str, object]) -> dict[str, object]:
    """What the credential plugin of a user gives, as fields of a user. The package itself would only log a failure."""
    import base64

    from kubernetes.config.config_exception import ConfigException
    from kubernetes.config.exec_provider import ExecProvider
    from kubernetes.config.kube_config import ConfigNode

    settings = user["exec"] if isinstance(user["exec"], dict) else {}
    command = str(settings.get("command", ""))
    cluster = _named(config, "clusters", str(context["cluster"]))
    # older releases of the package can't tell a plugin about the cluster, and only some plugins ask
    server = ConfigNode("cluster", cluster.value["cluster"], cluster.path)
    asked = [server] if settings.get("provideClusterInfo") else []
    try:
        folder = os.path.dirname(os.path.abspath(cluster.path)) if cluster.path else None
        status = ExecProvider(ConfigNode("exec", settings, cluster.path), folder, *asked).run()
    except FileNotFoundError:
        raise CredentialsError(
            f"the credential plugin {command} of the kubeconfig is not installed",
            hint=str(settings.get("installHint") or f"install {command}"),
        ) from None
    except (ConfigException, OSError, AttributeError, KeyError, TypeError, ValueError):
        raise CredentialsError(
            f"the credential plugin {command} of the kubeconfig failed",
            hint="log in again; `kubectl get namespaces` shows what the plugin says",
        ) from None
    found: dict[str, object] = {}
    if status.get("token"):
        found["token"] = status["token"]
    for theirs, ours in (("clientCertificateData", "client-certificate-data"), ("clientKeyData", "client-key-data")):
        if status.get(theirs):
            found[ours] = base64.b64encode(str(status[theirs]).encode()).decode()
    if not found:
        raise CredentialsError(f"the credential plugin {command} of the kubeconfig gave no credentials")
    return found


def _in_cluster() -> Untyped:
    from kubernetes.client import Configuration
    from kubernetes.config.config_exception import ConfigException
    from kubernetes.config.incluster_config import load_incluster_config

    configuration = Configuration()
    try:
        load_incluster_config(client_configuration=configuration)
    except (ConfigException, OSError):
        raise KubeconfigError(
            "this pod has no service account to reach the API server with", hint="set automountServiceAccountToken"
        ) from None
    return configuration


def _impersonate(values: Values, user: Mapping[str, object]) -> list[tuple[str, str]]:
    name = _text(values, "as_user") or str(user.get("as") or "")
    given = values.get("as_group") or user.get("as-groups") or ()
    groups = [str(group) for group in given] if isinstance(given, list | tuple) else [str(given)]
    if groups and not name:
        raise UsageError("--as-group needs --as")
    return [*([("Impersonate-User", name)] if name else []), *(("Impersonate-Group", group) for group in groups)]
