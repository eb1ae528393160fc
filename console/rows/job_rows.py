"""Stages and tasks of a job as rows.

Used by the screens of a job: as it stands, and as it stood.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from rich.style import Style

from console.rows.listing import cell_text, columns_of, now_ms, slow_style, style_of, worded
from console.themes import Look
from console.widgets.row_format import RowFormat
from core.filters.fields import Noun
from core.model.text import SafeText, safe_line
from core.model.views import JobDetail, StageView, TaskView
from core.render.columns import Column, Form
from core.render.graph.layering import depths

WHOLE = 1_000
"""A job of more tasks is shown without stages, as a list of tasks in pages."""
_DEEPEST = 6
_FOLDED, _UNFOLDED = "▸", "▾"
NEEDS = Column(name="needs", title="NEEDS", form=Form.TEXT, path="", min_width=12, width=18, priority=4)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRow:
    """A stage, or a task with its depth among the needs of its stage."""

    view: StageView | TaskView
    depth: int = 0
    needs: tuple[str, ...] = ()
    is_unfolded: bool | None = None
    """Whether instances stand below it; None = none can."""
    place: int | None = None
    """Of an instance that stands below its group: the number among its rows, from 0."""

    @property
    def key(self) -> tuple[str, int]:
        """Return what stays the same when the row changes."""
        return ("stage" if isinstance(self.view, StageView) else "task", self.view.id)


def rows_of(detail: JobDetail) -> Iterator[JobRow]:
    """Return the stages of a job in order, each followed by its tasks in order of their needs' depth."""
    for stage in detail.stages:
        members = [task for task in detail.tasks if task.task.stage_id == stage.id]
        yield JobRow(view=stage)
        depth_of = depths({task.task.key: task.needs for task in members})
        yield from (
            JobRow(view=task.task, depth=depth_of[task.task.key], needs=task.needs)
            for task in sorted(members, key=lambda task: (depth_of[task.task.key], task.task.id))
        )


def job_columns() -> tuple[Column, ...]:
    """Return the columns of tasks, with their needs."""
    needless = [column for column in columns_of(Noun.TASKS) if column.name != "job"]
    return (*needless, NEEDS)


def job_row_format(look: Callable[[], Look], *, now: Callable[[], int] = now_ms) -> RowFormat[JobRow]:
    """Write stages and tasks by their columns; `now` = the moment that ages and durations end at."""

    def write(row: JobRow, columns: Sequence[Column]) -> tuple[SafeText, ...]:
        at = now()
        return tuple(_cell(row, column, look=look(), now=at) for column in columns)

    def style(row: JobRow, column: Column) -> Style | None:
        if column.name == "status":
            return style_of(row.view.status, look())
        if column.name == "took" and isinstance(row.view, TaskView):
            return slow_style(row.view, look())
        return Style(bold=True) if isinstance(row.view, StageView) else None

    return RowFormat(columns=job_columns(), key=lambda row: row.key, write=write, style=style)


def _cell(row: JobRow, column: Column, *, look: Look, now: int) -> SafeText:
    view = row.view
    if column.name == "status":
        return worded(view.status, look)
    if column.name == "needs":
        return safe_line(", ".join(row.needs))
    if isinstance(view, StageView):
        return safe_line(f"stage {view.position + 1} {view.name}") if column.name == "key" else SafeText("")
    text = cell_text(column, view, now=now)
    return _key_cell(row, text) if column.name == "key" else text


def _key_cell(row: JobRow, text: SafeText) -> SafeText:
    branch = f"{'  ' * (min(row.depth, _DEEPEST) - 1)}└ " if row.depth else ""
    fold = "" if row.is_unfolded is None else f"{_UNFOLDED if row.is_unfolded else _FOLDED} "
    return safe_line(f"{branch}{fold}{text}")
