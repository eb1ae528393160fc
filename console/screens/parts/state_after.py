"""State after: how the job stood after the event under the cursor.

Owned by the history screen.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

from textual.geometry import Size

from console.rows.listing import now_ms
from console.screens.parts.hosts import Host
from console.screens.parts.row_inspector import REST_SECONDS
from console.widgets.styled_lines import Span, StyledLines
from console.widgets.table import Table
from core.control.api import ControlAPI
from core.model.errors import TaskdeckError
from core.model.events import EventView
from core.model.replay import JobAt
from core.model.text import SafeText, clip, safe_line
from core.render.history.lines import line_of
from core.render.history.states import state_text
from core.render.times import clock_text

_LOW = 14
"""Lines of a screen that has no room for the foot."""


class EventHost(Host, Protocol):
    """A screen of the events of a job."""

    table: Table[EventView]

    @property
    def size(self) -> Size:
        """Return columns and lines of the screen."""


class StateAfter:
    """Fills its foot with an event, and with the state of the job after it."""

    def __init__(self, host: EventHost, control: ControlAPI, *, job_id: int) -> None:
        self.foot = StyledLines()
        self._host = host
        self._control = control
        self._job_id = job_id
        self._then: JobAt | None = None
        self._trouble = ""
        """Why the state after an event is not shown."""

    def show(self) -> None:
        """Write the chosen event at once, and the state after it as soon as the cursor rests there."""
        event = self._host.table.selected
        self.write()
        if event is not None and (self._then is None or self._then.event != event.id):
            self._host.begin(self._read, group="then", exclusive=True)

    def write(self) -> None:
        """Write what is known, for the present size of the screen."""
        event, size = self._host.table.selected, self._host.size
        lines: list[SafeText] = []
        if event is not None and size.height > _LOW:
            is_known = self._then is not None and self._then.event == event.id
            then = state_text(self._then) if self._then is not None and is_known else self._trouble or "..."
            at = clock_text(event.at, now=now_ms())
            lines = [safe_line(f" {at}  {line_of(event).text}"), safe_line(f" then: {then}")]
        # Written before the screen is laid out for the first time, its own height would stay 0.
        self.foot.styles.height = len(lines)
        self.foot.write([[Span(clip(line, size.width or 80))] for line in lines])

    async def _read(self) -> None:
        await asyncio.sleep(REST_SECONDS)
        event = self._host.table.selected
        if event is None:
            return
        try:
            self._then = await self._control.history.job_at(self._job_id, event=event.id)
            self._trouble = ""
        except TaskdeckError as error:
            # The events are there all the same.
            self._then, self._trouble = None, error.message
        self.write()
