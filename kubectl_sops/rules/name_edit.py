"""Giving a recipient another name, in the comments that hold it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_sops.rules.layout import Layout
from kubectl_sops.rules.names import comment_lines, place_of, split

if TYPE_CHECKING:
    from kubectl_sops.rules.nodes import Node


def rename(text: str, scalars: list[Node], recipient: str, name: str) -> str:
    """The text with another name in every comment that names a recipient, or in a new one where that is the anchor.

    Args:
        scalars: the nodes that hold recipients.
        recipient: as it is written there.
        name: on one line.
    """
    layout = Layout(text)
    mine = [node for node in scalars if recipient in split(node.text)]
    lines = comment_lines(text)
    places = [place_of(text, lines, node, recipient) for node in mine]
    for place in {place.start(1): place for place in places if place}.values():
        layout.replace(place.start(1), place.end(1), f"{recipient} {name}" if recipient in place[1] else name)
    # the first node that gives a name wins, and an anchor is one
    gives = (n for n, place in zip(mine, places, strict=True) if place or (n.anchor and len(split(n.text)) == 1))
    node = next(gives, mine[0])
    if place_of(text, lines, node, recipient) is None:
        _add(layout, node, recipient, name)
    return layout.result()


def _add(layout: Layout, node: Node, recipient: str, name: str) -> None:
    place = node.target or node
    end = layout.line_end(place.end)
    rest = layout.text[place.end : end]
    if len(split(node.text)) == 1 and place.style not in ("|", ">") and not rest.strip(" \t,"):
        layout.replace(place.end + len(rest.rstrip()), end, f" # {name}")
    else:
        layout.insert_line_above(place.start, f"# {recipient} {name}")
