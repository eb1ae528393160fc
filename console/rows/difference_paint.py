"""Colours of the lines in which two jobs are compared.

Used by the screen that compares them.
"""

from __future__ import annotations

from collections.abc import Callable

from rich.style import Style

from console.rows.listing import style_of
from console.themes import Look
from console.widgets.text_paint import Paint, Spans, StyledRange

_STATUSES = {"+": "succeeded", "-": "failed", "~": "retrying"}
"""The status whose colour is that of a sign, which stands in the line as well."""
_INDENT = 2
"""Lines of a document stand so far to the right."""


def difference_paint(look: Callable[[], Look]) -> Paint:
    """Paint what was added, removed and changed, by the sign that a line begins with."""

    def paint(line: str) -> Spans:
        if line.startswith("job "):
            return (StyledRange(0, len(line), Style(bold=True)),)
        sign = line[:1].strip() or line[_INDENT : _INDENT + 1]
        status = _STATUSES.get(sign)
        style = None if status is None else style_of(status, look())
        return () if style is None else (StyledRange(0, len(line), style),)

    return paint
