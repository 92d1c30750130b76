"""Checks of a plaintext file: it must not hold what ought to be encrypted."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from kubectl_sops import formats
from kubectl_sops.core.cipher import is_sealed
from kubectl_sops.core.values import EMPTY_LIST, EMPTY_MAP
from kubectl_sops.errors import SopsError
from kubectl_sops.files.manifest import is_value, manifests
from kubectl_sops.repo.finding import Finding
from kubectl_sops.repo.place import Lines
from kubectl_sops.rules.search import NAME as CONFIG_NAME

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_sops.core.leaf import Leaf
    from kubectl_sops.files.manifest import Manifest
    from kubectl_sops.repo.policy import Coverage


_SECRET_KIND = re.compile(rb"""\bkind["']?[ \t]*:[ \t\r\n]*["']?Secret\b""")
_MARKED_NAME = re.compile(r"(?:^|[._-])(?:enc|sops|encrypted)(?=[._-])", re.IGNORECASE)

_EXAMPLE_NAME = re.compile(r"(?:^|[._-])(?:example|sample|template|tmpl|dist|j2)(?:[._-]|$)", re.IGNORECASE)

# Values that Flux, Argo CD Vault plugin or a person fills in later are not secrets: ${VAR}, <path:…>, <token>, {{ … }}
_REFERENCE = re.compile(r"(?:\s*(?:\$\{[^{}]*\}|\$\([^()]*\)|<[^<>]*>|\{\{.*?\}\})\s*)+", re.DOTALL)

_AGE_KEY = re.compile(rb"AGE-SECRET-KEY-(?:PQ-)?1[02-9AC-HJ-NP-Z]{50,}")
_PEM_KEY = re.compile(
    rb"-----BEGIN (?:(?:RSA|EC|DSA|OPENSSH|ENCRYPTED) )?PRIVATE KEY-----\s+[A-Za-z0-9+/=\s\\]{120,}-----END"
    rb"|-----BEGIN PGP PRIVATE KEY BLOCK-----\s+(?:\w+: [^\n]*\n)*\s*[A-Za-z0-9+/=\s]{120,}"
)
_PLAIN_FILE = "is not encrypted, but a creation rule covers it"
_MARKUP = (".md", ".rst", ".adoc", ".txt", ".html")

KUSTOMIZATION_NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_CONFIGURATION = frozenset((*KUSTOMIZATION_NAMES, CONFIG_NAME, ".gitignore", ".gitattributes", ".gitkeep"))
"""What programs read where it lies, whichever rule matches it."""


def check(file: str, data: bytes, format: str, coverage: Coverage | None, *, configured: bool) -> Iterator[Finding]:
    """Whatever a plaintext file should not hold.

    Args:
        coverage: what the creation rule that matches the file says.
        configured: there is a ``.sops.yaml`` that is responsible for the file, whether a rule matches or not.
    """
    yield from _private_keys(file, data)
    name = os.path.basename(file)
    if not data.strip() or name in _CONFIGURATION or _EXAMPLE_NAME.search(name):
        return
    marked = coverage is not None and _MARKED_NAME.search(name) is not None
    narrow = coverage is not None and coverage.narrow
    if format == "binary":
        # prose about the secrets beside it, unless the rule asks for such an ending
        if (narrow or marked) and (not name.endswith(_MARKUP) or (coverage is not None and coverage.ending)):
            yield Finding("plain-file", file, _PLAIN_FILE)
        return
    if not (narrow or marked or (configured and _SECRET_KIND.search(data))):
        return
    try:
        document = formats.parse(data, format)
    except SopsError:
        return  # a template or a broken file: nothing that could be encrypted either
    leaves = document.leaves
    selected = coverage.selector.select(leaves) if coverage is not None else [True] * len(leaves)
    lines = Lines(data)
    for manifest in manifests(leaves):
        secrets = [leaves[i] for i in manifest.leaves if selected[i] and is_secret_value(leaves[i])]
        if manifest.is_secret:
            secrets = [leaf for leaf in secrets if is_value(manifest, leaf)]
            if secrets:
                yield _plain_secret(file, manifest, secrets[0], lines, covered=coverage is not None)
        elif secrets and (marked or (narrow and not manifest.kind)):
            yield Finding("plain-file", file, _PLAIN_FILE, lines.of(secrets[0]), secrets[0].path)


def _plain_secret(file: str, manifest: Manifest, leaf: Leaf, lines: Lines, *, covered: bool) -> Finding:
    if covered:
        return Finding("plain-secret", file, f"{manifest.title} is not encrypted", lines.of(leaf), leaf.path)
    return Finding(
        "plain-secret", file, f"{manifest.title} is not encrypted, and no creation rule covers it", lines.of(leaf),
        leaf.path, "add a creation rule for it to .sops.yaml, then run `encrypt -i` on it",
    )  # fmt: skip


def is_secret_value(leaf: Leaf) -> bool:
    """Whether a leaf holds something: not empty, not encrypted, and not a reference to be filled in later."""
    value = leaf.value
    if value is None or value is EMPTY_MAP or value is EMPTY_LIST or leaf.is_comment:
        return False
    if not isinstance(value, str):
        return True
    return bool(value.strip()) and not is_sealed(value) and _REFERENCE.fullmatch(value) is None


def _private_keys(file: str, data: bytes) -> Iterator[Finding]:
    if b"-KEY-" not in data and b"PRIVATE KEY" not in data:
        return
    lines = Lines(data)
    match = _AGE_KEY.search(data)
    if match is not None and _is_bech32(match.group().decode()):
        yield Finding("private-key", file, "an age private key", lines.at_byte(match.start()))
    if not file.endswith(_MARKUP):
        match = _PEM_KEY.search(data)
        if match is not None:
            yield Finding("private-key", file, "a private key in PEM form", lines.at_byte(match.start()))


_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


def _is_bech32(text: str) -> bool:
    """Whether the check sum fits (BIP 173): examples in prose are made up and do not."""
    human, _, data = text.lower().rpartition("1")
    values = [ord(c) >> 5 for c in human] + [0] + [ord(c) & 31 for c in human] + [_BECH32.find(c) for c in data]
    if -1 in values:
        return False
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            if top >> bit & 1:
                check ^= generator
    return check == 1
