"""Write to the terminal: safe text, colour where wanted, escaped JSON.

Used by every command.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TextIO, TypeAlias

from core.model.text import safe
from core.model.values import JsonValue
from core.render.json_shapes import json_line

_CODES = {"red": "31", "green": "32", "yellow": "33", "cyan": "36", "dim": "2", "bold": "1"}
STATUS_COLOURS = {
    "succeeded": "green",
    "failed": "red",
    "cancelled": "yellow",
    "running": "cyan",
    "retrying": "yellow",
    "held": "yellow",
    "paused": "yellow",
    "ending": "yellow",
    "skipped": "dim",
    "blocked": "dim",
}
"""The colours of statuses, which are always written as words too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Painted:
    """A text with a colour, where the terminal wants colours."""

    text: str
    colour: str


Piece: TypeAlias = str | Painted


def status(name: str, text: str | None = None) -> Piece:
    """Return a status, or a padded `text` for it, in its colour."""
    colour = STATUS_COLOURS.get(name)
    shown = name if text is None else text
    return Painted(text=shown, colour=colour) if colour else shown


def say(*pieces: Piece) -> None:
    """Write one line, or lines, to standard output."""
    _write(sys.stdout, pieces, end="\n")


def put(text: str) -> None:
    """Write text to standard output as it comes, without a line end."""
    _write(sys.stdout, (text,), end="")


def note(*pieces: Piece) -> None:
    """Write a remark to standard error, apart from the results."""
    _write(sys.stderr, pieces, end="\n")


def emit(value: Mapping[str, JsonValue], *, stream: TextIO | None = None) -> None:
    """Write one JSON object on one line, all but ASCII escaped."""
    target = stream or sys.stdout
    target.write(json_line(value))
    target.flush()


def is_live(stream: TextIO) -> bool:
    """Tell whether the stream is a terminal that understands control sequences."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def width() -> int:
    """Return the columns of the terminal, at least 20."""
    return max(20, shutil.get_terminal_size().columns)


def _write(stream: TextIO, pieces: tuple[Piece, ...], *, end: str) -> None:
    render = _coloured if is_live(stream) and not os.environ.get("NO_COLOR") else _plain
    # The one place where text is written to a terminal: all of it goes through `safe`.
    stream.write("".join(render(piece) for piece in pieces) + end)
    stream.flush()


def _plain(piece: Piece) -> str:
    return safe(piece if isinstance(piece, str) else piece.text)


def _coloured(piece: Piece) -> str:
    text = _plain(piece)
    return text if isinstance(piece, str) or not text else f"\x1b[{_CODES[piece.colour]}m{text}\x1b[0m"
