"""A client key that the kubeconfig holds as text is used, and is nowhere afterwards."""

from __future__ import annotations

import base64
import os
import signal
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.support.kube import write_kubeconfig

if TYPE_CHECKING:
    from pathlib import Path

FOLDERS = [folder for folder in ("/dev/shm", tempfile.gettempdir()) if os.path.isdir(folder)]


def _certificate() -> dict[str, str]:
    """A client certificate of nobody in particular, and its key, as a kubeconfig has them."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, "somebody")])
    now = datetime.now(UTC)
    day = timedelta(days=1)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now - day, now + day)
    built = builder.sign(key, hashes.SHA256())
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return {
        "client-certificate-data": base64.b64encode(built.public_bytes(serialization.Encoding.PEM)).decode(),
        "client-key-data": base64.b64encode(key.private_bytes(*form)).decode(),
    }


def _files() -> set[str]:
    return {os.path.join(folder, name) for folder in FOLDERS for name in os.listdir(folder)}


def _command(kubeconfig: Path) -> list[str]:
    return [sys.executable, "-m", "kubectl_sops", "keys", "list", "--kubeconfig", str(kubeconfig)]


def test_nothing_is_left_of_a_client_key(kube_api, tmp_path):
    """The real API server is reached with it, and no file remains."""
    config = write_kubeconfig(
        tmp_path / "k", kube_api.server, token=kube_api.token("admin"), ca=kube_api.certificate, **_certificate()
    )
    before = _files()
    done = subprocess.run(_command(config), capture_output=True, text=True, cwd=tmp_path, check=False)
    assert "sops-age" in done.stderr  # that it isn't there is what the server said
    assert done.returncode == 1
    assert _files() <= before


@pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="files of one process are a thing of Linux")
def test_nothing_is_left_when_the_program_is_killed(tmp_path):
    """While it waits for a server that does not answer."""
    import socket

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        config = write_kubeconfig(tmp_path / "k", f"https://127.0.0.1:{listener.getsockname()[1]}", **_certificate())
        before = _files()
        process = subprocess.Popen(_command(config), cwd=tmp_path, stderr=subprocess.DEVNULL)
        connection, _ = listener.accept()
        with connection:
            time.sleep(0.1)
            process.send_signal(signal.SIGKILL)
            process.wait()
        assert _files() <= before
