"""The rows of a timeline: key, try, time, bar.

Used by the timeline screen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.style import Style

from console.rows.listing import now_ms, style_of
from console.themes import Look
from console.widgets.row_format import RowFormat
from core.model.ranges import Range
from core.model.text import SafeText, safe_line
from core.model.timelines import TaskBar, TimelineView
from core.render.columns import GAP, Column, Form
from core.render.timeline import axis_text, bar_name, bar_text, extent, running_ms
from core.render.times import duration_text

_KEY, _TRIES, _TOOK = 22, 3, 7
_MARGIN = 1
_LEAST = 10
"""Least cells of the bars."""


def bar_cells(width: int) -> int:
    """Return how many cells the bars have on a screen of this width."""
    return max(_LEAST, width - 2 * _MARGIN - _KEY - _TRIES - _TOOK - 3 * GAP)


def bars_begin() -> int:
    """Return the cells to the left of the bars."""
    return _MARGIN + _KEY + _TRIES + _TOOK + 3 * GAP


def timeline_row_format(
    view: Callable[[], TimelineView | None], look: Callable[[], Look], *, width: int
) -> RowFormat[TaskBar]:
    """Write the tasks of a timeline for a width; the axis is the title of the bars."""
    room = bar_cells(width)

    def span() -> Range:
        shown = view()
        return Range(0, 1) if shown is None else extent(shown, now=now_ms())

    def write(bar: TaskBar, columns: Sequence[Column]) -> tuple[SafeText, ...]:
        shown, now = view(), now_ms()
        is_critical = shown is not None and bar.task_id in shown.critical
        tries = sum(one.status == "running" for one in bar.segments)
        took = running_ms(bar, now=now)
        texts = {
            "key": safe_line(f"{'*' if is_critical else ' '}{_glyph(bar.status, look())} {bar_name(bar)}"),
            "try": SafeText(str(tries) if tries else ""),
            "took": SafeText(duration_text(took) if tries else ""),
            "bar": bar_text(bar, span=span(), width=room),
        }
        return tuple(texts[column.name] for column in columns)

    def style(bar: TaskBar, column: Column) -> Style | None:
        return style_of(bar.status, look()) if column.name == "bar" else None

    columns = (
        Column(name="key", title="TASK", form=Form.TEXT, path="key", width=_KEY),
        Column(name="try", title="TRY", form=Form.NUMBER, path="key", width=_TRIES, priority=1),
        Column(name="took", title="TOOK", form=Form.SPAN, path="key", width=_TOOK),
        Column(name="bar", title=axis_text(span=span(), width=room), form=Form.TEXT, path="key", width=room),
    )
    return RowFormat(columns=columns, key=lambda bar: bar.task_id, write=write, style=style)


def _glyph(status: str, look: Look) -> str:
    """Return the sign of a status: the colour of a bar alone must not tell that it was cancelled."""
    mark = look.marks.get(status)
    return mark.glyph if mark else " "
