"""Which files of a folder are meant."""

from __future__ import annotations

import os

import pytest

from kubectl_sops.errors import InputNotFoundError
from kubectl_sops.repo import find
from tests.support.repository import Repository

ENCRYPTED = b"data:\n  a: ENC[AES256_GCM,data:x,iv:x,tag:x,type:str]\nsops:\n  mac: x\n  lastmodified: x\n"


@pytest.fixture
def repo(tmp_path, monkeypatch):
    repository = Repository(tmp_path / "repo")
    monkeypatch.chdir(repository.folder)
    return repository


def names(*paths):
    return [entry.path for entry in find.list_entries(paths)]


def test_ignored_files_are_skipped(repo):
    """A folder means its tracked and its new files, without what Git ignores."""
    repo.commit(files={".gitignore": "*.dec\nbuild/\n", "a.yaml": "1", "sub/b.yaml": "2"})
    repo.write({"new.yaml": "3", "a.dec": "4", "build/c.yaml": "5"})
    assert names(".") == [".gitignore", "a.yaml", "new.yaml", "sub/b.yaml"]
    assert names("sub") == ["sub/b.yaml"]


def test_an_ignored_folder_is_walked_when_named(repo):
    """What Git ignores counts where the user names it."""
    repo.commit(files={".gitignore": "build/\n*.dec\n"})
    repo.write({"build/c.yaml": "5", "build/x/d.yaml": "6", "a.dec": "7"})
    assert names("build", "a.dec") == ["build/c.yaml", "build/x/d.yaml", "a.dec"]


def test_deleted_files_are_skipped(repo):
    """A file that is in the index only is not there."""
    repo.commit(files={"a.yaml": "1", "b.yaml": "1"})
    (repo.folder / "a.yaml").unlink()
    assert names(".") == ["b.yaml"]


def test_a_link_is_its_target(repo):
    """It is found under its own name, which rules are for; outside of the repository it counts for nothing."""
    (repo.folder.parent / "outside.yaml").write_text("secret")
    repo.commit(files={"a.yaml": "1", "real/b.yaml": "2"})
    os.symlink("../outside.yaml", repo.folder / "escape.yaml")
    os.symlink("real/b.yaml", repo.folder / "inside.yaml")
    os.symlink(repo.folder.parent, repo.folder / "folder")
    os.symlink("nowhere", repo.folder / "broken.yaml")
    os.symlink("../real/b.yaml", (repo.folder / "links").mkdir() or repo.folder / "links/b.yaml")
    assert names(".") == ["a.yaml", "real/b.yaml"]
    assert names("links") == ["real/b.yaml"]
    assert names(str(repo.folder / "links")) == [str(repo.folder / "real/b.yaml")]


def test_submodules_are_not_entered(repo):
    """Another repository inside keeps to itself."""
    repo.commit(files={"a.yaml": "1"})
    Repository(repo.folder / "inner").commit(files={"b.yaml": "2"})
    assert names(".") == ["a.yaml"]


def test_outside_git_everything_is_walked(tmp_path, monkeypatch):
    """Without Git a folder means all its files, Git's own folder apart."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    (tmp_path / "x/.git").mkdir(parents=True)
    (tmp_path / "x/.git/config").write_text("")
    (tmp_path / "x/b.yaml").write_text("")
    (tmp_path / "x/a").mkdir()
    (tmp_path / "x/a/c.yaml").write_text("")
    monkeypatch.setattr(find.git, "find_top", lambda _: None)
    assert names(str(tmp_path / "x")) == [str(tmp_path / "x/a/c.yaml"), str(tmp_path / "x/b.yaml")]


def test_each_file_comes_once(repo):
    """Paths may overlap."""
    repo.commit(files={"sub/a.yaml": "1", "b.yaml": "1"})
    assert names("sub/a.yaml", "sub", ".", "b.yaml") == ["sub/a.yaml", "b.yaml"]


def test_special_names(repo):
    """Blanks, quotes, line breaks and bytes that are not UTF-8 in names are no obstacle."""
    odd = ["a b.yaml", 'q"q.yaml', "n\nn.yaml", os.fsdecode(b"\xff.yaml"), "*.yaml"]
    repo.commit(files=dict.fromkeys(odd, "1"))
    assert sorted(names(".")) == sorted(odd)
    assert names("*.yaml") == ["*.yaml"]


def test_missing_paths_are_errors(repo):
    """A path that does not exist is reported by name."""
    with pytest.raises(InputNotFoundError, match=r"gone\.yaml"):
        names("gone.yaml")


@pytest.mark.parametrize(
    ("data", "kind", "expected"),
    [
        (ENCRYPTED, "yaml", True),
        (b'{"a": "ENC[x]", "sops": {"mac": "x"}}', "json", True),
        (b'{"data": "ENC[x]", "sops": {"mac": "x"}}', "binary", True),
        (b"A=ENC[x]\nsops_mac=x\n", "dotenv", True),
        (b"[a]\nb=1\n[sops]\nmac=x\n", "ini", True),
        (b"kind: x\nspec:\n  decryption:\n    provider: sops\n", "yaml", False),
        (b"# sops: mac\n", "yaml", False),
        (b"Read about sops: its mac and version.\n" + ENCRYPTED, "binary", False),
        (b"A=1\n", "dotenv", False),
    ],
    ids=["yaml", "json", "binary", "dotenv", "ini", "provider", "comment", "prose", "plain dotenv"],
)
def test_encrypted_files_are_known_by_their_content(data, kind, expected):
    """The entry decides, not the name and not the word."""
    assert find.looks_encrypted(data, kind) is expected


def test_binary_files_are_skipped(repo):
    """A walked file with NUL bytes is not read further; a named one always counts."""
    repo.commit(files={"a.bin": b"\x7fELF\0" + ENCRYPTED, "b.yaml": ENCRYPTED})
    assert list(find.encrypted_files(["."])) == ["b.yaml"]
    assert list(find.encrypted_files(["a.bin"])) == ["a.bin"]


def test_huge_files_are_known_by_their_ends(repo, monkeypatch):
    """Of a huge file only both ends are read to decide."""
    monkeypatch.setattr(find, "HUGE", 1000)
    monkeypatch.setattr(find, "_WINDOW", 200)
    filler = b"x: y\n" * 1000
    repo.commit(files={"end.yaml": filler + ENCRYPTED, "middle.yaml": filler + ENCRYPTED + filler, "none.yaml": filler})
    assert list(find.encrypted_files(["."])) == ["end.yaml"]


def test_a_link_opens_no_way_to_what_is_left_out(repo):
    """Not to a file that Git ignores, nor into another repository, nor into Git's own folder."""
    repo.commit(files={".gitignore": "ignored/\n", "real/b.yaml": "1", "sub/a.yaml": "1"})
    Repository(repo.folder / "inner").commit(files={"b.yaml": "2"})
    (repo.folder / "ignored").mkdir()
    (repo.folder / "ignored/c.yaml").write_text("3")
    for number, target in enumerate(("ignored/c.yaml", "inner/b.yaml", ".git/config", "real/b.yaml")):
        os.symlink(f"../{target}", repo.folder / f"sub/link{number}.yaml")
    assert names("sub") == ["sub/a.yaml", "real/b.yaml"]
