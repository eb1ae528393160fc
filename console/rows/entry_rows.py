"""Entries of the ledger as rows.

Used by the screen of the entries of a budget.
"""

from __future__ import annotations

from collections.abc import Callable

from rich.style import Style

from console.rows.amounts import bare_amount
from console.rows.listing import Cells, style_of
from console.themes import Look
from console.widgets.row_format import RowFormat
from core.model.limits.entry_views import RESERVED, EntryView
from core.model.text import SafeText, safe_line
from core.render.columns import Column, Form
from core.render.entry_texts import entry_note, entry_who
from core.render.times import clock_text

_MARKS = {
    RESERVED: "running",
    "settled": "succeeded",
    "charged": "succeeded",
    "estimated": "queued",
    "unknown": "lost",
    "reconciled": "retrying",
    "correction": "held",
}
"""The status whose colour is that of a kind."""
COLUMNS = (
    Column(name="at", title="WHEN", form=Form.TEXT, path="at", width=14, min_width=8),
    Column(name="kind", title="KIND", form=Form.TEXT, path="kind", width=10),
    Column(name="amount", title="AMOUNT", form=Form.NUMBER, path="amount", width=12, min_width=8),
    Column(name="job", title="JOB", form=Form.NUMBER, path="job_id", width=7, min_width=4, priority=2),
    Column(name="task", title="TASK", form=Form.NUMBER, path="task_id", width=8, min_width=5),
    Column(name="try", title="TRY", form=Form.NUMBER, path="epoch", width=4, min_width=3),
    Column(name="key", title="KEY", form=Form.TEXT, path="key", width=20, min_width=8),
    Column(name="who", title="WHO", form=Form.TEXT, path="actor", width=24, min_width=8, priority=1),
    Column(name="note", title="NOTE", form=Form.TEXT, path="reason", width=40, min_width=10, priority=3),
)


def entry_row_format(look: Callable[[], Look]) -> RowFormat[EntryView]:
    """Write entries, their kinds in colour."""

    def text(entry: EntryView, column: Column, now: int) -> SafeText:
        return _cell(entry, column.name, now=now)

    def style(entry: EntryView, column: Column) -> Style | None:
        return style_of(_MARKS[entry.kind], look()) if column.name in ("kind", "amount") else None

    return Cells(text=text, style=style).row_format(COLUMNS, _key)


def _key(entry: EntryView) -> tuple[int, int | None, int | None]:
    return entry.id, entry.task_id, entry.epoch


def _cell(entry: EntryView, name: str, *, now: int) -> SafeText:
    match name:
        case "at":
            return SafeText(clock_text(entry.at, now=now))
        case "kind":
            return SafeText(entry.kind)
        case "amount":
            return bare_amount(entry.amount, entry.unit)
        case "job" | "task" | "try":
            number = {"job": entry.job_id, "task": entry.task_id, "try": entry.epoch}[name]
            return SafeText("" if number is None else str(number))
        case "key":
            return safe_line(entry.key or "")
        case "who":
            return safe_line(entry_who(entry))
        case _:
            return safe_line(entry_note(entry))
