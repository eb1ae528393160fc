"""The history screen: the story of a job, and how it stood.

Opened through `console.shell.places`.
"""

from __future__ import annotations

import asyncio

from textual.app import ComposeResult

from console.desk import Desk
from console.key_table import bindings
from console.navigation.history import JobMoment, JobPair
from console.rows.history_rows import history_listing, with_noise
from console.rows.listing import now_ms
from console.screens.list_screen import ListScreen
from console.screens.parts.row_inspector import REST_SECONDS
from console.widgets.styled_lines import Span, StyledLines
from core.filters.fields import Noun
from core.filters.terms import Filter
from core.model.errors import TaskdeckError
from core.model.events import EventView
from core.model.noise import Noise
from core.model.replay import JobAt
from core.model.text import SafeText, clip, safe_line
from core.model.views import JobView
from core.render.history.lines import line_of
from core.render.history.states import state_text
from core.render.times import clock_text

_LOW = 14
"""Lines of a screen that has no room for the foot."""


class HistoryScreen(ListScreen[EventView]):
    """What happened to a job, the first event on top; below it how the job stood after the chosen one."""

    PARTS = ("list", "history", "compare")
    BINDINGS = bindings(*PARTS)

    def __init__(self, desk: Desk, job_id: int) -> None:
        listing = history_listing(desk.control, job_id, created_at=self._created_at)
        super().__init__(desk, listing, where=with_noise(Filter(noun=Noun.EVENTS), Noise.ENDS))
        self.job_id = job_id
        self._noise = Noise.ENDS
        self._job: JobView | None = None
        self._then: JobAt | None = None
        self._trouble = ""
        """Why the state after an event is not shown."""
        self.foot = StyledLines()

    def body(self) -> ComposeResult:
        yield from super().body()
        yield self.foot

    async def load(self) -> None:
        self._job = await self.desk.control.job(self.job_id)
        await super().load()
        self._show_then()

    def on_resize(self) -> None:
        super().on_resize()
        self.call_after_refresh(self._write_foot)

    def restyle(self) -> None:
        super().restyle()
        self._write_foot()

    def title_line(self) -> SafeText:
        name = "" if self._job is None else f" {self._job.name}: {self._job.status}"
        return safe_line(f" History of job {self.job_id}{name}  noise {self._noise:d} of {Noise.ALL:d}")

    def on_table_moved(self) -> None:
        super().on_table_moved()
        self._show_then()

    def action_open(self) -> None:
        """Show the job as it stood after the event."""
        event = self.table.selected
        if event is not None:
            self.visit("job at", JobMoment(job_id=self.job_id, event=event.id, noise=self._noise))

    def action_noise(self, step: int) -> None:
        """Tell more of the history, or less."""
        self._noise = Noise(max(Noise.STORY, min(self._noise + step, Noise.ALL)))
        self.rows.base = with_noise(Filter(noun=Noun.EVENTS), self._noise)
        self.narrow(with_noise(self.rows.where, self._noise))

    def action_compare(self) -> None:
        """Compare the job with the one before of its name."""
        self.visit("difference", JobPair(after=self.job_id))

    def _created_at(self) -> int:
        return 0 if self._job is None else self._job.created_at

    def _show_then(self) -> None:
        """Write the chosen event at once, and the state after it as soon as the cursor rests there."""
        event = self.table.selected
        self._write_foot()
        if event is not None and (self._then is None or self._then.event != event.id):
            self.begin(self._read_then, group="then", exclusive=True)

    async def _read_then(self) -> None:
        await asyncio.sleep(REST_SECONDS)
        event = self.table.selected
        if event is None:
            return
        try:
            self._then = await self.desk.control.history.job_at(self.job_id, event=event.id)
            self._trouble = ""
        except TaskdeckError as error:
            # The events are there all the same.
            self._then, self._trouble = None, error.message
        self._write_foot()

    def _write_foot(self) -> None:
        event, width = self.table.selected, self.size.width or 80
        lines: list[SafeText] = []
        if event is not None and self.size.height > _LOW:
            is_known = self._then is not None and self._then.event == event.id
            then = state_text(self._then) if self._then is not None and is_known else self._trouble or "..."
            at = clock_text(event.at, now=now_ms())
            lines = [safe_line(f" {at}  {line_of(event).text}"), safe_line(f" then: {then}")]
        # Written before the screen is laid out for the first time, its own height would stay 0.
        self.foot.styles.height = len(lines)
        self.foot.write([[Span(clip(line, width))] for line in lines])
