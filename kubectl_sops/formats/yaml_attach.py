"""Which container a comment belongs to, as sops reads a document.

go-yaml hands the grouped comments (``formats.yaml_lines``) to nodes while it parses (``parserc.go``, ``decode.go``),
and sops turns those of a node into entries of a map or list (``stores/yaml/store.go``). Comments that get lost on the
way have no container here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from kubectl_sops.core.values import is_listed_comment
from kubectl_sops.formats.yaml_lines import FOOT, HEAD, Group, Token, tokens_and_groups

if TYPE_CHECKING:
    from kubectl_sops.core.leaf import Path

    Members = list[int | None]
    Order = tuple[int, int, int, int]
    Placed = dict[int, tuple[Path, Order]]

_PROPERTIES = (yaml.AnchorToken, yaml.TagToken)
_FOOT_RANK = -2
"""Where a foot and the head of what comes next stand at the same place, the foot is first."""
_NO_CONTENT = (yaml.DirectiveToken, yaml.DocumentStartToken, yaml.DocumentEndToken, yaml.StreamEndToken)
_NO_VALUE = (yaml.KeyToken, yaml.ValueToken, yaml.BlockEndToken)


def attach(text: str, spans: list[tuple[int, int]]) -> tuple[Placed, set[int]]:
    """For each comment, by its start: the path of its container, and its order.

    The order is the document, the position of the leaf that it comes before, and two numbers for comments before the
    same leaf. The second result has those that sops keeps on the line of a value.
    """
    tokens, groups = tokens_and_groups(text, spans)
    parser = _Parser(tokens, groups)
    parser.stream()
    return parser.placed, parser.inline


class _Node:
    __slots__ = ("foot", "foot_after", "head", "is_collection", "line", "start")

    def __init__(self, start: int, *, is_collection: bool = False) -> None:
        self.start = start
        self.is_collection = is_collection
        self.head: Members = []
        self.line: Members = []
        self.foot: Members = []
        self.foot_after = 0  # what the foot follows may stand below it


class _Parser:
    def __init__(self, tokens: list[Token], groups: list[Group]) -> None:
        self._tokens = tokens
        self._groups = groups
        self._at = 0
        self._next_group = 0
        self._head: Members = []
        self._line: Members = []
        self._foot: Members = []
        self._stem: Members = []
        self._behind = 0
        self._document_number = 0
        self.placed: Placed = {}
        self.inline: set[int] = set()

    # tokens and the comments that come with them

    def _peek(self) -> Token:
        token = self._tokens[self._at]
        while self._next_group < len(self._groups):
            group = self._groups[self._next_group]
            if token.start < group.token_mark or self._at < group.visible:
                break
            if group.kind == HEAD:
                if token.kind is yaml.BlockEndToken:
                    break  # an end has no head: it waits for the next token
                self._head += group.members
            elif group.kind == FOOT:
                self._foot += group.members
            else:
                self._line += group.members
            self._next_group += 1
        return token

    def _skip(self) -> None:
        token = self._tokens[self._at]
        if token.kind is not yaml.BlockEndToken:
            # behind its leaf: a scalar's stands where it starts, an empty one's behind the token before
            self._behind = max(self._behind, 1 + (token.start if token.kind is yaml.ScalarToken else token.end))
        self._at += 1

    def _take(self, node: _Node) -> None:
        node.head, node.line, node.foot = self._head, self._line, self._foot
        self._head, self._line, self._foot, self._stem = [], [], [], []

    def _place(self, members: Members, path: Path, at: int, *, inside: bool = False) -> None:
        """Comments of the container at ``path``: its own (``inside``) come before those of what it holds."""
        for start in members:
            if start is not None:
                self._place_one(start, path, at, 2 * len(path) - inside)

    def _place_inline(self, members: Members, path: Path, at: int) -> None:
        self._place(members, path, at)
        self.inline.update(start for start in members if start is not None)

    def _place_one(self, start: int, path: Path, at: int, rank: int) -> None:
        self.placed[start] = (path, (self._document_number, at, rank, len(self.placed)))
        self._behind = max(self._behind, at)

    def _place_foot(self, node: _Node, path: Path, at: int = 0) -> int:
        at = max(at, node.foot_after)
        for start in node.foot:
            if start is not None:
                at = max(at, start)
                self._place_one(start, path, at, _FOOT_RANK)
        return at

    def _place_inside(self, node: _Node, path: Path) -> int:
        # a collection that is a map's value: its comments are entries of it
        self._place(node.head, path, node.start, inside=True)
        self._place(node.line, path, node.start, inside=True)
        return self._place_foot(node, path)

    # the grammar

    def stream(self) -> None:
        self._skip()
        while True:
            token = self._peek()
            while token.kind is yaml.DocumentEndToken:
                self._skip()
                token = self._peek()
            if token.kind is yaml.StreamEndToken:
                return
            self._document(token, implicit=token.kind not in (yaml.DirectiveToken, yaml.DocumentStartToken))
            if self._peek().kind is yaml.DocumentEndToken:
                self._skip()
            end = _Node(0)
            self._take(end)
            end.foot = end.foot or end.head
            self._place_foot(end, ())
            self._document_number += 1

    def _document(self, token: Token, *, implicit: bool) -> None:
        if implicit:
            # what stands above an empty line is the document's own
            if None in self._head:
                split = len(self._head) - 1 - self._head[::-1].index(None)
                self._place(self._head[:split], (), token.start, inside=True)
                self._head = self._head[split + 1 :]
        else:
            while token.kind is yaml.DirectiveToken:
                self._skip()
                token = self._peek()
            self._skip()
            if self._peek().kind in _NO_CONTENT:
                return
        root = self._node((), block=True, indentless=False)
        self._place_inside(root, ())

    def _node(self, path: Path, *, block: bool, indentless: bool) -> _Node:
        token = self._peek()
        node = _Node(token.start)
        if token.kind is yaml.AliasToken:
            self._take(node)
            self._skip()
            return node
        while token.kind in _PROPERTIES:
            self._skip()
            token = self._peek()
        kind = token.kind
        if indentless and kind is yaml.BlockEntryToken:
            node.is_collection = True
            self._block_sequence(path, indentless=True)
        elif kind is yaml.ScalarToken:
            self._take(node)
            self._skip()
        elif kind is yaml.FlowSequenceStartToken or kind is yaml.FlowMappingStartToken:
            node.is_collection = True
            self._take(node)
            if kind is yaml.FlowSequenceStartToken:
                self._flow_sequence(node, path)
            else:
                self._flow_mapping(node, path)
        elif block and kind in (yaml.BlockSequenceStartToken, yaml.BlockMappingStartToken):
            node.is_collection = True
            node.head, self._stem = self._stem, []
            if kind is yaml.BlockSequenceStartToken:
                self._skip()
                self._block_sequence(path, indentless=False)
            else:
                self._block_mapping(node, path)
        return node

    def _block_sequence(self, path: Path, *, indentless: bool) -> None:
        index = 0
        while True:
            token = self._peek()
            if token.kind is not yaml.BlockEntryToken:
                if not indentless:
                    self._skip()  # its end
                return
            before = len(self._head)
            self._skip()
            self._split_stem(before)
            token = self._peek()
            if token.kind is yaml.BlockEntryToken or token.kind in _NO_VALUE:
                index += 1
                continue
            index += not is_listed_comment(token.value)
            self._item((*path, index - 1), block=True)

    def _split_stem(self, size: int) -> None:
        if size and self._peek().kind in (yaml.BlockSequenceStartToken, yaml.BlockMappingStartToken):
            self._stem, self._head = self._head[:size], self._head[size:]

    def _item(self, path: Path, *, block: bool) -> None:
        item = self._node(path, block=block, indentless=False)
        item.foot_after = self._behind
        self._place(item.head, path[:-1], item.start)
        self._place_inline(item.line, path[:-1], item.start)
        self._place_foot(item, path[:-1])

    def _block_mapping(self, node: _Node, path: Path) -> None:
        self._peek()
        self._skip()
        pairs: list[tuple[_Node, _Node, Path]] = []
        while (token := self._peek()).kind is yaml.KeyToken:
            self._skip()
            name = self._key_name()
            if self._peek().kind in _NO_VALUE:
                key = _Node(token.start)
            else:
                key = self._node((*path, name), block=True, indentless=True)
            if key.foot and pairs:
                pairs[-1][0].foot, key.foot = key.foot, []  # a foot of the pair before; an earlier one gets lost
                pairs[-1][0].foot_after = 0
            value = _Node(token.start)
            if self._peek().kind is yaml.ValueToken:
                self._skip()
                if self._peek().kind not in _NO_VALUE:
                    value = self._node((*path, name), block=True, indentless=True)
            if not key.foot and value.foot:
                key.foot, value.foot = value.foot, []
            key.foot_after = value.foot_after = self._behind
            pairs.append((key, value, (*path, name)))
        end = _Node(0)
        self._take(end)
        self._skip()
        node.line = end.line
        if end.foot and pairs:
            pairs[-1][0].foot = end.foot
        else:
            node.foot = end.foot
        self._place_pairs(pairs, path)

    def _key_name(self) -> str:
        at = self._at
        while self._tokens[at].kind in _PROPERTIES:
            at += 1
        return self._tokens[at].value or ""

    def _place_pairs(self, pairs: list[tuple[_Node, _Node, Path]], path: Path) -> None:
        for key, value, inner in pairs:
            self._place(key.head, path, key.start)
            self._place(key.line, path, key.start)
            if value.is_collection:
                before = self._place_inside(value, inner)
            else:
                self._place(value.head, path, value.start)
                self._place_inline(value.line, path, value.start)
                before = self._place_foot(value, path)
            self._place_foot(key, path, before)

    def _flow_sequence(self, node: _Node, path: Path) -> None:
        self._peek()
        self._skip()
        index = 0
        first = True
        while (token := self._peek()).kind is not yaml.FlowSequenceEndToken:
            if not first:
                self._skip()  # the comma
                token = self._peek()
            first = False
            if token.kind is yaml.KeyToken:
                self._skip()
                pair = self._flow_pair((*path, index), empty=(yaml.ValueToken, yaml.FlowEntryToken))
                self._place_pairs([pair], (*path, index))
                index += 1
            elif token.kind is not yaml.FlowSequenceEndToken:
                index += not is_listed_comment(token.value)
                self._item((*path, index - 1), block=False)
        self._end_flow(node)

    def _flow_mapping(self, node: _Node, path: Path) -> None:
        self._peek()
        self._skip()
        pairs: list[tuple[_Node, _Node, Path]] = []
        first = True
        while (token := self._peek()).kind is not yaml.FlowMappingEndToken:
            if not first:
                self._skip()
                token = self._peek()
            first = False
            if token.kind is yaml.KeyToken:
                self._skip()
                pairs.append(self._flow_pair(path, empty=(yaml.ValueToken, yaml.FlowEntryToken)))
            elif token.kind is not yaml.FlowMappingEndToken:
                name = self._key_name()
                pairs.append((self._node((*path, name), block=False, indentless=False), _Node(0), (*path, name)))
        self._end_flow(node)
        self._place_pairs(pairs, path)

    def _flow_pair(self, path: Path, *, empty: tuple[type, ...]) -> tuple[_Node, _Node, Path]:
        name = self._key_name()
        token = self._peek()
        closing = (yaml.FlowSequenceEndToken, yaml.FlowMappingEndToken)
        if token.kind in empty or token.kind in closing:
            key = _Node(token.start)
        else:
            key = self._node((*path, name), block=False, indentless=False)
        value = _Node(token.start)
        if self._peek().kind is yaml.ValueToken:
            self._skip()
            if self._peek().kind not in (yaml.FlowEntryToken, *closing):
                value = self._node((*path, name), block=False, indentless=False)
        if not key.foot and value.foot:
            key.foot, value.foot = value.foot, []
        key.foot_after = value.foot_after = self._behind
        return key, value, (*path, name)

    def _end_flow(self, node: _Node) -> None:
        end = _Node(0)
        self._take(end)
        self._skip()
        node.line, node.foot = end.line, end.foot
