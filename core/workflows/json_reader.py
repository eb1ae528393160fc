"""Read JSON with the position of every key and value.

Used by the loader, and by the YAML reader for one fault. Slow: documents without faults are parsed by
`json`.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from typing import NoReturn

from core.model.errors import Fault
from core.model.values import JsonValue
from core.workflows.limits import FAULTS_MAX, Limits, too_deep, too_many
from core.workflows.positions import Entry, PlacedTree, Position, Step
from core.workflows.scalars import BadNumber, read_float, read_int, refuse_constant

_BLANK = re.compile(r"[ \t\r\n]*")
_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"')
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_WORD = re.compile(r"-?[A-Za-z_]+")
_WORDS: dict[str, JsonValue] = {"null": None, "true": True, "false": False}
_NOT_FINITE = ("NaN", "Infinity", "-Infinity")


class _Stop(Exception):
    """The rest of the text cannot be understood."""


class JsonReader:
    """One reading of a JSON text; `faults` has what is wrong with it, in order.

    Recursion is bounded by the limit on depth.
    """

    def __init__(self, text: str, limits: Limits) -> None:
        self.faults: list[Fault] = []
        self._entries: dict[int, dict[Step, Entry]] = {}
        self._text = text
        self._limits = limits
        self._lines = [0, *(match.end() for match in re.finditer(r"\n", text))]
        self._at = 0
        self._nodes = 0

    def read(self) -> PlacedTree:
        """Read to the end, or to the first place that cannot be understood."""
        root: JsonValue = None
        start = self._position(self._skip())
        try:
            root = self._value(0)
            if self._skip() < len(self._text):
                self._stop("more text after the end of the document")
        except _Stop:
            pass
        return PlacedTree(root=root, start=start, entries=self._entries)

    def _skip(self) -> int:
        match = _BLANK.match(self._text, self._at)
        self._at = match.end() if match else self._at
        return self._at

    def _peek(self) -> str:
        return self._text[self._skip() : self._at + 1]

    def _value(self, depth: int) -> JsonValue:
        self._nodes += 1
        char = self._peek()
        position = self._position(self._at)
        if self._nodes > self._limits.nodes:
            self._add(too_many(self._limits, *position))
            raise _Stop
        if char in ("{", "["):
            if depth >= self._limits.depth:
                self._add(too_deep(self._limits, *position))
                raise _Stop
            return self._mapping(depth + 1) if char == "{" else self._list(depth + 1)
        return self._string() if char == '"' else self._scalar()

    def _mapping(self, depth: int) -> JsonValue:
        result: dict[str, JsonValue] = {}
        entries = self._entries[id(result)] = {}
        self._at += 1
        if self._peek() == "}":
            self._at += 1
            return result
        while True:
            if self._peek() != '"':
                self._stop("a key in double quotes is expected here")
            key_position = self._position(self._at)
            key = self._string()
            if key in result:
                self._add(duplicate_key(key, *key_position))
            if self._peek() != ":":
                self._stop("a ':' is expected here")
            self._at += 1
            position = self._position(self._skip())
            result[key] = self._value(depth)
            entries[key] = (*key_position, *position)
            if self._ends("}"):
                return result

    def _list(self, depth: int) -> JsonValue:
        result: list[JsonValue] = []
        entries = self._entries[id(result)] = {}
        self._at += 1
        if self._peek() == "]":
            self._at += 1
            return result
        while True:
            position = self._position(self._skip())
            entries[len(result)] = (*position, *position)
            result.append(self._value(depth))
            if self._ends("]"):
                return result

    def _ends(self, closer: str) -> bool:
        char = self._peek()
        if char not in (closer, ",") or not char:
            self._stop(f"a ',' or '{closer}' is expected here")
        self._at += 1
        return char == closer

    def _string(self) -> str:
        match = _STRING.match(self._text, self._at)
        if match is None:
            self._stop("this string does not end, or has an escape JSON does not know")
        self._at = match.end()
        # The library joins surrogate pairs; the pattern has made sure that it cannot refuse.
        return str(json.loads(match.group()))

    def _scalar(self) -> JsonValue:
        start = self._at
        match = _NUMBER.match(self._text, start) or _WORD.match(self._text, start)
        if match is None:
            self._stop("a value is expected here")
        word = match.group()
        if match.re is _WORD and word not in _WORDS and word not in _NOT_FINITE:
            self._stop(f"{word[:40]!r} is not a JSON value")
        self._at = match.end()
        try:
            if word in _NOT_FINITE:
                return refuse_constant(word)
            if word in _WORDS:
                return _WORDS[word]
            return read_float(word) if match[1] or match[2] else read_int(word)
        except BadNumber as error:
            line, column = self._position(start)
            self._add(Fault(code="document.number", message=str(error), line=line, column=column))
            return None

    def _position(self, offset: int) -> Position:
        line = bisect_right(self._lines, offset)
        return Position(line, offset - self._lines[line - 1] + 1)

    def _add(self, fault: Fault) -> None:
        self.faults.append(fault)
        if len(self.faults) >= FAULTS_MAX:
            raise _Stop

    def _stop(self, message: str) -> NoReturn:
        line, column = self._position(self._at)
        self.faults.append(Fault(code="document.syntax", message=message, line=line, column=column))
        raise _Stop


def duplicate_key(key: str, line: int, column: int) -> Fault:
    """Return the fault of a key that stands twice in one mapping."""
    return Fault(
        code="document.duplicate_key",
        message=f"the key {key!r} stands here a second time",
        line=line,
        column=column,
    )
