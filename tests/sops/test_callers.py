"""Programs that call ``sops``: the calls that they make, with our program and with the real one under that name."""

from __future__ import annotations

import re

from tests.support.tools import need, run

YAML = b"user: admin\npassword: hunter2\n"


def test_helm_secrets(sops):
    """The older style with explicit types, in place and into a file beside the source."""
    name = sops.write("secrets.yaml", YAML)
    sops.ok("--encrypt", "--input-type", "yaml", "--output-type", "yaml", "--in-place", name)
    assert b"hunter2" not in sops.read(name)
    args = ["--decrypt", "--input-type", "yaml", "--output-type", "yaml"]
    sops.ok(*args, "--output", "secrets.yaml.dec", name)
    assert sops.read("secrets.yaml.dec") == YAML
    assert sops.ok(*args, name) == YAML
    sops.ok(*args, "--in-place", name)
    assert sops.read(name) == YAML


def test_ansible(sops):
    """Everything through standard input and output, with types and a name for the rule."""
    types = ["--input-type", "yaml", "--output-type", "yaml", "--filename-override", "group_vars.yaml"]
    sealed = sops.ok("encrypt", *types, stdin=YAML)
    assert b"hunter2" not in sealed
    assert sops.ok("decrypt", *types, stdin=sealed) == YAML
    assert sops.ok("decrypt", "--input-type", "yaml", "--output-type", "json", stdin=sealed).startswith(b'{\n\t"user"')
    name = sops.write("vars.yaml", sealed)
    assert sops.ok("--decrypt", "--input-type", "yaml", "--output-type", "yaml", name) == YAML


def test_git_textconv(sops):
    """``git diff`` of a file whose driver is ``sops decrypt``, as sops' own documentation sets it up."""
    git = [need("git"), "-c", f"diff.sops.textconv={sops.path} decrypt", "-c", "user.name=a", "-c", "user.email=a@b"]

    def call(*args):
        return run([*git, *args], cwd=sops.folder, env=sops.keys.env)

    sops.write(".gitattributes", "*.yaml diff=sops\n")
    name = sops.write("f.yaml", YAML)
    sops.ok("encrypt", "-i", name)
    for args in (["init", "-q"], ["add", name], ["commit", "-qm", "x"]):
        assert call(*args).returncode == 0
    sops.ok("set", name, '["password"]', '"hunter3"')
    changed = re.findall(rb"^[-+](?![-+]).*", call("diff", name).stdout, re.MULTILINE)
    assert changed == [b"-password: hunter2", b"+password: hunter3"]


def test_exec_env_in_a_script(sops):
    """A Makefile's line: values, the exit code of a pipe of commands, and standard input passed on."""
    name = sops.write("f.yaml", YAML)
    sops.ok("encrypt", "-i", name)
    assert sops.ok("exec-env", name, 'cat; printf "%s" "$password"', stdin=b"in:") == b"in:hunter2"
    assert sops("exec-env", name, "true | exit 3").returncode == 3
