"""Trees to INI, as go-ini prints what sops hands to it (``stores/ini/store.go``, gopkg.in/ini.v1 ``file.go``)."""

from __future__ import annotations

from kubectl_sops.errors import DumpError
from kubectl_sops.formats import flat, ini_text
from kubectl_sops.formats.emit_tree import ListNode, MapNode, Remark
from kubectl_sops.formats.ini_lines import DEFAULT


def emit(root: MapNode) -> bytes:
    """The sections of a document. Comments shift as in sops: to the section, or to the key before them.

    Raises:
        DumpError: a section is not a map, a value is not a scalar, or a name or value can't be read back.
    """
    out: list[str] = []
    sections = root.pairs
    for number, (name, section) in enumerate(sections):
        if not isinstance(section, MapNode):
            raise DumpError("a section of an INI file must be a map", path=(name,), hint="choose another --output-type")
        if not name or "\n" in name:
            raise DumpError("an INI file can't have a section of that name", path=(name,))
        own, keys = _keys(name, section)
        out += [f"{_comment_line(line, trim=False)}\n" for line in own.split("\n") if own]
        if number or name.upper() != DEFAULT:
            out.append(f"[{name}]\n")
        elif not keys:
            continue
        width = max((len(_encoded(ini_text.write_key(key))) for key in keys), default=0)
        for key, (text, comment) in keys.items():
            out += [f"{_comment_line(line, trim=True)}\n" for line in comment.split("\n") if comment]
            out.append(_line(name, key, text, width))
        if number < len(sections) - 1:
            out.append("\n")
    return "".join(out).encode("utf-8", "surrogateescape")


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _keys(name: str, section: MapNode) -> tuple[str, dict[str, tuple[str, str]]]:
    """The section's own comment, and its keys with text and comment; of several comments the last one counts."""
    own = ""
    keys: dict[str, tuple[str, str]] = {}
    last: str | None = None
    for index, item in enumerate(section.items):
        if isinstance(item, Remark):
            if index == 0:
                own = item.text
            elif last is not None:
                keys[last] = (keys[last][0], item.text)
            continue
        key, value = item
        if isinstance(value, MapNode | ListNode):
            raise DumpError("an INI file can't hold a map or list in a section", path=(name, key))
        # go-ini keeps the place of a key's first value and the text of its last
        keys[key] = (flat.scalar_text(value), keys.get(key, ("", ""))[1])
        last = key
    return own, keys


def _comment_line(line: str, *, trim: bool) -> str:
    if line.startswith(("#", ";")):
        return f"{line[0]} {line[1:].strip(ini_text.SPACES)}"
    return f"; {line.strip(ini_text.SPACES) if trim else line}"


def _line(section: str, key: str, text: str, width: int) -> str:
    written = ini_text.write_key(key)
    padding = " " * (width - len(_encoded(written)))
    try:
        value = ini_text.write(text, ini_text.preferred_quote(text))
    except DumpError as error:
        error.path = (section, key)
        raise
    if not key or "\n" in key:
        raise DumpError("an INI file can't hold a key of that name", path=(section, key))
    return f"{written}{padding} = {value}\n"
