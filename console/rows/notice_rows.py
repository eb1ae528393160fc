"""Notices as rows, with what became of each.

Used by the screen of notices.
"""

from __future__ import annotations

from collections.abc import Callable

from rich.style import Style

from console.rows.listing import Cells, style_of
from console.themes import Look
from console.widgets.row_format import RowFormat
from core.model.notices import NoticeStatus, NoticeView
from core.model.text import SafeText, safe_line
from core.render.columns import Column, Form
from core.render.times import clock_text

_MARKS = {
    NoticeStatus.WAITING: "queued",
    NoticeStatus.SENT: "succeeded",
    NoticeStatus.FAILED: "failed",
    NoticeStatus.DROPPED: "skipped",
}
"""The status whose glyph and colour are shown."""
COLUMNS = (
    Column(name="at", title="WHEN", form=Form.TEXT, path="at", width=16, min_width=16),
    Column(name="status", title="STATUS", form=Form.TEXT, path="status", width=10, min_width=9),
    Column(name="sink", title="TO", form=Form.TEXT, path="sink", width=12, min_width=6),
    Column(name="text", title="WHAT", form=Form.TEXT, path="text", width=70, min_width=21),
    Column(name="topic", title="TOPIC", form=Form.TEXT, path="topic", width=16, priority=1),
    Column(name="tries", title="TRY", form=Form.NUMBER, path="tries", width=3, priority=2),
    Column(name="error", title="WHY", form=Form.TEXT, path="error", width=40, min_width=10),
)


def notice_row_format(look: Callable[[], Look]) -> RowFormat[NoticeView]:
    """Write notices, the status of each with its glyph."""

    def text(notice: NoticeView, column: Column, now: int) -> SafeText:
        match column.name:
            case "at":
                return SafeText(clock_text(notice.at, now=now))
            case "status":
                return safe_line(f"{look().marks[_mark(notice)].glyph} {notice.status}")
            case "tries":
                return SafeText(str(notice.tries) if notice.tries else "")
            case name:
                return safe_line(getattr(notice, name) or "")

    def style(notice: NoticeView, column: Column) -> Style | None:
        return style_of(_mark(notice), look()) if column.name == "status" else None

    return Cells(text=text, style=style).row_format(COLUMNS, lambda notice: notice.id)


def _mark(notice: NoticeView) -> str:
    return _MARKS[NoticeStatus(notice.status)]
