"""What runs, longest first, as a panel of Pulse.

Used by the Pulse screen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.style import Style

from console.rows.job_names import JobNames, beside_jobs
from console.rows.listing import cell_text, now_ms, slow_style, style_of
from console.themes import Look
from console.widgets.row_format import RowFormat
from console.widgets.table import CursorShown, Table
from core.control.api import ControlAPI
from core.filters.fields import Noun
from core.filters.terms import Filter, In, Sort
from core.model.text import SafeText, safe_line
from core.model.views import TaskView
from core.render.columns import Column, Form
from core.render.times import duration_text

MOST = 20
WHERE = Filter(
    noun=Noun.TASKS,
    terms=(In(field="status", values=("running",)),),
    sort=Sort(field="took", descending=True),
)
"""What runs, longest first."""
COLUMNS = (
    Column(name="key", title="WHAT RUNS", form=Form.TEXT, path="key", min_width=12, width=24),
    Column(name="job", title="JOB", form=Form.NUMBER, path="job_id", width=6, priority=1),
    Column(name="id", title="TASK", form=Form.NUMBER, path="id", width=7, priority=1),
    Column(name="took", title="TOOK", form=Form.SPAN, path="began_at", other="finished_at", width=8),
    Column(name="usual", title="USUALLY", form=Form.TEXT, path="usual", width=8),
    Column(name="try", title="TRY", form=Form.RATIO, path="tries", other="max_attempts", width=5, priority=2),
    Column(name="queue", title="QUEUE", form=Form.TEXT, path="queue", min_width=8, width=14, priority=2),
)


async def read_running(control: ControlAPI) -> tuple[TaskView, ...]:
    """Return what runs, longest first; each of them has a slot."""
    return (await control.tasks(WHERE, limit=MOST)).rows


def running_table(look: Callable[[], Look], names: JobNames) -> Table[TaskView]:
    """Return a table of tasks that run, each beside what is usual for it."""

    def write(task: TaskView, columns: Sequence[Column]) -> tuple[SafeText, ...]:
        return tuple(_cell(task, column) for column in columns)

    def style(task: TaskView, column: Column) -> Style | None:
        if column.name == "key":
            return style_of("running", look())
        return slow_style(task, look()) if column.name == "took" else None

    row_format = RowFormat(columns=COLUMNS, key=lambda task: task.id, write=write, style=style)
    return Table(beside_jobs(row_format, names), cursor=CursorShown.WITH_FOCUS)


def _cell(task: TaskView, column: Column) -> SafeText:
    if column.name == "usual":
        return safe_line("" if task.usual is None else duration_text(task.usual.median_ms))
    return cell_text(column, task, now=now_ms())
