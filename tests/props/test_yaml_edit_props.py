"""Properties of edited YAML files: a decrypted text, changed at random, sealed with the file it came from."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from kubectl_sops.core.document import difference, open_leaves
from kubectl_sops.core.metadata import KeyEntry, new
from kubectl_sops.errors import SopsError
from kubectl_sops.files.encrypt import seal, stash_of
from kubectl_sops.formats.yaml import parse
from tests.support.yaml_documents import Documents

KEY = bytes(range(32))
METADATA = new([[KeyEntry("age", {"enc": "wrapped\n", "recipient": "age1a"})]])
PIECES = [" ", "  ", "\n", "#", "# c\n", "- ", ": ", ",", "[", "]", "'", '"', "&x ", "*x", "!!str ", "---\n", "|", "x"]


def changed(text, random):
    """A line moved, doubled, removed, indented or dedented, or a few characters put in somewhere."""
    lines = text.splitlines(keepends=True) or [""]
    at, other = random.randrange(len(lines)), random.randrange(len(lines))
    kind = random.randrange(6)
    if kind == 0:
        lines[at], lines[other] = lines[other], lines[at]
    elif kind == 1:
        lines.insert(at, lines[other])
    elif kind == 2:
        del lines[at]
    elif kind == 3:
        lines[at] = " " + lines[at]
    elif kind == 4:
        lines[at] = lines[at].removeprefix(" ")
    else:
        place = random.randrange(len(lines[at]) + 1)
        lines[at] = lines[at][:place] + random.choice(PIECES) + lines[at][place:]
    return "".join(lines)


def ciphertext_of(document):
    found = open_leaves(document.leaves, document.metadata, KEY, containers=document.containers)
    values = {}
    for index, value in found.changes.items():
        leaf = document.leaves[index]
        if not leaf.is_comment and value != "":
            place = leaf.document, leaf.path, type(value), str(value)
            values[place] = str(leaf.value).strip()
    return found, values


@given(st.integers(0, 2**32))
def test_an_edited_text_is_what_gets_sealed(seed):
    """The new file holds the edited data, and values that stayed at their place kept their ciphertexts."""
    random = Random(seed)
    text = Documents(random).stream()
    try:
        base = parse(seal(parse(text), text, METADATA, KEY, now="2026-01-01T00:00:00Z").data)
        found, before = ciphertext_of(base)
        shown = base.splice(found.changes, None)
        edited = changed(shown.decode(), random).encode()
        plain = parse(edited)
        seal(plain, edited, METADATA, KEY, now="2027-01-01T00:00:00Z")
    except SopsError:  # not YAML any more, or nothing that sops could hold
        return
    stash = stash_of(base, found, shown)
    data = seal(plain, edited, base.metadata, KEY, now="2027-01-01T00:00:00Z", stash=stash, like=base).data
    result = parse(data)
    found, after = ciphertext_of(result)
    assert difference(plain.leaves, parse(result.splice(found.changes, None)).leaves) is None
    kept = set(before.values())
    assert all(ciphertext in kept for place, ciphertext in after.items() if place in before)
