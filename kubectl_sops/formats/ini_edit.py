"""Setting and removing values of an INI document, its layout kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_sops.errors import DumpError, InvalidPathError, KeyPathNotFoundError
from kubectl_sops.formats import flat, ini, ini_lines, ini_text

if TYPE_CHECKING:
    from kubectl_sops.core.leaf import Path
    from kubectl_sops.formats.ini import IniDocument
    from kubectl_sops.formats.ini_lines import Key, Section


def put(document: IniDocument, path: Path, value: object) -> bytes:
    """The text with ``value`` at a section's key, or with a ``dict`` of values as a section."""
    if not all(isinstance(part, str) for part in path):
        raise InvalidPathError("an INI file has names, no indexes", path=path)
    if len(path) == 1:
        if not isinstance(value, dict):
            raise DumpError("a section of an INI file can't be a single value", path=path)
        gone = [leaf.path for leaf in document.leaves if leaf.path[:-1] == path and leaf.path[-1] not in value]
        for key in gone:
            document = ini.parse(remove(document, key))
        for name, item in value.items():
            document = ini.parse(put(document, (*path, name), item))
        return document.splice({}, None)
    if len(path) > 2 or isinstance(value, dict | list):
        raise DumpError("cannot use complex value in an INI file", path=path)
    section, name = str(path[0]), str(path[1])
    text = value if isinstance(value, str) else flat.scalar_text(value)
    try:
        edit = _edit(document, section, name, text)
    except DumpError as error:
        error.path = path
        raise
    return ini.spliced(document.text, [edit]).encode("utf-8", "surrogateescape")


def _edit(document: IniDocument, section: str, name: str, value: str) -> ini.Edit:
    source = document.text
    found: Section | None = None
    for candidate in document.lines.sections:
        if candidate.name == section:
            for key in candidate.keys:
                if key.name == name:
                    start, end = key.value.token
                    rest = source[end : ini_text.line_end(source, end)].rstrip("\r\n") if end < len(source) else ""
                    return start, end, ini_text.write(value, key.value.quote, rest)
            found = found or candidate
    line = _new_line(found.keys[-1] if found and found.keys else None, source, name, value)
    newline = document.newline
    if found is None:
        _require_readable(f"[{section}]\n{line}\n", section, name)
        closed = not source or source.endswith("\n")
        gap = "" if not source else newline if closed else newline * 2
        return len(source), len(source), f"{gap}[{section}]{newline}{line}{newline if closed else ''}"
    _require_readable(f"{line}\n", ini_lines.DEFAULT, name)
    at = found.end
    if at and source[at - 1] not in "\n\ufeff":
        return at, at, newline + line
    return at, at, line + newline


def _new_line(model: Key | None, source: str, name: str, value: str) -> str:
    """A line in the spacing of another one."""
    key = ini_text.write_key(name)
    if model is None:
        return f"{key} = {ini_text.write(value)}"
    before = source[model.start : model.value.token[0]]
    delimiter = max(before.rfind("="), before.rfind(":"))
    gap = before[delimiter:] if before[delimiter + 1 :] or before[:delimiter].rstrip() == before[:delimiter] else "= "
    left = key.ljust(delimiter) if before[:delimiter].endswith(" ") else key
    if left == key and before[:delimiter].endswith(" "):
        left += " "
    return source[model.line : model.start].lstrip("\ufeff") + left + gap + ini_text.write(value)


def _require_readable(text: str, section: str, name: str) -> None:
    last = ini_lines.read(text).sections[-1]
    if last.name != section or [key.name for key in last.keys] != [name]:
        raise InvalidPathError("an INI file can't hold that name", path=(section, name))


def remove(document: IniDocument, path: Path) -> bytes:
    """The text without a key, or without a section and its comments; other comments stay."""
    source = document.text
    edits: list[ini.Edit] = []
    for section in document.lines.sections:
        if path == (section.name,):
            start = section.comments[0][0] if section.comments and not section.inline else section.header
            edits.append((source.rfind("\n", 0, start) + 1, section.end, ""))
        edits += [(key.line, key.value.end, "") for key in section.keys if path == (section.name, key.name)]
    if not edits:
        raise KeyPathNotFoundError("the document has nothing there", path=path)
    return ini.spliced(source, edits).encode("utf-8", "surrogateescape")
