"""The runs screen: the last runs of a workflow compared.

Opened through `console.shell.places`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from rich.style import Style
from textual.app import ComposeResult

from console.desk import Desk
from console.key_table import bindings
from console.rows.listing import style_of, worded
from console.screens.base import DeskScreen
from console.widgets.row_format import RowFormat
from console.widgets.styled_lines import Span, StyledLines
from console.widgets.table import Table
from core.filters.fields import Noun
from core.filters.terms import Filter, In
from core.model.text import SafeText, clip, safe_line
from core.model.timelines import RunRow, RunsView
from core.model.views import JobView
from core.render.columns import Column, Form
from core.render.run_grid import SIGNS
from core.render.times import duration_text

RUNS = 30
_KEY, _USUAL, _CELL = 22, 8, 3
_GAPS = 8


class RunsScreen(DeskScreen):
    """Tasks down, runs across, the newest on the left; each cell has a sign, and its status as colour."""

    PARTS = ("bars", "choose_run")
    BINDINGS = bindings(*PARTS)
    READER = "table"
    NOUNS = ("job", "task")

    def __init__(self, desk: Desk, workflow: str) -> None:
        super().__init__(desk)
        self.workflow = workflow
        self._runs: RunsView | None = None
        self._run = 0
        self.table: Table[RunRow] = Table(self._row_format(80))
        self.foot = StyledLines()

    def body(self) -> ComposeResult:
        yield self.table
        yield self.foot

    def on_mount(self) -> None:
        self.table.focus()

    def on_resize(self) -> None:
        """Show as many runs as have room."""
        self._show()
        self.show_status()

    async def load(self) -> None:
        self._runs = await self.desk.control.runs(self.workflow, limit=RUNS)
        self._show()

    def title_line(self) -> SafeText:
        number = 0 if self._runs is None else len(self._runs.runs)
        return safe_line(f" Runs of {self.workflow}  the last {number}, the newest on the left")

    def position_text(self) -> str:
        return f"row {self.table.cursor + 1:,}/{self.table.count:,}" if self.table.count else ""

    def restyle(self) -> None:
        self.table.restyle()
        self._write_foot()

    def selected_view(self) -> object:
        return self.table.selected

    def on_table_moved(self) -> None:
        self._write_foot()
        self.show_status()

    def on_table_opened(self) -> None:
        self.action_open()

    def action_open(self) -> None:
        """Show the task of the chosen run; without one, those of all runs."""
        row = self.table.selected
        if row is None or self._runs is None:
            return
        cell = row.cells[self._run] if self._run < len(row.cells) else None
        if cell is not None:
            self.visit("task", cell.task_id)
            return
        jobs = tuple(job.id for job in self._runs.runs)
        terms = (In(field="job", values=jobs), In(field="key", values=(row.key,)))
        self.visit("tasks", Filter(noun=Noun.TASKS, terms=terms))

    def action_run(self, step: int) -> None:
        """Choose the run to the left or to the right."""
        self._run = max(0, min(self._run + step, self._across(self.size.width) - 1))
        self._show()

    def action_run_job(self) -> None:
        """Show the job of the chosen run."""
        if self._runs is not None and self._run < len(self._runs.runs):
            self.visit("job", self._runs.runs[self._run].id)

    def _across(self, width: int) -> int:
        room = (width - _KEY - _USUAL - _GAPS) // (_CELL + 2)
        return max(1, min(room, 1 if self._runs is None else len(self._runs.runs)))

    def _show(self) -> None:
        if self._runs is None or not self.size.width:
            return
        drawn = self._row_format(self.size.width)
        if drawn.columns != self.table.row_format.columns:
            self.table.take_format(drawn)
        rows = self._runs.rows
        self.table.replace(dict(enumerate(rows)), count=len(rows), more=False)
        self._write_foot()

    def _row_format(self, width: int) -> RowFormat[RunRow]:
        runs = () if self._runs is None else self._runs.runs[: self._across(width)]
        names = {f"job {job.id}": at for at, job in enumerate(runs)}

        def write(row: RunRow, columns: Sequence[Column]) -> tuple[SafeText, ...]:
            return tuple(self._cell(row, column, names.get(column.name)) for column in columns)

        def style(row: RunRow, column: Column) -> Style | None:
            at = names.get(column.name)
            cell = None if at is None else row.cells[at]
            return None if cell is None else style_of(cell.status, self.desk.look)

        columns = (
            Column(name="key", title="TASK", form=Form.TEXT, path="key", width=_KEY),
            *(
                Column(
                    name=f"job {job.id}",
                    title=f"{'>' if at == self._run else ''}{job.id % 1_000}"[-_CELL:],
                    form=Form.NUMBER,
                    path="key",
                    width=_CELL,
                )
                for at, job in enumerate(runs)
            ),
            Column(name="usual", title="USUAL", form=Form.TEXT, path="key", width=_USUAL),
        )
        return RowFormat(columns=columns, key=lambda row: row.key, write=write, style=style)

    def _cell(self, row: RunRow, column: Column, at: int | None) -> SafeText:
        if column.name == "key":
            return safe_line(row.key)
        if column.name == "usual":
            return SafeText("" if row.usual is None else duration_text(row.usual.median_ms))
        cell = None if at is None else row.cells[at]
        return SafeText("" if cell is None else self._sign(cell.status))

    def _sign(self, status: str) -> str:
        mark = self.desk.look.marks.get(status)
        return mark.glyph if mark else "?"

    def _legend(self) -> str:
        return "  ".join(worded(status, self.desk.look) for status in SIGNS)

    def _write_foot(self) -> None:
        """Say what stands under the cursor: the run, the task in it, how long it took."""
        if self._runs is None or self._run >= len(self._runs.runs):
            return
        job, row, width = self._runs.runs[self._run], self.table.selected, self.size.width
        told = f" job {job.id}: {job.status}" + (f", by {job.actor}" if job.actor else "")
        if job.started_at is not None and job.finished_at is not None:
            told += f", took {duration_text(job.finished_at - job.started_at)}"
        cell = None if row is None else row.cells[self._run]
        if row is not None and cell is not None:
            took = "" if cell.took is None else f" {duration_text(cell.took)}"
            usual = "" if row.usual is None else f", usually {duration_text(row.usual.median_ms)}"
            told += f" | {row.key}: {cell.status}{took}{usual}"
        before = self._runs.runs[self._run + 1 : self._run + 2]
        texts = (told, *(f" {change}" for change in changes(job, before)), f" {self._legend()}")
        lines = [[Span(clip(safe_line(text), width))] for text in texts]
        self.foot.write_foot(lines, screen_height=self.size.height, rows=self.table.count)


def changes(job: JobView, before: Sequence[JobView]) -> Iterator[str]:
    """Say in what a run differs from the one before it: its params, its definition."""
    for other in before:
        names = sorted(name for name in {**job.params, **other.params} if _other(job, other, name))
        was = [f"{name} {_json(other, name)} -> {_json(job, name)}" for name in names]
        if job.definition_hash != other.definition_hash:
            was.append("another definition")
        if was:
            yield f"changed since job {other.id}: {', '.join(was)}"


def _other(job: JobView, other: JobView, name: str) -> bool:
    return _json(job, name) != _json(other, name)


def _json(job: JobView, name: str) -> str:
    return json.dumps(job.params[name], ensure_ascii=False) if name in job.params else "(none)"
