"""The editor session of one file: open, edit in memory, seal, write; an edit is never lost.

A document that can't be sealed is opened again with the error on top. When the user gives up, the editor fails or the
process is told to stop, the text is kept encrypted (``files.kept``) and ``edit --resume`` goes on with it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from kubectl_sops.core.cipher import KEY_SIZE
from kubectl_sops.errors import EditorError, InputNotFoundError, SopsError, UnwritableFileError
from kubectl_sops.files import editor, kept
from kubectl_sops.files.decrypt import open_document, parse_encrypted
from kubectl_sops.files.encrypt import parse_plain, seal, stash_of, wrapped
from kubectl_sops.files.memory import memory_folder
from kubectl_sops.files.read import read
from kubectl_sops.files.scaffold import scaffold
from kubectl_sops.files.write import PRIVATE, make_folder, replace_file

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kubectl_sops.core.document import Document, Opened
    from kubectl_sops.core.metadata import Metadata
    from kubectl_sops.files.decoded import DecodedView
    from kubectl_sops.files.encrypt import Recipe
    from kubectl_sops.keys.keyring import Keyring

CREATED, EDITED, UNCHANGED = "created", "edited", "unchanged"

_MARK = b"# kubectl-sops: "


class EditGivenUpError(SopsError):
    """The edited document can't be sealed and was not corrected; its text is kept."""


class Subject:
    """What is edited: the file as it was found, and how it is sealed again.

    Attributes:
        encrypted: the bytes of the file, ``None`` for a new one.
        plain: the decrypted text.
        shown: the text that the editor shows first; with ``view``, in another form than ``plain``.
    """

    __slots__ = (
        "_document", "_opened", "_view", "data_key", "encrypted", "format", "metadata", "path", "plain", "shown",
    )  # fmt: skip

    def __init__(self, path: str, format: str) -> None:  # the word sops uses
        self.path = path
        self.format = format
        self.encrypted: bytes | None = None
        self.plain = b""
        self.data_key = b""
        self.metadata: Metadata
        self._document: Document | None = None
        self._opened: Opened | None = None
        self._view: DecodedView | None = None
        self.shown = b""

    def view_through(self, view: DecodedView | None) -> None:
        """Show the text through ``view``, and take it back through it."""
        self._view = view
        self.shown = self.plain if view is None else view.show(self.plain)

    def saved(self, text: bytes) -> bytes:
        """The plaintext that an edited text stands for."""
        return text if self._view is None else self._view.save(text)

    @classmethod
    def existing(cls, path: str, format: str, keyring: Keyring, *, ignore_mac: bool) -> Subject:
        """An encrypted file, opened."""
        subject = cls(path, format)
        subject.encrypted = read(path)
        subject._document, subject.metadata = parse_encrypted(subject.encrypted, format)
        subject._opened, subject.data_key = open_document(
            subject._document, subject.metadata, keyring, ignore_mac=ignore_mac
        )  # fmt: skip
        subject.plain = subject._document.splice(subject._opened.changes, None)
        return subject

    @classmethod
    def new(cls, path: str, format: str, keyring: Keyring, recipe: Recipe) -> Subject:
        """A file that is to be created."""
        subject = cls(path, format)
        subject.data_key = os.urandom(KEY_SIZE)
        subject.metadata = wrapped(subject.data_key, recipe, format, keyring)
        subject.plain = scaffold(path, format)
        return subject

    def seal(self, text: bytes, now: str) -> bytes:
        """The encrypted file for an edited text; unchanged values keep their ciphertext."""
        document = parse_plain(text, self.format)
        stash = None
        if self._document is not None and self._opened is not None:
            stash = stash_of(self._document, self._opened, self.plain)
        return seal(
            document, text, self.metadata, self.data_key, now=now, stash=stash, like=self._document
        ).data  # fmt: skip


