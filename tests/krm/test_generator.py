"""``SopsGenerator``: what it makes, and what it refuses to read."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.support.canary import PLAINTEXT, VALUE, Canary
from tests.support.kustomize import Door, Identity, Workshop, doors, objects, seal
from tests.support.strace import trace

SECRET = "apiVersion: v1\nkind: Secret\nmetadata: {{name: {0}}}\nstringData: {{a: b}}\n"
GENERATOR: dict[str, Any] = {"apiVersion": "kubectl-sops.dev/v1", "kind": "SopsGenerator", "metadata": {"name": "g"}}


def _doors(*modes: str) -> list[Any]:
    return [pytest.param(door, id=door.id) for door in doors(*modes)]


def call(workshop: Workshop, folder: Path, config: dict[str, Any], **extra: str) -> Any:
    """The function itself, as a legacy plugin."""
    workshop.config(folder / "g.yaml", GENERATOR | config, "legacy")
    return workshop.call("g.yaml", cwd=folder, **extra)


def made(workshop: Workshop, folder: Path, config: dict[str, Any], **extra: str) -> list[Any]:
    """The resources that the function makes."""
    done = call(workshop, folder, config, **extra)
    assert done.returncode == 0, done.stderr
    items: list[Any] = objects(done.stdout)[0]["items"]
    return items


@pytest.mark.parametrize("door", _doors("legacy", "exec"))
def test_every_field(door: Door, workshop: Workshop, identity: Identity) -> None:
    """One Secret with everything that a configuration can say."""
    folder = workshop.write(
        "app",
        {
            "kustomization.yaml": "secretGenerator: [{name: s, literals: [old=1]}]\ngenerators: [g.yaml]\n",
            "note.txt": seal("text\n", identity, "note.txt"),
            "v.env": seal("A=1\nB=x y\n", identity, "v.env"),
            "v.json": seal('{"J": 1}', identity, "v.json"),
            "blob": seal(b"\xff\x00", identity, "blob"),
        },
    )
    entry = {
        "metadata": {"name": "s", "labels": {"l": "1"}, "annotations": {"a": "2"}},
        "type": "example.org/t",
        "immutable": True,
        "behavior": "replace",
        "needsHash": True,
        "files": ["note.txt", "n=note.txt"],
        "binaryFiles": ["blob"],
        "envs": ["v.env", "v.json"],
        "literals": ["host=db.example.org", "eq=a=b"],
    }
    workshop.config(folder / "g.yaml", GENERATOR | {"secretFrom": [entry]}, door.mode)
    built = workshop.build(folder, door)
    assert built.returncode == 0, built.stderr
    (item,) = objects(built.stdout)
    assert item["metadata"]["name"].startswith("s-")
    assert item["metadata"]["labels"] == {"l": "1"}
    assert item["metadata"]["annotations"] == {"a": "2"}
    assert item["type"] == "example.org/t"
    assert item["immutable"] is True
    assert item["data"] == {
        "note.txt": "dGV4dAo=", "n": "dGV4dAo=", "blob": "/wA=", "A": "MQ==", "B": "eCB5", "J": "MQ==",
        "host": "ZGIuZXhhbXBsZS5vcmc=", "eq": "YT1i",
    }  # fmt: skip


def test_values_go_to_data_unless_asked(workshop: Workshop, identity: Identity) -> None:
    """kustomize merges ``data`` only; binary values go there in any case."""
    folder = workshop.write(
        "app",
        {
            "s.yaml": seal(SECRET.format("s"), identity),
            "b": seal(b"\xff", identity, "b"),
            "t": seal("x", identity, "t"),
        },
    )
    config: dict[str, Any] = {"files": ["s.yaml"], "secretFrom": [{"metadata": {"name": "f"}, "files": ["b", "t"]}]}
    one, two = made(workshop, folder, config)
    assert (one["data"], two["data"]) == ({"a": "Yg=="}, {"b": "/w==", "t": "eA=="})
    one, two = made(workshop, folder, config | {"encode": "stringData"})
    assert (one["stringData"], two["data"], two["stringData"]) == ({"a": "b"}, {"b": "/w=="}, {"t": "x"})


def test_string_data_wins_over_data(workshop: Workshop, identity: Identity) -> None:
    """As in the API server."""
    plain = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata: {a: b2xk, k: a2VlcA==}\nstringData: {a: new}\n"
    folder = workshop.write("app", {"s.yaml": seal(plain, identity)})
    (item,) = made(workshop, folder, {"files": ["s.yaml"]})
    assert item["data"] == {"a": "bmV3", "k": "a2VlcA=="}
    assert "stringData" not in item


def test_a_list_is_taken_apart(workshop: Workshop, identity: Identity) -> None:
    """Its Secrets are treated like any other."""
    items = "".join("- " + SECRET.format(name).replace("\n", "\n  ").rstrip() + "\n" for name in "ab")
    folder = workshop.write("app", {"l.yaml": seal(f"apiVersion: v1\nkind: List\nitems:\n{items}", identity)})
    found = made(workshop, folder, {"files": ["l.yaml"]})
    assert [(item["metadata"]["name"], item["data"]) for item in found] == [("a", {"a": "Yg=="}), ("b", {"a": "Yg=="})]


def test_patterns_are_sorted_and_recursive(workshop: Workshop, identity: Identity) -> None:
    """``*``, ``?``, ``[…]`` and ``**``; folders and hidden files are left out."""
    names = ["b.yaml", "a.yaml", "sub/c.yaml", "sub/deep/d.yaml", ".hidden.yaml"]
    files = {f"secrets/{name}": seal(SECRET.format(Path(name).stem.strip(".")), identity) for name in names}
    folder = workshop.write("app", {**files, "secrets/x.yaml/keep": ""})
    found = made(workshop, folder, {"files": ["secrets/**/*.yaml"]})
    assert [item["metadata"]["name"] for item in found] == ["a", "b", "c", "d"]
    found = made(workshop, folder, {"files": ["secrets/[ab].yaml", "secrets/su?/c.yaml"]})
    assert [item["metadata"]["name"] for item in found] == ["a", "b", "c"]


def test_a_pattern_without_files_is_an_error(workshop: Workshop) -> None:
    """A typo would otherwise drop a Secret silently."""
    folder = workshop.write("app", {"x": ""})
    done = call(workshop, folder, {"files": ["secrets/*.yaml"]})
    assert done.returncode == 1
    assert "secrets/*.yaml: no file matches" in done.stderr


def test_all_problems_are_reported(workshop: Workshop, identity: Identity, stranger: Identity) -> None:
    """Every bad file, not the first."""
    folder = workshop.write(
        "app",
        {
            "a.yaml": seal(SECRET.format("a"), stranger),
            "b.yaml": "a: b\n",
            "c.yaml": seal(SECRET.format("c"), identity),
        },
    )
    done = call(workshop, folder, {"files": ["a.yaml", "b.yaml", "c.yaml", "d.yaml"]})
    assert done.returncode == 1
    assert done.stdout == ""
    for words in ("a.yaml: no key opens the file", "b.yaml: sops metadata not found", "d.yaml: no such file"):
        assert words in done.stderr


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"files": ["t", "t"]}, "secretFrom[0].files[1]: the key t comes from two sources"),
        ({"files": ["bad key=t"]}, "secretFrom[0].files[0]: the key of a Secret"),
        ({"files": ["=t"]}, "secretFrom[0].files[0]: key name for file path"),
        ({"files": ["k=*"]}, "secretFrom[0].files[0]: a key for several files"),
        ({"literals": ["novalue"]}, "secretFrom[0].literals[0]: expected key=value"),
        ({"envs": ["t"]}, "t: unknown file format"),
        ({"envs": ["list.yaml"]}, "list.yaml: a: expected text"),
    ],
)
def test_problems_of_a_secret(entry: dict[str, Any], words: str, workshop: Workshop, identity: Identity) -> None:
    """With the field or the file, never the text."""
    folder = workshop.write(
        "app",
        {
            "t": seal("x", identity, "t"),
            "u": seal("x", identity, "u"),
            "list.yaml": seal(f"a: [{VALUE}]\n", identity),
        },
    )
    done = call(workshop, folder, {"secretFrom": [{"metadata": {"name": "s"}} | entry]})
    assert done.returncode == 1
    assert words in done.stderr
    assert not PLAINTEXT.is_in(done.stderr.encode())


@pytest.mark.parametrize(
    "name", ["link.yaml", "linked/outside.yaml", "linked/*.yaml", "../outside.yaml", "sub/../../outside.yaml"]
)
def test_nothing_outside_the_root_is_read(name: str, workshop: Workshop, identity: Identity) -> None:
    """Z01: neither by name, nor through a link to a file or a folder, nor by a pattern; the caller may allow it."""
    folder = workshop.write(
        "app/root",
        {
            "../outside.yaml": seal(SECRET.format("s"), identity),
            "link.yaml": Path("../outside.yaml"),
            "linked": Path(".."),
            "sub/keep": "",
        },
    )
    done = call(workshop, folder, {"files": [name]})
    assert done.returncode == 1
    assert "leads out of" in done.stderr
    if "*" not in name:
        (item,) = made(workshop, folder, {"files": [name]}, KUBECTL_SOPS_ALLOW_OUTSIDE_ROOT="1")
        assert item["metadata"]["name"] == "s"


def test_absolute_paths_are_not_read(workshop: Workshop, identity: Identity) -> None:
    """Z01: a repository that works on one machine only."""
    folder = workshop.write("app", {"s.yaml": seal(SECRET.format("s"), identity)})
    done = call(workshop, folder, {"files": [str(folder / "s.yaml")]})
    assert done.returncode == 1
    assert "absolute paths are not read" in done.stderr


def test_links_inside_the_root_are_followed(workshop: Workshop, identity: Identity) -> None:
    """Only where they lead counts."""
    folder = workshop.write("app", {"real/s.yaml": seal(SECRET.format("s"), identity), "s.yaml": Path("real/s.yaml")})
    assert len(made(workshop, folder, {"files": ["s.yaml"]})) == 1


def test_special_and_huge_files_are_refused_at_once(workshop: Workshop) -> None:
    """Z02: a FIFO, a device, a folder, a sparse gigabyte."""
    folder = workshop.write("app", {"dir/keep": "", "zero": Path("/dev/zero")})
    os.mkfifo(folder / "fifo")
    with (folder / "huge.yaml").open("wb") as file:
        file.truncate(1 << 30)
    done = call(workshop, folder, {"files": ["fifo", "dir", "huge.yaml"]})
    assert done.returncode == 1
    for words in ("fifo: not a regular file", "dir: not a regular file", "huge.yaml: larger than 10 MiB"):
        assert words in done.stderr
    done = call(workshop, folder, {"files": ["zero"]}, KUBECTL_SOPS_ALLOW_OUTSIDE_ROOT="1")
    assert "zero: not a regular file" in done.stderr


@pytest.mark.parametrize("kind", ["SopsGenerator", "SopsTransformer"])
def test_nothing_decrypted_is_written_but_the_answer(kind: str, workshop: Workshop, identity: Identity) -> None:
    """Seen by strace: no file, no name, no argument holds the value or the key."""
    sealed = seal(SECRET.format("s").replace("a: b", f"a: {VALUE}"), identity)
    folder = workshop.write("app", {"s.yaml": sealed, "kustomization.yaml": "resources: [s.yaml]\n"})
    config = {**GENERATOR, "kind": kind} | ({"files": ["s.yaml"]} if kind == "SopsGenerator" else {})
    workshop.config(folder / "g.yaml", config, "legacy")
    stdin = b"" if kind == "SopsGenerator" else sealed
    seen = trace(
        [str(workshop.bin / "krm-sops"), "g.yaml"], workshop.folder, env=workshop.environ(), cwd=folder, stdin=stdin
    )  # fmt: skip
    assert seen.result.returncode == 0, seen.result.stderr
    assert any(PLAINTEXT.is_in(data) for data in seen.written().values())
    assert seen.leaks(PLAINTEXT, workshop.folder) == []
    assert seen.leaks(Canary("the key", identity.secret), workshop.folder) == []


BOMB = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)
)


@pytest.mark.parametrize(
    "text",
    [
        BOMB,
        "a: " + "[" * 10_000 + "]" * 10_000,
        "".join("{a: " for _ in range(450)) + "1" + "}" * 450,
        "a: 1\na: 2\n",
        "- !!python/object/apply:os.system [id]\n",
    ],
    ids=["bomb", "depth", "depth-of-maps", "duplicate", "python"],
)
@pytest.mark.parametrize("place", ["file", "config", "stdin"])
def test_hostile_yaml_is_an_error(text: str, place: str, workshop: Workshop) -> None:
    """Z04: bounded in time and memory, wherever it comes from."""
    folder = workshop.write(
        "app",
        {
            "s.yaml": text,
            "c.yaml": f"apiVersion: v1\nkind: X\nmetadata: {{name: x}}\nmore: {text}"
            if text[0] == "{"
            else f"apiVersion: v1\nkind: X\n{text}",
        },
    )
    if place == "file":
        done = call(workshop, folder, {"files": ["s.yaml"]})
    elif place == "config":
        done = workshop.call("c.yaml", cwd=folder)
    else:
        done = workshop.call(stdin=text)
    assert done.returncode == 1, done.stderr
    assert "error: " in done.stderr
    assert "bug" not in done.stderr
