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
from console.rows.row_count import cut_words, first_words
from console.screens.base import DeskScreen
from console.screens.parts.loading import read_on
from console.widgets.line import Line
from console.widgets.table import Table
from core.filters.fields import Noun
from core.model.past import PastJob, PastTask, PastView
from core.model.records import replace
from core.model.text import SafeText, clip, safe_line
from core.model.views import Page
from core.render.past import past_lines
from core.render.times import clock_text

_LOW = 10
"""Lines of a screen that has no room for the counts."""


class PastScreen(DeskScreen):
    """The jobs of a moment, or tasks of that moment: no verb is offered, and nothing of it changes."""

    PARTS = ("past",)
    BINDINGS = bindings(*PARTS)
    READER = "table"

    def __init__(self, desk: Desk, as_of: AsOf) -> None:
        super().__init__(desk)
        self._as_of = as_of
        of_bundle = "BUNDLE " if desk.mark else ""
        self.mark = safe_line(f"{of_bundle}AS OF {clock_text(as_of.at, now=now_ms())} · read-only")
        self._shown = self._whole(Noun.JOBS if as_of.job_id is None else Noun.TASKS)
        self._past: PastView | None = None
        self._pages: Pages[PastRow] | None = None
        self.counts = (Line(), Line())
        """Of the whole store: jobs, tasks."""
        self.names = JobNames(desk.control)
        self.table: Table[PastRow] = Table(
            beside_jobs(past_row_format(self._shown.noun, lambda: desk.look), self.names)
        )

    def body(self) -> ComposeResult:
        yield from self.counts
        yield self.table

    def on_mount(self) -> None:
        self.table.focus()

    def on_resize(self) -> None:
        self._show()
        super().on_resize()

    async def load(self) -> None:
        """Read the rows in view and around; what is known of the moment stays."""
        if self._past is None:
            self._past = await self.desk.control.past.counts(self._as_of.at)
        if self._pages is None:
            self._pages = self._new_pages(self._past.event)
        pages = self._pages
        await pages.show(self.table.top, self.table.top + self.table.height)
        if pages is self._pages:
            self._show()

    def is_affected(self, kinds: frozenset[str]) -> bool:
        """Return False: the past does not change."""
        return False

    def is_fresh(self) -> bool:
        return self._pages is not None and not self.load_error

    def restyle(self) -> None:
        self.table.restyle()

    def title_line(self) -> SafeText:
        of = "" if self._as_of.job_id is None else f" of job {self._as_of.job_id}"
        status = "" if self._shown.status is None else f", only {self._shown.status}"
        cut = "" if self._pages is None else cut_words(self._shown.where, self._pages.searched)
        return safe_line(f" {'Jobs' if self._shown.noun is Noun.JOBS else 'Tasks'}{of}{status}{cut}")

    def position_text(self) -> str:
        at = self.table.cursor + 1 if self.table.count else 0
        # The counts behind it are those of the present, on every screen.
        return f"row {at:,}/{self.table.count:,}{'+' if self.table.more else ''}  now:"

    def on_table_moved(self) -> None:
        """Read on when the view nears rows that are not in memory."""
        self.show_status()
        read_on(self, self.table)

    def on_table_opened(self) -> None:
        self.action_open()

    def on_table_end_wanted(self) -> None:
        """Read on to the end, as far as a list is searched for it."""
        self.reload_for_operator(self._read_to_end)

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
        self._shown, self._pages = rows, None
        self.table.forget_widths()
        if other:
            self.table.replace({}, count=0, more=False)
            shown = past_row_format(rows.noun, lambda: self.desk.look)
            self.table.take_format(beside_jobs(shown, self.names))
        self.table.start_over()
        self.reload_for_operator()
        self.show_status()

    def _new_pages(self, event: int) -> Pages[PastRow]:
        rows, control = self._shown, self.desk.control

        async def read(after: str | None, limit: int) -> Page[PastRow]:
            page = await rows.read(control, event, after, limit)
            await self.names.learn(page.rows)
            return page

        return Pages(read)

    async def _read_to_end(self) -> None:
        pages = self._pages
        if pages is not None:
            is_end = await pages.reach_end()
            if pages is self._pages:
                self._show()
                self.table.go_to(pages.count - 1)
                if not is_end:
                    self.tell(first_words(pages.count))

    def _show(self) -> None:
        if self._past is None or self._pages is None:
            return
        pages = self._pages
        self.table.replace(pages.window(), count=pages.count, more=pages.more)
        searched = "" if pages.searched is None else " among the rows searched"
        self.table.say(safe_line(f"there was none{searched}"))
        for line, told in zip(self.counts, past_lines(self._past), strict=True):
            line.write(Content(clip(f" all {told}", self.size.width or 80)))
            line.display = self.size.height > _LOW
        self.show_status()
