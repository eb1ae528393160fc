"""Tokens of an expression, each with the offset where it begins.

Used by the parser.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from core.workflows.expressions.faults import ExpressionFault

_RAW = "|".join(rf"[rR]{quote}.*?{quote}" for quote in ('"""', "'''", '"', "'"))
_COOKED = "|".join(rf"{quote}(?:[^\\]|\\.)*?{quote}" for quote in ('"""', "'''", '"', "'"))
_TOKEN = re.compile(
    rf"(?P<space>\s+)|(?P<text>{_RAW}|{_COOKED})"
    r"|(?P<double>(?:[0-9]+\.[0-9]+(?:[eE][-+]?[0-9]+)?|[0-9]+[eE][-+]?[0-9]+|\.[0-9]+(?:[eE][-+]?[0-9]+)?))"
    r"|(?P<int>(?:0[xX][0-9a-fA-F]+|[0-9]+)[uU]?)"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<mark>&&|\|\||==|!=|<=|>=|//|.)",
    re.DOTALL | re.ASCII,
)
_MARKS = frozenset("<>+-*/%!?:,.()[]{}") | {"&&", "||", "==", "!=", "<=", ">="}
_ESCAPE = re.compile(
    r"\\(?:x([0-9a-fA-F]{2})|X([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-3][0-7]{2})|(.))",
    re.DOTALL,
)
_PLAIN = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"} | {
    c: c for c in "\\'\"`?"
}

Literal: TypeAlias = str | int | float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """One token: kind `literal`, `name`, `mark` or `end`; `text` as written, `at` from 0."""

    kind: str
    text: str
    at: int
    value: Literal = None


def tokenise(source: str) -> Iterator[Token]:
    """Cut a source into tokens, an `end` last; raise `ExpressionFault` where that cannot be done."""
    for match in _TOKEN.finditer(source):
        kind, text, at = str(match.lastgroup), match.group(), match.start()
        if kind == "space":
            continue
        if kind == "mark" and text not in _MARKS:
            raise _unknown_mark(text, at)
        if kind in ("name", "mark"):
            yield Token(kind=kind, text=text, at=at)
        else:
            yield Token(kind="literal", text=text, at=at, value=_literal(kind, text, at))
    yield Token(kind="end", text="", at=len(source))


def _literal(kind: str, text: str, at: int) -> Literal:
    if kind == "double":
        return float(text)
    if kind == "int":
        return int(text.rstrip("uU"), 16 if text[:2] in ("0x", "0X") else 10)
    quote = text[-3:] if len(text) >= 6 and text[-3:] in ('"""', "'''") else text[-1]
    prefix, _, rest = text.partition(quote)
    inner = rest[: -len(quote)]
    return inner if prefix else _ESCAPE.sub(lambda match: _unescape(match, at), inner)


def _unescape(match: re.Match[str], at: int) -> str:
    *hexes, octal, other = match.groups()
    code = next((int(digits, 16) for digits in hexes if digits), None)
    if octal:
        code = int(octal, 8)
    if code is None:
        plain = _PLAIN.get(other or "")
        if plain is None:
            raise ExpressionFault("expression.syntax", f"`\\{other}` is not an escape in a text", at=at)
        return plain
    if code > 0x10FFFF or 0xD800 <= code < 0xE000:
        raise ExpressionFault("expression.syntax", f"`{match.group()}` is not a character", at=at)
    return chr(code)


def _unknown_mark(text: str, at: int) -> ExpressionFault:
    if text in ("//", "`"):
        return ExpressionFault("expression.syntax", "comments and ` are not accepted in an expression", at=at)
    if text in "\"'":
        return ExpressionFault("expression.syntax", "this text is not closed", at=at)
    hints = {"=": "; did you mean `==`?", "&": "; did you mean `&&`?", "|": "; did you mean `||`?"}
    return ExpressionFault("expression.syntax", f"{text!a} means nothing here{hints.get(text, '')}", at=at)
