"""The runs screen: the last runs of a workflow as a grid.

Opened through `console.shell.places`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from console.desk import Desk
from console.key_table import bindings
from console.navigation.history import JobPair
from console.rows.grid_rows import GridShown, across, grid_row_format, legend_of
from console.screens.foot_screen import FootScreen
from console.widgets.styled_lines import Span
from core.filters.fields import Noun
from core.filters.terms import Filter, In
from core.model.text import SafeText, clip, safe_line
from core.model.timelines import RunCell, RunRow, RunsView
from core.model.views import JobView
from core.render.run_grid import is_tolerated
from core.render.times import duration_text

RUNS = 30


class RunsScreen(FootScreen[RunRow]):
    """Tasks down, runs across, the newest on the right; each cell has a sign, and its status as colour."""

    PARTS = ("bars", "choose_run", "compare")
    BINDINGS = bindings(*PARTS)
    NOUNS = ("job", "task")

    def __init__(self, desk: Desk, workflow: str) -> None:
        nothing = GridShown(view=None, chosen=0, across=0)
        super().__init__(desk, grid_row_format(nothing, lambda: desk.look))
        self.workflow = workflow
        self._runs: RunsView | None = None
        self._run = 0
        """The chosen run, from the newest (0)."""

    def on_resize(self) -> None:
        """Show as many runs as have room."""
        self._show()
        self.show_status()

    async def load(self) -> None:
        self._runs = await self.desk.control.runs(self.workflow, limit=RUNS)
        self._show()

    def title_line(self) -> SafeText:
        number = 0 if self._runs is None else len(self._runs.runs)
        return safe_line(f" Runs of {self.workflow}  the last {number}, the newest on the right")

    def position_text(self) -> str:
        return super().position_text() if self.table.count else ""

    def selected_view(self) -> object:
        return self.table.selected

    def action_open(self) -> None:
        """Show the task of the chosen run; without one, those of all runs."""
        row = self.table.selected
        if row is None or self._runs is None:
            return
        cell = self._cell(row)
        if cell is not None:
            self.visit("task", cell.task_id)
            return
        jobs = tuple(job.id for job in self._runs.runs)
        terms = (In(field="job", values=jobs), In(field="key", values=(row.key,)))
        self.visit("tasks", Filter(noun=Noun.TASKS, terms=terms))

    def action_run(self, step: int) -> None:
        """Choose the run to the left or to the right."""
        self._run = max(0, min(self._run - step, across(self._runs, self.size.width) - 1))
        self._show()

    def action_run_job(self) -> None:
        """Show the job of the chosen run."""
        job = self._chosen_run()
        self.visit("job", None if job is None else job.id)

    def action_compare(self) -> None:
        """Compare the chosen run with the one before it."""
        job = self._chosen_run()
        self.visit("difference", None if job is None else JobPair(after=job.id))

    def _chosen_run(self) -> JobView | None:
        runs = () if self._runs is None else self._runs.runs
        return runs[self._run] if self._run < len(runs) else None

    def _cell(self, row: RunRow) -> RunCell | None:
        return row.cells[self._run] if self._run < len(row.cells) else None

    def _show(self) -> None:
        if self._runs is None or not self.size.width:
            return
        shown = GridShown(view=self._runs, chosen=self._run, across=across(self._runs, self.size.width))
        drawn = grid_row_format(shown, lambda: self.desk.look)
        if drawn.columns != self.table.row_format.columns:
            self.table.take_format(drawn)
        rows = self._runs.rows
        self.table.replace(dict(enumerate(rows)), count=len(rows), more=False)
        self.write_foot()

    def foot_lines(self, width: int) -> list[list[Span]]:
        """Say what stands under the cursor: the run, the task in it, how long it took."""
        job, row = self._chosen_run(), self.table.selected
        if self._runs is None or job is None:
            return []
        told = f" job {job.id}: {job.status}" + (f", by {job.actor}" if job.actor else "")
        if job.started_at is not None and job.finished_at is not None:
            told += f", took {duration_text(job.finished_at - job.started_at)}"
        cell = None if row is None else self._cell(row)
        if row is not None and cell is not None:
            took = "" if cell.took is None else f" {duration_text(cell.took)}"
            usual = "" if row.usual is None else f", usually {duration_text(row.usual.median_ms)}"
            tolerated = ", tolerated" if is_tolerated(cell) else ""
            told += f" | {row.key}: {cell.status}{tolerated}{took}{usual}"
        before = self._runs.runs[self._run + 1 : self._run + 2]
        legend = legend_of(self._runs, self.desk.look)
        texts = (told, *(f" {change}" for change in changes(job, before)), f" {legend}")
        return [[Span(clip(safe_line(text), width))] for text in texts]


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
