"""The job screen: stages and tasks with live states, and progress.

Opened through `console.shell.places`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rich.style import Style

from console.desk import Desk
from console.key_table import bindings
from console.rows.listing import Listing, cell_text, columns_of, now_ms, slow_style, style_of, worded
from console.screens.base import DeskScreen
from console.screens.list_screen import ListScreen
from console.themes import Look
from console.verbs.selection import Selection, job_selection
from console.widgets.row_format import RowFormat
from core.control.api import ControlAPI
from core.filters.fields import Noun
from core.filters.terms import Filter, In, Sort
from core.model.records import replace
from core.model.status import TASK_FINAL
from core.model.text import SafeText, cells, clip, safe_line
from core.model.values import INBOX
from core.model.views import JobDetail, JobView, Page, StageView, TaskDetail, TaskView
from core.render.columns import Column, Form
from core.render.graph.layering import depths
from core.render.times import duration_text

WHOLE = 1_000
"""A job of more tasks is shown without stages, as a list of tasks in pages."""
_BAR = 16
_NAME_CELLS = 12
"""Least room of the name in a narrow head line."""
_DEEPEST = 6
_NEEDS = Column(name="needs", title="NEEDS", form=Form.TEXT, path="", min_width=12, width=18, priority=4)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRow:
    """A stage, or a task with its depth among the needs of its stage."""

    view: StageView | TaskView
    depth: int = 0
    needs: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[str, int]:
        """Return what stays the same when the row changes."""
        return ("stage" if isinstance(self.view, StageView) else "task", self.view.id)


class JobScreen(ListScreen[JobRow]):
    """A line of progress, then stages and the tasks in them, indented by their needs."""

    PARTS = (
        "list",
        "drawn",
        "runs",
        "retry",
        "again",
        "cancel",
        "kill",
        "pause",
        "hold",
        "why",
        "logs",
        "events",
        "times",
    )
    BINDINGS = bindings(*PARTS)
    NOUNS = ("job", "stage", "task")
    PLACES = {"open": "task", "logs": "log"}

    def __init__(self, desk: Desk, job_id: int) -> None:
        super().__init__(desk, _listing(desk.control, job_id), row_format=_row_format(desk))
        self.job_id = job_id
        self._job: JobView | None = None
        self._first_task: int | None = None
        self.action_pause = self._pause

    async def load(self) -> None:
        self._job = await self.desk.control.job(self.job_id)
        await super().load()
        wanted, self._first_task = self._first_task, None
        if wanted is not None:
            self.table.go_to(number_of(wanted, self.table.rows))

    def on_mount(self) -> None:
        """Begin at the task of the screen below, if it is one of the job's."""
        below = self.app.screen_stack[-2] if len(self.app.screen_stack) > 1 else None
        view = below.selected_view() if isinstance(below, DeskScreen) else None
        task = view.task if isinstance(view, TaskDetail) else view
        self._first_task = task.id if isinstance(task, TaskView) else None

    def title_line(self) -> SafeText:
        if self._job is None:
            return safe_line(f" Job {self.job_id}")
        return heading(self._job, self.desk.look, width=self.size.width or 80)

    def chosen(self) -> Selection | None:
        """Return the task under the cursor; on a stage, the job."""
        return super().chosen() or (None if self._job is None else job_selection(self._job))

    def subject(self) -> int | None:
        view = self.selected_view()
        return view.id if isinstance(view, TaskView) else None

    def job_view(self) -> object:
        return self._job

    def export_cell(self, row: JobRow, column: Column) -> SafeText:
        return safe_line(", ".join(row.needs)) if column is _NEEDS else super().export_cell(row, column)

    def action_runs(self) -> None:
        self.visit("runs", None if self._job is None else self._job.name)

    def action_draw(self) -> None:
        """Show the job as a graph."""
        self.visit("graph", self.job_id)

    def action_events(self) -> None:
        self.visit("job events", self.job_id)

    def action_why(self) -> None:
        """Say why the task under the cursor waits; on a stage, for what the job waits."""
        task_id = self.subject()
        if task_id is None:
            self.visit("why job", self.job_id)
        else:
            self.visit("why", task_id)

    def _pause(self) -> None:
        """Pause or resume the job, wherever the cursor is: tasks are held instead."""
        if self._job is not None:
            self.verbs.act_on(job_selection(self._job), self.desk.operations.pause)


