"""The long report of sops on a file that can't be opened, for scripts and people that know it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kubectl_sops.keys.keyring import DataKeyError

_ERROR_WIDTH, _TEXT_WIDTH = 60, 75
"""Columns, as sops wraps them."""


def report(error: DataKeyError) -> str:
    """The text that sops prints for a failed recovery of the data key, without colours (sops ``usererrors.go``)."""
    parts = ["Failed to get the data key required to decrypt the SOPS file."]
    for number, failures in enumerate(error.groups):
        if failures is None:
            parts.append(f"Group {number}: SUCCESS")
            continue
        keys = []
        for failure in failures:
            first, *rest = _wrap(failure.sops, _ERROR_WIDTH).split("\n")
            keys.append("\n".join([f"{failure.id}: FAILED", f"  - | {first}", *(f"    | {line}" for line in rest)]))
        # every line is indented, the empty ones between keys too
        body = "\n\n".join(keys).replace("\n", "\n  ")
        parts.append(f"Group {number}: FAILED\n  {body}")
    if error.threshold:
        opened = sum(failures is None for failures in error.groups)
        text = (
            f"Recovery failed because the file was encrypted with a Shamir threshold of {error.threshold}, but only "
            f"{opened} part(s) were successfully recovered, one for each successful key group. In order for SOPS to "
            f"recover the file, at least {error.threshold} groups have to be successful. In order for a group to be "
            "successful, decryption has to succeed with any of the keys in that key group."
        )
    else:
        text = (
            "Recovery failed because no master key was able to decrypt the file. In order for SOPS to recover the "
            "file, at least one key has to be successful, but none were."
        )
    return "\n\n".join([*parts, _wrap(text, _TEXT_WIDTH)])


def _wrap(text: str, width: int) -> str:
    """Break lines at blanks, words never, runs of blanks kept (as go-wordwrap does; textwrap folds them)."""
    lines = []
    for line in text.split("\n"):
        out = ""
        for word in line.split(" "):
            if not out:
                out = word
            elif len(out) + 1 + len(word) > width:
                lines.append(out)
                out = word
            else:
                out += " " + word
        lines.append(out)
    return "\n".join(lines)
