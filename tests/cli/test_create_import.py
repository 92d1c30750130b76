"""``create secret`` and ``import secret``: encrypted before anything is written; real programs read them."""

from __future__ import annotations

import base64
import json
import os

import pytest

from kubectl_sops.cli import create, imports
from tests.support.command import call
from tests.support.team import config, people, sops, work_as
from tests.support.tools import need, run

ALICE = people("alice")[0]
CANARY = "CANARY-77aa"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / ".sops.yaml").write_text(config(ALICE))
    work_as(monkeypatch)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def decoded(text):
    """The type and the values of a manifest, as kubectl sees them."""
    shown = run([need("kubectl"), "create", "--dry-run=client", "-o", "json", "--validate=false", "-f", "-"],
                stdin=text, env={"KUBECONFIG": "/dev/null"})  # fmt: skip
    if shown.returncode:  # some releases ask a server even then
        import yaml

        tree = yaml.safe_load(text)
    else:
        tree = json.loads(shown.stdout)
    values = {key: base64.b64decode(value) for key, value in (tree.get("data") or {}).items()}
    values.update({key: value.encode() for key, value in (tree.get("stringData") or {}).items()})
    return tree["type"], values


def test_generic(folder):
    """Literals, files, env files and asked values; binary content too; the plaintext is nowhere."""
    (folder / "blob").write_bytes(b"\x00\xff")
    (folder / ".env").write_text("# comment\nFROM_ENV=a=b\n\n")
    result = call(
        create.COMMAND, "secret", "generic", "db", "-n", "shop", "--from-literal", "user=app", "--from-literal",
        "password", "--from-file", "key=blob", "--from-file", "blob", "--from-env-file", ".env", "--output", "db.yaml",
        stdin=f"{CANARY}\n".encode(),
    )  # fmt: skip
    assert (result.code, result.out, result.err) == (0, "", "db.yaml created\n"), result
    assert CANARY not in (folder / "db.yaml").read_text()
    kind, values = decoded(sops(["decrypt", "db.yaml"], folder, ALICE))
    assert kind == "Opaque"
    assert values == {
        "user": b"app", "password": CANARY.encode(), "key": b"\x00\xff", "blob": b"\x00\xff", "FROM_ENV": b"a=b",
    }  # fmt: skip
    assert "namespace: shop" in (folder / "db.yaml").read_text()


def test_existing_files_are_kept(folder):
    """A file that is there is not overwritten."""
    (folder / "db.yaml").write_text("mine\n")
    assert call(create.COMMAND, "secret", "generic", "db", "--output", "db.yaml").code == 203
    assert (folder / "db.yaml").read_text() == "mine\n"


def test_registry(folder):
    """The password is asked for; the result is what a kubelet reads."""
    result = call(
        create.COMMAND, "secret", "docker-registry", "pull", "--docker-server", "ghcr.io", "--docker-username", "me",
        stdin=f"{CANARY}\n".encode(),
    )  # fmt: skip
    assert CANARY not in result.out
    (folder / "pull.yaml").write_text(result.out)
    kind, values = decoded(sops(["decrypt", "pull.yaml"], folder, ALICE))
    assert kind == "kubernetes.io/dockerconfigjson"
    entry = json.loads(values[".dockerconfigjson"])["auths"]["ghcr.io"]
    assert base64.b64decode(entry["auth"]).decode() == f"me:{CANARY}"


def test_tls(folder):
    """The key has to belong to the certificate."""
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ed25519
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key, other = ed25519.Ed25519PrivateKey.generate(), ed25519.Ed25519PrivateKey.generate()
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "x")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now).not_valid_after(now + timedelta(days=1)).sign(key, None)
    )  # fmt: skip
    (folder / "tls.crt").write_bytes(certificate.public_bytes(Encoding.PEM))
    for file, private in (("tls.key", key), ("other.key", other)):
        (folder / file).write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    args = ("secret", "tls", "web", "--cert", "tls.crt", "--output", "web.yaml")
    assert call(create.COMMAND, *args, "--key", "other.key").code == 2
    assert call(create.COMMAND, *args, "--key", "tls.key").code == 0
    kind, values = decoded(sops(["decrypt", "web.yaml"], folder, ALICE))
    assert kind == "kubernetes.io/tls"
    assert values["tls.key"] == (folder / "tls.key").read_bytes()


@pytest.mark.parametrize(
    ("words", "flag", "taker"),
    [
        ("tls web --cert c --key k --from-literal a=b", "--from-literal", "generic"),
        ("generic db --cert c", "--cert", "tls"),
        ("docker-registry pull --docker-username me --type Opaque", "--type", "generic"),
        ("tls web --cert c --key k --from-file a", "--from-file", "generic and docker-registry"),
    ],
)
def test_options_of_another_type_are_refused(folder, words, flag, taker):
    """What they say would be missing in the Secret: the error names them and the type that takes them."""
    result = call(create.COMMAND, "secret", *words.split(), "--output", "db.yaml")
    assert result.code == 2
    assert f"create secret {words.split()[0]} has no {flag}\n" in result.err
    assert f"it belongs to {taker}\n" in result.err
    assert not (folder / "db.yaml").exists()


