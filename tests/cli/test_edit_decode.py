"""``edit --decode``: base64 is for the API server, not for people."""

from __future__ import annotations

from base64 import b64encode

import pytest

from kubectl_sops.cli import edit
from tests.support.command import call
from tests.support.team import config, people, seal, sops, work_as

ALICE = people("alice")[0]
HEAD = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\n"


def b64(data):
    return b64encode(data).decode()


LINES = b64(b"a\nb")
SECRET = (
    f"{HEAD}data:\n  password: {b64(b'one')} # rotated\n  user: '{b64(b'app')}'\n  pem: {LINES}\n"
    f"  blob: {b64(bytes(range(8)))}\nstringData:\n  plain: YWJj\n---\n{HEAD}data:\n  other: {b64(b'two')}\n"
)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    work_as(monkeypatch, ALICE, home=tmp_path)
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".sops.yaml").write_text(config(ALICE))
    (tmp_path / "db.yaml").write_text(SECRET)
    seal(tmp_path, "db.yaml")
    return tmp_path


def edited(folder, monkeypatch, script, *flags):
    """What the editor saw, and the result."""
    editor = folder / "editor"
    editor.write_text(f'#!/bin/sh\ncp "$1" {folder}/seen\nsed -i "{script}" "$1"\n')
    editor.chmod(0o755)
    monkeypatch.setenv("EDITOR", str(editor))
    result = call(edit.COMMAND, "--decode", *flags, "db.yaml")
    return (folder / "seen").read_text(), result


def test_text_is_shown_decoded(folder, monkeypatch):
    """Text in clear, binary as it is, ``stringData`` untouched; leaving changes nothing."""
    before = (folder / "db.yaml").read_bytes()
    seen, result = edited(folder, monkeypatch, "")
    assert result.err == "db.yaml unchanged\n"
    assert "password: one # rotated\n" in seen
    assert "plain: YWJj\n" in seen
    assert f"blob: {b64(bytes(range(8)))}\n" in seen
    assert "other: two\n" in seen
    assert "pem: |-\n        a\n        b\n" in seen
    assert (folder / "db.yaml").read_bytes() == before


def test_changes_are_encoded(folder, monkeypatch):
    """Changed and new values are encoded; every other value keeps its ciphertext, the file its layout."""
    before = (folder / "db.yaml").read_text().splitlines()
    _, result = edited(
        folder, monkeypatch, "s/password: one/password: new secret/; s/other: two/other: two\\n    more: x/"
    )
    assert result.err == "db.yaml edited\n", result
    plain = sops(["decrypt", "db.yaml"], folder, ALICE).decode()
    assert f"password: {b64(b'new secret')}" in plain
    assert f"more: {b64(b'x')}" in plain
    assert f"other: {b64(b'two')}" in plain
    after = (folder / "db.yaml").read_text().splitlines()
    changed = {line.split(":")[0].strip() for line in after if line not in before}
    assert changed - {"lastmodified"} == {"password", "more", "mac"}  # both may fall into one second
