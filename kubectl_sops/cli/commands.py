"""Every command: where it is implemented, and one line on it. Modules are imported only when their command runs."""

from __future__ import annotations

COMMANDS: dict[str, tuple[str, str, str]] = {
    # name: (module below kubectl_sops.cli; a Command, function or typer.Typer in it; one line for the list of commands)
    "decrypt": ("decrypt", "COMMAND", "Print files decrypted"),
    "encrypt": ("encrypt", "COMMAND", "Encrypt files by the rules of .sops.yaml"),
    "edit": ("edit", "COMMAND", "Create or edit an encrypted file in your editor"),
    "version": ("version", "command", "Print the version"),
}
