"""The variable expressions of post-build substitution: ``${name}`` and its operators.

The language is that of fluxcd/pkg/envsubst, which differs from a shell in many corners; each is kept, since scripts
depend on them. Texts are handled as UTF-8 where the operators count bytes.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kubectl_sops.errors import SopsError
from kubectl_sops.flux.glob import longest_prefix, shortest_prefix

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_ATOI = re.compile(r"[+-]?[0-9]+")

DEFAULT_OPERATORS = frozenset(("=", ":=", ":-", ":+", ":?"))
"""Operators with a value of their own for a variable that is not set."""


class ExpressionError(SopsError):
    """An expression that can't be read; ``expression`` is its text, from ``${`` on, shortened."""

    def __init__(self, message: str, expression: str) -> None:
        super().__init__(message)
        self.expression = expression


class UnsetVariablesError(SopsError):
    """Variables without value and default, in strict mode; ``names`` are all of them, in order."""

    def __init__(self, names: list[str]) -> None:
        super().__init__(f'variable not set (strict mode): "{names[0]}"')
        self.names = names


class Expression:
    """``${name operator arguments}``; an argument is a list of texts and nested expressions."""

    __slots__ = ("arguments", "name", "operator")

    def __init__(self, name: str, operator: str = "", arguments: list[Node] | None = None) -> None:
        self.name = name
        self.operator = operator
        self.arguments = arguments or []


Node = str | Expression


def parse(text: str) -> list[Node]:
    """Literal texts and expressions.

    Raises:
        ExpressionError: an expression that Flux can't read either.
    """
    return _Parser(text).document()


def substitute(text: str, variables: Mapping[str, str], *, strict: bool) -> str:
    """``text`` with every expression replaced.

    Raises:
        ExpressionError: an expression that can't be read, or at which the controller panics.
        UnsetVariablesError: in strict mode.
    """
    if "$" not in text and "\0" not in text:
        return text
    unset: list[str] = []
    out = "".join([_evaluate(node, variables, unset) for node in parse(text)])
    if strict and unset:
        raise UnsetVariablesError(list(dict.fromkeys(unset)))
    return out


def names(text: str) -> list[str]:
    """The variables that ``text`` mentions, each once."""
    return list(dict.fromkeys(node.name for node in _expressions(parse(text))))


def needed(text: str) -> list[str]:
    """The variables that ``text`` mentions without a default, each once."""
    found = (node.name for node in _expressions(parse(text)) if node.operator not in DEFAULT_OPERATORS)
    return list(dict.fromkeys(found))


def _expressions(nodes: list[Node]) -> Iterator[Expression]:
    for node in nodes:
        if isinstance(node, Expression):
            yield from _expressions(node.arguments)
            yield node


class _Parser:
    def __init__(self, text: str) -> None:
        # a NUL ends the input (its scanner takes it for the end)
        self.text = text.partition("\0")[0]
        self.at = 0
        self.start = 0

    def document(self) -> list[Node]:
        nodes: list[Node] = []
        literal = ""
        while self.at < len(self.text):
            here = self.text.find("$", self.at)
            if here < 0:
                literal += self.text[self.at :]
                break
            literal += self.text[self.at : here]
            following = self.text[here + 1 : here + 2]
            if following == "{":
                if literal:
                    nodes.append(literal)
                    literal = ""
                self.start = here
                self.at = here + 2
                nodes.append(self.expression())
            else:
                # `$$` is one dollar, which then can't start an expression
                literal += "$"
                self.at = here + (2 if following == "$" else 1)
        if literal:
            nodes.append(literal)
        return nodes

    def expression(self) -> Expression:
        """What follows ``${``, up to and including its closing brace."""
        if self.peek() == "#":
            self.at += 1
            name = self.name()
            if not name:
                raise self.error("bad substitution")
            return self.closed(Expression(name, "length"))
        name = self.name()
        if not name:
            raise self.error("unable to parse variable name")
        first = self.peek()
        if first == "=" or (first == ":" and self.text[self.at + 1 : self.at + 2] in ("=", "-", "?", "+")):
            return self.default(name)
        if first == ":":
            return self.substring(name)
        if first in (",", "^"):
            operator = self.take(lambda char, index: char in ",^" and index < 2)
            return self.closed(Expression(name, operator))
        if first == "/":
            return self.replacement(name)
        if first in ("#", "%"):
            operator = self.take(lambda char, index: char == first and index < 2)
            argument = self.argument("}")
            return self.closed(Expression(name, operator, [argument]))
        if first != "}":
            raise self.error("missing closing brace")
        self.at += 1
        return Expression(name)

    def default(self, name: str) -> Expression:
        operator = self.text[self.at : self.at + (1 if self.peek() == "=" else 2)]
        self.at += len(operator)
        arguments: list[Node] = []
        while self.peek() != "}":
            arguments.append(self.argument("}"))
        return self.closed(Expression(name, operator, arguments))

    def substring(self, name: str) -> Expression:
        self.at += 1
        if not self.peek().isascii() or not self.peek():
            raise self.error("bad substitution")  # its scanner steps back by the width of this character
        arguments = [self.argument(":}")]
        if self.peek() == "}":
            return self.closed(Expression(name, ":", arguments))
        if not self.take(lambda char, _: char == ":"):
            raise self.error("bad substitution")
        arguments.append(self.argument("}"))
        return self.closed(Expression(name, ":", arguments))

    def replacement(self, name: str) -> Expression:
        operator = self.take(lambda char, index: char == "/" if index == 0 else index == 1 and char in "/#%")
        arguments = [self.argument("/", escapes=True)]
        if not self.take(lambda char, _: char == "/"):
            raise self.error("bad substitution")
        if self.peek() != "}":
            arguments.append(self.argument("}", escapes=True))
        return self.closed(Expression(name, operator, arguments))

    def argument(self, ends: str, *, escapes: bool = False) -> Node:
        """One nested expression, or one text up to a character of ``ends`` or a nested expression."""
        if self.text.startswith("${", self.at):
            self.at += 2
            return self.expression()
        out = ""
        while self.at < len(self.text):
            char = self.text[self.at]
            following = self.text[self.at + 1 : self.at + 2]
            if char == "$" and following == "{":
                break
            if escapes and ((char == "$" and following == "$") or (char == "\\" and following in ("/", "\\"))):
                out += following
                self.at += 2
                continue
            if char in ends:
                break
            out += char
            self.at += 1
        if not out:
            raise self.error("unable to parse substitution within function")
        return out

    def closed(self, expression: Expression) -> Expression:
        if self.peek() != "}":
            raise self.error("bad substitution")
        self.at += 1
        return expression

    def name(self) -> str:
        return self.take(lambda char, _: char.isalpha() or char.isdecimal() or char == "_")

    def take(self, accepts: Callable[[str, int], bool]) -> str:
        start = self.at
        while self.at < len(self.text) and accepts(self.text[self.at], self.at - start):
            self.at += 1
        return self.text[start : self.at]

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def error(self, message: str) -> ExpressionError:
        # expressions are shown to the user: up to the place where reading stopped, one line
        shown = self.text[self.start : min(self.at + 1, self.start + 40)].partition("\n")[0]
        return ExpressionError(message, shown)


