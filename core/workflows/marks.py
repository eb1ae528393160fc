"""Places of keys and values in a document."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from core.model.values import JsonValue

Place: TypeAlias = tuple[int, int]
"""Line and column, both from 1."""
Step: TypeAlias = str | int
"""A key of a mapping or an index of a list."""
Spot: TypeAlias = tuple[int, int, int, int]
"""Key line, key column, value line, value column."""
Table: TypeAlias = dict[int, dict[Step, Spot]]
"""Spots by the `id` of the container; valid as long as the tree it was made with lives."""


class Marks:
    """Find places by path; a path that leads nowhere gives the place of the last step that exists.

    Built from a function that gives tree, table and the place of the root, called at the first
    question only: most documents are good and nobody asks.
    """

    __slots__ = ("_made", "_make")

    def __init__(self, make: Callable[[], tuple[JsonValue, Table, Place]] | None = None) -> None:
        self._make = make
        self._made: tuple[JsonValue, Table, Place] | None = None

    def key(self, path: Sequence[Step]) -> Place | None:
        """Return the place of the key that `path` ends with (of the value for a list item)."""
        return self._find(path, first=0)

    def value(self, path: Sequence[Step]) -> Place | None:
        """Return the place of the value at `path`; None where the document has no places."""
        return self._find(path, first=2)

    def _find(self, path: Sequence[Step], *, first: int) -> Place | None:
        if self._make is None:
            return None
        if self._made is None:
            self._made = self._make()
        node, table, place = self._made
        for step in path:
            spot = table.get(id(node), {}).get(step)
            if spot is None:
                return place
            place = (spot[first], spot[first + 1])
            node = _child(node, step)
        return place


def _child(node: JsonValue, step: Step) -> JsonValue:
    if isinstance(node, dict) and isinstance(step, str):
        return node[step]
    if isinstance(node, list) and isinstance(step, int):
        return node[step]
    return None


NO_MARKS = Marks()
"""The marks of a mapping that never was text."""


def write_path(path: Sequence[Step]) -> str:
    """Write a path as people do: `stages[0].tasks[2].needs`."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".")
