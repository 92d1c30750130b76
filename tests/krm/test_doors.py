"""Ways in and out of the function: arguments, streams, environments, containers."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest

from krm_fn.decrypter import Decrypter
from krm_fn.function import Keys
from krm_fn.root import Root
from kubectl_sops.errors import NoMatchingKeyError
from kubectl_sops.repo import rendered
from tests.support.canary import PLAINTEXT, VALUE
from tests.support.kustomize import EVERYTHING, Door, Identity, Workshop, doors, kubectls, objects, seal
from tests.support.tools import missing

SECRET = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {a: b}\n"
GENERATOR: dict[str, Any] = {"apiVersion": "kubectl-sops.dev/v1", "kind": "SopsGenerator", "metadata": {"name": "g"}}
TRANSFORMER: dict[str, Any] = {
    "apiVersion": "kubectl-sops.dev/v1",
    "kind": "SopsTransformer",
    "metadata": {"name": "t"},
}
KSOPS: dict[str, Any] = {"apiVersion": "viaduct.ai/v1", "kind": "ksops", "metadata": {"name": "k"}}
SECRET_OBJECT = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"a": "Yg=="}}


def _doors(*modes: str) -> list[Any]:
    return [pytest.param(door, id=door.id) for door in doors(*modes)]


def generator(workshop: Workshop, identity: Identity, door: Door, **config: Any) -> Path:
    """A kustomization with one SopsGenerator over one Secret."""
    folder = workshop.write("app", {"kustomization.yaml": "generators: [g.yaml]\n", "s.yaml": seal(SECRET, identity)})
    workshop.config(folder / "g.yaml", GENERATOR | {"files": ["s.yaml"]} | config, door.mode)
    return folder


def resource_list(config: dict[str, Any] | None, *items: dict[str, Any]) -> str:
    """What kustomize and kpt write to a function."""
    tree: dict[str, Any] = {"apiVersion": "config.kubernetes.io/v1", "kind": "ResourceList", "items": list(items)}
    return json.dumps(tree | ({} if config is None else {"functionConfig": config}))


def test_two_kubectls_are_compared() -> None:
    """What kustomize does in them changed between releases."""
    if len(kubectls()) < 2:
        missing("kubectl-older")
    argv = ["version", "--client"]
    own, other = (subprocess.run([tool, *argv], capture_output=True, check=True).stdout for tool in kubectls())
    assert own.split(b"Kustomize Version: ")[1] != other.split(b"Kustomize Version: ")[1]


@pytest.mark.parametrize("tool", kubectls())
def test_kubectl_skips_functions_silently_and_the_check_says_so(
    tool: str, workshop: Workshop, identity: Identity
) -> None:
    """X01: exit code 0, the generator's Secret missing, the transformer's still encrypted; the check finds both."""
    generated = generator(workshop, identity, Door(tool, "exec"))
    door = Door(tool, "legacy")  # the flags of kubectl, the configuration of a function
    built = workshop.build(generated, door)
    assert (built.returncode, built.stdout) == (0, "")
    assert [finding.message for finding in rendered.findings(built.stdout.encode())] == [
        "nothing was rendered: the stream is empty"
    ]
    folder = workshop.write(
        "t", {"kustomization.yaml": "resources: [s.yaml]\ntransformers: [t.yaml]\n", "s.yaml": seal(SECRET, identity)}
    )
    workshop.config(folder / "t.yaml", TRANSFORMER, "exec")
    built = workshop.build(folder, door)
    assert built.returncode == 0
    (finding,) = rendered.findings(built.stdout.encode())
    assert finding.message == "Secret s was not decrypted: its sops entry is still there"
    assert "--enable-exec" in finding.help
    assert "krm-sops install" in finding.help


@pytest.mark.parametrize("door", _doors("legacy", "exec"))
def test_a_transformer_without_resources_gives_none(door: Door, workshop: Workshop) -> None:
    """X02."""
    folder = workshop.write("app", {"kustomization.yaml": "transformers: [t.yaml]\n"})
    workshop.config(folder / "t.yaml", TRANSFORMER, door.mode)
    built = workshop.build(folder, door)
    assert (built.returncode, built.stdout) == (0, ""), built.stderr


@pytest.mark.parametrize(
    ("config", "fits"),
    [
        ({"argsOneLiner": "--require-mac warn"}, True),
        ({"argsFromFile": "args.txt"}, True),
        ({"argsOneLiner": "--frobnicate"}, False),
        ({"argsOneLiner": "--require-mac maybe"}, False),
    ],
)
def test_arguments_of_a_legacy_plugin(
    config: dict[str, Any], fits: bool, workshop: Workshop, identity: Identity
) -> None:
    """X03: known options are taken, others stop the build."""
    (door, *_) = doors("legacy")
    folder = workshop.write(
        "app",
        {
            "kustomization.yaml": "resources: [s.yaml]\ntransformers: [t.yaml]\n",
            "s.yaml": seal(SECRET, identity),
            "args.txt": "--require-mac=off\n",
        },
    )
    workshop.config(folder / "t.yaml", TRANSFORMER | config, "legacy")
    built = workshop.build(folder, door)
    assert (built.returncode == 0) is fits, built.stderr


@pytest.mark.parametrize("door", _doors("legacy", "exec"))
def test_paths_of_a_configuration_in_a_subfolder_are_relative_to_the_root(
    door: Door, workshop: Workshop, identity: Identity
) -> None:
    """X04."""
    folder = workshop.write(
        "app", {"kustomization.yaml": "generators: [cfg/g.yaml]\n", "s.yaml": seal(SECRET, identity), "cfg/x": ""}
    )
    workshop.config(folder / "cfg/g.yaml", GENERATOR | {"files": ["s.yaml"]}, door.mode)
    assert objects(workshop.build(folder, door).stdout) == [SECRET_OBJECT]


@pytest.mark.parametrize("door", _doors("legacy", "exec"))
def test_a_relative_key_file_is_looked_up_in_the_root(door: Door, workshop: Workshop, identity: Identity) -> None:
    """X05: and where it is not there, the error says where it was looked for."""
    folder = generator(workshop, identity, door)
    built = workshop.build(folder, door, SOPS_AGE_KEY_FILE="keys.txt")
    assert built.returncode != 0
    assert f"SOPS_AGE_KEY_FILE is relative, and kustomize runs functions in {folder}" in built.stderr
    (folder / "keys.txt").write_text(identity.secret)
    assert objects(workshop.build(folder, door, SOPS_AGE_KEY_FILE="keys.txt").stdout) == [SECRET_OBJECT]


@pytest.mark.parametrize("door", _doors("legacy"))
def test_a_configuration_too_large_for_the_environment(door: Door, workshop: Workshop, identity: Identity) -> None:
    """X06: it is read from the file that the argument names."""
    literals = [f"k{number}={'x' * 100}" for number in range(1500)]
    folder = generator(
        workshop, identity, door, secretFrom=[{"metadata": {"name": "plain"}, "literals": literals}]
    )  # fmt: skip
    built = workshop.build(folder, door)
    if "argument list too long" in built.stderr:
        pytest.skip("this kustomize passes it in the environment all the same, and can't start anything then")
    assert built.returncode == 0, built.stderr
    assert [len(item["data"]) for item in objects(built.stdout)] == [1500, 1]


def test_a_closed_stdin_is_no_wait(workshop: Workshop, identity: Identity) -> None:
    """X07."""
    folder = generator(workshop, identity, Door("", "legacy"))
    command = f"exec {workshop.bin}/krm-sops g.yaml <&-"
    done = subprocess.run(
        ["sh", "-c", command], cwd=folder, env=workshop.environ(), capture_output=True, timeout=30, check=False
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert b'"Yg=="' in done.stdout


def test_a_terminal_is_not_read(workshop: Workshop, identity: Identity) -> None:
    """X07: with a configuration nothing is asked of a person, without one the help is shown."""
    folder = generator(workshop, identity, Door("", "legacy"))
    main, terminal = os.openpty()
    try:
        for args, words in ((["g.yaml"], b'"Yg=="'), ([], b"kustomize build")):
            done = subprocess.run(
                [str(workshop.bin / "krm-sops"), *args], cwd=folder, env=workshop.environ(), stdin=terminal,
                capture_output=True, timeout=30, check=False,
            )  # fmt: skip
            assert words in done.stdout
    finally:
        os.close(main)
        os.close(terminal)


@pytest.mark.parametrize("door", _doors("legacy", "exec"))
def test_a_generator_among_transformers_keeps_what_is_there(door: Door, workshop: Workshop, identity: Identity) -> None:
    """X08: KSOPS stops there, or deletes everything."""
    folder = workshop.write(
        "app",
        {
            "kustomization.yaml": "resources: [cm.yaml]\ntransformers: [k.yaml]\n",
            "cm.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n",
            "s.yaml": seal(SECRET, identity),
        },
    )
    workshop.config(folder / "k.yaml", KSOPS | {"files": ["s.yaml"]}, door.mode)
    built = workshop.build(folder, door)
    assert [item["kind"] for item in objects(built.stdout)] == ["ConfigMap", "Secret"], built.stderr


@pytest.mark.parametrize("door", _doors("container"))
def test_a_container_without_a_key_names_the_recipients(door: Door, workshop: Workshop, identity: Identity) -> None:
    """X09."""
    built = workshop.build(generator(workshop, identity, door), door, SOPS_AGE_KEY_FILE="")
    assert built.returncode != 0
    assert identity.recipient in built.stderr
    assert "Traceback" not in built.stderr


@pytest.mark.parametrize("door", _doors("container"))
def test_a_container_gets_a_key_by_name(door: Door, workshop: Workshop, identity: Identity) -> None:
    """``envs: [SOPS_AGE_KEY]`` passes the value without showing it in the arguments."""
    log = workshop.folder / "docker.log"
    folder = generator(workshop, identity, door)
    built = workshop.build(folder, door, SOPS_AGE_KEY_FILE="", SOPS_AGE_KEY=identity.secret, DOCKER_LOG=str(log))
    assert objects(built.stdout) == [SECRET_OBJECT], built.stderr
    assert identity.secret not in log.read_text()
    assert "'--user', 'nobody'" in log.read_text()


def _hint_for(key_file: str) -> str:
    decrypter = Decrypter(Root("/"), Keys({}), {"SOPS_AGE_KEY_FILE": key_file})
    return decrypter.explained(NoMatchingKeyError("no key")).hint or ""


def test_an_unreadable_key_file_is_explained() -> None:
    """X10: a key with mode 0600 and another user; root becomes nobody for it."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        key_file = Path(folder, "keys.txt")
        key_file.touch(mode=0o000)
        if os.getuid() != 0:
            hint = _hint_for(str(key_file))
        else:
            read, write = os.pipe()
            child = os.fork()
            if child == 0:
                os.setuid(65534)
                os.write(write, _hint_for(str(key_file)).encode())
                os._exit(0)
            os.close(write)
            with os.fdopen(read) as answer:
                hint = answer.read()
            os.waitpid(child, 0)
    assert "no permission to read SOPS_AGE_KEY_FILE" in hint
    assert "--as-current-user" in hint


