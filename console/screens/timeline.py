"""The timeline screen: what the tasks of a job did when.

Opened through `console.shell.places`.
"""

from __future__ import annotations

from textual.app import ComposeResult

from console.desk import Desk
from console.key_table import bindings
from console.rows.listing import now_ms, style_of
from console.rows.timeline_rows import bar_cells, bars_begin, timeline_row_format
from console.screens.graph import GraphScreen
from console.screens.job_picture import JobPictureScreen
from console.screens.parts.job_keys import JOB_PARTS
from console.screens.parts.loading import read_on
from console.verbs.selection import Selection
from console.widgets.styled_lines import Span, StyledLines
from console.widgets.table import Table
from core.control.api import Target
from core.model.text import SafeText, clip, fit, safe_line
from core.model.timelines import TaskBar, TimelineView
from core.model.values import INBOX
from core.render.timeline import LEGEND, extent, slots_text, story_text, waited_text


class TimelineScreen(JobPictureScreen):
    """A bar for each task by its attempts, what it waited for between them, and slots used below."""

    PARTS = ("bars", *JOB_PARTS)
    BINDINGS = bindings(*PARTS)
    READER = "table"
    NOUNS = ("job", "task", "attempt")

    def __init__(self, desk: Desk, job_id: int) -> None:
        super().__init__(desk, job_id)
        self._timeline: TimelineView | None = None
        self.table: Table[TaskBar] = Table(timeline_row_format(self._shown, lambda: desk.look, width=80))
        self.foot = StyledLines()

    def body(self) -> ComposeResult:
        yield self.table
        yield self.foot

    def on_mount(self) -> None:
        self.table.focus()

    def on_resize(self) -> None:
        """Draw the bars for the new width."""
        self._show()
        self.show_status()

    def draw_growth(self) -> None:
        """Let the bars of what runs grow."""
        if self._timeline is not None and self._timeline.job.finished_at is None:
            self._show()

    async def load(self) -> None:
        with self.pace.reading():
            self._timeline = await self.desk.control.timeline(self.job_id, offset=self._offset())
            self._show()

    def position_text(self) -> str:
        return f"row {self.table.cursor + 1:,}/{self.table.count:,}" if self.table.count else ""

    def restyle(self) -> None:
        self.table.restyle()
        self._write_foot()

    def chosen(self) -> Selection | None:
        """Return the task under the cursor."""
        bar = self.table.selected
        if bar is None:
            return None
        return Selection(
            target=Target(task_ids=(bar.task_id,)),
            label=f"task {bar.task_id} ({bar.key})",
            is_paused=bar.status == "held",
            # It may be a group: instances of it run while it waits.
            running=None if bar.status in ("waiting", "held") else int(bar.status == "running"),
        )

    def task_status(self) -> str:
        return "" if self.table.selected is None else self.table.selected.status

    def selected_view(self) -> object:
        return self.table.selected

    def subject(self) -> int | None:
        return None if self.table.selected is None else self.table.selected.task_id

    def job_view(self) -> object:
        return None if self._timeline is None else self._timeline.job

    def on_table_moved(self) -> None:
        """Tell the story of the task under the cursor; read on where the view leaves what is in memory."""
        self._write_foot()
        self.show_status()
        read_on(self, self.table)

    def on_table_opened(self) -> None:
        self.action_open()

    def action_open(self) -> None:
        self.visit("task", self.subject())

    def action_draw(self) -> None:
        """Go back to the list, past the graph."""
        below = self.app.screen_stack[-2] if len(self.app.screen_stack) > 1 else None
        self.app.pop_screen()
        if isinstance(below, GraphScreen):
            self.app.pop_screen()

    def _shown(self) -> TimelineView | None:
        return self._timeline

    def _show(self) -> None:
        if self._timeline is None or not self.size.width:
            return
        drawn = timeline_row_format(self._shown, lambda: self.desk.look, width=self.size.width)
        if drawn.columns != self.table.row_format.columns:
            self.table.take_format(drawn)
        bars = self._timeline.bars
        rows = dict(enumerate(bars, self._first(self._timeline)))
        self.table.replace(rows, count=self._count(self._timeline), more=False)
        self.table.say(SafeText("no tasks"))
        self._write_foot()

    def _offset(self) -> int:
        """Return the number of the task to read from: as before, unless the view has left what that is."""
        view = self._timeline
        if view is None or view.searched is None:
            return 0
        first, last, top = view.first, view.first + len(view.bars), self.table.top
        end = min(top + self.table.height, self._count(view))
        return first if first <= top and end <= last else max(0, top - len(view.bars) // 2)

    def _first(self, view: TimelineView) -> int:
        return 0 if self.job_id == INBOX else view.first

    def _count(self, view: TimelineView) -> int:
        """Return how many tasks the list has: of the loose ones only the newest."""
        is_whole = view.searched is None or self.job_id == INBOX
        return len(view.bars) if is_whole else sum(view.job.tasks.values())

    def _write_foot(self) -> None:
        """Write slots used, the chain that decided the end, and what the chosen task did."""
        if self._timeline is None:
            return
        width, now = self.size.width, now_ms()
        slots, peak = slots_text(self._timeline, span=extent(self._timeline, now=now), width=bar_cells(width))
        # Of a large job only the tasks in memory are counted.
        among = "" if self._timeline.searched is None else f" by these {len(self._timeline.bars):,}"
        label = fit(f" slots used{among}, at most {peak}", bars_begin())
        lines = [[Span(label), Span(slots, style_of("running", self.desk.look))]]
        if self._timeline.critical:
            took = waited_text(self._timeline, now=now)
            verb = "decides" if self._timeline.job.finished_at is None else "decided"
            lines.append([Span(clip(safe_line(f" * {verb} the end: {took}"), width))])
        bar = self.table.selected
        if bar is not None:
            lines.append([Span(clip(safe_line(f" {story_text(bar, now=now)}"), width))])
        lines.append([Span(clip(safe_line(f" {LEGEND}"), width))])
        self.foot.write_foot(lines, screen_height=self.size.height, rows=self.table.count)
