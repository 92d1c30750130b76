"""What a rendered stream shows of functions that never ran."""

from __future__ import annotations

from binascii import b2a_base64

import pytest

from kubectl_sops.repo.rendered import findings

ENC = "ENC[AES256_GCM,data:AA==,iv:AA==,tag:AA==,type:str]"
SECRET = f"""\
apiVersion: v1
kind: Secret
metadata: {{name: db, namespace: prod}}
stringData:
  password: {ENC}
"""
SOPS = f"sops: {{mac: '{ENC}', version: 3.13.3}}\n"
PLAIN = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {a: b}\n"
FUNCTION = "  annotations:\n    config.kubernetes.io/function: |\n      exec: {path: krm-sops}\n"


def embedded(kind: str, text: str, *, encoded: bool) -> str:
    value = b2a_base64(text.encode(), newline=False).decode() if encoded else text
    return f"apiVersion: v1\nkind: {kind}\nmetadata: {{name: e}}\ndata:\n  f: '{value}'\n"


CASES = {
    "sops-entry": (SECRET + SOPS, [(1, "Secret prod/db was not decrypted: its sops entry is still there")]),
    "second-document": (
        PLAIN + "---\n" + SECRET + SOPS,
        [(6, "Secret prod/db was not decrypted: its sops entry is still there")],
    ),
    "orphan": (SECRET, [(5, "Secret prod/db was not decrypted, and lost its sops entry")]),
    "list": (
        "apiVersion: v1\nkind: List\nitems:\n- " + SECRET.replace("\n", "\n  ").rstrip() + "\n" + SOPS,
        [
            (8, "Secret prod/db was not decrypted, and lost its sops entry"),
            (1, "List (unnamed) was not decrypted: its sops entry is still there"),
        ],
    ),
    "generator-among-resources": (
        "apiVersion: viaduct.ai/v1\nkind: ksops\nmetadata: {name: g}\nfiles: [a]\n",
        [(1, "ksops g was emitted, not run")],
    ),
    "annotated-transformer": (
        "apiVersion: kubectl-sops.dev/v1\nkind: SopsTransformer\nmetadata:\n  name: t\n" + FUNCTION,
        [(1, "SopsTransformer t was emitted, not run")],
    ),
    "secret-file": (
        embedded("Secret", f"a: {ENC}\nsops: {{}}\n", encoded=True),
        [(1, "Secret e holds an encrypted file")],
    ),
    "config-map-file": (
        embedded("ConfigMap", f'{{"data": "{ENC}", "sops": {{}}}}', encoded=False),
        [(1, "ConfigMap e holds an encrypted file")],
    ),
    "dotenv-taken-apart": (
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: e}\ndata: {A: x, sops_mac: x, sops_version: '3'}\n",
        [(1, "ConfigMap e holds an encrypted file")],
    ),
    "encrypted-name": (
        SECRET.replace("name: db", f"name: '{ENC}'") + SOPS,
        [(1, "Secret (encrypted) was not decrypted: its sops entry is still there")],
    ),
    "not-yaml": (
        f"a: {ENC}\n  b: c: d\n",
        [(1, "a ciphertext"), (2, "not YAML: mapping values are not allowed in this context")],
    ),
    "empty": ("", [(None, "nothing was rendered: the stream is empty")]),
    "only-dividers": ("---\n---\n", [(None, "nothing was rendered: the stream is empty")]),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_found(name: str) -> None:
    """With the object's name and its line."""
    text, expected = CASES[name]
    assert [(finding.line, finding.message) for finding in findings(text.encode())] == expected


@pytest.mark.parametrize("text", [PLAIN, PLAIN + "---\n" + PLAIN, PLAIN.replace("a: b", f"a: 'say {ENC}'")])
def test_nothing_is_found_in_what_was_decrypted(text: str) -> None:
    """Nor where somebody writes about ciphertexts."""
    assert findings(text.encode()) == []


def test_hints_name_the_missing_flag_or_list() -> None:
    """A skipped function, a configuration in the wrong list, a List."""
    assert "--enable-exec" in findings(CASES["sops-entry"][0].encode())[0].help
    assert "--enable-exec" in findings(CASES["annotated-transformer"][0].encode())[0].help
    assert "not under resources" in findings(CASES["generator-among-resources"][0].encode())[0].help
    assert "documents of their own" in findings(CASES["orphan"][0].encode())[0].help


def test_no_ciphertext_is_shown() -> None:
    """Findings are for logs."""
    for text, _ in CASES.values():
        assert ENC not in "".join(str(finding) for finding in findings(text.encode()))
