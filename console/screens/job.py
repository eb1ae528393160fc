"""The job screen: stages and tasks with live states, and progress.

Opened through `console.shell.places`.
"""

from __future__ import annotations

from collections.abc import Mapping

from console.desk import Desk
from console.key_table import bindings
from console.rows.job_rows import NEEDS, WHOLE, JobRow, job_columns, job_row_format
from console.rows.listing import Listing
from console.rows.unfolded_groups import UnfoldedGroups
from console.screens.list_screen import ListScreen
from console.screens.parts.job_keys import JOB_PARTS, JobKeys
from console.screens.parts.unfolder import Unfolder
from console.verbs.selection import Selection, job_selection
from core.control.api import ControlAPI
from core.filters.fields import Noun
from core.filters.terms import Filter, In, Sort
from core.model.records import replace
from core.model.text import SafeText, safe_line
from core.model.values import INBOX
from core.model.views import JobView, Page, TaskView
from core.render.columns import Column


class JobScreen(ListScreen[JobRow]):
    """A line of progress, then stages and the tasks in them, indented by their needs.

    A group is one row, until it is unfolded: then its instances stand below it.
    """

    PARTS = ("list", "unfold", *JOB_PARTS, "times")
    BINDINGS = bindings(*PARTS)
    NOUNS = ("job", "stage", "task")
    PLACES = {"open": "task", "logs": "log"}

    def __init__(self, desk: Desk, job_id: int) -> None:
        groups = UnfoldedGroups(desk.control, job_id)
        listing = _listing(desk.control, job_id, groups)
        super().__init__(desk, listing, row_format=job_row_format(lambda: desk.look))
        self.job_id = job_id
        self.unfolder = Unfolder(self.rows, self.table, self, groups=groups)
        self.action_unfold = self.unfolder.toggle
        self._job: JobView | None = None
        self._first_task: int | None = None
        self.job_keys = JobKeys(desk, self.verbs, self, job_id=job_id)
        self.action_runs = self.job_keys.runs
        self.action_history = self.job_keys.history
        self.action_artifacts = self.job_keys.artifacts
        self.action_pause = self.job_keys.pause

    async def load(self) -> None:
        self._job = await self.desk.control.job(self.job_id)
        await super().load()
        wanted, self._first_task = self._first_task, None
        if wanted is not None:
            self.table.go_to(number_of(wanted, self.table.rows))

    def on_mount(self) -> None:
        """Begin at the task of the screen below, if it is one of the job's."""
        self._first_task = self.job_keys.first_task()

    def title_line(self) -> SafeText:
        return self.job_keys.title(self.size.width or 80)

    def chosen(self) -> Selection | None:
        """Return the task under the cursor; on a stage, the job."""
        return super().chosen() or (None if self._job is None else job_selection(self._job))

    def why_not(self, action: str) -> SafeText:
        return self.unfolder.why_not() if action == "unfold" else super().why_not(action)

    def subject(self) -> int | None:
        view = self.selected_view()
        return view.id if isinstance(view, TaskView) else None

    def job_view(self) -> object:
        return self._job

    def export_cell(self, row: JobRow, column: Column) -> SafeText:
        return safe_line(", ".join(row.needs)) if column is NEEDS else super().export_cell(row, column)

    def action_draw(self) -> None:
        """Show the job as a graph."""
        self.visit("graph", self.job_id)

    def action_events(self) -> None:
        self.job_keys.events()

    def action_why(self) -> None:
        self.job_keys.why()


def number_of(task_id: int, rows: Mapping[int, JobRow]) -> int:
    """Return the number of the row of a task; 0 = it is not in memory."""
    return next((number for number, row in rows.items() if row.key == ("task", task_id)), 0)


def _listing(control: ControlAPI, job_id: int, groups: UnfoldedGroups) -> Listing[JobRow]:
    # The tasks that belong to no workflow come newest first, as in every list.
    order = Sort(field="id", descending=job_id == INBOX)
    scope = (In(field="job", values=(job_id,)),)

    async def read(where: Filter, after: str | None, limit: int) -> Page[JobRow]:
        if after is not None and groups.is_place(after):
            return await groups.page(after, limit)
        plain = not where.terms and where.sort is None and after is None
        if plain and job_id != INBOX and sum((await control.job(job_id)).tasks.values()) <= WHOLE:
            return await groups.page(None, limit)
        groups.forget()
        narrowed = replace(where, terms=(*where.terms, *scope), sort=where.sort or order)
        page = await control.tasks(narrowed, after=after, limit=limit)
        rows = tuple(JobRow(view=task) for task in page.rows)
        return Page(rows=rows, next=page.next, searched=page.searched)

    return Listing(
        noun=Noun.TASKS,
        columns=job_columns(),
        key=lambda row: row.key,
        read=read,
        view=lambda row: row.view,
        scope=scope,
        order=order,
        total=lambda: groups.total,
    )
