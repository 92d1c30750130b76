"""OpenPGP keys, through the user's ``gpg``: it has the keyring, the agent and the smartcards."""

from __future__ import annotations

import os
import re
import subprocess
from typing import TYPE_CHECKING

from kubectl_sops.core.metadata import KeyEntry
from kubectl_sops.errors import KeyParseError
from kubectl_sops.keys import UnwrapError, failed_to_wrap, stamped

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kubectl_sops.keys.context import Context
    from kubectl_sops.keys.pgp_home import Home

# Only what identifies one key: we trust a key because its fingerprint was given, and everybody can make a key with any
# name or with a short id of his choice. A "!" behind a fingerprint means exactly this subkey.
_FINGERPRINT = re.compile(r"(0x)?[0-9A-Fa-f]{16,64}!?")
_INSTALL = "install GnuPG, or set SOPS_GPG_EXEC to its program"

# low 16 bits of an error of libgpg-error
_CANCELLED, _BAD_PASSPHRASE = 99, 11


def parse_recipients(text: str) -> list[KeyEntry]:
    """Fingerprints separated by commas; blanks in them don't count."""
    return [KeyEntry("pgp", {"fp": _checked(part.replace(" ", ""))}) for part in text.split(",")]


def _checked(fingerprint: str) -> str:
    if _FINGERPRINT.fullmatch(fingerprint) is None:
        raise KeyParseError(
            "a PGP key is not named by its fingerprint", hint="show fingerprints with `gpg --list-keys --fingerprint`"
        )
    return fingerprint


def service(_entry: KeyEntry) -> str:
    """No service is asked."""
    return ""


def wrap(entry: KeyEntry, part: bytes, context: Context) -> KeyEntry:
    """The key with ``part`` encrypted by gpg."""
    try:
        enc = _encrypt(_checked(entry.id), part, context.environ)
    except (UnwrapError, KeyParseError) as error:
        raise failed_to_wrap(entry, error) from None
    return stamped(entry, enc)


def _encrypt(fingerprint: str, part: bytes, environ: Mapping[str, str]) -> str:
    flags = ["--no-default-recipient", "--no-encrypt-to", "--no-auto-key-locate", "--trust-model", "always"]
    result = Gpg(environ).run([*flags, "--armor", "--recipient", fingerprint, "--encrypt"], part)
    if result.returncode or not result.stdout:
        raise _unusable(fingerprint, result, environ)
    return result.stdout.decode("ascii", "replace").strip()


def _unusable(fingerprint: str, result: Result, environ: Mapping[str, str]) -> UnwrapError:
    # gpg tells no reason for keys that it finds unusable, its listing does
    listing = Gpg(environ).run(["--with-colons", "--list-keys", "--", fingerprint])
    primary = next(
        (line.split(":") for line in listing.stdout.decode(errors="replace").split("\n") if line[:4] == "pub:"), None
    )
    if primary is None:
        return UnwrapError(
            "the public key is not in the keyring", hint=f"import it: `gpg --receive-keys {fingerprint.rstrip('!')}`"
        )
    validity, capabilities = primary[1], primary[11]
    if validity == "r":
        return UnwrapError("the key is revoked", hint="remove it from the recipients")
    if validity == "e":
        return UnwrapError("the key is expired", hint="import its renewed copy, or remove it from the recipients")
    if "D" in capabilities:
        return UnwrapError("the key is disabled in the keyring")
    if "E" not in capabilities:
        return UnwrapError("the key has no valid subkey for encryption", hint="import a copy that has one")
    return UnwrapError(result.cause)


def unwrap(entry: KeyEntry, context: Context) -> bytes:
    """The part, decrypted by gpg with the user's keyring, or with the keys of a Flux Secret."""
    home = None
    if context.secret is not None:
        from kubectl_sops.keys.pgp_home import of_secret

        home = of_secret(context)
    elif not context.local:
        raise UnwrapError("not asked: the keyring of this machine does not count here")
    result = Gpg(context.environ, home).run(["--decrypt"], entry.enc.encode(errors="replace"))
    if result.returncode == 0 and result.stdout:
        return result.stdout
    reason, hint = _reason(result, home)
    raise UnwrapError(reason, hint=hint, sops=_sops_text(result, context.environ))


