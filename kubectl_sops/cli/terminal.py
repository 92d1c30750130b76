"""What people see: standard streams that are always there, and text that can't steer a terminal."""

from __future__ import annotations

import errno
import os
import re
import sys

from kubectl_sops.errors import SopsError, UnwritableFileError

_OUTPUT_ERRORS = (errno.EBADF, errno.ENOSPC, errno.EIO, errno.EFBIG, errno.EDQUOT, errno.EAGAIN)
# control characters of names that a repository brings along: a terminal would obey them
_STEERING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udc7f\udd00-\udfff]")


def open_streams() -> None:
    """Open the standard streams that the process was started without.

    Otherwise the next file that is opened would take their number. Standard input is then empty, and writing to
    standard output fails, as it would in other programs.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            descriptor = os.open(os.devnull, os.O_WRONLY if number == 2 else os.O_RDONLY)  # stderr
            os.dup2(descriptor, number)
            if descriptor != number:
                os.close(descriptor)
            else:
                os.set_inheritable(number, True)  # the system's word
    sys.stdin = sys.stdin or open(0, encoding="utf-8", closefd=False)  # noqa: SIM115  # for the whole run
    sys.stdout = sys.stdout or open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115


def show(text: str) -> None:
    """Write lines to stderr, where nobody may be listening any more."""
    shown = _STEERING.sub(lambda found: ascii(found[0])[1:-1], text)
    try:
        sys.stderr.write(shown + "\n")
        sys.stderr.flush()
    except OSError:
        pass


def as_failure(error: OSError) -> SopsError | None:
    """A failure that the system names, in its words; ``None`` where it names none."""
    if not error.strerror or not isinstance(error.errno, int):
        return None
    reason = error.strerror[0].lower() + error.strerror[1:]
    if error.filename is not None:
        return SopsError(reason, file=os.fsdecode(error.filename))
    if error.errno in _OUTPUT_ERRORS:
        return UnwritableFileError(f"the output can't be written: {reason}", hint="check where it goes")
    return SopsError(reason)
