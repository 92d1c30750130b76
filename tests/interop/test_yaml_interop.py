"""YAML against the real sops, both ways."""

from __future__ import annotations

import os
import re
from random import Random

import pytest

from kubectl_sops.errors import SopsError
from kubectl_sops.files.decrypt import decrypt, open_document, parse_encrypted
from kubectl_sops.files.encrypt import Recipe, encrypt, parse_plain, seal, stash_of
from kubectl_sops.keys import age
from kubectl_sops.keys.keyring import Keyring
from tests.support.tools import need, run
from tests.support.yaml_documents import Documents

EXAMPLES = int(os.environ.get("KUBECTL_SOPS_EXAMPLES", "60"))
IDENTITY, RECIPIENT = age.generate()
KEYRING = Keyring({}, identities=[IDENTITY])
NOW = "2026-01-01T00:00:00Z"


def texts(seed, comments=0.25):
    source = Documents(Random(seed), comments=comments)
    return [source.stream() for _ in range(EXAMPLES)]


def sops(folder, *args, data):
    path = folder / "file.yaml"
    path.write_bytes(data)
    return run([need("sops"), *args, str(path)], env={"SOPS_AGE_KEY": IDENTITY})


def test_sops_opens_what_we_encrypt(tmp_path):
    """sops verifies our MAC, finds the same data, and finds every comment where it can open it."""
    for text in texts(1):
        try:
            ours = encrypt(text, "yaml", Recipe([age.parse_recipients(RECIPIENT)]), KEYRING, now=NOW).data
        except SopsError:
            refused = sops(tmp_path, "encrypt", "--age", RECIPIENT, data=text)
            assert refused.returncode, f"sops accepts what we refuse: {text!r}"
            continue
        theirs = sops(tmp_path, "decrypt", data=ours)
        assert theirs.returncode == 0, (theirs.stderr, text)
        assert b"ENC[AES256" not in theirs.stdout, text
        assert same_data(text, theirs.stdout), text


def same_data(text, printed):
    if re.search(rb"[|>][1-9]", printed):
        return True  # in lists sops prints a wrong indentation after the `|`, which nobody can read
    # sops prints 1.0 as 1, which then reads as an integer; everything else is the same
    ours = [normal(leaf) for leaf in parse_plain(text, "yaml").leaves if not leaf.is_comment]
    theirs = [normal(leaf) for leaf in parse_plain(printed, "yaml").leaves if not leaf.is_comment]
    return ours == theirs


def normal(leaf):
    value = leaf.value
    return leaf.document, leaf.path, float(value) if type(value) in (int, float) else repr(value)


def test_we_open_what_sops_encrypts(tmp_path):
    """The MAC of sops verifies, the data is that of the plaintext, and no comment stays closed."""
    for text in texts(2):
        theirs = sops(tmp_path, "encrypt", "--age", RECIPIENT, data=text)
        if theirs.returncode:
            continue
        ours = decrypt(theirs.stdout, "yaml", KEYRING)
        assert same_data(text, ours), text


def test_an_edit_of_a_file_of_sops_changes_nothing_else(tmp_path):
    """Without a change of the text, only ``mac`` and ``lastmodified`` differ, whatever indentation sops wrote."""
    for number, text in enumerate(texts(3)):
        theirs = sops(tmp_path, *(["--indent", "2"] if number % 2 else []), "encrypt", "--age", RECIPIENT, data=text)
        if theirs.returncode:
            continue
        document, metadata = parse_encrypted(theirs.stdout, "yaml")
        opened, key = open_document(document, metadata, KEYRING)
        if opened.unopened_comments or re.search(rb"[^ -] *\n? +- ENC\[[^\n]*type:comment\]\n(?! *-)", theirs.stdout):
            continue  # a comment that sops itself can't open again, or a list of nothing but comments
        shown = document.splice(opened.changes, None)
        stash = stash_of(document, opened, shown)
        plain = parse_plain(shown, "yaml")
        after = seal(plain, shown, metadata, key, now="2027-01-01T00:00:00Z", stash=stash, like=document)
        assert without_mac(after.data) == without_mac(theirs.stdout), text


def without_mac(data):
    return re.sub(rb'lastmodified: "[^"]*"', b"lastmodified", re.sub(rb"mac: ENC\[[^\]]*\]", b"mac", data))


@pytest.mark.parametrize(
    "flags",
    [
        ["--encrypted-regex", "^(data|k.*)$"],
        ["--unencrypted-regex", "^key"],
        ["--encrypted-suffix", "0"],
        ["--unencrypted-suffix", "1"],
        ["--encrypted-comment-regex", "sops:enc"],
        ["--unencrypted-comment-regex", "sops:enc"],
    ],
    ids=lambda flags: flags[0],
)
@pytest.mark.parametrize("mac_only", [False, True], ids=["all", "mac-only"])
def test_every_selector_both_ways(tmp_path, flags, mac_only):
    """With each way to select, either side opens the other's file."""
    from kubectl_sops.core.selectors import Selector

    selector = Selector(flags[0].lstrip("-").replace("-", "_"), flags[1])
    extra = ["--mac-only-encrypted"] if mac_only else []
    for text in texts(4)[: max(EXAMPLES // 6, 1)]:
        how = Recipe([age.parse_recipients(RECIPIENT)], selector=selector, mac_only_encrypted=mac_only)
        try:
            ours = encrypt(text, "yaml", how, KEYRING, now=NOW).data
        except SopsError:
            continue
        theirs = sops(tmp_path, "decrypt", data=ours)
        assert theirs.returncode == 0, (theirs.stderr, text)
        assert same_data(text, theirs.stdout), text
        encrypted = sops(tmp_path, "-e", *flags, *extra, "--age", RECIPIENT, data=text)
        if encrypted.returncode == 0 and sops(tmp_path, "decrypt", data=encrypted.stdout).returncode == 0:
            assert same_data(text, decrypt(encrypted.stdout, "yaml", KEYRING)), text
