"""Pulse, the first screen: counts, throughput, failures and waiting tasks.

Opened through `console.shell.places`.
"""

from __future__ import annotations

import asyncio
import time
from typing import TypeAlias

from textual import events
from textual.app import ComposeResult

from console.desk import Desk
from console.key_table import bindings
from console.rows.families import family_row_format, where_family
from console.rows.job_names import JobNames
from console.screens.base import DeskScreen
from console.screens.parts.family_keys import FamilyKeys, family_selection
from console.screens.pulse_lines import count_lines, engine_text, throughput_lines
from console.screens.pulse_panels import (
    FAILING,
    chosen_waiting,
    fill,
    waiting_row_format,
    where_waiting,
)
from console.screens.pulse_running import read_running, running_table
from console.verbs.selection import Selection
from console.widgets.panels import Panels
from console.widgets.styled_lines import StyledLines
from console.widgets.table import CursorShown, Table
from core.model.failures import FamilyView
from core.model.pulse import PulseView, Waiting, WaitKind
from core.model.status import TaskStatus
from core.model.text import SafeText, safe_line
from core.model.views import TaskView

REST_SECONDS = 2.0
"""Between two reads of the throughput; the counts follow every tick."""
STEP_SECONDS = 10.0
"""Between two reads while nothing happens: a step of the throughput."""
MINUTES = 10
"""How far back the throughput is shown."""
_Panel: TypeAlias = "Table[FamilyView] | Table[Waiting] | Table[TaskView]"
_ROOMY = 30
_START = SafeText("nothing has run yet: o starts a job; try the sample")


