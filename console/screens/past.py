"""The past screen: jobs and tasks as of an earlier time.

Opened through `console.shell.places`.
"""

from __future__ import annotations

from textual.app import ComposeResult
from textual.content import Content

from console.desk import Desk
from console.key_table import bindings
from console.navigation.history import AsOf
from console.rows.job_names import JobNames, beside_jobs
from console.rows.listing import now_ms
from console.rows.pages import Pages
from console.rows.past_rows import PastRow, PastRows, past_row_format
from console.rows.row_count import cut_words
from console.screens.paged_screen import PagedScreen
from console.widgets.line import Line
from core.filters.fields import Noun
from core.model.past import PastJob, PastTask, PastView
from core.model.records import replace
from core.model.text import SafeText, clip, safe_line
from core.model.views import Page
from core.render.past import past_lines
from core.render.times import clock_text

_LOW = 10
"""Lines of a screen that has no room for the counts."""


class PastScreen(PagedScreen[PastRow]):
    """The jobs of a moment, or tasks of that moment: no verb is offered, and nothing of it changes."""

    PARTS = ("past",)
    BINDINGS = bindings(*PARTS)

    def __init__(self, desk: Desk, as_of: AsOf) -> None:
        self._as_of = as_of
        self._shown = self._whole(Noun.JOBS if as_of.job_id is None else Noun.TASKS)
        self.names = JobNames(desk.control)
        super().__init__(desk, beside_jobs(past_row_format(self._shown.noun, lambda: desk.look), self.names))
        of_bundle = "BUNDLE " if desk.mark else ""
        self.mark = safe_line(f"{of_bundle}AS OF {clock_text(as_of.at, now=now_ms())} · read-only")
        self._past: PastView | None = None
        self._read: Pages[PastRow] | None = None
        """Those pages that were read; others were asked for since, if it is not the present ones."""
        self.counts = (Line(), Line())
        """Of the whole store: jobs, tasks."""

    def body(self) -> ComposeResult:
        yield from self.counts
        yield self.table

    def on_resize(self) -> None:
        self._write_counts()

    async def load(self) -> None:
        """Read the rows in view and around; what is known of the moment stays."""
        await self._moment()
        await super().load()

    async def read(self, after: str | None, limit: int) -> Page[PastRow]:
        rows, past = self._shown, await self._moment()
        page = await rows.read(self.desk.control, past.event, after, limit)
        await self.names.learn(page.rows)
        return page

    def nothing(self) -> SafeText:
        searched = "" if self.pages.searched is None else " among the rows searched"
        return safe_line(f"there was none{searched}")

    def show_rows(self) -> None:
        self._read = self.pages
        super().show_rows()
        self._write_counts()

    def selected_view(self) -> object:
        """Return None: no verb acts on what was."""
        return None

    def is_affected(self, kinds: frozenset[str]) -> bool:
        """Return False: the past does not change."""
        return False

    def is_fresh(self) -> bool:
        return self._read is self.pages and not self.load_error

    def title_line(self) -> SafeText:
        of = "" if self._as_of.job_id is None else f" of job {self._as_of.job_id}"
        status = "" if self._shown.status is None else f", only {self._shown.status}"
        cut = cut_words(self._shown.where, self.pages.searched)
        return safe_line(f" {'Jobs' if self._shown.noun is Noun.JOBS else 'Tasks'}{of}{status}{cut}")

    def position_text(self) -> str:
        # The counts behind it are those of the present, on every screen.
        return f"{super().position_text()}  now:"

    def action_open(self) -> None:
        """Show the tasks that a job had then; of a task its history, before and since."""
        match self.table.selected:
            case PastJob(id=job_id):
                self.visit("as of", replace(self._as_of, job_id=job_id))
            case PastTask(id=task_id):
                self.visit("task events", task_id)

    def action_status(self) -> None:
        """Show the rows of one status: the next of those that occur, and behind the last all."""
        counts = {} if self._past is None else self._past.jobs
        if self._shown.noun is Noun.TASKS:
            counts = {} if self._past is None else self._past.tasks
        order = [None, *counts]
        at = order.index(self._shown.status) if self._shown.status in order else 0
        self._list(replace(self._shown, status=order[(at + 1) % len(order)]))

    def action_all_tasks(self) -> None:
        """Show the tasks of all jobs of that moment, or the jobs again."""
        if self._as_of.job_id is None:
            self._list(self._whole(Noun.JOBS if self._shown.noun is Noun.TASKS else Noun.TASKS))

    def why_not(self, action: str) -> SafeText:
        if action == "all_tasks" and self._as_of.job_id is not None:
            return SafeText("these are the tasks of one job; Esc leads back to the jobs of then")
        return super().why_not(action)

    def _whole(self, noun: Noun) -> PastRows:
        return PastRows(noun=noun, job_id=self._as_of.job_id)

    def _list(self, rows: PastRows) -> None:
        other = rows.noun is not self._shown.noun
        self._shown = rows
        self.table.forget_widths()
        if other:
            self.table.replace({}, count=0, more=False)
            shown = past_row_format(rows.noun, lambda: self.desk.look)
            self.table.take_format(beside_jobs(shown, self.names))
        self.start_over()

    async def _moment(self) -> PastView:
        """Return the counts of the moment, read once."""
        if self._past is None:
            self._past = await self.desk.control.past.counts(self._as_of.at)
        return self._past

    def _write_counts(self) -> None:
        if self._past is not None:
            for line, told in zip(self.counts, past_lines(self._past), strict=True):
                line.write(Content(clip(f" all {told}", self.size.width or 80)))
                line.display = self.size.height > _LOW
