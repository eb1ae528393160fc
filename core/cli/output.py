"""Write to the terminal: safe text, colour where wanted, escaped JSON.

Used by every command.
"""

from __future__ import annotations

import errno
import os
import shutil
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TextIO, TypeAlias

from core.cli.second_run import second_run
from core.model.text import safe
from core.model.values import JsonValue, json_line

_CODES = {"red": "31", "green": "32", "yellow": "33", "cyan": "36", "dim": "2", "bold": "1"}
_OUTPUT_FAULTS = (errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF)
_WIDEST = 10_000
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


def put_bytes(data: bytes) -> None:
    """Write bytes to standard output at once, as they are."""
    sys.stdout.buffer.write(second_run.unwritten(data))
    sys.stdout.buffer.flush()


def note(*pieces: Piece) -> None:
    """Write a remark to standard error, apart from the results."""
    # No remark decides about the work that it is about: it is lost where nothing takes it.
    with suppress(OSError):
        _write(sys.stderr, pieces, end="\n")


def draw(control: str) -> None:
    """Write control sequences and text of our own to standard error, as they are."""
    with suppress(OSError):
        sys.stderr.write(control)
        sys.stderr.flush()


def emit(value: Mapping[str, JsonValue]) -> None:
    """Write one JSON object on one line of standard output, all but ASCII escaped."""
    sys.stdout.write(second_run.unwritten(json_line(value)))
    sys.stdout.flush()


def note_json(value: Mapping[str, JsonValue]) -> None:
    """Write one JSON object on one line of standard error."""
    draw(json_line(value))


def is_output_fault(error: OSError) -> bool:
    """Tell whether the error is one of a write to a stream: a full device, a reader that has gone."""
    # Errors of files that were opened by name carry it.
    return error.filename is None and error.errno in _OUTPUT_FAULTS


def is_live(stream: TextIO) -> bool:
    """Tell whether the stream is a terminal that understands control sequences."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def width() -> int:
    """Return the columns of the terminal, at least 20."""
    # Above what any terminal has, COLUMNS is a mistake that would cost memory for each line.
    return min(max(20, shutil.get_terminal_size().columns), _WIDEST)


def _write(stream: TextIO, pieces: tuple[Piece, ...], *, end: str) -> None:
    render = _coloured if is_live(stream) and not os.environ.get("NO_COLOR") else _plain
    # The one place where text is written to a terminal: all of it goes through `safe`.
    text = "".join(render(piece) for piece in pieces) + end
    stream.write(second_run.unwritten(text) if stream is sys.stdout else text)
    stream.flush()


def _plain(piece: Piece) -> str:
    return safe(piece if isinstance(piece, str) else piece.text)


def _coloured(piece: Piece) -> str:
    text = _plain(piece)
    return text if isinstance(piece, str) or not text else f"\x1b[{_CODES[piece.colour]}m{text}\x1b[0m"
