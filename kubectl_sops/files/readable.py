"""What a change of a plaintext leaves readable once it is encrypted again: told, or refused where it was a secret."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_sops import formats
from kubectl_sops.core.values import EMPTY_LIST, EMPTY_MAP
from kubectl_sops.errors import InvalidValueError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kubectl_sops.core.document import Document
    from kubectl_sops.core.leaf import Leaf, Path
    from kubectl_sops.core.selectors import Selector

    _Place = tuple[int, Path, type, object]

    Readable = Callable[[list[Path]], None]
    """Is told the key paths of values that were set and will stay readable; may raise ``SopsError``."""


def tell_readable(before: Document, changed: bytes, selector: Selector, readable: Readable) -> None:
    """Refuse to make an encrypted value readable, and tell of new ones that are.

    Raises:
        InvalidValueError: a value that was encrypted would not be any more, by a comment that selects.
    """
    known, sealed = (set(places) for places in _by_selection(before.leaves, selector))
    left, _ = _by_selection(formats.parse(changed, before.format).leaves, selector)
    places = {(number, path) for number, path, *_ in sealed}
    values = {_anywhere(place) for place in sealed} - {_anywhere(place) for place in known}
    exposed = [place[1] for place in left if place not in known and (place[:2] in places or _anywhere(place) in values)]
    if exposed:
        raise InvalidValueError(
            "would become readable: a comment that selects what is encrypted would be for another value",
            path=exposed[0],
            hint="`edit` the file, and look at its comments",
        )
    new = [place[1] for place in left if place not in known]
    if new:
        readable(new)


def _by_selection(leaves: Sequence[Leaf], selector: Selector) -> tuple[list[_Place], list[_Place]]:
    """The values that are not selected, and those that are: document, path, type and value of each."""
    found: tuple[list[_Place], list[_Place]] = ([], [])
    for leaf, selected in zip(leaves, selector.select(leaves), strict=True):
        if not leaf.is_comment and leaf.value not in (None, "", EMPTY_MAP, EMPTY_LIST):
            found[selected].append((leaf.document, leaf.path, type(leaf.value), leaf.value))
    return found


def _anywhere(place: _Place) -> tuple[object, ...]:
    """A value at its keys; in a list it may have moved."""
    number, path, *value = place
    return number, tuple(part for part in path if isinstance(part, str)), *value
