"""Random documents and changes: we and the real sops, each on its own copy and on the other's, agree.

``KUBECTL_SOPS_EXAMPLES`` says how many; the seed is fixed.
"""

from __future__ import annotations

import base64
import json
import os
import re
from random import Random

import pytest

from kubectl_sops import formats
from kubectl_sops.core.values import Time
from kubectl_sops.errors import ParseError
from kubectl_sops.formats.yaml_load import load_all
from kubectl_sops.keys import age
from tests.support.tools import need, run
from tests.support.yaml_documents import Documents

EXAMPLES = int(os.environ.get("KUBECTL_SOPS_EXAMPLES", "12"))
IDENTITY, RECIPIENT = age.generate()
SECOND, OTHER = age.generate()
ENV = {"SOPS_AGE_KEY": f"{IDENTITY}\n{SECOND}"}


@pytest.fixture
def both(our_sops, tmp_path):
    """Two programs, each with a folder of its own."""
    return [(path, _folder(tmp_path / name)) for name, path in (("ours", our_sops), ("sops", need("sops")))]


def _folder(path):
    path.mkdir()
    return path


def call(program, *args, stdin=b""):
    path, folder = program
    return run([path, *args], env=ENV, cwd=folder, stdin=stdin)


def sources(seed, extension):
    """Documents that sops accepts, as YAML or as the JSON of the same data."""
    random = Random(seed)
    for _ in range(EXAMPLES):
        text = Documents(random, comments=0.1 if extension == "yaml" else 0).stream()
        if extension == "json":
            text = json.dumps(_jsonable(load_all(text)[0]), ensure_ascii=False, indent=1).encode()
        yield random, text


