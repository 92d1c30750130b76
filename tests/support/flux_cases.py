"""Sources with Flux Kustomizations, and what Flux makes of them: each row of the cases is built and applied."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from kubectl_sops.core.selectors import Selector
from tests.support import sealed

if TYPE_CHECKING:
    from pathlib import Path

Manifest = dict[str, Any]
SECRETS = Selector("encrypted_regex", "^(data|stringData)$")
TARGET = "target"
"""The namespace that objects without one get: the controller refuses them otherwise."""


class Sealed(NamedTuple):
    """A file that is encrypted when a case is laid out."""

    text: str | bytes
    format: str = "yaml"
    selector: Selector | None = None
    change: tuple[tuple[str, str], ...] = ()
    """Regular expressions and replacements: how somebody edited the encrypted text."""

    def data(self) -> bytes:
        """The encrypted file; the same one each time, so that two builds can be compared."""
        known = _SEALED.get(self)
        if known is None:
            known = _SEALED[self] = self._seal()
        return known

    def _seal(self) -> bytes:
        text = self.text.encode() if isinstance(self.text, str) else self.text
        out = sealed.encrypt(text, self.format, selector=self.selector)
        for before, after in self.change:
            out, count = re.subn(before.encode(), after.encode(), out)
            assert count, before
        return out


_SEALED: dict[Sealed, bytes] = {}


class Case(NamedTuple):
    """One source and what Flux makes of it.

    Attributes:
        id: the row of the specification.
        files: path → content.
        expect: ``Kind/name`` → what the object holds at least, ``…`` at the end of a name stands for a hash; or the
            text that the error must contain.
        spec: fields of the Kustomization besides ``path``.
        refused: Flux applies nothing although the build works: the API server, or a check after it, refuses.
        encrypted: ciphertext would be applied, which we refuse.
        remark: code of the remark that explains it.
    """

    id: str
    files: dict[str, str | bytes | Sealed]
    expect: dict[str, Manifest] | str
    spec: Manifest = {}  # noqa: RUF012  # never changed
    refused: bool = False
    encrypted: bool = False
    remark: str = ""

    def lay_out(self, folder: Path) -> Path:
        """Write the files; the folder."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if name.endswith("/"):
                path.mkdir(exist_ok=True)
                continue
            data = content.data() if isinstance(content, Sealed) else content
            path.write_bytes(data.encode() if isinstance(data, str) else data)
        return folder

    def kustomization(self, name: str = "app", namespace: str = "apps") -> Manifest:
        """The Flux Kustomization."""
        spec: Manifest = {
            "interval": "1h", "prune": True, "sourceRef": {"kind": "GitRepository", "name": "source"}, "path": "./",
            "decryption": {"provider": "sops", "secretRef": {"name": "sops-age"}}, "targetNamespace": TARGET,
        }  # fmt: skip
        return {
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {key: value for key, value in {**spec, **self.spec}.items() if value is not None},
        }  # fmt: skip


def b64(text: str | bytes) -> str:
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


def kustomization(*resources: str, **fields: object) -> str:
    """A kustomization.yaml; JSON is YAML."""
    import json

    return json.dumps({"resources": list(resources), **fields} if resources else fields)


def secret(values: str, name: str = "s", field: str = "stringData", more: str = "") -> str:
    """A Secret manifest; ``values`` are lines of YAML."""
    lines = "".join(f"  {line}\n" for line in values.splitlines())
    return f"apiVersion: v1\nkind: Secret\nmetadata:\n  name: {name}\n{more}{field}:\n{lines}"


def config_map(values: str, name: str = "c") -> str:
    """A ConfigMap manifest."""
    lines = "".join(f"  {line}\n" for line in values.splitlines())
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n{lines}"


def holds(actual: Any, expected: Any) -> bool:
    """Whether ``expected`` is part of ``actual``; ``None`` in a map stands for a missing key."""
    if isinstance(expected, dict):
        return isinstance(actual, dict) and all(
            key not in actual if value is None else key in actual and holds(actual[key], value)
            for key, value in expected.items()
        )
    if isinstance(expected, list):
        return isinstance(actual, list) and len(actual) == len(expected) and all(map(holds, actual, expected))
    return bool(actual == expected and actual.__class__ is expected.__class__)
