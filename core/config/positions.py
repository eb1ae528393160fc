"""Lines of the tables and keys of a TOML text.

Used for faults of config.toml: tomllib tells values, but not where they stand.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import NamedTuple, TypeAlias

KeyPath: TypeAlias = tuple[str | int, ...]
"""Keys from the top, with the number of a table in a list of tables."""

_PIECE = re.compile(
    r'''"""(?:\\.|[^\\])*?"{3,5}|\'{3}.*?\'{3,5}|"(?:\\.|[^"\\\n])*"|'[^'\n]*'|\#[^\n]*|[\[\]{}\n]|[^"'\#\[\]{}\n]+|.''',
    re.DOTALL,
)
_KEY = re.compile(r"""\s*((?:"(?:\\.|[^"\\\n])*"|'[^'\n]*'|[A-Za-z0-9_.\- \t])+)=""")
_DEEPEST = 8
"""Keys of a path whose lines are kept; no key of a section stands deeper."""
_HEADER = re.compile(r"""\s*(\[\[?(?:"(?:\\.|[^"\\\n])*"|'[^'\n]*'|[^"'\]\n])*\]\]?)""")

_PLAIN = re.compile(r"\[([A-Za-z0-9_-]+)(?:\.([A-Za-z0-9_-]+))?\]|([A-Za-z0-9_-]+) *=0")
"""Most heads and keys: what tomllib would read of them is seen at once."""


class Positions:
    """Where keys stand in a text that tomllib has read."""

    def __init__(self, text: str) -> None:
        self._lines = dict(reversed([*_positions(text)]))

    def exact(self, path: KeyPath) -> int | None:
        """Return the line of a key, None where it does not stand in the text."""
        return self._lines.get(path)

    def line(self, path: KeyPath) -> int | None:
        """Return the line of a key, counted from 1; where it has none of its own, that of what holds it."""
        while path and path not in self._lines:
            path = path[:-1]
        return self._lines.get(path)


class _Position(NamedTuple):
    """A path, and the line on which it begins."""

    path: KeyPath
    line: int


def _positions(text: str) -> Iterator[_Position]:
    table: KeyPath = ()
    counts: dict[KeyPath, int] = {}
    for line, statement in _statements(text):
        if (header := _HEADER.match(statement)) is not None:
            path = _in_lists(_keys(header[1]), counts)
            if header[1].startswith("[["):
                counts[path] = counts.get(path, -1) + 1
                yield _Position(path, line)
                path = (*path, counts[path])
            table = path
            for depth in range(1, min(len(path), _DEEPEST) + 1):
                yield _Position(path[:depth], line)
        elif (key := _KEY.match(statement)) is not None:
            names = _keys(f"{key[1]}=0")
            for depth in range(1, min(len(names), _DEEPEST) + 1):
                yield _Position((*table, *names[:depth]), line)


class _Statement(NamedTuple):
    """A statement, and the line on which it begins."""

    line: int
    text: str


def _statements(text: str) -> Iterator[_Statement]:
    """Yield each key with its value, and each head of a table, with the line on which it begins."""
    depth, line, begins, parts = 0, 1, 1, list[str]()
    for piece in _PIECE.findall(text):
        if piece == "\n" and depth == 0:
            yield _Statement(begins, "".join(parts))
            parts, begins = [], line + 1
        else:
            parts.append(piece)
        depth += (piece in "[{") - (piece in "]}")
        line += piece.count("\n")
    yield _Statement(begins, "".join(parts))


def _keys(statement: str) -> tuple[str, ...]:
    """Return the keys of a dotted key or a head, read by tomllib itself."""
    if (plain := _PLAIN.fullmatch(statement)) is not None:
        return tuple(key for key in plain.groups() if key)
    keys: list[str] = []
    try:
        value: object = tomllib.loads(statement)
    except (ValueError, RecursionError):
        return ()
    while value and isinstance(value, Mapping | list):
        if isinstance(value, list):
            (value,) = value
        else:
            ((key, value),) = value.items()
            keys.append(key)
    return tuple(keys)


def _in_lists(keys: tuple[str, ...], counts: Mapping[KeyPath, int]) -> KeyPath:
    """Return a path with the number of the last table, where a list of tables is on the way."""
    path: KeyPath = ()
    for key in keys[:-1]:
        path = (*path, key)
        if path in counts:
            path = (*path, counts[path])
    return (*path, *keys[-1:])
