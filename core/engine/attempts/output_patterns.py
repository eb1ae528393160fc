"""Patterns of `retry.on` against the last output of a process.

Used by the processes.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from core.files.untrusted import tail_bytes
from core.filters.patterns import Case, PatternRefused, compile_line_pattern
from core.model.ports import ProcessExit

LAST_BYTES = 65_536
"""How much of the end of each stream is looked at."""


def fitting_pattern(patterns: Sequence[str], end: ProcessExit) -> str | None:
    """Return the first pattern that is found in the last output, standard error included, or None."""
    streams = [_tail(path) for path in (end.out, end.err) if path is not None]
    return next((text for text in patterns if any(_found(text, data) for data in streams)), None)


def _found(text: str, data: bytes) -> bool:
    try:
        return compile_line_pattern(text, Case.EXACT).found_in_whole(data)
    except PatternRefused:
        # It was checked when the task was admitted, perhaps by another version.
        return False


def _tail(path: Path) -> bytes:
    try:
        return tail_bytes(path, LAST_BYTES)
    except OSError:
        return b""
