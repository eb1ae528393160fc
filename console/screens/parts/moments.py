"""Moments: a job after an event, and the next.

Owned by the screens of a job as it stood.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from typing import Protocol

from console.navigation.history import JobMoment
from console.rows.history_rows import with_noise
from console.rows.job_rows import WHOLE
from console.rows.listing import now_ms
from core.control.api import ControlAPI, EventQuery
from core.filters.fields import Noun
from core.filters.terms import Filter, Sort
from core.model.events import EventView
from core.model.noise import Noise
from core.model.records import replace
from core.model.replay import JobAt
from core.model.text import SafeText, clip, safe_line
from core.model.views import JobDetail
from core.render.history.lines import line_of
from core.render.history.states import state_text
from core.render.times import clock_text, duration_text


class MomentHost(Protocol):
    """A screen of a job as it stood."""

    def reload_for_operator(self, work: Callable[[], Coroutine[None, None, None]] | None = None) -> None:
        """Load what the operator's own key asked for."""

    async def load(self) -> None:
        """Read what the screen shows."""


class Moments:
    """Reads the job after an event, and steps to the event before or behind it."""

    def __init__(self, host: MomentHost, control: ControlAPI, moment: JobMoment) -> None:
        self._host = host
        self._control = control
        self.moment = moment
        self._then: JobAt | None = None
        self._event: EventView | None = None
        self._shown = 0

    @property
    def is_read(self) -> bool:
        """Whether the moment that is asked for is the one that was read."""
        return self._then is not None and self._then.event == self.moment.event

    @property
    def at(self) -> int:
        """When it was; the present while it has not been read."""
        return now_ms() if self._then is None else self._then.at

    async def read(self) -> JobDetail:
        """Return the job as it stood, with at most `WHOLE` of its tasks."""
        history, moment = self._control.history, self.moment
        then = await history.job_at(moment.job_id, event=moment.event)
        page = await history.tasks_at(moment.job_id, then.event, limit=WHOLE)
        events = await self._control.events(
            EventQuery(job_id=moment.job_id), after_id=then.event - 1, limit=1
        )
        self._then, self._shown = then, len(page.rows)
        self._event = events.rows[0] if events.rows else None
        return JobDetail(job=then.job, stages=then.stages, tasks=page.rows)

    def step(self, by: int) -> None:
        """Show the job after the event behind the present one, or before it."""

        async def go() -> None:
            await self._find(by)
            await self._host.load()

        self._host.reload_for_operator(go)

    def mark(self, before: str) -> SafeText:
        """Return what stands before the title."""
        at = "" if self._then is None else f" · {clock_text(self._then.at, now=now_ms())}"
        return safe_line(f"{before}AS OF event {self.moment.event}{at} · read-only")

    def title(self, width: int) -> SafeText:
        """Return the job and its status of then."""
        then = self._then
        if then is None:
            return safe_line(f" Job {self.moment.job_id}")
        since = duration_text(then.at - then.job.created_at)
        return clip(f" Job {then.job.id} {then.job.name}: {then.job.status}  +{since}", width)

    @property
    def left_out(self) -> str:
        """Say that the job has more tasks than are shown; '' = it has not."""
        total = 0 if self._then is None else sum(self._then.job.tasks.values())
        return f" of {total:,} tasks" if total > self._shown else ""

    def lines(self) -> Iterator[SafeText]:
        """Return the event, and how the job stood after it."""
        if self._event is not None:
            yield safe_line(f" {line_of(self._event).text}")
        if self._then is not None:
            yield safe_line(f" then: {state_text(self._then)}; {self._then.later:,} events came later")

    async def _find(self, by: int) -> None:
        where = with_noise(Filter(noun=Noun.EVENTS), Noise(self.moment.noise))
        ordered = replace(where, sort=Sort(field="id", descending=by < 0))
        query, after = EventQuery(job_id=self.moment.job_id, filter=ordered), self.moment.event
        page = await self._control.events(query, after_id=after, limit=1)
        while not page.rows and page.next is not None:
            # What was searched had none: look on.
            page = await self._control.events(query, after_id=int(page.next), limit=1)
        if page.rows:
            self.moment = replace(self.moment, event=page.rows[0].id)