@pytest.mark.parametrize("mode", ["legacy", "exec"])
def test_a_reader_that_has_gone(mode: str, workshop: Workshop, identity: Identity) -> None:
    """X11: a failure, without a traceback."""
    folder = generator(workshop, identity, Door("", "legacy"))
    config = json.loads((folder / "g.yaml").read_text())
    stdin = "" if mode == "legacy" else resource_list(config)
    (folder / "in.json").write_text(stdin)
    words = "g.yaml" if mode == "legacy" else ""
    read, write = os.pipe()
    os.close(read)
    try:
        with (folder / "in.json").open() as source:
            done = subprocess.run(
                [str(workshop.bin / "krm-sops"), *words.split()], cwd=folder, env=workshop.environ(), stdin=source,
                stdout=write, stderr=subprocess.PIPE, timeout=30, check=False,
            )  # fmt: skip
    finally:
        os.close(write)
    assert done.returncode != 0
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("redirection", [">&-", "2>&-", ">/dev/full", ">&- 2>&-"])
def test_an_output_that_cannot_be_written(redirection: str, workshop: Workshop, identity: Identity) -> None:
    """X11: never exit code 0 with less than everything written."""
    folder = generator(workshop, identity, Door("", "legacy"))
    done = subprocess.run(
        ["sh", "-c", f"exec {workshop.bin}/krm-sops g.yaml {redirection}"], cwd=folder, env=workshop.environ(),
        stdin=subprocess.DEVNULL, capture_output=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == (0 if redirection == "2>&-" else 1)
    assert b"Traceback" not in done.stderr
    assert b"bug" not in done.stderr


@pytest.mark.parametrize("door", _doors("legacy", "exec"))
def test_a_hundred_files_are_one_process(door: Door, workshop: Workshop, identity: Identity) -> None:
    """X12: a pattern names them all."""
    files: dict[str, Any] = {"kustomization.yaml": "generators: [g.yaml]\n"}
    for number in range(100):
        files[f"secrets/{number:03}.yaml"] = seal(SECRET.replace("name: s", f"name: s{number:03}"), identity)
    folder = workshop.write("app", files)
    workshop.config(folder / "g.yaml", GENERATOR | {"files": ["secrets/*.yaml"]}, door.mode)
    starts = workshop.folder / "starts"
    for link in (workshop.home / "kubectl-sops.dev/v1/sopsgenerator/SopsGenerator", workshop.bin / "krm-sops"):
        target = os.readlink(link)
        link.unlink()
        link.write_text(f'#!/bin/sh\necho >> {starts}\nexec {target} "$@"\n')
        link.chmod(0o755)
    built = workshop.build(folder, door)
    assert [item["metadata"]["name"] for item in objects(built.stdout)] == [f"s{number:03}" for number in range(100)]
    assert starts.read_text() == "\n"


@pytest.mark.parametrize("door", _doors("exec", "container"))
def test_a_configuration_cannot_widen_what_is_read(door: Door, workshop: Workshop, identity: Identity) -> None:
    """``envs`` of the annotation would set the variable that only the caller may set."""
    folder = workshop.write(
        "app/root", {"kustomization.yaml": "generators: [g.yaml]\n", "../s.yaml": seal(SECRET, identity)}
    )
    workshop.config(folder / "g.yaml", GENERATOR | {"files": ["../s.yaml"]}, door.mode)
    text = (folder / "g.yaml").read_text()
    function = json.loads(json.loads(text)["metadata"]["annotations"]["config.kubernetes.io/function"])
    next(iter(function.values()))["envs"] = ["KUBECTL_SOPS_ALLOW_OUTSIDE_ROOT=1"]
    tree = json.loads(text)
    tree["metadata"]["annotations"]["config.kubernetes.io/function"] = json.dumps(function)
    (folder / "g.yaml").write_text(json.dumps(tree))
    built = workshop.build(folder, door)
    assert built.returncode != 0
    assert "a configuration can't set variables that begin with KUBECTL_SOPS_" in built.stderr


def test_the_cluster_is_asked_on_request_only(workshop: Workshop, identity: Identity) -> None:
    """A kubeconfig alone is no reason to go there; the environment may say so, and then failures are explained."""
    folder = generator(workshop, identity, Door("", "legacy"))
    kubeconfig = workshop.folder / "config"
    cluster = {"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}
    context = {"name": "c", "context": {"cluster": "c", "user": "u"}}
    tree = {"clusters": [cluster], "contexts": [context], "users": [{"name": "u", "user": {}}], "current-context": "c"}
    kubeconfig.write_text(json.dumps({"apiVersion": "v1", "kind": "Config"} | tree))
    common = {"KUBECONFIG": str(kubeconfig), "SOPS_AGE_KEY_FILE": ""}
    done = workshop.call("g.yaml", cwd=folder, **common)
    assert (done.returncode, "127.0.0.1" in done.stderr) == (1, False)
    done = workshop.call("g.yaml", cwd=folder, KUBECTL_SOPS_KEY_SOURCE="auto", **common)
    assert (done.returncode, "the cluster's key could not be read" in done.stderr) == (1, True), done.stderr
    done = workshop.call("g.yaml", cwd=folder, KUBECTL_SOPS_KEY_SOURCE="remote", **common)
    assert "KUBECTL_SOPS_KEY_SOURCE: expected local, cluster, auto" in done.stderr


def test_a_failure_in_krm_mode_is_also_a_result(workshop: Workshop, identity: Identity, stranger: Identity) -> None:
    """Severity, resource and field for kpt; nothing to apply."""
    sealed = objects(seal(SECRET, stranger).decode())[0]
    done = workshop.call(stdin=resource_list(TRANSFORMER, sealed))
    assert done.returncode == 1
    (answer,) = objects(done.stdout)
    assert answer["items"] == []
    (result,) = answer["results"]
    assert result["severity"] == "error"
    assert result["resourceRef"] == {"apiVersion": "v1", "kind": "Secret", "name": "s"}
    assert stranger.recipient in done.stderr


def test_a_reason_is_given_once(workshop: Workshop, stranger: Identity) -> None:
    """Two resources, two errors, one hint."""
    text = f"{seal(SECRET, stranger).decode()}---\n{seal(SECRET.replace('name: s', 'name: t'), stranger).decode()}"
    done = workshop.call(stdin=resource_list(TRANSFORMER, *objects(text)))
    assert done.stderr.count("no key opens the file") == 2
    assert done.stderr.count("hint: ") == 1


def test_a_configuration_that_is_not_there(workshop: Workshop) -> None:
    """The words of KSOPS."""
    done = workshop.call("nope.yaml", name="ksops")
    assert done.returncode == 1
    assert "unable to read in manifest: nope.yaml" in done.stderr


def test_configurations_among_the_items_are_run_as_ksops_does(workshop: Workshop, identity: Identity) -> None:
    """A ResourceList without functionConfig."""
    folder = workshop.write("app", {"s.yaml": seal(SECRET, identity)})
    done = workshop.call(stdin=resource_list(None, KSOPS | {"files": ["s.yaml"]}), name="ksops", cwd=folder)
    (answer,) = objects(done.stdout)
    assert [item["kind"] for item in answer["items"]] == ["Secret"]


@pytest.mark.parametrize(
    ("stdin", "message"),
    [
        ("", "stdin is empty, expected a ResourceList"),
        (json.dumps(KSOPS), 'input was of unexpected kind "ksops"; expected ResourceList'),
        ('{"apiVersion": "config.kubernetes.io/v2", "kind": "ResourceList"}', "unknown apiVersion"),
        ('{"apiVersion": "config.kubernetes.io/v1", "kind": "ResourceList", "items": [1]}', "are not resources"),
        ("a: b: c", "line 1"),
    ],
)
def test_something_else_on_stdin(stdin: str, message: str, workshop: Workshop) -> None:
    """The error says what was expected."""
    done = workshop.call(stdin=stdin)
    assert done.returncode == 1
    assert message in done.stderr


@pytest.mark.parametrize(
    ("config", "messages"),
    [
        (
            GENERATOR | {"file": ["a"], "secretFrom": [{"metdata": {}, "behavior": "merg", "files": [1]}]},
            [
                "file: unknown field; did you mean files?",
                "secretFrom[0].metadata: is missing",
                "secretFrom[0].metdata: unknown field; did you mean metadata?",
                "secretFrom[0].behavior: expected create, merge or replace; did you mean merge?",
                "secretFrom[0].files[0]: expected a string, found a number",
            ],
        ),
        (GENERATOR | {"apiVersion": "kubectl-sops.dev/v2"}, ["apiVersion: expected kubectl-sops.dev/v1"]),
        (TRANSFORMER | {"requireMac": "warning"}, ["requireMac: expected error, warn or off; did you mean warn?"]),
        (TRANSFORMER | {"kind": "SopsTransformr"}, ["kind: unknown kind", "did you mean SopsTransformer?"]),
        (TRANSFORMER | {"selectors": [{"name": "("}]}, ["selectors[0].name: the regular expression does not compile"]),
    ],
)
def test_all_problems_of_a_configuration_are_listed(
    config: dict[str, Any], messages: list[str], workshop: Workshop
) -> None:
    """Each with its field, and the nearest field or word."""
    done = workshop.call(stdin=resource_list(config))
    assert done.returncode == 1
    for message in messages:
        assert message in done.stderr


@pytest.mark.parametrize("door", _doors("legacy", "exec"))
def test_kustomize_never_prints_what_we_decrypted(door: Door, workshop: Workshop, identity: Identity) -> None:
    """Z03: what would make kustomize fail and show the whole object is found before."""
    hostile = {
        "del": f'apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c}}\ndata: {{a: {VALUE}, b: "x\\x7fy"}}\n',
        "scalar": f"{VALUE}\n",
        "list": f"- {VALUE}\n",
        "no-name": f"apiVersion: v1\nkind: Secret\nstringData: {{a: {VALUE}}}\n",
        "number": f"apiVersion: v1\nkind: 1\nmetadata: {{name: c}}\nstringData: {{a: {VALUE}}}\n",
        "local": "apiVersion: v1\nkind: Secret\nmetadata:\n  name: s\n"
        f"  annotations: {{config.kubernetes.io/local-config: 'true'}}\nstringData: {{a: {VALUE}}}\n",
    }
    for name, plain in hostile.items():
        if name in ("scalar", "list"):
            files = {"f.txt": seal(plain, identity, "f.txt", selector=EVERYTHING)}
        else:
            files = {"s.yaml": seal(plain, identity)}
        folder = workshop.write(name, {"kustomization.yaml": "generators: [g.yaml]\n", **files})
        workshop.config(folder / "g.yaml", GENERATOR | {"files": list(files)}, door.mode)
        built = workshop.build(folder, door, TMPDIR=str(workshop.folder))
        assert built.returncode != 0, name
        assert next(iter(files)) in built.stderr or "Secret s" in built.stderr or "ConfigMap c" in built.stderr, name
        assert not PLAINTEXT.is_in(built.stderr.encode("utf-8", "surrogateescape")), name
    for left_behind in workshop.folder.glob("kust-plugin-config-*"):
        assert not PLAINTEXT.is_in(left_behind.read_bytes())


def test_the_hot_path_imports_nothing_heavy(workshop: Workshop, identity: Identity) -> None:
    """Each generator of a build is a process: what it imports is its cost."""
    folder = generator(workshop, identity, Door("", "legacy"))
    code = (
        "import sys; sys.argv = ['krm-sops', 'g.yaml']\n"
        "from krm_fn.__main__ import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print(*sorted(sys.modules), file=sys.stderr)"
    )
    import sys

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=workshop.environ(), stdin=subprocess.DEVNULL, capture_output=True,
        check=True, timeout=60,
    )  # fmt: skip
    loaded = set(done.stderr.decode().split())
    heavy = {
        "typer", "click", "pydantic", "kubernetes", "rich", "boto3", "argparse", "json", "logging", "dataclasses",
        "pathlib", "subprocess", "tempfile", "inspect", "concurrent", "asyncio", "urllib.request", "krm_fn.cli",
        "krm_fn.sdk", "krm_fn.merge", "krm_fn.install",
    }  # fmt: skip
    assert loaded & heavy == set()
