"""The guide and the examples: files shown are the files there, commands run as written."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from krm_fn.schemas import SCHEMAS
from tests.support.kustomize import Door, Workshop, doors, kustomize, objects
from tests.support.tools import find, need

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs/kustomize.md"
EXAMPLES = ROOT / "examples/kustomize"


class Block(NamedTuple):
    """A fenced block of the guide, and the output that follows it."""

    line: int
    words: list[str]
    text: str
    output: str | None


def blocks(document: Path = GUIDE) -> list[Block]:
    text = document.read_text()
    found: list[Block] = []
    for match in re.finditer(
        r"^```(\w+)([^\n]*)\n(.*?)^```\n(?:\n```text\n(.*?)^```$)?", text, re.MULTILINE | re.DOTALL
    ):
        language, name, body, output = match.groups()
        if language != "text":
            found.append(Block(text.count("\n", 0, match.start()) + 1, [language, *name.split()], body, output))
    assert found, f"{document} has no blocks"
    return found


SHELL = [block for block in [*blocks(), *blocks(EXAMPLES / "README.md")] if block.words[0] == "sh"]
FILES = [block for block in blocks() if block.words[0] == "yaml" and len(block.words) == 2]


@pytest.mark.parametrize("block", FILES, ids=[block.words[1] for block in FILES])
def test_a_file_of_the_guide_is_one_of_the_examples(block: Block) -> None:
    """Comments at its top apart."""
    lines = (EXAMPLES / block.words[1]).read_text().splitlines(keepends=True)
    assert "".join(line for line in lines if not line.startswith("#")) == block.text


@pytest.mark.parametrize("block", SHELL, ids=[f"line-{block.line}" for block in SHELL])
def test_commands_run_as_written(block: Block, workshop: Workshop) -> None:
    """In a copy of the examples, with their key."""
    if "kpt" in block.words:
        need("kpt")
    if kustomize() is None and "kustomize build" in block.text:
        need("kustomize")
    folder = workshop.folder / "examples"
    shutil.copytree(EXAMPLES, folder)
    for name in ("kubectl", "kubectl-sops", "kustomize"):
        found = find(name)
        if found and not (workshop.bin / name).exists():
            (workshop.bin / name).symlink_to(found)
    environ = workshop.environ(HOME=str(workshop.folder), SOPS_AGE_KEY_FILE=str(folder / "example.agekey"))
    done = subprocess.run(
        ["sh", "-euc", block.text], cwd=folder, env=environ, capture_output=True, text=True, check=False, timeout=120,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    if block.output is not None:
        assert block.output in done.stdout


def _example(workshop: Workshop, name: str, door: Door) -> dict[str, Any]:
    built = workshop.build(EXAMPLES / name, door, SOPS_AGE_KEY_FILE=str(EXAMPLES / "example.agekey"))
    assert built.returncode == 0, built.stderr
    return {f"{item['kind']}/{item['metadata']['name']}": item for item in objects(built.stdout)}


@pytest.mark.parametrize("door", [pytest.param(door, id=door.id) for door in doors("legacy")])
def test_the_examples_build(door: Door, workshop: Workshop) -> None:
    """Each folder as it is."""
    found = _example(workshop, "generator", door)
    assert list(found) == ["Secret/db", "Secret/web-env-hdb9h4c228", "Deployment/web"]
    assert found["Secret/db"]["data"]["password"] == "ZXhhbXBsZS1wYXNzd29yZA=="
    found = _example(workshop, "transformer", door)
    assert list(found) == ["Secret/dev-db", "Secret/dev-files-hh6g7b2g9f"]
    assert found["Secret/dev-db"]["stringData"]["password"] == "example-password"
    assert list(_example(workshop, "ksops", door)) == ["Secret/db"]


@pytest.mark.parametrize("door", [pytest.param(door, id=door.id) for door in doors("exec")])
def test_the_example_with_functions_builds(door: Door, workshop: Workshop) -> None:
    """Where functions run."""
    assert _example(workshop, "functions", door)["Secret/db"]["stringData"]["password"] == "example-password"


@pytest.mark.parametrize("kind", SCHEMAS)
def test_published_schemas_are_current(kind: str, workshop: Workshop) -> None:
    """Files, command and code agree."""
    published = (ROOT / f"docs/schemas/{kind.lower()}.json").read_text()
    assert published == workshop.call("schema", kind).stdout
    assert json.loads(published) == SCHEMAS[kind]


def test_the_guide_names_every_field() -> None:
    """Of every kind."""
    text = GUIDE.read_text()
    entry = SCHEMAS["SopsGenerator"]["properties"]["secretFrom"]["items"]
    for schema in (*SCHEMAS.values(), entry):
        for name in schema["properties"]:
            if not name.startswith("args"):
                assert f"`{name}`" in text or f"{name}:" in text, name


def test_the_container_starts_what_is_installed() -> None:
    """The entry point of the image is a program of the package, and the folder is where kustomize's mounts go."""
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    assert 'ENTRYPOINT ["krm-sops"]' in lines
    assert "WORKDIR /work" in lines
    assert "USER nobody" in lines
    assert (Path(sys.executable).parent / "krm-sops").exists()