class PulseScreen(DeskScreen):
    """Its parts are filled apart, so that an error in one leaves the others."""

    PARTS = ("pulse", "acknowledge", "retry", "pause")
    READER = "table"
    BINDINGS = bindings(*PARTS)
    DEFAULT_CSS = """
    PulseScreen .apart { margin-bottom: 1; }
    """

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.counts = StyledLines()
        self.throughput = StyledLines()
        self.failing: Table[FamilyView] = Table(
            family_row_format(FAILING, lambda: desk.look, desk.last_look), cursor=CursorShown.WITH_FOCUS
        )
        self.waiting: Table[Waiting] = Table(
            waiting_row_format(lambda: desk.look), cursor=CursorShown.WITH_FOCUS
        )
        self.names = JobNames(desk.control)
        self.running = running_table(lambda: desk.look, self.names)
        self._panels = Panels(self.failing, self.waiting, self.running)
        self._focused: _Panel = self.failing
        self._view: PulseView | None = None
        self._read_at = 0.0
        self._is_load_due = False
        self.families = FamilyKeys(desk, self, selected=lambda: self.failing.selected)
        self.action_acknowledge = self.families.acknowledge

    def body(self) -> ComposeResult:
        yield self.counts
        yield self.throughput
        yield self._panels

    def on_mount(self) -> None:
        self.failing.focus()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Remember which panel has the focus."""
        panel = next((panel for panel in self._shown_panels() if panel is event.widget), None)
        self._focused = self._focused if panel is None else panel

    def on_resize(self) -> None:
        """Write the lines for the new width; a line stays empty above the panels where there is room."""
        self.throughput.set_class(self.size.height >= _ROOMY, "apart")
        self.show_status()
        self._write_throughput()

    async def load(self) -> None:
        """Read the summary and fill every part; then raise the first error."""
        self._read_at, self._is_load_due = time.monotonic(), False
        self._view = view = await self.desk.control.pulse(minutes=MINUTES)
        parts = (
            self._fill_throughput(),
            self._fill_failing(view),
            self._fill_waiting(view),
            self._fill_running(),
        )
        faults = await asyncio.gather(*parts, return_exceptions=True)
        self._panels.fit()
        for fault in faults:
            if fault is not None:
                raise fault

    def take_changes(self, kinds: frozenset[str]) -> None:
        """Show the counts; read the summary again, a little later if it was just read."""
        if self.load_error or time.monotonic() - self._read_at >= REST_SECONDS:
            super().take_changes(kinds)
        else:
            self._is_load_due = self._is_load_due or self.is_affected(kinds)
            self.show_status()

    def refresh_ages(self) -> None:
        """Read the summary if that is due, or to move the throughput on while there is some."""
        self.failing.refresh_ages()
        self.waiting.refresh_ages()
        self.running.refresh_ages()
        rested = time.monotonic() - self._read_at
        moves = self._view is not None and any(rate.ended for rate in self._view.rates)
        is_due = rested >= REST_SECONDS if self._is_load_due else moves and rested >= STEP_SECONDS
        if is_due and not self.desk.frozen:
            self.reload()
        super().refresh_ages()

    def show_status(self) -> None:
        """Write the counts too: they come with every tick, even if the load fails."""
        super().show_status()
        feed = self.desk.feed
        self.counts.write(count_lines(feed.pulse, self.desk.look, width=self.size.width))
        if not self.desk.feed.has_engine:
            self._write_throughput()
        if self._view is not None:
            self._say_nothing_fails()

    def _say_nothing_fails(self) -> None:
        feed = self.desk.feed
        # The counts may come after the summary.
        is_new = feed.last_event is not None and not any(feed.pulse.tasks.values())
        self.failing.say(_START if is_new else SafeText("nothing fails"))

    def title_line(self) -> SafeText:
        may_start = not self.desk.gate.read_only
        return safe_line(f" Pulse  {engine_text(self.desk.feed, may_start=may_start)}")

    def position_text(self) -> str:
        """Say what failed since the operator last looked, or that the search for it was limited."""
        searched = None if self._view is None else self._view.failing_searched
        news = "" if self._view is None else self.desk.last_look.news_text(self._view.failing)
        return news if searched is None else f"what fails: searched newest {searched:,}"

    def restyle(self) -> None:
        self.failing.restyle()
        self.waiting.restyle()
        self.running.restyle()
        self.show_status()
        self._write_throughput()

    def chosen(self) -> Selection | None:
        """Return all tasks that failed with the code, or the queue or job that waits."""
        if self._focused is self.failing:
            return None if self.failing.selected is None else family_selection(self.failing.selected)
        if self._focused is self.running:
            return None
        return None if self.waiting.selected is None else chosen_waiting(self.waiting.selected)

    def why_not(self, action: str) -> SafeText:
        """Refuse the verbs of the other panel."""
        if action in ("retry", "acknowledge") and self._focused is not self.failing:
            return SafeText(f"{action} acts on what fails: Tab goes there")
        if action == "pause" and self._focused is not self.waiting:
            return SafeText("pause and resume act on what waits: Tab goes there")
        return super().why_not(action)

    def on_table_opened(self) -> None:
        self.action_open()

    def action_open(self) -> None:
        """Show the tasks behind the row, or its job."""
        failing, waiting, running = self.failing.selected, self.waiting.selected, self.running.selected
        if self._focused is self.running:
            self.visit("task", None if running is None else running.id)
        elif self._focused is self.failing:
            self.visit("tasks", None if failing is None else where_family(failing, "failed", "retrying"))
        elif waiting is not None and waiting.kind is WaitKind.PAUSED_JOB and waiting.subject.isdecimal():
            self.visit("job", int(waiting.subject))
        else:
            self.visit("tasks", None if waiting is None else where_waiting(waiting))

    def action_panel(self) -> None:
        """Go on to the next panel that is shown."""
        panels = self._shown_panels()
        panels[(panels.index(self._focused) + 1) % len(panels)].focus()

    async def _fill_throughput(self) -> None:
        self._write_throughput()

    async def _fill_failing(self, view: PulseView) -> None:
        fill(self.failing, view.failing)
        self._say_nothing_fails()

    async def _fill_waiting(self, view: PulseView) -> None:
        fill(self.waiting, view.waiting)
        outside = self.desk.feed.pulse.tasks.get(TaskStatus.WAITING, 0)
        # Those that wait for people, signals, times or children need no slot, and stand in no row here.
        self.waiting.say(SafeText("nothing waits for a slot" if outside else "nothing waits"))

    async def _fill_running(self) -> None:
        """Show what runs, longest first; nothing of the panel while nothing runs."""
        rows = await read_running(self.desk.control)
        await self.names.learn(rows)
        fill(self.running, rows)
        if not rows and self._focused is self.running:
            self.failing.focus()
        self.running.display = bool(rows)

    def _shown_panels(self) -> list[_Panel]:
        panels: list[_Panel] = [self.failing, self.waiting, self.running]
        return [panel for panel in panels if panel.display]

    def _write_throughput(self) -> None:
        rates = () if self._view is None else self._view.rates
        drawn = throughput_lines(rates, self.desk.look, size=self.size, has_engine=self.desk.feed.has_engine)
        self.throughput.write(drawn)
