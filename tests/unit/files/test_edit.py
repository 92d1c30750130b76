"""The editor session: what is saved, what is kept, and where the text is."""

from __future__ import annotations

import os
import stat

import pytest

from kubectl_sops.core.metadata import KeyEntry
from kubectl_sops.errors import EditorError, InputNotFoundError, InsecureStorageError, SopsError, UnwritableFileError
from kubectl_sops.files import editor, kept, memory
from kubectl_sops.files.edit import CREATED, EDITED, UNCHANGED, EditGivenUpError, edit_file
from kubectl_sops.files.encrypt import Recipe, encrypt
from kubectl_sops.keys import age
from kubectl_sops.keys.keyring import Keyring

IDENTITY, RECIPIENT = age.generate()
NOW = "2026-01-01T00:00:00Z"
PLAIN = b"kind: Secret\nstringData:\n  password: hunter2 # ours\n  user: admin\n"


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path)


class Desk:
    """A folder with an encrypted file, and editors that are shell scripts."""

    def __init__(self, folder):
        self.folder = folder
        self.keyring = Keyring({}, identities=[IDENTITY])
        self.path = str(folder / "secret.yaml")
        self.told = []
        self.environ = {"PATH": os.environ["PATH"], "HOME": str(folder / "home"), "LOG": str(folder / "log")}

    def file(self, plain=PLAIN):
        data = encrypt(plain, "yaml", self.recipe(), self.keyring, now=NOW).data
        (self.folder / "secret.yaml").write_bytes(data)
        return data

    def recipe(self):
        return Recipe([[KeyEntry("age", {"enc": "", "recipient": RECIPIENT})]])

    def editor(self, script):
        path = self.folder / "editor"
        path.write_text("#!/bin/sh\n" + script)
        path.chmod(0o755)
        self.environ["EDITOR"] = str(path)

    def edit(self, **options):
        options = {"interactive": False, **options}
        return edit_file(
            self.path, "yaml", self.keyring, recipe=self.recipe, now=lambda: "2027-01-01T00:00:00Z",
            environ=self.environ, tell=self.told.append, **options,
        )  # fmt: skip

    def plain(self):
        from kubectl_sops.files.decrypt import decrypt

        return decrypt((self.folder / "secret.yaml").read_bytes(), "yaml", self.keyring)


def test_one_value(desk):
    """The edit is saved, and only the value, the MAC and its time changed in the file."""
    before = desk.file()
    desk.editor('sed -i s/hunter2/hunter3/ "$1"')
    assert desk.edit() == EDITED
    assert desk.plain() == PLAIN.replace(b"hunter2", b"hunter3")
    after = (desk.folder / "secret.yaml").read_bytes()
    changed = [a.split(b":")[0].strip() for a, b in zip(before.split(b"\n"), after.split(b"\n"), strict=True) if a != b]
    assert changed == [b"password", b"lastmodified", b"mac"]


def test_nothing_changed(desk):
    """Leaving the text as it is leaves bytes and time of the file as they are."""
    before = desk.file()
    os.utime(desk.path, (1, 1))
    desk.editor("true")
    assert desk.edit() == UNCHANGED
    assert (desk.folder / "secret.yaml").read_bytes() == before
    assert os.stat(desk.path).st_mtime == 1


def test_a_new_file(desk):
    """A scaffold is offered, and what is saved is encrypted, mode 0600; an untouched scaffold makes no file."""
    desk.editor('cat "$1" > "$LOG"; true')
    assert desk.edit() == UNCHANGED
    assert not os.path.exists(desk.path)
    assert b"kind: Secret" in (desk.folder / "log").read_bytes()
    desk.editor('printf "a: hunter2\\n" > "$1"')
    assert desk.edit() == CREATED
    assert desk.plain() == b"a: hunter2\n"
    assert stat.S_IMODE(os.stat(desk.path).st_mode) == 0o600


def test_a_new_file_in_a_folder_that_is_not_there(desk):
    """The folder is made when the file is saved, and only then."""
    desk.path = str(desk.folder / "no" / "where" / "x.yaml")
    desk.editor("true")
    assert desk.edit() == UNCHANGED
    assert not (desk.folder / "no").exists()
    desk.editor('echo "a: 1" > "$1"')
    assert desk.edit() == CREATED
    assert (desk.folder / "no" / "where" / "x.yaml").exists()


def test_a_file_that_cannot_be_written(desk, monkeypatch):
    """It is said before the editor starts."""
    desk.file()
    desk.editor('touch "$LOG"')
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, how: path != desk.path and access(path, how))
    with pytest.raises(UnwritableFileError, match="permission denied"):
        desk.edit()
    assert not (desk.folder / "log").exists()


