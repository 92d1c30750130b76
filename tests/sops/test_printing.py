"""What is printed anew has the indentation of ``stores`` and ``--indent``, to the byte that of sops."""

from __future__ import annotations

import re

import pytest

from kubectl_sops.keys import age
from tests.support.tools import need, run

IDENTITY, RECIPIENT = age.generate()
TEXT = '{"a": {"b": [1, {"c": ["d", {"x": "y"}]}], "e": {"f": "x", "g": {}}}}'
STORES = {
    "none": "",
    "own": "stores:\n  yaml: {indent: 2}\n  json: {indent: 3}\n  json_binary: {indent: 1}\n",
    "zero": "stores:\n  yaml: {indent: 0}\n  json: {indent: 0}\n",
    "tab": "stores:\n  json: {indent: -1}\n",
}
CALLS = [
    ["decrypt", "--output-type", "json", "f.yaml"],
    ["decrypt", "--output-type", "yaml", "f.json"],
    ["decrypt", "--output-type", "json", "f.bin"],
    ["decrypt", "--extract", '["a"]', "f.yaml"],
    ["decrypt", "--extract", '["a"]', "f.json"],
    ["decrypt", "--extract", '["a"]["b"]', "f.yaml"],
    ["decrypt", "--extract", '["a"]["b"]', "f.json"],
    ["decrypt", "--extract", '["a"]["b"][1]', "--output-type", "json", "f.yaml"],
    ["encrypt", "--output-type", "json", "plain.yaml"],
    ["encrypt", "--output-type", "yaml", "plain.json"],
]


@pytest.fixture
def folders(our_sops, tmp_path):
    """Both programs with the same files."""
    found = []
    for name, path in (("ours", our_sops), ("sops", need("sops"))):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "plain.yaml").write_text(TEXT)
        (folder / "plain.json").write_text(TEXT)
        (folder / "plain.bin").write_text("text")
        found.append((path, folder))
    for extension in ("yaml", "json", "bin"):
        args = ["encrypt", "--config", "/dev/null", "--age", RECIPIENT]
        sealed = run([need("sops"), args[1], args[2], args[0], *args[3:], f"plain.{extension}"], cwd=folder).stdout
        for _, where in found:
            (where / f"f.{extension}").write_bytes(sealed)
    return found


@pytest.mark.parametrize("stores", STORES)
@pytest.mark.parametrize("flags", [[], ["--indent", "5"]], ids=["", "indent"])
def test_indentation(folders, stores, flags):
    """Conversion and extraction, with each setting and with the option over it."""
    config = f"creation_rules:\n  - age: {RECIPIENT}\n{STORES[stores]}"
    for call in CALLS:
        printed = []
        for path, folder in folders:
            (folder / ".sops.yaml").write_text(config)
            done = run([path, *flags, *call], cwd=folder, env={"SOPS_AGE_KEY": IDENTITY})
            assert done.returncode == 0, (call, done.stderr)
            # ciphertexts and wrapped keys are new each time
            keys = re.findall(rb"(?m)^[ \t]*(?:- )?\"?\w+\"?:", done.stdout)
            printed.append(keys if call[0] == "encrypt" else done.stdout)
        assert printed[0] == printed[1], call


@pytest.mark.parametrize("command", ["decrypt", "rotate"])
def test_dash_is_a_file_under_their_name(folders, command):
    """sops has no name for standard output in ``--output``: it makes a file called ``-``, and so do we as sops."""
    for program, folder in folders:
        done = run([program, command, "--output", "-", "f.yaml"], cwd=folder, env={"SOPS_AGE_KEY": IDENTITY})
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
        assert (folder / "-").read_bytes()
