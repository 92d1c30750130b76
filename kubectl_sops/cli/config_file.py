"""The ``.sops.yaml`` that a command changes: the one in use, or a new one at the top of the repository."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from kubectl_sops import rules
from kubectl_sops.cli import session
from kubectl_sops.errors import UnreadableFileError
from kubectl_sops.files.write import replace_file
from kubectl_sops.repo.git import find_top
from kubectl_sops.rules.enrolment import enrol, rules_with
from kubectl_sops.rules.search import NAME

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from kubectl_sops.cli.option_table import Values

SHARED = 0o666
"""Mode of a new file, less the umask: there is nothing secret in it."""


class ConfigFile:
    """A ``.sops.yaml``, as it is and as it is going to be.

    Attributes:
        path: relative to the working directory.
        wanted: the bytes that ``write`` writes.
    """

    def __init__(self, values: Values) -> None:
        given = str(values["config"]) if values.get("config") else None
        here = os.getcwd()
        self.path = os.path.relpath(rules.find(config=given) or os.path.join(find_top(here) or here, NAME))
        self._path_regex = str(values["path_regex"]) if values.get("path_regex") is not None else None
        self._values = values
        self._exists = True
        try:
            with open(self.path, "rb") as file:
                self._data = file.read()
        except FileNotFoundError:
            self._exists, self._data = False, b""
        except OSError as error:
            raise UnreadableFileError(f"can't be read: {error.strerror}", file=self.path) from None
        self.wanted = self._data

    def rules_with(self, recipients: Iterable[str]) -> list[str]:
        """The ``path_regex`` of each rule that encrypts for one of the recipients."""
        parsed = rules.parse(self.wanted, self.path)
        found = {rule.index: rule for recipient in recipients for rule in rules_with(parsed, recipient)}
        return [rule.path_regex or "all files" for _, rule in sorted(found.items())]

    def enrol(self, recipients: Sequence[tuple[str, str]]) -> None:
        """Work out the text with recipients, each with a name; nothing is written yet.

        Raises:
            UsageError: there are several rules, and nothing says which is meant.
        """
        self.wanted = enrol(self._data, recipients, path_regex=self._path_regex, path=self.path).data

    def write(self) -> None:
        """Write what was worked out, and say so."""
        dry = bool(self._values.get("dry_run"))
        changed = self.wanted != self._data
        if changed and not dry:
            replace_file(self.path, self.wanted, new_mode=SHARED)
        if not self._values.get("quiet"):
            outcome = "unchanged" if not changed else "configured" if self._exists else "created"
            session.tell(f"{self.path} {outcome}" + (" (dry run)" if dry else ""))
