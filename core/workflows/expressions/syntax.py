"""Syntax trees of expressions, and the parser that makes them.

Used by the checks, the type rules and the evaluation.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, TypeAlias

from core.workflows.expressions.faults import ExpressionFault
from core.workflows.expressions.tokens import Literal as Value
from core.workflows.expressions.tokens import Token, tokenise

NESTING_MAX = 50
"""Brackets and signs within each other."""
_LEVELS = (
    frozenset({"||"}),
    frozenset({"&&"}),
    frozenset({"==", "!=", "<", "<=", ">", ">=", "in"}),
    frozenset({"+", "-"}),
    frozenset({"*", "/", "%"}),
)
_CONSTANTS: dict[str, bool | None] = {"true": True, "false": False, "null": None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Constant:
    """A literal value."""

    at: int
    value: Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """A root: `params`, `tasks`, ..."""

    at: int
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """`of.name`."""

    at: int
    of: Node
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """`of[key]`."""

    at: int
    of: Node
    key: Node


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """`name(arguments)`, or `of.name(arguments)`."""

    at: int
    name: str
    of: Node | None
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unary:
    """`!of` or `-of`."""

    at: int
    op: str
    of: Node


@dataclass(frozen=True, slots=True, kw_only=True)
class Binary:
    """`left op right`; `at` is the place of the operator."""

    at: int
    op: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """`condition ? yes : no`."""

    at: int
    condition: Node
    yes: Node
    no: Node


@dataclass(frozen=True, slots=True, kw_only=True)
class ListOf:
    """`[a, b]`."""

    at: int
    items: tuple[Node, ...]


class Entry(NamedTuple):
    """A key of a map, and its value."""

    key: Node
    value: Node


@dataclass(frozen=True, slots=True, kw_only=True)
class MapOf:
    """`{"a": b}`; the keys are expressions too."""

    at: int
    entries: tuple[Entry, ...]


Node: TypeAlias = Constant | Name | Member | Index | Call | Unary | Binary | Choice | ListOf | MapOf


@lru_cache(maxsize=1024)
def parse(source: str) -> Node:
    """Return the tree of a source; raise `ExpressionFault` with its place where it cannot be understood."""
    return _Parser(source).parse()


def children(node: Node) -> tuple[Node, ...]:
    """Return the parts of a node, in the order they are written."""
    match node:
        case Constant() | Name():
            return ()
        case Member() | Unary():
            return (node.of,)
        case Index():
            return (node.of, node.key)
        case Call():
            return node.arguments if node.of is None else (node.of, *node.arguments)
        case Binary():
            return (node.left, node.right)
        case Choice():
            return (node.condition, node.yes, node.no)
        case ListOf():
            return node.items
        case MapOf():
            return tuple(part for entry in node.entries for part in entry)


def start_of(node: Node) -> int:
    """Return where the source of a node begins; `at` of an operator or a member is its own place."""
    while True:
        match node:
            case Member() | Index():
                node = node.of
            case Call():
                if node.of is None:
                    return node.at
                node = node.of
            case Binary():
                node = node.left
            case Choice():
                node = node.condition
            case _:
                return node.at


def nodes(root: Node) -> Iterator[Node]:
    """Yield every node of a tree, a parent before its parts."""
    pending = [root]
    while pending:
        node = pending.pop()
        yield node
        pending.extend(reversed(children(node)))


class _Parser:
    """Recursive descent over the tokens of one source."""

    def __init__(self, source: str) -> None:
        self._tokens = list(tokenise(source))
        self._next = 0
        self._depth = 0

    def parse(self) -> Node:
        node = self._choice()
        token = self._peek()
        if token.kind != "end":
            raise self._unexpected(token)
        return node

    def _choice(self) -> Node:
        condition = self._binary(0)
        token = self._peek()
        if not self._take("?"):
            return condition
        yes = self._choice()
        self._expect(":")
        return Choice(at=token.at, condition=condition, yes=yes, no=self._choice())

    def _binary(self, level: int) -> Node:
        if level == len(_LEVELS):
            return self._unary()
        left = self._binary(level + 1)
        while (token := self._peek()).text in _LEVELS[level] and token.kind in ("mark", "name"):
            self._next += 1
            left = Binary(at=token.at, op=token.text, left=left, right=self._binary(level + 1))
        return left

    def _unary(self) -> Node:
        token = self._peek()
        if token.kind != "mark" or token.text not in ("!", "-"):
            return self._member()
        self._next += 1
        self._enter(token)
        of = self._unary()
        self._depth -= 1
        if token.text == "-" and isinstance(of, Constant) and isinstance(of.value, int | float):
            return Constant(at=token.at, value=-of.value)
        return Unary(at=token.at, op=token.text, of=of)

    def _member(self) -> Node:
        node = self._primary()
        while True:
            token = self._peek()
            if self._take("."):
                name = self._name()
                if self._take("("):
                    arguments = self._items(name, ")")
                    node = Call(at=name.at, name=name.text, of=node, arguments=arguments)
                else:
                    node = Member(at=name.at, of=node, name=name.text)
            elif self._take("["):
                self._enter(token)
                node = Index(at=token.at, of=node, key=self._choice())
                self._expect("]")
                self._depth -= 1
            else:
                return node

    def _primary(self) -> Node:
        token = self._peek()
        self._next += 1
        if token.kind == "literal":
            return Constant(at=token.at, value=token.value)
        if token.kind == "name" and token.text != "in":
            if token.text in _CONSTANTS:
                return Constant(at=token.at, value=_CONSTANTS[token.text])
            if self._take("("):
                return Call(at=token.at, name=token.text, of=None, arguments=self._items(token, ")"))
            return Name(at=token.at, name=token.text)
        match token.text if token.kind == "mark" else "":
            case "(":
                self._enter(token)
                node = self._choice()
                self._expect(")")
                self._depth -= 1
                return node
            case "[":
                return ListOf(at=token.at, items=self._items(token, "]"))
            case "{":
                return MapOf(at=token.at, entries=self._entries(token))
            case _:
                raise self._unexpected(token)

    def _items(self, opening: Token, closing: str) -> tuple[Node, ...]:
        self._enter(opening)
        items: list[Node] = []
        while not self._take(closing):
            items.append(self._choice())
            if not self._take(","):
                self._expect(closing)
                break
        self._depth -= 1
        return tuple(items)

    def _entries(self, opening: Token) -> tuple[Entry, ...]:
        self._enter(opening)
        entries: list[Entry] = []
        while not self._take("}"):
            key = self._choice()
            self._expect(":")
            entries.append(Entry(key, self._choice()))
            if not self._take(","):
                self._expect("}")
                break
        self._depth -= 1
        return tuple(entries)

    def _name(self) -> Token:
        token = self._peek()
        if token.kind != "name":
            raise self._unexpected(token, "a name")
        self._next += 1
        return token

    def _enter(self, token: Token) -> None:
        self._depth += 1
        if self._depth > NESTING_MAX:
            message = f"an expression nests more than {NESTING_MAX} deep; compute it in a task"
            raise ExpressionFault("expression.depth", message, at=token.at)

    def _peek(self) -> Token:
        return self._tokens[self._next]

    def _take(self, mark: str) -> bool:
        token = self._tokens[self._next]
        if token.kind != "mark" or token.text != mark:
            return False
        self._next += 1
        return True

    def _expect(self, mark: str) -> None:
        if not self._take(mark):
            raise self._unexpected(self._peek(), f"`{mark}`")

    def _unexpected(self, token: Token, wanted: str = "") -> ExpressionFault:
        if token.kind == "end":
            message = f"{wanted} is missing" if wanted else "something is missing"
        else:
            expected = f", {wanted} is expected" if wanted else ""
            message = f"`{token.text[:40]}` cannot stand here{expected}"
        return ExpressionFault("expression.syntax", message, at=token.at)
