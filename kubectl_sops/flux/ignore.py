"""What the source-controller leaves out of an artifact: its defaults, `.sourceignore` and the source's `spec.ignore`.

Its dialect of gitignore is go-git's: a pattern without an inner slash is tried on every element of a path, an
exclusion of a folder does not stop a later `!` inside it, and `**` counts only as a whole element. pathspec follows
Git itself, so it would decide differently.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    Elements = Sequence[str]

FILE = ".sourceignore"

_VCS = ".git/,.gitignore,.gitmodules,.gitattributes"
_BINARIES = "*.jpg,*.jpeg,*.gif,*.png,*.wmv,*.flv,*.tar.gz,*.zip"
_CI = (
    ".github/,.circleci/,.travis.yml,.gitlab-ci.yml,appveyor.yml,.drone.yml,cloudbuild.yaml,"
    "codeship-services.yml,codeship-steps.yml"
)
_OTHERS = "**/.goreleaser.yml,**/.sops.yaml,**/.flux.yaml"


_CLASS = re.compile(r"(\^?)((?:(?:\\.|[^\\\]-])(?:-(?:\\.|[^\\\]-]))?)+)\]", re.DOTALL)
_MEMBER = re.compile(r"(\\.|[^\\\]-])(?:-(\\.|[^\\\]-]))?", re.DOTALL)


class Pattern:
    """One line of an ignore file that lies in the folder ``domain``."""

    __slots__ = ("_directories_only", "_domain", "_elements", "_known", "_path_wise", "includes", "text")

    def __init__(self, text: str, domain: Elements = ()) -> None:
        self.text = text
        self._domain = tuple(domain)
        self.includes = text.startswith("!")
        text = text.removeprefix("!")
        if not text.endswith("\\ "):
            text = text.rstrip(" ")
        self._directories_only = text.endswith("/")
        text = text.removesuffix("/")
        self._path_wise = "/" in text
        self._elements = [_element(part, path_wise=self._path_wise) for part in text.split("/")]
        self._known: dict[str, bool] = {}

    def match(self, path: Elements, *, is_directory: bool) -> bool:
        """Whether the pattern speaks of ``path``, given as its elements below the root."""
        if len(path) <= len(self._domain) or tuple(path[: len(self._domain)]) != self._domain:
            return False
        rest = path[len(self._domain) :]
        return self._match_path(rest, is_directory) if self._path_wise else self._match_name(rest, is_directory)

    def _match_name(self, path: Elements, is_directory: bool) -> bool:
        for index, name in enumerate(path):
            known = self._known.get(name)
            if known is None:
                known = self._known[name] = _matches(self._elements[0], name)
            if known:
                return not (self._directories_only and not is_directory and index == len(path) - 1)
        return False

    def _match_path(self, path: Elements, is_directory: bool) -> bool:
        at = 0
        matched = anywhere = False
        for index, element in enumerate(self._elements):
            if element == "":
                anywhere = False
            elif element == "**":
                if index == len(self._elements) - 1:
                    break
                anywhere = True
            elif element is None or at >= len(path):
                return False
            elif anywhere:
                anywhere = False
                matched = False
                while at < len(path) and not matched:
                    matched = _matches(element, path[at])
                    at += 1
            elif _matches(element, path[at]):
                matched = True
                at += 1
            else:
                return False
        return matched and not (self._directories_only and not is_directory and at == len(path))


def _element(text: str, *, path_wise: bool) -> re.Pattern[str] | str | None:
    """A compiled shell pattern; in a path ``**`` and the empty element as they are; ``None`` for what never matches."""
    if path_wise and text in ("", "**"):
        return text
    if path_wise and "**" in text:
        return None
    out = ""
    at = 0
    while at < len(text):
        char = text[at]
        at += 1
        if char == "*":
            out += ".*"
        elif char == "?":
            out += "."
        elif char == "[":
            found = _CLASS.match(text, at)
            if found is None:
                return None
            out += _class(found)
            at = found.end()
        elif char == "\\":
            if at == len(text):
                return None
            out += re.escape(text[at])
            at += 1
        else:
            out += re.escape(char)
    return re.compile(out, re.DOTALL)


def _class(found: re.Match[str]) -> str:
    members = [(low[-1], (high or low)[-1]) for low, high in _MEMBER.findall(found[2])]
    # a range that runs backwards holds nothing
    inside = "".join(f"{re.escape(low)}-{re.escape(high)}" for low, high in members if low <= high)
    if found[1]:
        return f"[^{inside}]" if inside else "."
    return f"[{inside}]" if inside else "(?!)"


def _matches(element: re.Pattern[str] | str | None, name: str) -> bool:
    return isinstance(element, re.Pattern) and element.fullmatch(name) is not None


def read_patterns(text: str, domain: Elements = ()) -> list[Pattern]:
    """The patterns of an ignore file."""
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    return [Pattern(line, domain) for line in lines if not line.startswith("#") and line.strip()]


def defaults() -> list[Pattern]:
    """What is left out of every artifact unless something puts it back."""
    return [Pattern(text) for text in ",".join((_VCS, _BINARIES, _CI, _OTHERS)).split(",")]


class Ignore:
    """The patterns of one source, the last one that matches decides."""

    def __init__(self, patterns: Iterable[Pattern]) -> None:
        self._patterns = [*reversed([*defaults(), *patterns])]

    def reason(self, path: Elements, *, is_directory: bool = False) -> str | None:
        """The pattern that leaves a file out, given by the elements of its path below the root, or ``None``."""
        for pattern in self._patterns:
            if pattern.match(path, is_directory=is_directory):
                return None if pattern.includes else pattern.text
        return None
