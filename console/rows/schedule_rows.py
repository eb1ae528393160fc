"""Schedules and their fires as rows, in colour.

Used by the screens of schedules and of one schedule.
"""

from __future__ import annotations

from collections.abc import Callable

from rich.style import Style

from console.rows.listing import Cells, style_of
from console.themes import Look
from console.widgets.row_format import RowFormat
from core.model.text import SafeText, safe_line
from core.model.timing.schedule_views import FireView
from core.model.timing.schedules import FireStatus, ScheduleState
from core.render.columns import Column, Form, cell
from core.render.schedule_lines import ScheduleLine, result_of
from core.render.schedule_texts import fire_text, moment_text

_STATES = {
    ScheduleState.ON: "open",
    ScheduleState.PAUSED: "paused",
    ScheduleState.ENDED: "skipped",
    ScheduleState.SILENT: "failed",
    ScheduleState.UNREADABLE: "failed",
}
_FIRES = {
    FireStatus.WAITING: "queued",
    FireStatus.SKIPPED: "skipped",
    FireStatus.MISSED: "lost",
    FireStatus.FAILED: "failed",
}
"""The status whose glyph and colour are shown for what has no job."""
FIRE_COLUMNS = (
    Column(name="at", title="TIME", form=Form.TEXT, path="at", width=30, min_width=16),
    Column(name="told", title="WHAT BECAME OF IT", form=Form.TEXT, path="told", width=60, min_width=16),
    Column(name="job", title="JOB", form=Form.NUMBER, path="job_id", width=7, min_width=4),
    Column(name="kind", title="KIND", form=Form.TEXT, path="kind", width=8, priority=1),
    Column(name="by", title="BY", form=Form.TEXT, path="actor", width=22, min_width=8, priority=2),
)


def schedule_row_format(columns: tuple[Column, ...], look: Callable[[], Look]) -> RowFormat[ScheduleLine]:
    """Write schedules by their columns, each state and result with its glyph."""

    def text(line: ScheduleLine, column: Column, now: int) -> SafeText:
        match column.name:
            case "state":
                return safe_line(f"{look().marks[_STATES[line.state]].glyph} {line.state}")
            case "last":
                return _marked(line.result, line.last, look())
            case _:
                return cell(column, line, now=now)

    def style(line: ScheduleLine, column: Column) -> Style | None:
        match column.name:
            case "state":
                return style_of(_STATES[line.state], look())
            case "last":
                return style_of(_mark_of(line.result), look())
            case "missed":
                return style_of("lost", look()) if line.missed else None
        return None

    return Cells(text=text, style=style).row_format(columns, lambda line: line.name)


def fire_row_format(look: Callable[[], Look], zone: Callable[[], str]) -> RowFormat[FireView]:
    """Write what became of the times of a schedule, as the clock of its zone shows them."""

    def text(fire: FireView, column: Column, now: int) -> SafeText:
        match column.name:
            case "at":
                return safe_line(moment_text(fire.at, zone()))
            case "told":
                return _marked(result_of(fire), fire_text(fire), look())
            case _:
                return cell(column, fire, now=now)

    def style(fire: FireView, column: Column) -> Style | None:
        return style_of(_mark_of(result_of(fire)), look()) if column.name == "told" else None

    return Cells(text=text, style=style).row_format(FIRE_COLUMNS, lambda fire: (fire.at, fire.kind))


def _mark_of(result: str) -> str:
    return _FIRES[FireStatus(result)] if result in tuple(_FIRES) else result


def _marked(result: str, told: SafeText, look: Look) -> SafeText:
    mark = look.marks.get(_mark_of(result))
    return safe_line(f"{mark.glyph} {told}" if mark and told else told)
