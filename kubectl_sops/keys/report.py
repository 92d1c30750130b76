"""The long report of sops on a file that can't be opened, for scripts and people that know it."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kubectl_sops.keys.keyring import DataKeyError

_ERROR_WIDTH, _TEXT_WIDTH = 60, 75
"""Columns, as sops wraps them."""


def report(error: DataKeyError) -> str:
    """The text that sops prints for a failed recovery of the data key, without colours."""
    lines = ["Failed to get the data key required to decrypt the SOPS file.", ""]
    for number, failures in enumerate(error.groups):
        if failures is None:
            lines += [f"Group {number}: SUCCESS", ""]
            continue
        lines.append(f"Group {number}: FAILED")
        for failure in failures:
            lines.append(f"  {failure.id}: FAILED")
            first, *rest = textwrap.wrap(failure.reason, _ERROR_WIDTH, break_long_words=False) or [""]
            lines.append(f"    - | {first}")
            lines += [f"      | {line}" for line in rest]
        lines.append("")
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
    return "\n".join([*lines, *textwrap.wrap(text, _TEXT_WIDTH)])
