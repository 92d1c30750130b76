"""Makes the vectors of this folder with real sops: ``make.py SOPS [SOPS...]``, one folder for each program's version.

``plain/`` holds the inputs, ``keys/`` throw-away keys that protect nothing else. For each file below, ``NAME.enc.EXT``
is what ``sops encrypt`` made of it, ``NAME.dec.EXT`` what ``sops decrypt`` of the same program prints, and
``NAME.as-FORMAT.EXT`` what it prints with ``--output-type FORMAT``. The commands are recorded in ``commands.txt``.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
KEYS = HERE / "keys"
EXTENSIONS = {"yaml": "yaml", "json": "json", "dotenv": "env", "ini": "ini", "binary": "bin"}

DEFAULTS = {
    "scalars.yaml": ["json", "yaml"],
    "comments.yaml": ["json", "yaml"],
    "lists.yaml": ["json", "yaml"],
    "multidoc.yaml": ["json", "yaml"],
    "flat.yaml": ["dotenv", "json"],
    "sections.yaml": ["ini", "json"],
    "types.json": ["yaml", "json"],
    "compact.json": ["yaml"],
    "variables.env": ["yaml", "json"],
    "sample.ini": ["yaml", "json"],
    "blob.bin": ["json"],
    "text.bin": ["yaml"],
    "empty.bin": [],
}
"""Inputs encrypted with the defaults, and the formats they are also printed in."""

SELECTORS = {
    "unencrypted-suffix": ("unencrypted_suffix", "_x"),
    "encrypted-suffix": ("encrypted_suffix", "_x"),
    "unencrypted-regex": ("unencrypted_regex", "^(pub|l)"),
    "encrypted-regex": ("encrypted_regex", "^(secret|x)"),
    "unencrypted-comment-regex": ("unencrypted_comment_regex", "plain"),
    "encrypted-comment-regex": ("encrypted_comment_regex", "hide"),
}

SELECTED = ("selectors.yaml", "selectors.json", "selectors.env", "selectors.ini")


class Maker:
    """Runs one sops and writes its folder."""

    def __init__(self, sops: str) -> None:
        self.sops = sops
        version = self._run("--version").decode().split()[1]
        self.folder = HERE / f"sops-{version}"
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()
        self.commands: list[str] = []

    def _run(self, *arguments: str, config: str = "") -> bytes:
        env = {
            "PATH": os.environ["PATH"],
            "HOME": "/nonexistent",
            "SOPS_DISABLE_VERSION_CHECK": "1",
            "SOPS_AGE_KEY": "".join(path.read_text() for path in sorted(KEYS.glob("age*.txt"))),
        }
        with tempfile.NamedTemporaryFile("w", dir=HERE, suffix=".yaml") as file:
            file.write(config)
            file.flush()
            command = [self.sops, *(["--config", file.name] if config else []), *arguments]
            result = subprocess.run(command, cwd=HERE, env=env, check=False, capture_output=True)
        if result.returncode:
            sys.exit(f"{' '.join(command)}: {result.stderr.decode()}")
        return result.stdout

    def add(self, source: str, name: str, rule: dict[str, object], conversions: list[str]) -> None:
        """Encrypt one input by a creation rule, and print it in all its formats."""
        extension = Path(source).suffix
        encrypted = self.folder / f"{name}.enc{extension}"
        config = "creation_rules: [" + repr(rule).replace("True", "true") + "]"
        encrypted.write_bytes(self._run("encrypt", f"plain/{source}", config=config))
        self.commands.append(f"{encrypted.name}: sops --config <({config}) encrypt plain/{source}")
        relative = str(encrypted.relative_to(HERE))
        (self.folder / f"{name}.dec{extension}").write_bytes(self._run("decrypt", relative))
        for output in conversions:
            printed = self._run("decrypt", "--output-type", output, relative)
            (self.folder / f"{name}.as-{output}.{EXTENSIONS[output]}").write_bytes(printed)

    def all(self) -> None:
        """All vectors."""
        recipients = [self._recipient(path) for path in sorted(KEYS.glob("age*.txt"))]
        for source, conversions in DEFAULTS.items():
            self.add(source, Path(source).stem, {"age": recipients[0]}, conversions)
        for name, (field, text) in SELECTORS.items():
            for source in SELECTED:
                if source.endswith(".json") and "comment" in name:
                    continue
                self.add(source, name, {"age": recipients[0], field: text}, [])
        for source in SELECTED:
            rule = {"age": recipients[0], "encrypted_regex": "^(secret|x)", "mac_only_encrypted": True}
            self.add(source, "mac-only-encrypted", rule, [])
            self.add(source, "two-recipients", {"age": ",".join(recipients)}, [])
            groups = [{"age": [recipient]} for recipient in recipients]
            self.add(source, "key-groups", {"key_groups": groups, "shamir_threshold": 2}, [])
        (self.folder / "commands.txt").write_text("\n".join(self.commands) + "\n")

    @staticmethod
    def _recipient(path: Path) -> str:
        return next(line.split()[-1] for line in path.read_text().splitlines() if "public key" in line)


if __name__ == "__main__":
    for program in sys.argv[1:]:
        Maker(program).all()
