"""Every deliberate exception, its exit code and what to do next.

Exit codes are sops' own numbers (sops ``cmd/sops/codes/codes.go``), so that scripts survive a switch; 2, 70 and 130
belong to the command line itself. No message, attribute or representation may hold a decrypted value, key material
or a line of a plaintext document: only names of files, key paths and positions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

BUG_EXIT_CODE = 70
"""An exception that nobody meant to raise (sysexits.h EX_SOFTWARE)."""

INTERRUPTED_EXIT_CODE = 130
"""Ctrl-C, as a shell reports it."""


def format_path(path: Iterable[str | int]) -> str:
    """A key path as people write it: ``stringData.password``, ``items[0].name``."""
    out = ""
    for part in path:
        if isinstance(part, int):
            out += f"[{part}]"
        elif part and not any(c in part for c in ".[] \n\t"):
            out += f".{part}" if out else part
        else:
            out += "[" + '"' + part.replace('"', '\\"').replace("\n", "\\n") + '"' + "]"
    return out


class SopsError(Exception):
    """``message`` says what happened, ``hint`` what to try next; ``file`` and ``path`` say where."""

    exit_code: ClassVar[int] = 1
    usual_hint: ClassVar[str | None] = None
    """What to try next where nobody who raises it knows better."""

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        file: str | None = None,
        path: Sequence[str | int] | None = None,
        line: int | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.file = file
        self.path = None if path is None else tuple(path)
        self.line = line

    def __str__(self) -> str:
        where = ""
        if self.file is not None:
            where = self.file
        if self.line is not None:
            where += f":{self.line}" if where else f"line {self.line}"
        if self.path:
            where += (": " if where else "") + format_path(self.path)
        return f"{where}: {self.message}" if where else self.message

    @property
    def next_step(self) -> str | None:
        """What to try next: the hint, or what usually helps."""
        return self.hint or self.usual_hint

    def at(self, file: str) -> SopsError:
        """The same error, naming ``file`` unless it already names one."""
        if self.file is None:
            self.file = file
        return self


class UsageError(SopsError):
    """The command line asks for something that does not exist or does not fit together."""

    exit_code = 2


class ConflictingParametersError(SopsError):
    """Two options that exclude each other."""

    exit_code = 8


class ParseError(SopsError):
    """A document that can't be read; carries the line, never the text."""

    usual_hint = "correct it in an editor; restore an encrypted file, for instance with `git checkout`"


class PlaintextParseError(ParseError):
    """A plaintext document that can't be read, so that it can't be encrypted."""

    usual_hint = "correct it in an editor"
    exit_code = 2


class UnreadableFileError(SopsError):
    """A file that is there but can't be opened."""

    exit_code = 2


class UnwritableFileError(SopsError):
    """A place that can't be written."""

    exit_code = 3


class DumpError(SopsError):
    """A document that the output format can't express."""

    exit_code = 4


class InvalidEncryptionContextError(SopsError):
    """An AWS KMS encryption context that is not pairs of key and value."""

    exit_code = 6


class InvalidPathError(SopsError):
    """An index path (``["a"][0]``) that can't be read, in ``set`` and ``unset``."""

    exit_code = 7


class InvalidValueError(SopsError):
    """A value for ``set`` that is not JSON."""

    exit_code = 7


class InvalidExtractPathError(SopsError):
    """An index path that can't be read, in ``--extract``."""

    exit_code = 91


class KeyPathNotFoundError(SopsError):
    """A key path that the document does not have."""


class EncryptTreeError(SopsError):
    """A document that SOPS can't hold, for instance a key that is not a string."""

    exit_code = 23


class ValueAuthError(SopsError):
    """A value that is not ciphertext, is damaged, or was moved from another place."""

    exit_code = 25


class MissingFileForKeysError(SopsError):
    """Keys are to be added to or removed from a file that does not exist."""

    exit_code = 49


class MacMismatchError(SopsError):
    """The values are not those that the MAC was computed over."""

    exit_code = 51


class MacMissingError(MacMismatchError):
    """A file without a MAC. sops reports it with the code of a mismatch, so does this."""


class NoDocumentError(SopsError):
    """A YAML file without any document."""

    exit_code = 92


class InputNotFoundError(SopsError):
    """A file that does not exist, or no file where one is needed."""

    exit_code = 100


class DuplicateDecryptionOrderError(SopsError):
    """A key type named twice in the decryption order."""

    exit_code = 112


class NoMatchingKeyError(SopsError):
    """No identity opens the file; ``tried`` has a line per recipient and source."""

    exit_code = 128

    def __init__(
        self, message: str, *, tried: Sequence[str] = (), hint: str | None = None, file: str | None = None
    ) -> None:
        super().__init__(message, hint=hint, file=file)
        self.tried = tuple(tried)


class NotModifiedError(SopsError):
    """Nothing changed, where sops treats that as a failure."""

    exit_code = 200


class EditorError(SopsError):
    """No editor, or one that failed."""

    exit_code = 201


class AlreadyEncryptedError(SopsError):
    """The document already has an entry named ``sops``."""

    exit_code = 203


class MetadataError(SopsError):
    """The ``sops`` entry is missing or malformed."""

    usual_hint = "restore the sops block from Git history, for instance with `git checkout`"


class MetadataMissingError(MetadataError):
    """There is no ``sops`` entry: the file is not encrypted."""


class RulesError(SopsError):
    """A ``.sops.yaml`` that can't be used."""

    usual_hint = "correct it in an editor; `git diff` shows what was changed last"


class ConfigNotFoundError(RulesError):
    """No ``.sops.yaml`` where one is needed."""

    usual_hint = "name another with --config, or run `init` to create one"
    exit_code = 61


class NoMatchingRuleError(RulesError):
    """No creation rule matches the file."""


class NoRecipientsError(SopsError):
    """There is nobody to encrypt to."""

    exit_code = 111


class KeyParseError(SopsError):
    """Text that is not a recipient or an identity. Never quotes the text: it may be a private key."""


class WrapError(SopsError):
    """The data key can't be wrapped for a recipient."""


class ClusterError(SopsError):
    """The cluster refused or could not be reached."""


class InsecureStorageError(SopsError):
    """There is no memory-backed place for plaintext."""
