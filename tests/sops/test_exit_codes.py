"""Calls that fail: the exit code of real sops is ours, under its name."""

from __future__ import annotations

import pytest

from kubectl_sops.keys import age
from tests.support.tools import need, run

IDENTITY, RECIPIENT = age.generate()
SEALED = "a: 1\nb: {c: x}\nl: [1, 2]\n"
TEXTS = {
    "plain.yaml": "a: 1\n", "list.yaml": "- a\n", "scalar.yaml": "a\n", "empty.yaml": "", "twice.yaml": "a: 1\na: 2\n",
    "number.yaml": "1: a\n", "open.json": "{", "array.json": "[1]", "empty.json": "", "line.env": "foo\n",
    "entry.env": "sops_x=1\n", "open.ini": "[a\n", "entry.ini": "[sops]\nx=1\n",
}  # fmt: skip

CALLS = [
    *(["encrypt", name] for name in TEXTS if name != "plain.yaml"),
    *([*words, "missing"] for words in (
        ["decrypt"], ["encrypt"], ["rotate"], ["rotate", "--add-age", RECIPIENT], ["updatekeys"], ["filestatus"],
        ["-r"], ["-e"], ["-d"], ["--set", '["a"] 1'],
    )),
    ["set", "missing", '["a"]', "1"], ["unset", "missing", '["a"]'],
    ["exec-env", "missing", "true"], ["exec-file", "missing", "true"],
    ["decrypt", "plain.yaml"], ["encrypt", "sealed.yaml"], ["edit", "sealed.yaml"], ["edit", "sealed.yaml", "more"],
    ["decrypt", "--output-type", "dotenv", "sealed.yaml"], ["decrypt", "--output-type", "ini", "sealed.yaml"],
    ["decrypt", "--output-type", "binary", "sealed.yaml"], ["decrypt", "--input-type", "json", "sealed.yaml"],
    ["decrypt", "--extract", '["none"]', "sealed.yaml"], ["decrypt", "--extract", '["a"', "sealed.yaml"],
    ["decrypt", "--output", "/none/x", "sealed.yaml"], ["decrypt", "-i", "--output", "y", "sealed.yaml"],
    ["decrypt", "--decryption-order", "age,age", "sealed.yaml"],
    ["set", "sealed.yaml", '["n"]', "{bad"], ["set", "sealed.yaml", '["n"]'], ["set", "sealed.yaml"],
    ["unset", "sealed.yaml", '["none"]'], ["unset", "sealed.yaml", '["l"][7]'], ["unset", "sealed.yaml"],
    ["unset", "--idempotent", "sealed.yaml", '["none"]'],
    ["updatekeys", "-y", "plain.yaml"], ["filestatus", "plain.yaml"], ["publish", "sealed.yaml"],
    ["exec-env", "sealed.yaml", "true"], ["exec-env", "sealed.yaml"],
    ["encrypt", "-i", "--output", "z", "plain.yaml"], ["encrypt", "--age", "junk", "plain.yaml"], ["encrypt"],
    ["--config", "/dev/null", "encrypt", "plain.yaml"], ["--config", "/none", "encrypt", "plain.yaml"],
    ["--set", '["a"]', "sealed.yaml"], ["--nonsense"], ["decrypt", "--nonsense", "sealed.yaml"],
]  # fmt: skip


@pytest.fixture(scope="module")
def places(our_sops, tmp_path_factory):
    """Both programs, each in a folder with the same files."""
    found = []
    sealed = b""
    for path in (need("sops"), our_sops):
        folder = tmp_path_factory.mktemp("codes")
        (folder / ".sops.yaml").write_text(f"creation_rules:\n  - age: {RECIPIENT}\n")
        for name, text in TEXTS.items():
            (folder / name).write_text(text)
        (folder / "sealed.yaml").write_text(SEALED)
        sealed = sealed or run([path, "encrypt", "sealed.yaml"], cwd=folder).stdout
        (folder / "sealed.yaml").write_bytes(sealed)
        found.append((path, folder))
    return found


@pytest.mark.parametrize("call", CALLS, ids=lambda call: " ".join(call).replace(RECIPIENT, "age1"))
def test_exit_codes(call, places):
    """Ours and that of sops, for each call."""
    env = {"SOPS_AGE_KEY": IDENTITY, "EDITOR": "true"}
    theirs, ours = (run([path, *call], cwd=folder, env=env).returncode for path, folder in places)
    assert ours == theirs


def test_the_last_key_stays(places):
    """Removing it gives the text that scripts look for."""
    env = {"SOPS_AGE_KEY": IDENTITY}
    said = []
    for path, folder in places:
        done = run([path, "rotate", "-i", "--rm-age", RECIPIENT, "sealed.yaml"], cwd=folder, env=env)
        said.append((done.returncode, done.stderr))
    assert said[0] == said[1] == (1, b"Could not generate data key: [empty key group provided]\n")
