"""Extract: what a screen shows, as pieces of a file.

Made by the screens; written by the exporter.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from console.exports.file_formats import Format


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A part of a file; `data` makes its bytes, in a thread: thousands of rows would be felt."""

    data: Callable[[], bytes]
    number: int
    """Rows, lines or bytes that it adds."""
    next: str | None = None
    """The cursor of the next piece; None = this was the last."""
    searched: int | None = None
    """The list is made of so many of the newest rows only: its order limits the search."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Extract:
    """Rows or text of a screen; `read` returns the piece after a cursor (None = the first)."""

    label: str
    """What is written, for the question: `all jobs of this list`."""
    name: str
    """What it is called in the name of the file."""
    formats: tuple[Format, ...]
    """The first one is offered."""
    read: Callable[[Format, str | None], Awaitable[Piece]]
    counted: Callable[[int], str]
    """Says how much was written."""


def rows_words(number: int) -> str:
    return f"{number:,} row{'' if number == 1 else 's'}"


def lines_words(number: int) -> str:
    return f"{number:,} line{'' if number == 1 else 's'}"
