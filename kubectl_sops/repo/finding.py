"""What the guard reports: one finding is one thing to fix at one place. It never holds a value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kubectl_sops.errors import format_path

if TYPE_CHECKING:
    from kubectl_sops.core.leaf import Path

ERROR, WARNING = "error", "warning"


@dataclass(frozen=True, slots=True)
class Rule:
    """A kind of finding.

    Attributes:
        summary: what is wrong, for a list of rules.
        help: what to do about it.
        level: an error fails the check, a warning is only shown.
    """

    summary: str
    help: str
    level: str = ERROR


RULES: dict[str, Rule] = {
    "plain-secret": Rule(
        "a Secret in plaintext", "run `encrypt -i` on the file; if it was ever pushed, change the values at the source"
    ),
    "plain-file": Rule(
        "a plaintext file that a creation rule says is encrypted",
        "run `encrypt -i` on it, or narrow the path_regex of the rule",
    ),
    "plain-value": Rule(
        "a plaintext value that the file's own selector says is encrypted",
        "run `encrypt -i --if-needed` on the file; if it was ever pushed, change the value at the source",
    ),
    "plain-comment": Rule(
        "a plaintext comment among encrypted ones",
        "run `edit` on the file and save it, or leave it where it holds no secret",
        WARNING,
    ),
    "half-encrypted": Rule(
        "some documents of the stream are encrypted and some Secrets in it are not",
        "put every document in a file of its own and encrypt it",
    ),
    "generator-literal": Rule(
        "a secretGenerator with literal values", "move the values to an encrypted file and list it under `envs`"
    ),
    "generator-plain": Rule("a generator of Secrets reads a plaintext file", "run `encrypt -i` on that file"),
    "generator-resource": Rule(
        "a generator's configuration is listed among resources, so that it is applied and never run",
        "list it under `generators`",
    ),
    "many-generators": Rule(
        "a kustomization whose generators each start a process", "run `krm-sops merge` on the folder", WARNING
    ),
    "private-key": Rule(
        "a private key in plaintext",
        "remove it from the repository, and treat it as known to everybody who could read it",
    ),
    "metadata-missing": Rule(
        "encrypted values without a `sops` entry: nobody can open them", "restore the entry from Git history"
    ),
    "metadata-invalid": Rule("a `sops` entry that can't be used", "restore it from Git history"),
    "recipients": Rule("other recipients than the creation rule names", "run `updatekeys` on the file"),
    "rule-recipient": Rule(
        "a recipient in .sops.yaml that can't be read: its rule encrypts nothing",
        "correct it, or take it out of the rule",
    ),
    "selector": Rule("another selector than the creation rule names", "decrypt the file and encrypt it again", WARNING),
    "encrypted-identity": Rule(
        "an encrypted apiVersion, kind, or part of metadata, which neither kubectl nor Flux can use",
        "decrypt the file and encrypt it with encrypted_regex: ^(data|stringData)$",
    ),
    "stray-ciphertext": Rule(
        "a ciphertext where the file's selector expects plaintext: it is applied as it stands",
        "encrypt the plaintext again with the selector of the rule",
    ),
    "rendered": Rule("rendered output that was not decrypted", "see how the output was made"),
    "conflict": Rule("an unfinished merge", "resolve the conflict"),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to fix.

    Attributes:
        rule: a name in ``RULES``.
        message: what is wrong here; names key paths and recipients, never values.
        line: counted from 1.
        path: the key path.
    """

    rule: str
    file: str
    message: str
    line: int | None = None
    path: Path = ()
    hint: str | None = None

    @property
    def level(self) -> str:
        return RULES[self.rule].level

    @property
    def help(self) -> str:
        return self.hint or RULES[self.rule].help

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}:{self.line}"
        place = f" {format_path(self.path)}:" if self.path else ""
        return f"{where}:{place} {self.message}"
