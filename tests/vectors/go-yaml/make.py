"""Records what the YAML store of sops prints for random trees: ``make.py [COUNT]`` writes ``answers.jsonl``.

Needs Go. The trees come from a fixed seed; what sops is known to lose or to print so that it can't be read back (texts of
several lines that begin with a blank or a tab) is left out.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
SOPS = "v3.13.3"

WORDS = [
    "hello", "", "a b", "a: b", "x:y", "a #b", "a#b", "#c", "- a", "-a", "? a", "?a", "---", "...", "it's", '"q"', "[a]",
    "{a}", "a,b", "&a", "*a", "!a", "|", ">", "%a", "@a", "`a", "=", "~", "null", "true", "yes", "n", "off", "12", "-1", "0x1f", "014",
    "1_000", "1.5", ".5", "1e3", ".inf", "1:30", "2020-01-02", "<<", " lead", "trail ", "a\tb", "a\nb", "a\nb\n", "a\n\n", "a\n b",
    "a \nb", "a\n ", "\r", "a\r\nb", "\x01", "\x7f", "\x85", "\u2028", "a\u2028b", "\xa0", "é", "日本", "\U0001f600", "\ufeffx", "x\ufeff",
    "a'b: c", "a\\b", "\\", ":", "-", "?", "a:", "ENC[AES256_GCM,data:x,iv:y,tag:z,type:str]", "\ud7ff", "\ufffd",
]  # fmt: skip
NUMBERS = [0, 1, -5, 2**63 - 1, -(2**63), 1.5, -0.5, 1e6 + 0.5, 1.5e-7, 123456.7, 1e300, 3.25]
KEYS = [*WORDS, *(f"k{i}" for i in range(100)), "long" * 40]


class Trees:
    """Random trees."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def _comments(self) -> list[dict[str, object]]:
        found: list[dict[str, object]] = []
        while self.random.random() < self.busy:
            text = self.random.choice([" c", "x", " two words", "", "#", " é"])
            found.append({"comment": text, "inline": self.random.random() < 0.3})
        return found

    def map(self, depth: int) -> dict[str, object]:
        """A map with comments."""
        items: list[list[object]] = []
        for _ in range(self.random.randint(0, 3)):
            items += [[comment] for comment in self._comments()]
            items.append([self.random.choice(KEYS), self.value(depth - 1)])
        return {"map": items + [[comment] for comment in self._comments()]}

    def value(self, depth: int) -> object:
        """Any value."""
        kind = self.random.random()
        if depth > 0 and kind < 0.3:
            return self.map(depth)
        if depth > 0 and kind < 0.55:
            items: list[object] = []
            for _ in range(self.random.randint(0, 3)):
                items += self._comments()
                items.append(self.value(depth - 1))
            return {"list": items + self._comments()}
        if kind < 0.7:
            return self.random.choice([*NUMBERS, None, True, False, {"time": "2001-12-14T21:59:43.1-05:00"}])
        return self.random.choice(WORDS)

    def request(self) -> dict[str, object]:
        """One or two documents, and how they are indented."""
        self.busy = self.random.choice([0.0, 0.2, 0.5])
        documents = [self.map(3) for _ in range(1 if self.random.random() < 0.8 else 2)]
        return {"Indent": self.random.choice([4, 4, 2, 3]), "Documents": documents}


def main(count: int) -> None:
    """Build the program, ask it, and record its answers."""
    trees = Trees(1)
    questions = [json.dumps(trees.request(), ensure_ascii=False) for _ in range(count)]
    with tempfile.TemporaryDirectory() as folder:
        for command in (["go", "mod", "init", "answers"], ["go", "get", f"github.com/getsops/sops/v3@{SOPS}"]):
            subprocess.run(command, cwd=folder, check=True)
        program = Path(folder) / "answers"
        (Path(folder) / "main.go").write_text((HERE / "main.go").read_text())
        subprocess.run(["go", "mod", "tidy"], cwd=folder, check=True)
        subprocess.run(["go", "build", "-o", program, "."], cwd=folder, check=True)
        result = subprocess.run([program], input="\n".join(questions).encode(), capture_output=True, check=True)
    answers = result.stdout.decode().splitlines()
    with (HERE / "answers.jsonl").open("w", encoding="utf-8") as file:
        for question, answer in zip(questions, answers, strict=True):
            file.write(f"[{question}, {json.dumps(json.loads(answer), ensure_ascii=False)}]\n")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 300)
