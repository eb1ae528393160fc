"""One line of the terminal, written over as work goes on.

Used by the commands that take long.
"""

from __future__ import annotations

import sys

from core.cli.output import draw, is_live, width
from core.model.text import clip, safe_line


def write_over(text: str) -> None:
    """Write a text in the place of the last one; nothing where standard error is not a terminal."""
    if is_live(sys.stderr):
        draw(f"\r{clip(safe_line(text), width() - 1)}\x1b[K")


def wipe() -> None:
    """Remove what stands in that line."""
    if is_live(sys.stderr):
        draw("\r\x1b[K")
