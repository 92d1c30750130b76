"""Which leaves of a document are encrypted.

Source: sops ``sops.go`` (``TreeBranch.walkBranch`` and ``Metadata``'s selectors). Regular expressions are RE2, searched
unanchored, as Go's are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_sops.core.leaf import UNREAD
from kubectl_sops.core.values import Comment, is_listed_comment
from kubectl_sops.errors import RulesError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from kubectl_sops.core.leaf import Leaf, Path

    Search = Callable[[str], bool]

DEFAULT_UNENCRYPTED_SUFFIX = "_unencrypted"

FIELDS = (
    "unencrypted_suffix",
    "encrypted_suffix",
    "unencrypted_regex",
    "encrypted_regex",
    "unencrypted_comment_regex",
    "encrypted_comment_regex",
)
"""Names of the selectors in metadata and rules; at most one is set in a file."""


def compile_regex(pattern: str) -> Search:
    """An unanchored RE2 search.

    Raises:
        RulesError: the pattern does not compile.
    """
    names = _alternatives(pattern)
    if names is not None:
        return names.__contains__
    # loaded only for files that have another regex selector: 2 to 8 ms
    import re2

    options = re2.Options()
    options.log_errors = False
    try:
        compiled = re2.compile(pattern, options)
    except re2.error as error:
        reason = error.args[0] if error.args else "invalid"
        if isinstance(reason, bytes):
            reason = reason.decode("utf-8", "replace")
        raise RulesError(f"the regular expression does not compile: {reason}", hint="write it in RE2 syntax") from None
    search = compiled.search

    def matches(text: str) -> bool:
        try:
            return search(text) is not None
        except UnicodeEncodeError:  # a file's name that is not UTF-8
            return search(text.encode("utf-8", "surrogateescape")) is not None

    return matches


def _alternatives(pattern: str) -> frozenset[str] | None:
    """What ``^(data|stringData)$`` and its like match, which nearly all files have; ``None`` for other patterns."""
    if not (pattern.startswith("^(") and pattern.endswith(")$")):
        return None
    names = pattern[2:-2].split("|")
    return frozenset(names) if all(name.isalnum() and name.isascii() for name in names) else None


def _never(_: str) -> bool:
    return False


def _lenient(pattern: str) -> Search:
    # a selector in a file that does not compile matches nothing, in sops too; encryption refuses it beforehand
    try:
        return compile_regex(pattern)
    except RulesError:
        return _never


class Selector:
    """One way to select, as metadata holds it: a field name and its text.

    With no field at all sops uses the suffix ``_unencrypted``; ``field=""`` selects everything (the binary format).
    """

    __slots__ = ("_memo", "_on_comments", "_on_key", "field", "text", "wanted")

    def __init__(self, field: str = "unencrypted_suffix", text: str = DEFAULT_UNENCRYPTED_SUFFIX) -> None:
        self.field = field
        self.text = text
        self.wanted = field.startswith("encrypted_")
        self._on_comments = field.endswith("_comment_regex")
        self._memo: dict[Path, bool] = {}
        self._on_key: Search
        if not field:
            self._on_key = _never
        elif field.endswith("_suffix"):
            self._on_key = lambda key: key.endswith(text)
        else:
            self._on_key = _lenient(text)

    @property
    def uses_comments(self) -> bool:
        """Whether comments decide, so that their placement matters."""
        return self._on_comments

    def select_path(self, path: Path) -> bool:
        """Whether a leaf at ``path`` is encrypted, for selectors that look at keys."""
        if not path:
            return not self.wanted
        known = self._memo.get(path)
        if known is None:
            # a matching ancestor covers its whole subtree; list indexes take no part
            parent = self.select_path(path[:-1])
            key = path[-1]
            if parent is self.wanted and self.wanted:
                known = True
            elif not self.wanted and not parent:
                known = False
            else:
                known = self.wanted if isinstance(key, str) and self._on_key(key) else not self.wanted
            self._memo[path] = known
        return known

    def select(self, leaves: Iterable[Leaf]) -> list[bool]:
        """For each leaf of one file, in order, whether it is encrypted."""
        if self._on_comments:
            return list(self._select_by_comments(leaves))
        if not self.field:
            return [True for _ in leaves]
        selected = []
        container: Path | None = None
        inherited: bool | None = None
        for leaf in leaves:
            path = leaf.path
            if path[:-1] != container:
                container = path[:-1]
                inherited = self._inherited(container)
            selected.append(self.select_path(path) if inherited is None or not path else inherited)
        return selected

    def _inherited(self, container: Path) -> bool | None:
        """What holds for everything in a container; ``None`` where each of its keys counts."""
        return self.wanted if self.select_path(container) is self.wanted else None

    def _select_by_comments(self, leaves: Iterable[Leaf]) -> Iterator[bool]:
        # One level of comments for each container being walked. A comment counts for its next sibling and everything
        # below that; consecutive comments accumulate; outer levels stay active inside.
        levels: list[list[bool]] = [[]]
        at: Path = ()
        document = -1
        for leaf in leaves:
            comment = leaf.value.__class__ is Comment
            if leaf.style is UNREAD:
                yield True
                continue
            container = leaf.path if comment or is_listed_comment(leaf.value) else leaf.path[:-1]
            if leaf.document != document:
                document, levels, at = leaf.document, [[]], ()
            common = 0
            for a, b in zip(at, container, strict=False):
                if a != b:
                    break
                common += 1
            if len(at) > common:  # left containers: the item of the common one that held them is finished
                del levels[common + 1 :]
                levels[common] = []
            levels.extend([] for _ in range(len(container) - common))
            at = container
            if comment:
                # an encrypted comment is matched as it stands in the file, ciphertext included
                levels[-1].append(self._on_key(leaf.value))  # type: ignore[arg-type]  # Comment is str
            if self.wanted:
                # the comment that selects stays readable: the newest of the innermost level does not count for itself
                skip = 1 if comment else 0
                inner = levels[-1][: len(levels[-1]) - skip]
                yield any(inner) or any(any(level) for level in levels[:-1])
            else:
                yield not any(any(level) for level in levels)
            if not comment:
                levels[-1] = []
