"""What a build has to say besides its result: one line each, with the place and the fix."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

WARNING, ERROR = "warning", "error"


class Remark:
    """One thing worth knowing.

    Attributes:
        code: a short name that does not change, for scripts.
        message: what is the case; never a value.
        where: the file or object that it is about.
        owner: the Flux Kustomization, as ``namespace/name``.
        hint: what to do.
        level: ``WARNING``, or ``ERROR`` for what makes the build fail.
    """

    __slots__ = ("code", "hint", "level", "message", "owner", "where")

    def __init__(
        self, code: str, message: str, *, where: str = "", hint: str = "", owner: str = "", level: str = WARNING
    ) -> None:
        self.code = code
        self.message = message
        self.where = where
        self.hint = hint
        self.owner = owner
        self.level = level

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        owner = f" ({self.owner})" if self.owner else ""
        hint = f"; {self.hint}" if self.hint else ""
        return f"{place}{self.message}{owner}{hint}"

    def as_dict(self) -> dict[str, str]:
        return {name: getattr(self, name) for name in ("code", "level", "where", "message", "owner", "hint")}


class Remarks:
    """The remarks of one build, each once, in order."""

    def __init__(self, owner: str = "") -> None:
        self._owner = owner
        self._found: dict[tuple[str, str, str], Remark] = {}

    def add(self, code: str, message: str, *, where: str = "", hint: str = "", level: str = WARNING) -> None:
        """Remember a remark."""
        remark = Remark(code, message, where=where, hint=hint, owner=self._owner, level=level)
        self._found.setdefault((code, where, message), remark)

    def __iter__(self) -> Iterator[Remark]:
        return iter(self._found.values())
