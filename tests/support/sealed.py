"""Encrypted documents for tests of the formats: sealed with the core alone, for a throw-away age key."""

from __future__ import annotations

import json
import os
import tempfile

import pyrage

from kubectl_sops import formats
from kubectl_sops.core import metadata as metadata_module
from kubectl_sops.core.document import Document, open_leaves, seal_leaves
from kubectl_sops.core.metadata import KeyEntry, Metadata
from kubectl_sops.core.selectors import Selector
from tests.support.tools import need, run

IDENTITY = pyrage.x25519.Identity.generate()
DATA_KEY = bytes(range(32))
NOW = "2026-11-22T03:54:50Z"


def wrapped(data_key: bytes = DATA_KEY) -> KeyEntry:
    """A data key wrapped for ``IDENTITY``."""
    recipient = IDENTITY.to_public()
    enc = pyrage.encrypt(data_key, [recipient], armored=True).decode()
    return KeyEntry("age", {"enc": enc, "recipient": str(recipient)})


ENTRY = wrapped()


def metadata(selector: Selector | None = None, *, mac_only_encrypted: bool = False) -> Metadata:
    """Metadata of a new file for ``IDENTITY``."""
    return metadata_module.new([[ENTRY]], selector=selector, mac_only_encrypted=mac_only_encrypted)


def encrypt(
    data: bytes,
    format: str,
    *,
    selector: Selector | None = None,
    mac_only_encrypted: bool = False,
    like: bytes | None = None,
) -> bytes:
    """``data`` encrypted under ``DATA_KEY``; ``like`` is an encrypted file whose metadata and layout are taken over."""
    document = formats.parse(data, format)
    assert document.metadata is None
    model = None if like is None else formats.parse(like, format)
    held = metadata(selector, mac_only_encrypted=mac_only_encrypted) if model is None else model.metadata
    assert held is not None
    changes, sealed = seal_leaves(document.leaves, held, DATA_KEY, now=NOW, random_bytes=os.urandom)
    return document.splice(changes, sealed, like=model)


def data_key_of(held: Metadata) -> bytes:
    """The data key of a file that ``IDENTITY`` opens."""
    return pyrage.decrypt(held.groups[0][0].enc.encode(), [IDENTITY])


def opened(data: bytes, format: str) -> tuple[Document, bytes]:
    """The document with its leaves' values decrypted, and its plaintext, the MAC verified."""
    document = formats.parse(data, format)
    assert document.metadata is not None
    found = open_leaves(document.leaves, document.metadata, data_key_of(document.metadata))
    plain = document.splice(found.changes, None)
    for index, value in found.changes.items():
        document.leaves[index].value = value
    return document, plain


def decrypt(data: bytes, format: str) -> bytes:
    """The plaintext of a file that ``IDENTITY`` opens, the MAC verified."""
    return opened(data, format)[1]


def sops(*arguments: str, stdin: bytes = b"", check: bool = True) -> bytes:
    """The output of real sops, run with ``IDENTITY``."""
    result = run([need("sops"), *arguments], stdin=stdin, env={"SOPS_AGE_KEY": str(IDENTITY)})
    assert not check or result.returncode == 0, result.stderr.decode()
    return result.stdout


def sops_decrypt(data: bytes, format: str, output: str | None = None, *extra: str) -> bytes:
    """What real sops decrypts a file to, MAC verified."""
    return sops("decrypt", "--input-type", format, "--output-type", output or format, *extra, stdin=data)


def sops_encrypt(
    data: bytes,
    format: str,
    output: str | None = None,
    *,
    selector: Selector | None = None,
    mac_only_encrypted: bool = False,
    extra: tuple[str, ...] = (),
) -> bytes:
    """What real sops encrypts a file to."""
    rule = {"age": str(IDENTITY.to_public()), "mac_only_encrypted": mac_only_encrypted}
    if selector is not None:
        rule[selector.field] = selector.text
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as config:
        json.dump({"creation_rules": [rule]}, config)
        config.flush()
        return sops(
            "--config", config.name, *extra, "encrypt", "--input-type", format, "--output-type", output or format,
            "--filename-override", "x", stdin=data,
        )  # fmt: skip