def test_a_folder_that_cannot_be_made(desk):
    """A folder below a file can't be made; the text is kept."""
    (desk.folder / "plain").write_text("")
    desk.path = str(desk.folder / "plain" / "x.yaml")
    desk.editor('echo "a: 1" > "$1"')
    with pytest.raises(UnwritableFileError, match="its folder can't be made"):
        desk.edit()
    assert kept.load(desk.path, desk.keyring, desk.environ) == b"a: 1\n"


def test_the_text_is_in_memory_and_private(desk):
    """The editor's file is on a tmpfs, named like the original, readable by nobody else, and gone afterwards."""
    desk.file()
    desk.editor('echo "$1" > "$LOG"; stat -c %a "$1" "$(dirname "$1")" >> "$LOG"; echo x > "$1~"; true')
    desk.edit()
    path, mode, folder_mode = (desk.folder / "log").read_text().split()
    assert os.path.basename(path) == "secret.yaml"
    assert (mode, folder_mode) == ("600", "700")
    assert not os.path.exists(os.path.dirname(path))
    assert memory.is_memory_backed(os.path.dirname(os.path.dirname(path)))


def test_a_broken_document_without_a_terminal(desk):
    """The editor starts once, the file stays, the text is kept encrypted, and `--resume` goes on with it."""
    before = desk.file()
    desk.editor('echo x >> "$LOG"; printf "a: [hunter4\\n" > "$1"')
    with pytest.raises(SopsError) as caught:
        desk.edit()
    assert "hunter" not in str(caught.value)
    assert "--resume" in caught.value.hint
    assert (desk.folder / "log").read_text() == "x\n"
    assert (desk.folder / "secret.yaml").read_bytes() == before
    held = [p for p in (desk.folder / "home").rglob("*") if p.is_file()]
    assert len(held) == 1
    assert b"hunter4" not in held[0].read_bytes()
    assert stat.S_IMODE(held[0].stat().st_mode) == 0o600
    desk.editor('cat "$1" > "$LOG"; printf "a: fixed\\n" > "$1"')
    assert desk.edit(resume=True) == EDITED
    assert (desk.folder / "log").read_bytes() == b"a: [hunter4\n"
    assert desk.plain() == b"a: fixed\n"
    assert not kept.exists(desk.path, desk.environ)


def test_a_broken_document_opens_again(desk):
    """On a terminal the text comes back as it was left, with the error on top, which is removed on saving."""
    desk.file()
    desk.editor(
        'if grep -q "^# kubectl-sops: " "$1"; then cat "$1" > "$LOG"; sed -i "s/\\[x/x/" "$1"; '
        'else printf "a: [x\\n" > "$1"; fi'
    )
    assert desk.edit(interactive=True) == EDITED
    shown = (desk.folder / "log").read_text().splitlines()
    assert shown[0].startswith("# kubectl-sops: ")
    assert shown[-1] == "a: [x"
    assert desk.plain() == b"a: x\n"


def test_giving_up(desk):
    """Leaving a broken document without a change ends the edit; its text is kept."""
    desk.file()
    desk.editor('printf "a: [x\\n" > "$1.new"; grep -q "^# kubectl" "$1" || cat "$1.new" > "$1"')
    with pytest.raises(EditGivenUpError):
        desk.edit(interactive=True)
    assert kept.load(desk.path, desk.keyring, desk.environ) == b"a: [x\n"


def test_a_failing_editor_loses_nothing(desk):
    """What was saved before the editor failed is kept."""
    desk.file()
    desk.editor('sed -i s/hunter2/hunter5/ "$1"; exit 3')
    with pytest.raises(EditorError, match="exit status 3"):
        desk.edit()
    assert b"hunter5" in kept.load(desk.path, desk.keyring, desk.environ)
    desk.editor("true")
    desk.edit()
    assert any("--resume" in line for line in desk.told)


def test_a_kept_text_is_not_needed_after_an_unchanged_failure(desk):
    """An editor that fails without a change leaves nothing behind."""
    desk.file()
    desk.editor("exit 1")
    with pytest.raises(EditorError):
        desk.edit()
    assert not kept.exists(desk.path, desk.environ)


def test_looking_at_a_file_keeps_its_kept_edit(desk):
    """Whoever reads that an edit is kept, and leaves the editor to resume it, still finds it."""
    desk.file()
    desk.editor('sed -i s/hunter2/hunter5/ "$1"; exit 3')
    with pytest.raises(EditorError):
        desk.edit()
    desk.editor("true")
    assert desk.edit() == UNCHANGED
    assert desk.edit(resume=True) == EDITED
    assert b"hunter5" in desk.plain()
    assert not kept.exists(desk.path, desk.environ)