@pytest.mark.parametrize(
    ("words", "hint"),
    [("", "create secret generic db --from-literal"), ("tls", "create secret tls web --cert"), ("opaque x", "generic")],
)
def test_a_call_without_its_words_gets_an_example(folder, words, hint):
    """The one of the type, where that is known."""
    result = call(create.COMMAND, "secret", *words.split())
    assert result.code == 2
    assert "hint: for instance: " in result.err
    assert hint in result.err.partition("hint:")[2]


def test_registry_password_and_file(folder):
    """A password may be given as kubectl takes it, or a whole file of Docker's, under the key that a kubelet reads."""
    args = ("secret", "docker-registry", "pull", "--output", "pull.yaml")
    assert call(create.COMMAND, *args, "--docker-username", "me", "--docker-password", CANARY).code == 0
    _, values = decoded(sops(["decrypt", "pull.yaml"], folder, ALICE))
    entry = json.loads(values[".dockerconfigjson"])["auths"]["https://index.docker.io/v1/"]
    assert entry["password"] == CANARY
    (folder / "pull.yaml").unlink()
    (folder / "config.json").write_text('{"auths": {}}')
    both = call(create.COMMAND, *args, "--from-file", "config.json", "--docker-password", CANARY)
    assert (both.code, CANARY in both.err) == (2, False)
    assert call(create.COMMAND, *args, "--from-file", "config.json").code == 0
    assert decoded(sops(["decrypt", "pull.yaml"], folder, ALICE)) == (
        "kubernetes.io/dockerconfigjson", {".dockerconfigjson": b'{"auths": {}}'},
    )  # fmt: skip


def as_kubectl(*flags):
    """The values that real kubectl makes of flags, ``None`` where it refuses them."""
    result = run([need("kubectl"), "create", "secret", "generic", "db", "--dry-run=client", "-o", "json", *flags],
                 env={"KUBECONFIG": "/dev/null"}, cwd=os.getcwd())  # fmt: skip
    if result.returncode:
        return None
    return {key: base64.b64decode(value) for key, value in json.loads(result.stdout).get("data", {}).items()}


def as_ours(folder, *flags):
    """The values that we make of flags, ``None`` where we refuse them."""
    (folder / "db.yaml").unlink(missing_ok=True)
    if call(create.COMMAND, "secret", "generic", "db", "--output", "db.yaml", *flags).code:
        return None
    return decoded(sops(["decrypt", "db.yaml"], folder, ALICE))[1]


@pytest.mark.parametrize(
    "line",
    ["A=1", " B= 2 ", "A =1", "1A=1", "a.b-c=5", "..A=1", ".=1", "=x", "a/b=1", "export X=1", "UNSET_X", "#a",
     "\u00e9=1", "A=1\r", "A=1\nA=2", "\ufeffA=1"],
    ids=repr,
)  # fmt: skip
def test_env_lines_are_those_of_kubectl(folder, line):
    """The same keys and values, and the same lines are refused."""
    (folder / ".env").write_bytes(f"{line}\n".encode())
    expected = as_kubectl("--from-env-file=.env")
    assert as_ours(folder, "--from-env-file", ".env") == expected


def test_a_refused_env_line_is_not_shown(folder):
    """It may be part of a value: the error names file and line."""
    (folder / ".env").write_text(f"A=1\n{CANARY} x\n")
    result = call(create.COMMAND, "secret", "generic", "db", "--from-env-file", ".env")
    assert result.code == 2
    assert CANARY not in result.err
    assert "line 2 of .env" in result.err
    (folder / ".env").write_bytes(b"A=\xff\n")
    assert "not UTF-8" in call(create.COMMAND, "secret", "generic", "db", "--from-env-file", ".env").err


def test_a_folder_gives_each_of_its_files(folder):
    """Regular files only, as kubectl; a name that is no key is refused, as there."""
    (folder / "d" / "sub").mkdir(parents=True)
    (folder / "d" / "user").write_bytes(b"app")
    (folder / "d" / ".hidden").write_bytes(b"\xff")
    (folder / "d" / "link").symlink_to("user")
    expected = {"user": b"app", ".hidden": b"\xff"}
    assert as_kubectl("--from-file=d") == expected
    assert as_ours(folder, "--from-file", "d") == expected
    assert as_kubectl("--from-file=k=d") is None
    assert as_ours(folder, "--from-file", "k=d") is None
    for name in ("bad name", os.fsdecode(b"\xff")):
        (folder / "d" / name).write_bytes(b"x")
        assert as_kubectl("--from-file=d") is None
        result = call(create.COMMAND, "secret", "generic", "db", "--from-file", "d")
        assert (result.code, f"d/{name} has a name" in result.err) == (2, True), result
        (folder / "d" / name).unlink()


