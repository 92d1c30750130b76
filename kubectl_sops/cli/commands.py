"""Every command: where it is implemented, and one line on it. Modules are imported only when their command runs."""

from __future__ import annotations

COMMANDS: dict[str, tuple[str, str, str]] = {
    # name: (module below kubectl_sops.cli; a Command, Group or function in it; one line for the list of commands)
    "init": ("init", "COMMAND", "Create the cluster's age key, and a .sops.yaml for it"),
    "keys": ("keys", "KEYS", "List, show, export, import and prune the cluster's keys"),
    "decrypt": ("decrypt", "COMMAND", "Print files decrypted"),
    "encrypt": ("encrypt", "COMMAND", "Encrypt files by the rules of .sops.yaml"),
    "edit": ("edit", "COMMAND", "Create or edit an encrypted file in your editor"),
    "set": ("set_value", "SET", "Set values, keeping the text around them"),
    "unset": ("set_value", "UNSET", "Remove a value or subtree"),
    "rotate": ("rotate", "COMMAND", "Encrypt under new data keys"),
    "recipients": ("recipients", "COMMAND", "Show who can open what; add and remove people"),
    "updatekeys": ("updatekeys", "COMMAND", "Give files the recipients that .sops.yaml names"),
    "status": ("status", "COMMAND", "Show the encrypted files, and those that should be"),
    "check": ("check", "COMMAND", "Find what must not be committed, without any key"),
    "verify": ("verify", "COMMAND", "Open everything and check values and MAC"),
    "explain": ("explain", "COMMAND", "Say how a file is encrypted, and why"),
    "git": ("git", "GIT", "Make Git show and merge encrypted files by value"),
    "create": ("create", "COMMAND", "Create a Secret, encrypted"),
    "import": ("imports", "COMMAND", "Write a Secret of the cluster as an encrypted manifest"),
    "build": ("build", "COMMAND", "Print what Flux would apply, decrypted and masked"),
    "diff": ("diff", "COMMAND", "Show what would change in the cluster, or since a revision"),
    "apply": ("apply", "COMMAND", "Apply what Flux would apply, to a cluster without Flux"),
    "doctor": ("doctor", "COMMAND", "Find what keeps Flux from applying the repository's secrets"),
    "groups": ("groups", "GROUPS", "Add or delete key groups of a file"),
    "publish": ("publish", "COMMAND", "Send files to S3, GCS or Vault, as .sops.yaml says"),
    "exec-env": ("execute", "EXEC_ENV", "Run a command with decrypted values in its environment"),
    "exec-file": ("execute", "EXEC_FILE", "Run a command that reads the decrypted file"),
    "filestatus": ("filestatus", "COMMAND", "Say whether a file is encrypted"),
    "completion": ("completion", "command", "Print the completion script of a shell"),
    "install": ("install", "command", "Link the program where kustomize, flux and others look"),
    "version": ("version", "command", "Print the version"),
}
