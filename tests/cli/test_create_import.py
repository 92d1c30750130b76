"""``create secret`` and ``import secret``: encrypted before anything is written; real programs read them."""

from __future__ import annotations

import base64
import json
import os

import pytest

from kubectl_sops.cli import create, imports
from tests.support.command import call
from tests.support.team import config, people, sops
from tests.support.tools import need, run

ALICE = people("alice")[0]
CANARY = "CANARY-77aa"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / ".sops.yaml").write_text(config(ALICE))
    for name in list(os.environ):
        if name.startswith(("SOPS_", "KUBECONFIG")):
            monkeypatch.delenv(name)
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