def _evaluate(node: Node, variables: Mapping[str, str], unset: list[str]) -> str:
    if isinstance(node, str):
        return node
    arguments = [_evaluate(argument, variables, unset) for argument in node.arguments]
    value = variables.get(node.name)
    if value is None:
        value = ""
        if node.operator not in DEFAULT_OPERATORS:
            unset.append(node.name)
    if node.operator in DEFAULT_OPERATORS:
        return value or "".join(arguments)
    return _apply(node, value, arguments)


def _apply(node: Expression, value: str, arguments: list[str]) -> str:
    match node.operator:
        case "length":
            return str(len(_bytes(value)))
        case "^^":
            return "".join(map(_upper, value))
        case ",,":
            return "".join(map(_lower, value))
        case "^":
            return _upper(value[:1]) + value[1:]
        case ",":
            return _lower(value[:1]) + value[1:]
        case ":":
            return _substring(node, value, arguments)
        case "/":
            return value.replace(arguments[0], arguments[1] if len(arguments) > 1 else "", 1)
        case "//":
            return value.replace(arguments[0], arguments[1] if len(arguments) > 1 else "")
        case "/#":
            # with an empty replacement there is one argument, and nothing happens
            starts = len(arguments) == 2 and value.startswith(arguments[0])
            return value.replace(arguments[0], arguments[1], 1) if starts else value
        case "/%":
            ends = len(arguments) == 2 and value.endswith(arguments[0])
            return value.removesuffix(arguments[0]) + arguments[1] if ends else value
        case "#" | "##":
            cut = shortest_prefix if node.operator == "#" else longest_prefix
            return _text(_bytes(value)[cut(_bytes(arguments[0]), _bytes(value)) :])
        case "%" | "%%":
            cut = shortest_prefix if node.operator == "%" else longest_prefix
            # implemented upon reversed texts, so that bracket classes never match
            back = _bytes(value[::-1])
            return _text(back[cut(_bytes(arguments[0][::-1]), back) :])[::-1]
    return value  # a mixed pair such as `,^`


def _substring(node: Expression, value: str, arguments: list[str]) -> str:
    if not _ATOI.fullmatch(arguments[0]):
        return value
    data = _bytes(value)
    start = int(arguments[0])
    if start < 0:
        start = max(0, len(data) + start)
    if len(arguments) == 1:
        return _text(data[start:])
    if not _ATOI.fullmatch(arguments[1]):
        return value
    end = start + int(arguments[1])
    if end >= len(data):
        return _text(data[start:])
    if end < start:
        raise ExpressionError("slice bounds out of range (the controller panics)", "${" + node.name + ":…}")
    return _text(data[start:end])


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _upper(char: str) -> str:
    # Go maps character by character: ß has no single upper-case form and stays
    changed = char.upper()
    return changed if len(changed) == len(char) else char


def _lower(char: str) -> str:
    changed = char.lower()
    return changed if len(changed) == len(char) else changed[:1]