def _jsonable(value):
    if isinstance(value, dict):
        return {str(k): _jsonable(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_jsonable(item) for item in value]
    if isinstance(value, float) and (value != value or abs(value) == float("inf")):
        return 0
    return value


def data(text):
    """The data of a decrypted document; a number counts by its value, since sops' ``set`` stores floats."""
    return [_numbers(document) for document in load_all(text)]


def printed_wrong(text):
    """Whether sops printed YAML that nobody can read: its digit for a block in a list is wrong (known since 3.7)."""
    try:
        load_all(text)
    except ParseError:
        return True
    return False


def _numbers(value):
    if isinstance(value, dict):
        return {k: _numbers(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_numbers(item) for item in value]
    if isinstance(value, Time):
        return str(value)
    return float(value) if type(value) is int else value


def paths(value, prefix=()):
    """Every key path of a document that has no list in it: list indexes count comments in sops."""
    if isinstance(value, dict):
        for key, item in value.items():
            if "[" not in key and key:
                yield (*prefix, key)
                yield from paths(item, (*prefix, key))


def index(path):
    return "".join(f'["{part}"]' for part in path)


@pytest.mark.parametrize("extension", ["yaml", "json"])
def test_set_and_unset(both, extension):
    """The same changes give the same data, whoever made the file and whoever changed it."""
    for random, text in sources(5, extension):
        name = f"f.{extension}"
        for _, folder in both:
            (folder / name).write_bytes(text)
        if call(both[1], "encrypt", "-i", "--age", RECIPIENT, name).returncode:
            continue
        assert call(both[0], "encrypt", "-i", "--age", RECIPIENT, name).returncode == 0, text
        if random.random() < 0.5:  # swap the files
            mine, theirs = (both[0][1] / name).read_bytes(), (both[1][1] / name).read_bytes()
            (both[0][1] / name).write_bytes(theirs)
            (both[1][1] / name).write_bytes(mine)
        known = list(paths(load_all(text)[0]))
        for _ in range(3):
            path = random.choice(known)
            if random.random() < 0.3:
                args = ["unset", "--idempotent", name, index(path)]
            else:
                value = random.choice(["x", "two\nlines\n", 1.5, True, {"new": "map", "n": {"m": "x"}}, "#"])
                path = (*path[:-1], path[-1] + "new") if random.random() < 0.3 else path
                args = ["set", name, index(path), json.dumps(value)]
            codes = [call(program, *args).returncode for program in both]
            assert codes[0] == codes[1], (args, codes, text)
        results = [call(program, "decrypt", name) for program in both]
        assert [result.returncode for result in results] == [0, 0], (text, results)
        if not printed_wrong(results[1].stdout):
            assert data(results[0].stdout) == data(results[1].stdout), text


FLAT = {
    "env": ("A={}\n# c\nB_unencrypted={}\nC={}\n", '["{}"]'),
    "ini": ("[s]\nA = {}\n; c\nB_unencrypted = {}\nC = {}\n", '["s"]["{}"]'),
}
WORDS = ["x", "a b", "it's", "1.50", "yes", "", "é😀", "a=b", 'quoted "q"', "two\nlines"]


@pytest.mark.parametrize("extension", FLAT)
def test_set_and_unset_in_flat_formats(both, extension):
    """The same changes of variables give the same values, whoever made the file and whoever changed it."""
    random, name = Random(7), f"f.{extension}"
    text, place = FLAT[extension]
    for _ in range(EXAMPLES):
        plain = text.format(*(random.choice(WORDS[:5]) for _ in range(3)))
        for program in random.sample(both, 2):  # the second one's file is in both folders
            (program[1] / name).write_text(plain)
            assert call(program, "encrypt", "-i", "--age", RECIPIENT, name).returncode == 0
        data = (program[1] / name).read_bytes()
        for _, folder in both:
            (folder / name).write_bytes(data)
        for _ in range(3):
            where = place.format(random.choice(["A", "B_unencrypted", "C", "D"]))
            args = ["set", name, where, json.dumps(random.choice(WORDS))]
            if random.random() < 0.3:
                args = ["unset", "--idempotent", name, where]
            assert [call(program, *args).returncode for program in both] == [0, 0], args
        results = [call(program, "decrypt", name) for program in both]
        assert [result.returncode for result in results] == [0, 0], (plain, results)
        kept = [_variables(result.stdout, formats.format_of(name)) for result in results]
        assert kept[0] == kept[1], (plain, args)


def _variables(text, format):
    # sops aligns the lines of INI and prints comments in its own way
    return [(leaf.path, leaf.value) for leaf in formats.parse(text, format).leaves if not leaf.is_comment]


def test_rotate_and_updatekeys(both):
    """A file rotated or given other recipients by one side opens on the other."""
    for (random, text), (a, b) in zip(sources(6, "yaml"), [(0, 1), (1, 0)] * EXAMPLES, strict=False):
        for _, folder in both:
            (folder / "f.yaml").write_bytes(text)
            (folder / ".sops.yaml").write_text(f"creation_rules:\n  - age: {RECIPIENT},{OTHER}\n")
        if call(both[1], "--config", "/dev/null", "encrypt", "-i", "--age", RECIPIENT, "f.yaml").returncode:
            continue
        plain = call(both[1], "decrypt", "f.yaml").stdout
        if printed_wrong(plain):
            continue
        (both[a][1] / "f.yaml").write_bytes((both[1][1] / "f.yaml").read_bytes())
        change = random.choice([["rotate", "-i", "f.yaml"], ["updatekeys", "-y", "f.yaml"],
                                ["rotate", "-i", "--add-age", OTHER, "f.yaml"]])  # fmt: skip
        changed = call(both[a], *change)
        assert changed.returncode == 0, (change, changed.stderr, text)
        (both[b][1] / "f.yaml").write_bytes((both[a][1] / "f.yaml").read_bytes())
        opened = call(both[b], "decrypt", "f.yaml")
        assert opened.returncode == 0, (change, opened.stderr, text)
        if not printed_wrong(opened.stdout):
            assert data(opened.stdout) == data(plain), text


DAMAGE = {
    "mac of another file": lambda t: re.sub(r"mac: ENC\[.*?\]", "mac: " + FOREIGN_MAC, t),
    "no mac": lambda t: re.sub(r"    mac: .*\n", "", t),
    "another time": lambda t: re.sub(r'lastmodified: ".*"', 'lastmodified: "2020-01-01T00:00:00Z"', t),
    "a time that is none": lambda t: re.sub(r'lastmodified: ".*"', 'lastmodified: "yesterday"', t),
    "values swapped": lambda t: t.replace("a: ENC", "x: ENC").replace("b: ENC", "a: ENC").replace("x: ENC", "b: ENC"),
    "a plain value changed": lambda t: t.replace("plain_unencrypted: one", "plain_unencrypted: two"),
    "a plain value added": lambda t: "added_unencrypted: x\n" + t,
    "ciphertext replaced by text": lambda t: re.sub(r"a: ENC\[.*\]", "a: hunter2", t),
    "ciphertext replaced by a number": lambda t: re.sub(r"a: ENC\[.*\]", "a: 5", t),
    "ciphertext cut": lambda t: re.sub(r"(a: ENC\[.{30}).*\]", r"\1]", t),
    "type unknown": lambda t: t.replace("type:str]", "type:map]", 1),
    "value removed": lambda t: re.sub(r"b: ENC.*\n", "", t),
    "wrapped key damaged": lambda t: re.sub(r"(-----BEGIN AGE ENCRYPTED FILE-----\n\s+.{20}).", r"\1A", t),
    "no keys": lambda t: re.sub(r"    age:\n(?:        .*\n)+", "", t),
    "no metadata": lambda t: t.split("sops:\n")[0],
    "metadata of text": lambda t: t.split("sops:\n")[0] + "sops: x\n",
    "version missing": lambda t: re.sub(r"    version: .*\n", "", t),
    "two selectors": lambda t: t + "    encrypted_regex: a\n",
    "duplicate key": lambda t: "a: 1\n" + t,
    "cut in the middle": lambda t: t[: t.index("lastmodified") - 200],
}  # fmt: skip
FOREIGN_MAC = f"ENC[AES256_GCM,data:{base64.b64encode(bytes(128)).decode()},iv:{base64.b64encode(bytes(32)).decode()},tag:{base64.b64encode(bytes(16)).decode()},type:str]"  # noqa: E501  # one token


@pytest.mark.parametrize("damage", DAMAGE)
def test_tampered_files(both, damage):
    """Both refuse, with the same exit code; we show no value."""
    (both[1][1] / "f.yaml").write_text("a: hunter2\nb: hunter3\nplain_unencrypted: one\n")
    text = call(both[1], "encrypt", "--age", RECIPIENT, "f.yaml").stdout.decode()
    broken = DAMAGE[damage](text)
    assert broken != text
    results = []
    for program in both:
        (program[1] / "g.yaml").write_text(broken)
        results.append(call(program, "decrypt", "g.yaml"))
    assert results[0].returncode == results[1].returncode != 0, (results[0].stderr, results[1].stderr)
    assert b"hunter" not in results[0].stdout + results[0].stderr


PLAIN = {
    "yaml": "s:\n  a: hunter2\n  b: hunter3\n  c_unencrypted: one\n",
    "json": '{"s": {"a": "hunter2", "b": "hunter3", "c_unencrypted": "one"}}',
    "env": "a=hunter2\nb=hunter3\nc_unencrypted=one\n",
    "ini": "[s]\na = hunter2\nb = hunter3\nc_unencrypted = one\n",
    "bin": "hunter2 hunter3",
}
VALUE = r'\b{}"?\s*[:=]\s*"?(ENC\[.*?\])'
"""The ciphertext of a key, in any of the formats."""


def _swapped(text):
    one, other = (re.search(VALUE.format(key), text) for key in "ab")
    return text if not one or not other else text[: one.start(1)] + other[1] + text[one.end(1) : other.start(1)] + (
        one[1] + text[other.end(1) :]
    )  # fmt: skip


ANYWHERE = {
    # what is done, sops' exit code, and whether the key path can be named
    "values swapped": (_swapped, 25, True),
    "a value cut": (lambda t: re.sub(r'("?(?:a|data)"?\s*[:=]\s*"?ENC\[.{20})[^\]]*', r"\1", t, count=1), 25, True),
    "type unknown": (lambda t: t.replace("type:str", "type:map", 1), 25, True),
    "no mac": (lambda t: re.sub(r'(?m)^\s*"?(sops_)?mac"?\s*[:=].*\n', "", t), 51, False),
    "the mac changed": (lambda t: re.sub(r'(mac"?\s*[:=]\s*"?ENC\[AES256_GCM,data:)....', r"\1AAAA", t), 51, False),
    "a plain value changed": (lambda t: re.sub(r'(c_unencrypted"?\s*[:=]\s*"?)one', r"\1two", t), 51, False),
    "cut in the middle": (lambda t: t[: len(t) // 2], 1, False),
    "cut near the end": (lambda t: t[: -(len(t) // 20)], 1, False),
}


@pytest.mark.parametrize("damage", ANYWHERE)
@pytest.mark.parametrize("extension", PLAIN)
def test_tampered_files_of_every_format(both, extension, damage):
    """The exit code of sops, and a message with file and, where there is one, key path, and no value."""
    change, code, named = ANYWHERE[damage]
    (both[1][1] / "f").write_text(PLAIN[extension])
    kind = formats.format_of(f"f.{extension}")
    sealed = call(both[1], "encrypt", "--age", RECIPIENT, "--input-type", kind, "--output-type", kind, "f").stdout
    broken = change(sealed.decode())
    if broken == sealed.decode():
        assert extension == "bin"  # one value only, and no plain ones
        return
    results = []
    for program in both:
        (program[1] / f"g.{extension}").write_text(broken)
        results.append(call(program, "decrypt", f"g.{extension}"))
    assert [result.returncode for result in results] == [code, code], (results, broken)
    place = {"yaml": "s.a", "json": "s.a", "env": "a", "ini": "s.a", "bin": "data"}[extension]
    assert results[0].stderr.startswith(f"g.{extension}: {place}: ".encode() if named else f"g.{extension}".encode())
    assert b"hunter" not in results[0].stdout + results[0].stderr
