"""Where ``.sops.yaml`` is looked for."""

import os

from kubectl_sops.rules import find, search


def test_upward_from_the_working_directory(tmp_path):
    """The nearest one above, wherever the target is."""
    (tmp_path / ".sops.yaml").touch()
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "other").mkdir()
    (tmp_path / "other/.sops.yaml").touch()
    found = search(str(tmp_path / "other/x.yaml"), cwd=str(tmp_path / "a/b"))
    assert (found.path, found.warning) == (str(tmp_path / ".sops.yaml"), None)


def test_upward_from_the_target_where_the_working_directory_has_none(tmp_path):
    """A file of a repository is found its rules for from outside the repository."""
    (tmp_path / "repo/apps").mkdir(parents=True)
    (tmp_path / "repo/.sops.yaml").touch()
    (tmp_path / "elsewhere").mkdir()
    assert find("../repo/apps/x.yaml", cwd=str(tmp_path / "elsewhere")) == str(tmp_path / "repo/.sops.yaml")


def test_other_name_is_warned_about(tmp_path):
    """``.sops.yml`` is not used, and that is said whether another file is found or not."""
    (tmp_path / "a").mkdir()
    (tmp_path / "a/.sops.yml").touch()
    assert (
        search(cwd=str(tmp_path / "a")).warning
        == f"{tmp_path}/a/.sops.yml is ignored: the file must be called .sops.yaml"
    )
    (tmp_path / ".sops.yaml").touch()
    found = search(cwd=str(tmp_path / "a"))
    assert found.path == str(tmp_path / ".sops.yaml")
    assert found.warning == f"{tmp_path}/a/.sops.yml is ignored, {tmp_path}/.sops.yaml is used instead"


def test_a_named_file_is_taken_as_it_is():
    """--config switches the search off."""
    assert find("x", "conf/rules.yaml") == "conf/rules.yaml"


def test_a_hundred_levels_are_enough(tmp_path):
    """sops stops after 100 folders, the first included."""
    (tmp_path / ".sops.yaml").touch()
    assert find(cwd=str(tmp_path / os.sep.join("d" * 99))) == str(tmp_path / ".sops.yaml")
    assert find(cwd=str(tmp_path / os.sep.join("d" * 100))) is None


def test_links_in_the_working_directory_count(tmp_path, monkeypatch):
    """The folder as the shell shows it, as in Go, so that relative and absolute names of a file agree."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "real/.sops.yaml").touch()
    monkeypatch.chdir(tmp_path / "link")
    monkeypatch.setenv("PWD", str(tmp_path / "link"))
    assert find() == str(tmp_path / "link/.sops.yaml")