def edit_file(
    path: str,
    format: str,
    keyring: Keyring,
    *,
    recipe: Callable[[], Recipe],
    now: Callable[[], str],
    environ: Mapping[str, str],
    interactive: bool,
    validate: Callable[[bytes], None] = lambda _: None,
    tell: Callable[[str], None] = lambda _: None,
    ignore_mac: bool = False,
    allow_disk: bool = False,
    resume: bool = False,
    view: DecodedView | None = None,
) -> str:
    """Edit ``path`` in the user's editor, or create it.

    Args:
        recipe: how a new file is encrypted; asked only where there is no file.
        interactive: whether a terminal is there, so that a broken document can be opened again.
        validate: raises ``SopsError`` for a text that must not be saved.
        tell: shows a line to the user.
        resume: go on with the text of an edit that was given up.
        view: the form in which the text is shown.

    Returns:
        ``CREATED``, ``EDITED`` or ``UNCHANGED``.
    """
    argv = editor.command(environ)
    if os.path.lexists(path):
        subject = Subject.existing(path, format, keyring, ignore_mac=ignore_mac)
    else:
        subject = Subject.new(path, format, keyring, recipe())
    _require_writable(path)
    subject.view_through(view)
    shown = subject.shown
    if resume:
        shown = kept.load(path, keyring, environ)
    elif kept.exists(path, environ):
        tell(f"an earlier edit of {path} is kept; `edit --resume {path}` goes on with it, saving this one drops it")
    with memory_folder(environ, allow_disk=allow_disk) as folder:
        buffer = os.path.join(folder, os.path.basename(path))
        sealed = _converse(subject, shown, buffer, argv, environ, now, interactive, validate, tell)
        if sealed is not None:
            with _kept_on_failure(subject, buffer, environ, now):
                _require_unchanged(subject)
                make_folder(path)
                new = subject.encrypted is None
                replace_file(path, sealed, new_mode=PRIVATE, expected=subject.encrypted, new=new)
    if resume or sealed is not None:
        kept.forget(path, environ)  # otherwise somebody may only have looked, and goes on with the kept one now
    if sealed is None:
        return UNCHANGED
    return CREATED if subject.encrypted is None else EDITED


def _require_writable(path: str) -> None:
    # said before the work is done, not after it
    target = os.path.realpath(path)
    for place in (target, os.path.dirname(target)):
        if os.path.exists(place) and not os.access(place, os.W_OK):
            raise UnwritableFileError(
                "can't be written: permission denied", file=path, hint=f"`decrypt {path}` shows what is in it"
            )


def _require_unchanged(subject: Subject) -> None:
    current = read(subject.path) if os.path.lexists(subject.path) else None
    if current != subject.encrypted:
        raise EditGivenUpError("the file was changed by someone else meanwhile", file=subject.path)


class _kept_on_failure:  # noqa: N801  # used as a statement
    """Keeps the buffer encrypted when its block is left by any exception."""

    def __init__(self, subject: Subject, buffer: str, environ: Mapping[str, str], now: Callable[[], str]) -> None:
        self._subject, self._buffer, self._environ, self._now = subject, buffer, environ, now

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        if error is None:
            return
        try:
            text = _without_errors(read(self._buffer))
        except SopsError:
            return  # the editor removed it
        subject = self._subject
        if text == subject.shown:
            return
        kept.store(subject.path, text, subject.metadata, subject.data_key, self._environ, now=self._now())
        if isinstance(error, SopsError):
            error.hint = f"your text is kept, encrypted: `edit --resume {subject.path}` goes on with it"


def _converse(
    subject: Subject,
    shown: bytes,
    buffer: str,
    argv: list[str],
    environ: Mapping[str, str],
    now: Callable[[], str],
    interactive: bool,
    validate: Callable[[bytes], None],
    tell: Callable[[str], None],
) -> bytes | None:
    """Let the user edit until the text can be sealed; the sealed file, or ``None`` where the text is as it was."""
    text, complaint = shown, b""
    while True:
        _write_buffer(buffer, complaint + text)
        with _kept_on_failure(subject, buffer, environ, now):
            editor.run(argv, buffer, environ)
            edited = _without_errors(_read_buffer(buffer))
            if edited == subject.shown:
                return None
            if complaint and edited == text:
                raise EditGivenUpError("given up: the document was left as it was", file=subject.path)
            try:
                plain = subject.saved(edited)
                validate(plain)
                return subject.seal(plain, now())
            except SopsError as error:
                if not interactive:
                    raise error.at(subject.path) from None
                text, complaint = edited, _complaint(error, subject.format)
                tell(f"error: {error}")


def _read_buffer(buffer: str) -> bytes:
    try:
        return read(buffer)
    except InputNotFoundError:
        raise EditorError("the editor removed the file") from None


def _write_buffer(buffer: str, text: bytes) -> None:
    descriptor = os.open(buffer, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, PRIVATE)
    with open(descriptor, "wb") as file:
        file.write(text)


def _complaint(error: SopsError, format: str) -> bytes:
    if format == "binary":
        return b""  # every byte is content there
    lines = [str(error), *([f"hint: {error.hint}"] if error.hint else [])]
    lines.append("correct it and save; leave without a change to give up (these lines are removed)")
    return b"".join(_MARK + line.replace("\n", " ").encode() + b"\n" for line in lines)


def _without_errors(text: bytes) -> bytes:
    while text.startswith(_MARK):
        _, _, text = text.partition(b"\n")
    return text