@pytest.mark.parametrize("home", ["/dev/null", "/proc/nowhere"])
def test_an_edit_is_kept_without_a_usable_home(home, desk):
    """Where the user's state can't be written, the text is kept beside the file, and found there."""
    desk.file()
    desk.environ["HOME"] = home
    desk.editor('sed -i s/hunter2/hunter8/ "$1"; exit 3')
    with pytest.raises(EditorError) as caught:
        desk.edit()
    assert "edit --resume" in (caught.value.hint or "")
    assert not any(b"hunter8" in path.read_bytes() for path in desk.folder.glob(".*"))
    desk.editor("true")
    assert desk.edit(resume=True) == EDITED
    assert b"hunter8" in desk.plain()
    assert not list(desk.folder.glob(".*"))


def test_a_text_that_cannot_be_kept_is_said(desk):
    """Where no place can be written, the error says that the text is lost, and how to do better."""
    desk.file()
    desk.environ["HOME"] = "/dev/null"
    desk.editor(f'sed -i s/hunter2/hunter8/ "$1"; mkdir "{desk.folder}/.secret.yaml.kept-edit"; exit 3')
    with pytest.raises(UnwritableFileError, match="is lost") as caught:
        desk.edit()
    assert "XDG_STATE_HOME" in (caught.value.hint or "")


def test_somebody_else_was_quicker(desk):
    """A file that changed meanwhile is not overwritten; the text is kept."""
    desk.file()
    desk.editor(f'echo "# new" >> "{desk.path}"; sed -i s/hunter2/hunter6/ "$1"')
    with pytest.raises(EditGivenUpError, match="someone else"):
        desk.edit()
    assert (desk.folder / "secret.yaml").read_bytes().endswith(b"# new\n")
    assert b"hunter6" in kept.load(desk.path, desk.keyring, desk.environ)


def test_nothing_is_kept(desk):
    """`--resume` without a kept edit says so."""
    desk.file()
    desk.editor("true")
    with pytest.raises(InputNotFoundError, match="no edit is kept"):
        desk.edit(resume=True)


def test_a_check_may_refuse_a_text(desk):
    """What a check refuses is treated like a broken document."""
    desk.file()
    desk.editor('sed -i s/hunter2/hunter7/ "$1"')

    def refuse(_):
        raise SopsError("no")

    with pytest.raises(SopsError, match="no"):
        desk.edit(validate=refuse)
    assert kept.exists(desk.path, desk.environ)


def test_no_memory(desk, monkeypatch):
    """Without a memory-backed folder nothing is decrypted to a disk, unless the user accepts one."""
    desk.file()
    desk.editor('sed -i s/hunter2/hunter8/ "$1"')
    monkeypatch.setattr(memory, "find_folder", lambda _: None)
    with pytest.raises(InsecureStorageError) as caught:
        desk.edit()
    assert "--allow-disk" in caught.value.hint
    assert desk.edit(allow_disk=True) == EDITED


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"EDITOR": "code --wait"}, ["code", "--wait"]),
        ({"EDITOR": "'my editor' -x 'a b'"}, ["my editor", "-x", "a b"]),
        ({"SOPS_EDITOR": "one", "KUBE_EDITOR": "two", "EDITOR": "three"}, ["one"]),
        ({"KUBE_EDITOR": "two", "EDITOR": "three"}, ["two"]),
        ({"EDITOR": "vim -f"}, ["vim", *editor.quiet_options("vim"), "-f"]),
        ({"EDITOR": "emacs -nw"}, ["emacs", *editor.quiet_options("emacs"), "-nw"]),
        ({"EDITOR": "emacsclient"}, ["emacsclient"]),
    ],
)
def test_which_editor(variables, expected):
    """Variables in order, split as a shell does, with what keeps vim and emacs from writing copies."""
    assert editor.command({"PATH": "/nonexistent", **variables}) == expected


def test_no_editor():
    """Nothing installed and nothing set: the error names the variables; broken quotes too."""
    with pytest.raises(EditorError, match="no editor"):
        editor.command({"PATH": "/nonexistent"})
    with pytest.raises(EditorError, match="quotes"):
        editor.command({"EDITOR": "'x"})
    with pytest.raises(EditorError, match="can't be started"):
        editor.run(["/nonexistent/editor"], "x", {})
