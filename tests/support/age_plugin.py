"""A toy plugin of age, ``age-plugin-testing``: hides file keys by flipping bits, and asks for a word where told to.

Written from the plugin protocol (C2SP ``age-plugin``). Nothing secret: it exists to see that plugins are run.
"""

from __future__ import annotations

import sys
from base64 import b64decode, b64encode
from pathlib import Path

_CHARSET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
WORD = "open sesame"

_SCRIPT = """#!{python}
import sys
sys.path.insert(0, {root!r})
from tests.support.age_plugin import main
main()
"""


def install(folder: Path) -> None:
    """Put the plugin into a folder, which must be on PATH."""
    script = folder / "age-plugin-testing"
    script.write_text(_SCRIPT.format(python=sys.executable, root=str(Path(__file__).parents[2])))
    script.chmod(0o755)


def recipient() -> str:
    return _bech32("age1testing", b"anybody")


def identity(*, asks: bool = False) -> str:
    return _bech32("age-plugin-testing-", b"ask" if asks else b"do not ask").upper()


def _bech32(prefix: str, data: bytes) -> str:
    bits = "".join(f"{byte:08b}" for byte in data)
    bits += "0" * (-len(bits) % 5)
    values = [int(bits[i : i + 5], 2) for i in range(0, len(bits), 5)]
    expanded = [ord(c) >> 5 for c in prefix] + [0] + [ord(c) & 31 for c in prefix]
    checksum = _polymod([*expanded, *values, 0, 0, 0, 0, 0, 0]) ^ 1
    values += [(checksum >> 5 * (5 - i)) & 31 for i in range(6)]
    return prefix + "1" + "".join(_CHARSET[value] for value in values)


def _polymod(values: list[int]) -> int:
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for i, generator in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            check ^= generator if top >> i & 1 else 0
    return check


def _receive() -> tuple[list[str], bytes]:
    words = sys.stdin.readline().split()[1:]
    body = ""
    while True:
        line = sys.stdin.readline().rstrip("\n")
        body += line
        if len(line) < 64:
            return words, b64decode(body + "=" * (-len(body) % 4))


def _send(*words: str, body: bytes = b"") -> None:
    text = b64encode(body).decode().rstrip("=")
    lines = [text[i : i + 64] for i in range(0, len(text), 64)]
    if not lines or len(lines[-1]) == 64:
        lines.append("")
    sys.stdout.write("-> " + " ".join(words) + "\n" + "\n".join(lines) + "\n")
    sys.stdout.flush()


def _ask(*words: str, body: bytes = b"") -> tuple[list[str], bytes]:
    _send(*words, body=body)
    return _receive()


def _flip(data: bytes) -> bytes:
    return bytes(byte ^ 0x5A for byte in data)


def main() -> None:
    """Serve one run of the protocol."""
    received = []
    while True:
        words, body = _receive()
        if words[0] == "done":
            break
        received.append((words, body))
    if sys.argv[1] == "--age-plugin=recipient-v1":
        for number, body in enumerate(body for words, body in received if words[0] == "wrap-file-key"):
            _ask("recipient-stanza", str(number), "testing", body=_flip(body))
    else:
        asks = any(words[1] == identity(asks=True) for words, _ in received if words[0] == "add-identity")
        for words, body in received:
            if words[:1] == ["recipient-stanza"] and words[2] == "testing":
                _ask("msg", body=b"the plugin speaks")
                if not asks or _ask("request-secret", body=b"the word")[1] == WORD.encode():
                    _ask("file-key", words[1], body=_flip(body))
    _send("done")