@pytest.mark.parametrize("item", ["-", "=x", "x="])
def test_a_file_needs_a_key_and_a_path(folder, item):
    """Standard input has no name: KEY=- gives it one."""
    result = call(create.COMMAND, "secret", "generic", "db", "--from-file", item, stdin=b"x")
    assert result.code == 2
    assert "hint: write --from-file KEY=" in result.err
    assert call(create.COMMAND, "secret", "generic", "db", "--from-file", "key=-", stdin=b"x").code == 0


def test_a_rule_that_encrypts_names_is_warned_of(folder):
    """Without a selector the kind is encrypted too, which Flux can't use: the rule is named, and what to write."""
    args = ("secret", "generic", "db", "--from-literal", "a=b")
    assert call(create.COMMAND, *args, "--output", "good.yaml").err == "good.yaml created\n"
    (folder / ".sops.yaml").write_text(config(ALICE, encrypted_regex=""))
    result = call(create.COMMAND, *args, "--output", "db.yaml")
    assert result.code == 0
    assert result.err.splitlines()[1] == (
        "db.yaml: warning: rule 1 of .sops.yaml (line 2) encrypts apiVersion, kind, metadata too, and Flux could not "
        "use it: give the rule encrypted_regex: ^(data|stringData)$"
    )
    assert call(create.COMMAND, *args, "--output", "quiet.yaml", "--quiet").err == ""
    assert "give --encrypted-regex '^(" in call(create.COMMAND, *args, "--unencrypted-suffix", "x").err
    fine = call(create.COMMAND, *args, "--encrypted-regex", "^(data|stringData)$")
    assert fine.err == ""


def test_names_are_checked(folder):
    """What the API server would refuse is not written."""
    result = call(create.COMMAND, "secret", "generic", "My_DB", "--output", "db.yaml")
    assert result.code == 1
    assert "metadata.name" in result.err
    assert not (folder / "db.yaml").exists()


def test_import(folder, kube_api):
    """A live Secret comes back the same from its encrypted manifest, without what the server added."""
    namespace = kube_api.namespace("import-test")
    (folder / "blob").write_bytes(b"\x00\xff")
    kube_api.kubectl("-n", namespace, "create", "secret", "generic", "db", f"--from-literal=password={CANARY}",
                     f"--from-file={folder}/blob")  # fmt: skip
    kube_api.kubectl("-n", namespace, "label", "secret", "db", "app=x", "--overwrite")
    kube_api.kubectl("-n", namespace, "annotate", "secret", "db", "kubectl.kubernetes.io/last-applied-configuration=x")
    before = kube_api.secret(namespace, "db")
    result = call(
        imports.COMMAND,
        "secret",
        "db",
        "-n",
        namespace,
        "--kubeconfig",
        str(kube_api.kubeconfig()),
        "--output",
        "db.yaml",
    )
    assert result.err == "db.yaml imported\n", result
    text = (folder / "db.yaml").read_text()
    assert CANARY not in text
    for word in ("uid", "resourceVersion", "last-applied", "managedFields", "creationTimestamp"):
        assert word not in text
    kube_api.kubectl("-n", namespace, "delete", "secret", "db")
    kube_api.kubectl("apply", "-f", "-", stdin=sops(["decrypt", "db.yaml"], folder, ALICE).decode())
    after = kube_api.secret(namespace, "db")
    assert (after["data"], after["type"], after["metadata"]["labels"]) == (
        before["data"], before["type"], before["metadata"]["labels"],
    )  # fmt: skip


def test_edit_refuses_what_the_server_would(folder, monkeypatch):
    """A number in stringData is named when the file is saved, and the file stays as it was."""
    from kubectl_sops.cli import edit

    call(create.COMMAND, "secret", "generic", "db", "--from-literal", "port=1", "--output", "db.yaml")
    before = (folder / "db.yaml").read_bytes()
    editor = folder / "editor"
    editor.write_text("#!/bin/sh\nsed -i 's/port: .*/port: 5432/' \"$1\"\n")
    editor.chmod(0o755)
    monkeypatch.setenv("EDITOR", str(editor))
    monkeypatch.setenv("SOPS_AGE_KEY", ALICE.identity)
    monkeypatch.setenv("HOME", str(folder))
    result = call(edit.COMMAND, "db.yaml")
    assert result.code == 1
    assert "stringData.port" in result.err
    assert "5432" not in result.err
    assert (folder / "db.yaml").read_bytes() == before


def test_a_secret_that_is_not_there_can_be_looked_for(folder, kube_api):
    """The hint is the command that lists what there is in that namespace."""
    namespace = kube_api.namespace("import-gone")
    result = call(imports.COMMAND, "secret", "gone", "-n", namespace, "--kubeconfig", str(kube_api.kubeconfig()))
    assert result.code != 0
    assert f"hint: `kubectl get secrets -n {namespace}` lists them" in result.err
