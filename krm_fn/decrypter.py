"""Decrypting files and payloads during one run of a function."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from krm_fn.object_leaves import leaves_of
from krm_fn.problems import ConfigError
from kubectl_sops.core.document import open_leaves
from kubectl_sops.core.metadata import Metadata
from kubectl_sops.core.values import Comment
from kubectl_sops.errors import MetadataMissingError, NoMatchingKeyError, ParseError, SopsError
from kubectl_sops.files import decrypt as files_decrypt
from kubectl_sops.formats import format_of
from kubectl_sops.formats.yaml_load import load_all

if TYPE_CHECKING:
    from collections.abc import Iterable

    from krm_fn.root import Root
    from kubectl_sops.files.decrypt import DataKeys


_REMOTE = (b"arn:aws", b"gcp_kms", b"azure_kv", b"hc_vault", b"hckms")
"""What the metadata of a file with a key in a key management service has in it; anything else has it only by chance."""

_CONCURRENCY = "20"
"""As in KSOPS."""


class _NotPlain(Exception):  # noqa: N818  # not an error: the document needs the slower way
    """An encrypted document whose objects alone do not say everything."""


class Decrypter:
    """Opens what belongs to one function call.

    Args:
        root: where file names are looked up.
        keys: finds data keys.
        environ: the environment of the process, to explain why a key was not found.
    """

    def __init__(self, root: Root, keys: DataKeys, environ: dict[str, str]) -> None:
        self.root = root
        self.keys = keys
        self._environ = environ

    def prefetch(self, names: Iterable[str]) -> None:
        """Ask key management services for the keys of several files at once; local keys need no threads.

        What fails here fails again, with its explanation, where the file is opened.
        """
        remote = []
        for name in dict.fromkeys(names):
            try:
                data = self.root.read(name)
            except SopsError:
                continue
            if any(mark in data for mark in _REMOTE):
                remote.append((data, format_of(name)))
        if len(remote) < 2:
            return
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(min(concurrency(self._environ), len(remote))) as pool:
            list(pool.map(lambda file: self._fetch(*file), remote))

    def _fetch(self, data: bytes, format: str) -> None:
        try:
            self.keys.data_key(files_decrypt.parse_encrypted(data, format)[1])
        except SopsError:
            return

    def file(self, name: str) -> bytes:
        """The plaintext of an encrypted file."""
        return self.payload(self.root.read(name), format_of(name), name)

    def payload(self, data: bytes, format: str, name: str) -> bytes:  # the word sops uses
        """The plaintext of encrypted bytes; ``name`` is for messages."""
        try:
            return files_decrypt.decrypt(data, format, self.keys)
        except SopsError as error:
            raise self.explained(error).at(name) from None

    def data_key(self, metadata: Metadata) -> bytes:
        """The data key of a file."""
        try:
            return self.keys.data_key(metadata)
        except SopsError as error:
            raise self.explained(error) from None

    def manifests(self, name: str) -> list[object]:
        """The documents of an encrypted manifest; empty ones are left out."""
        data = self.root.read(name)
        kind = format_of(name)
        if kind == "yaml":
            try:
                return [document for document in self._objects(data) if document]
            except (NoMatchingKeyError, MetadataMissingError) as error:
                raise self.explained(error).at(name) from None
            except (_NotPlain, SopsError):
                pass  # the exact way decides, and finds the exact words
        plain = self.payload(data, kind, name)
        try:
            if kind == "json":
                return [load_json(plain)]
            return [document for document in load_all(_decode(plain)) if document is not None]
        except ParseError as error:
            # the positions are those of the decrypted text
            raise ParseError(f"{error.message}, in the decrypted text", file=name, line=error.line) from None

    def _objects(self, data: bytes) -> list[object]:
        """The same as decrypting the text and reading it, without looking at layout and comments: half the time."""
        text = _decode(data)
        if "<<" in text:
            raise _NotPlain  # sops keeps merge keys, readers resolve them
        documents = load_all(text)
        first = documents[0] if documents else None
        tree = first.get("sops") if isinstance(first, dict) else None
        if tree is None:
            raise MetadataMissingError("sops metadata not found: the file is not encrypted", hint="`encrypt` it first")
        if not isinstance(tree, dict):
            raise _NotPlain
        metadata = Metadata(tree)
        metadata.require_readable()
        if metadata.selector.uses_comments:
            raise _NotPlain
        leaves = []
        for index, document in enumerate(documents):
            if not isinstance(document, dict):
                raise _NotPlain
            document.pop("sops", None)
            leaves += leaves_of(document, index)
        opened = open_leaves(leaves, metadata, self.keys.data_key(metadata))
        for index, value in opened.changes.items():
            if value.__class__ is Comment:
                raise _NotPlain
            leaves[index].set(value)
        return documents

    def explained(self, error: SopsError) -> SopsError:
        """``error`` with a hint on what usually hides a key from a function."""
        if not isinstance(error, NoMatchingKeyError):
            return error
        path = self._environ.get("SOPS_AGE_KEY_FILE")
        if not path:
            return error
        if not os.path.isabs(path):
            error.hint = (
                f"SOPS_AGE_KEY_FILE is relative, and kustomize runs functions in {os.getcwd()}: use an absolute path"
            )
        elif os.path.exists(path) and not os.access(path, os.R_OK):
            error.hint = (
                f"no permission to read SOPS_AGE_KEY_FILE ({path}) as user {os.getuid()}: in a container use "
                "--as-current-user, or pass SOPS_AGE_KEY"
            )
        return error


def concurrency(environ: dict[str, str]) -> int:
    """How many calls to a key management service may run at once.

    Raises:
        ConfigError: the variable is not a positive number.
    """
    limit = environ.get("KSOPS_CONCURRENCY_LIMIT") or _CONCURRENCY
    if not (limit.isascii() and limit.isdigit() and int(limit) >= 1):
        raise ConfigError("error parsing KSOPS_CONCURRENCY_LIMIT value: expected a positive number")
    return int(limit)


def load_json(data: bytes) -> object:
    """The value of a JSON document.

    Raises:
        ParseError: it is not JSON; the error carries the line only.
    """
    import json

    try:
        return json.loads(data)
    except json.JSONDecodeError as error:
        raise ParseError("not JSON", line=error.lineno) from None
    except (UnicodeDecodeError, RecursionError):
        raise ParseError("not JSON") from None


def _decode(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ParseError("not UTF-8") from None
