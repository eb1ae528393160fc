"""Pulse: how everything stands, how fast it goes, what fails and what waits."""

from __future__ import annotations

import asyncio
import time

from textual import events
from textual.app import ComposeResult
from textual.containers import Container

from console.desk import Desk
from console.key_table import bindings
from console.screens.base import DeskScreen
from console.screens.pulse_lines import counted, engine_words, speeds
from console.screens.pulse_panels import (
    chosen_failing,
    chosen_waiting,
    failing_row_format,
    fill,
    waiting_row_format,
    where_failing,
    where_waiting,
)
from console.verbs.selection import Selection
from console.widgets.styled_lines import StyledLines
from console.widgets.table import CursorShown, Table
from core.model.pulse import Failing, PulseView, Waiting, WaitKind
from core.model.text import SafeText, safe_line

REST_SECONDS = 2.0
"""Between two looks at the throughput, whose steps are ten seconds; the counts follow every tick."""
STEP_SECONDS = 10.0
"""Between two looks while nothing happens: a step of the throughput."""
MINUTES = 10
"""How far back the throughput is shown."""
_WIDE = 140
_START = SafeText("nothing has run yet: o starts a job; try the sample")


class PulseScreen(DeskScreen):
    """Where to look first; its parts load apart, so that one that fails leaves the others."""

    PARTS = ("pulse", "retry", "pause")
    READER = "table"
    BINDINGS = bindings(*PARTS)
    DEFAULT_CSS = """
    PulseScreen .panels { height: 1fr; layout: vertical; }
    PulseScreen .wide { layout: horizontal; }
    PulseScreen .panels Table { height: 1fr; width: 1fr; }
    """

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.counts = StyledLines()
        self.speeds = StyledLines()
        self.failing: Table[Failing] = Table(
            failing_row_format(lambda: desk.look), cursor=CursorShown.WITH_FOCUS
        )
        self.waiting: Table[Waiting] = Table(
            waiting_row_format(lambda: desk.look), cursor=CursorShown.WITH_FOCUS
        )
        self._panels = Container(self.failing, self.waiting, classes="panels")
        self._here: Table[Failing] | Table[Waiting] = self.failing
        self._view: PulseView | None = None
        self._read_at = 0.0
        self._owed = False

    def compose(self) -> ComposeResult:
        """Stack the parts."""
        yield self.head
        yield self.counts
        yield self.speeds
        yield self._panels
        yield self.status
        yield self.hints

    def on_mount(self) -> None:
        """Give the keys to what fails."""
        self.failing.focus()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Remember which panel has the keys."""
        if event.widget in (self.failing, self.waiting):
            self._here = self.failing if event.widget is self.failing else self.waiting

    def on_resize(self) -> None:
        """Lay everything out for the new size."""
        self._panels.set_class(self.size.width >= _WIDE, "wide")
        self.show_status()
        self._write_speeds()

    async def load(self) -> None:
        """Read what is summed up, and let every part take its share; then tell of the first that failed."""
        self._read_at, self._owed = time.monotonic(), False
        self._view = view = await self.desk.control.pulse(minutes=MINUTES)
        parts = (self._take_speeds(), self._take_failing(view), self._take_waiting(view))
        for fault in await asyncio.gather(*parts, return_exceptions=True):
            if fault is not None:
                raise fault

    def news(self, kinds: frozenset[str]) -> None:
        """Show the counts, and sum up again unless that was just done: then a little later."""
        if self.trouble or time.monotonic() - self._read_at >= REST_SECONDS:
            super().news(kinds)
        else:
            self._owed = self._owed or self.concerned(kinds)
            self.show_status()

    def age(self) -> None:
        """Write the ages anew; sum up what is owed; let the throughput move on while there is some."""
        self.failing.age()
        self.waiting.age()
        rested = time.monotonic() - self._read_at
        moves = self._view is not None and any(rate.ended for rate in self._view.rates)
        is_due = rested >= REST_SECONDS if self._owed else moves and rested >= STEP_SECONDS
        if is_due and not self.desk.frozen:
            self.reload()
        super().age()

    def show_status(self) -> None:
        """Write the counts too: they come with every answer, whatever becomes of the load."""
        super().show_status()
        self.counts.write(counted(self.desk.feed.pulse, self.desk.look, width=self.size.width))

    def title_line(self) -> SafeText:
        """Say which engine answers and how busy it is."""
        return safe_line(f" Pulse  {engine_words(self.desk.feed)}")

    def rows_words(self) -> str:
        """Tell what is left out."""
        searched = None if self._view is None else self._view.failing_searched
        return "" if searched is None else f"what fails: searched newest {searched:,}"

    def restyle(self) -> None:
        """Draw everything anew."""
        self.failing.restyle()
        self.waiting.restyle()
        self.show_status()
        self._write_speeds()

    def chosen(self) -> Selection | None:
        """Return all tasks that ended with the code, or the queue or job that waits."""
        if self._here is self.failing:
            return None if self.failing.selected is None else chosen_failing(self.failing.selected)
        return None if self.waiting.selected is None else chosen_waiting(self.waiting.selected)

    def why_not(self, action: str) -> SafeText:
        """Say which panel knows the verb."""
        if action == "retry" and self._here is self.waiting:
            return SafeText("only what fails is run again: Tab goes there")
        if action == "pause" and self._here is self.failing:
            return SafeText("only what waits is paused or resumed: Tab goes there")
        return super().why_not(action)

    def on_table_opened(self) -> None:
        """Open the row that was clicked."""
        self.action_open()

    def action_open(self) -> None:
        """Show the tasks behind the row, or its job."""
        failing, waiting = self.failing.selected, self.waiting.selected
        if self._here is self.failing:
            self.visit("tasks", None if failing is None else where_failing(failing, "failed", "retrying"))
        elif waiting is not None and waiting.kind is WaitKind.PAUSED_JOB and waiting.subject.isdecimal():
            self.visit("job", int(waiting.subject))
        else:
            self.visit("tasks", None if waiting is None else where_waiting(waiting))

    def action_panel(self) -> None:
        """Give the keys to the other panel."""
        (self.failing if self._here is self.waiting else self.waiting).focus()

    async def _take_speeds(self) -> None:
        self._write_speeds()

    async def _take_failing(self, view: PulseView) -> None:
        fill(self.failing, view.failing)
        is_new = not any(self.desk.feed.pulse.tasks.values())
        self.failing.say(_START if is_new else SafeText("nothing fails"))

    async def _take_waiting(self, view: PulseView) -> None:
        fill(self.waiting, view.waiting)
        self.waiting.say(SafeText("nothing waits"))

    def _write_speeds(self) -> None:
        rates = () if self._view is None else self._view.rates
        self.speeds.write(speeds(rates, self.desk.look, size=self.size))
