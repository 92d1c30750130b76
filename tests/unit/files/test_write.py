"""Reading and writing one file."""

from __future__ import annotations

import os
import stat

import pytest

from kubectl_sops.errors import InputNotFoundError, UnreadableFileError, UnwritableFileError
from kubectl_sops.files.read import read
from kubectl_sops.files.write import ChangedMeanwhileError, replace_file


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def test_a_new_file_is_private(tmp_path):
    """Without a wish, nobody else can read it; with one, the umask applies."""
    replace_file(str(tmp_path / "a"), b"x")
    assert mode(tmp_path / "a") == 0o600
    old = os.umask(0o027)
    try:
        replace_file(str(tmp_path / "b"), b"x", new_mode=0o666)
    finally:
        os.umask(old)
    assert mode(tmp_path / "b") == 0o640


def test_an_existing_file_keeps_its_mode(tmp_path):
    """Mode stays; content is replaced; nothing else is left in the folder."""
    path = tmp_path / "a"
    path.write_bytes(b"old")
    path.chmod(0o644)
    replace_file(str(path), b"new")
    assert (path.read_bytes(), mode(path)) == (b"new", 0o644)
    assert os.listdir(tmp_path) == ["a"]


def test_a_link_stays_a_link(tmp_path):
    """The target of a symbolic link is replaced, not the link."""
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to("real")
    replace_file(str(tmp_path / "link"), b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"


def test_a_failure_leaves_the_old_file(tmp_path, monkeypatch):
    """A full disk in the middle leaves the old file and no temporary one."""
    path = tmp_path / "a"
    path.write_bytes(b"old")

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UnwritableFileError, match="No space left"):
        replace_file(str(path), b"new")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a"]


def test_a_pipe_is_written_through(tmp_path):
    """What is no regular file can't be renamed over."""
    target = tmp_path / "pipe"
    os.mkfifo(target)
    reader = os.open(target, os.O_RDONLY | os.O_NONBLOCK)
    replace_file(str(target), b"x")
    assert os.read(reader, 9) == b"x"
    os.close(reader)


def test_a_folder_that_is_not_there(tmp_path):
    """The error names the file."""
    with pytest.raises(UnwritableFileError) as caught:
        replace_file(str(tmp_path / "no" / "a"), b"x")
    assert str(tmp_path / "no" / "a") in str(caught.value)


def test_reading(tmp_path):
    """A missing file and a folder are different errors."""
    (tmp_path / "a").write_bytes(b"x")
    assert read(str(tmp_path / "a")) == b"x"
    with pytest.raises(InputNotFoundError):
        read(str(tmp_path / "b"))
    with pytest.raises(UnreadableFileError, match="directory"):
        read(str(tmp_path))


def test_somebody_elses_change_is_not_overwritten(tmp_path):
    """A file that no longer holds what was read stays as it is, and nothing is left beside it."""
    path = tmp_path / "a"
    path.write_bytes(b"theirs")
    with pytest.raises(ChangedMeanwhileError, match="changed by someone else") as caught:
        replace_file(str(path), b"ours", expected=b"what we read")
    assert caught.value.file == str(path)
    assert path.read_bytes() == b"theirs"
    assert os.listdir(tmp_path) == ["a"]
    replace_file(str(path), b"ours", expected=b"theirs")
    assert path.read_bytes() == b"ours"


def test_a_file_that_was_removed_meanwhile_stays_away(tmp_path):
    """Somebody else's removal is a change, too."""
    with pytest.raises(UnwritableFileError):
        replace_file(str(tmp_path / "a"), b"ours", expected=b"what we read")
    assert os.listdir(tmp_path) == []