def _reason(result: Result, home: Home | None) -> tuple[str, str | None]:
    if result.returncode == 0:
        # an old gpg drops packets that it does not know, and calls that success (sops issue 896)
        return "gpg returned nothing: the data key may need a newer gpg", None
    error = result.status("ERROR pkdecrypt_failed ")
    if error:
        code = int(error.split()[0]) & 0xFFFF
        if code == _BAD_PASSPHRASE:
            return "the passphrase of the secret key is wrong", None
        if home is not None:
            return "the secret key in the Secret has a passphrase, which Flux can't give", None
        if code == _CANCELLED:
            return "the passphrase of the secret key was not given", None
        return "gpg could not ask for the passphrase of the secret key", "set GPG_TTY=$(tty)"
    if result.status("NO_SECKEY "):
        if home is not None:
            return home.explain("the secret key is not in the Secret"), None
        return "the secret key is not in the keyring of gpg", "import the secret key, or set GNUPGHOME"
    return result.cause, None


def _sops_text(result: Result, environ: Mapping[str, str]) -> str:
    home = environ.get("GNUPGHOME") or os.path.join(environ.get("HOME") or "", ".gnupg")
    text = result.messages if result.returncode else "zero bytes returned"
    return (
        "could not decrypt data key with PGP key: github.com/ProtonMail/go-crypto/openpgp error: could not load "
        f"secring: open {home}/pubring.gpg: no such file or directory; GnuPG binary error: failed to decrypt sops data "
        f"key with pgp: {text}"
    )


class Result:
    """What a run of gpg gave.

    Attributes:
        stdout: its output, which may be secret.
        messages: what it said to people.
        cause: the last line of that, in our form.
    """

    def __init__(self, returncode: int, stdout: bytes, stderr: bytes) -> None:
        self.returncode = returncode
        self.stdout = stdout
        lines = stderr.decode(errors="replace").strip().split("\n")
        self._status = [line.removeprefix("[GNUPG:] ") for line in lines if line.startswith("[GNUPG:] ")]
        said = [line for line in lines if not line.startswith("[GNUPG:] ")]
        self.messages = "\n".join(said)
        self.cause = said[-1].removeprefix("gpg: ")[:200] if said and said[-1] else "gpg failed"

    def status(self, prefix: str) -> str:
        """What follows a status keyword; empty where gpg did not report it."""
        return next((line.removeprefix(prefix) for line in self._status if line.startswith(prefix)), "")


class Gpg:
    """Runs gpg with the user's keyring, or with that of a throw-away home."""

    def __init__(self, environ: Mapping[str, str], home: Home | None = None) -> None:
        self._environ = environ
        self._home = home

    def run(self, arguments: Sequence[str], data: bytes = b"") -> Result:
        """Run it with ``data`` on its standard input.

        Raises:
            UnwrapError: there is no gpg, or it hangs with a throw-away home.
        """
        argv = [self._environ.get("SOPS_GPG_EXEC") or "gpg", "--batch", "--yes", "--no-tty", "--status-fd", "2"]
        timeout = None  # the agent may be waiting for a person
        if self._home is not None:
            argv += ["--homedir", self._home.path, "--pinentry-mode", "error"]
            timeout = 60
        try:
            result = subprocess.run(
                [*argv, *arguments], input=data, capture_output=True, env=dict(self._environ), timeout=timeout,
                check=False,
            )  # fmt: skip
        except FileNotFoundError:
            raise UnwrapError(f"the program {argv[0]} is not installed", hint=_INSTALL) from None
        except OSError as error:
            raise UnwrapError(f"the program {argv[0]} can't be run: {error.strerror}", hint=_INSTALL) from None
        except subprocess.TimeoutExpired:
            raise UnwrapError(f"the program {argv[0]} does not answer") from None
        return Result(result.returncode, result.stdout, result.stderr)