def number_of(task_id: int, rows: Mapping[int, JobRow]) -> int:
    """Return the number of the row of a task; 0 = it is not in memory."""
    return next((number for number, row in rows.items() if row.key == ("task", task_id)), 0)


def heading(job: JobView, look: Look, *, width: int) -> SafeText:
    """Return name, status and progress of a job; a long name is cut first."""
    before, after = safe_line(f" Job {job.id}  "), safe_line(f"  {worded(job.status, look)}  {progress(job)}")
    name = clip(job.name, max(_NAME_CELLS, width - cells(before) - cells(after)))
    return safe_line(f"{before}{name}{after}")


def progress(job: JobView) -> str:
    """Return how many tasks of a job are done, how long it has been running and how much longer it takes.

    The estimate assumes the average pace so far, and is never before the last retry that waits.
    """
    total = sum(job.tasks.values())
    done = sum(job.tasks.get(status, 0) for status in TASK_FINAL)
    filled = _BAR * done // total if total else 0
    parts = [f"[{'#' * filled}{'-' * (_BAR - filled)}] {done}/{total}"]
    if job.started_at is not None and job.id != INBOX:
        elapsed = (now_ms() if job.finished_at is None else job.finished_at) - job.started_at
        parts.append(duration_text(elapsed))
        if 0 < done < total and job.status == "running":
            left = elapsed * (total - done) // done
            due = 0 if job.retry_until is None else job.retry_until - now_ms()
            parts.append(f"ETA {duration_text(left)}" if due <= left else f"ETA {duration_text(due)} (retry)")
    parts += [f"{word} {job.tasks[word]}" for word in ("running", "failed", "held") if job.tasks.get(word)]
    return "  ".join(parts)


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


def _columns() -> tuple[Column, ...]:
    needless = [column for column in columns_of(Noun.TASKS) if column.name != "job"]
    return (*needless, _NEEDS)


def _listing(control: ControlAPI, job_id: int) -> Listing[JobRow]:
    # The tasks that belong to no workflow come newest first, as in every list.
    order = Sort(field="id", descending=job_id == INBOX)
    scope = (In(field="job", values=(job_id,)),)

    async def read(where: Filter, after: str | None, limit: int) -> Page[JobRow]:
        plain = not where.terms and where.sort is None and after is None
        if plain and job_id != INBOX and sum((await control.job(job_id)).tasks.values()) <= WHOLE:
            return Page(rows=tuple(rows_of(await control.job_detail(job_id))))
        narrowed = replace(where, terms=(*where.terms, *scope), sort=where.sort or order)
        page = await control.tasks(narrowed, after=after, limit=limit)
        rows = tuple(JobRow(view=task) for task in page.rows)
        return Page(rows=rows, next=page.next, searched=page.searched)

    return Listing(
        noun=Noun.TASKS,
        columns=_columns(),
        key=lambda row: row.key,
        read=read,
        view=lambda row: row.view,
        scope=scope,
        order=order,
    )


def _row_format(desk: Desk) -> RowFormat[JobRow]:
    def write(row: JobRow, columns: Sequence[Column]) -> tuple[SafeText, ...]:
        now = now_ms()
        return tuple(_cell(row, column, desk=desk, now=now) for column in columns)

    def style(row: JobRow, column: Column) -> Style | None:
        if column.name == "status":
            return style_of(row.view.status, desk.look)
        if column.name == "took" and isinstance(row.view, TaskView):
            return slow_style(row.view, desk.look)
        return Style(bold=True) if isinstance(row.view, StageView) else None

    return RowFormat(columns=_columns(), key=lambda row: row.key, write=write, style=style)


def _cell(row: JobRow, column: Column, *, desk: Desk, now: int) -> SafeText:
    view = row.view
    if column.name == "status":
        return worded(view.status, desk.look)
    if column.name == "needs":
        return safe_line(", ".join(row.needs))
    if isinstance(view, StageView):
        return safe_line(f"stage {view.position + 1} {view.name}") if column.name == "key" else SafeText("")
    text = cell_text(column, view, now=now)
    if column.name == "key" and row.depth:
        return safe_line(f"{'  ' * (min(row.depth, _DEEPEST) - 1)}└ {text}")
    return text
