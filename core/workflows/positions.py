"""Positions of keys and values in a document's text, and their faults.

Made by the readers; used by every check of a document.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from core.model.errors import Fault
from core.model.values import JsonValue

Step: TypeAlias = str | int
"""A key of a mapping or an index of a list."""
DocumentPath: TypeAlias = tuple[Step, ...]
"""Steps from the root of a document to a value."""


# Whole numbers only: of 250,000 values each has an entry, and objects would double the time to read them.
Entry: TypeAlias = tuple[int, int, int, int]
"""Line and column of the key of an item, then of its value; the key of a list item is its value."""


class Position(NamedTuple):
    """Line and column, both from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedTree:
    """A document as plain values, and where each of them stands."""

    root: JsonValue
    start: Position
    entries: dict[int, dict[Step, Entry]]
    """By the `id` of the mapping or list; valid as long as `root` lives."""


class Positions:
    """Find positions by path; a path that leads nowhere gives that of the last step that exists.

    Built from a function that gives the placed tree, called at the first question only: most documents
    have no fault and nothing asks.
    """

    __slots__ = ("_place", "_tree")

    def __init__(self, place: Callable[[], PlacedTree] | None = None) -> None:
        self._place = place
        self._tree: PlacedTree | None = None

    def of_key(self, path: Sequence[Step]) -> Position | None:
        """Return where the key that `path` ends with begins (the value for a list item)."""
        return self._find(path, lambda entry: Position(*entry[:2]))

    def of_value(self, path: Sequence[Step]) -> Position | None:
        """Return where the value at `path` begins; None where the document never was text."""
        return self._find(path, lambda entry: Position(*entry[2:]))

    def fault_at(self, path: Sequence[Step], code: str, message: str) -> Fault:
        """Return a fault at the value of a path."""
        return _fault(path, code, message, position=self.of_value(path))

    def fault_at_key(self, path: Sequence[Step], code: str, message: str) -> Fault:
        return _fault(path, code, message, position=self.of_key(path))

    def _find(self, path: Sequence[Step], side: Callable[[Entry], Position]) -> Position | None:
        if self._place is None:
            return None
        if self._tree is None:
            self._tree = self._place()
        node, position = self._tree.root, self._tree.start
        for step in path:
            entry = self._tree.entries.get(id(node), {}).get(step)
            if entry is None:
                return position
            position = side(entry)
            node = _child(node, step)
        return position


NO_POSITIONS = Positions()
"""The positions of a mapping that never was text."""


def write_path(path: Sequence[Step]) -> str:
    """Write a path as people do: `stages[0].tasks[2].needs`."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".")


def _fault(path: Sequence[Step], code: str, message: str, *, position: Position | None) -> Fault:
    line, column = position or (None, None)
    return Fault(code=code, message=message, line=line, column=column, path=write_path(path))


def _child(node: JsonValue, step: Step) -> JsonValue:
    if isinstance(node, dict) and isinstance(step, str):
        return node[step]
    if isinstance(node, list) and isinstance(step, int):
        return node[step]
    return None
