"""Events of a job as rows of its history.

Used by the history screen.
"""

from __future__ import annotations

from collections.abc import Callable

from console.rows.listing import Listing, now_ms
from core.control.api import ControlAPI, EventQuery
from core.filters.fields import Noun
from core.filters.terms import Compare, Filter, In, Op, Sort
from core.model.events import EventView
from core.model.noise import Noise
from core.model.records import replace
from core.model.text import SafeText, safe_line
from core.model.views import Page
from core.render.columns import Column, Form
from core.render.history.lines import HistoryLine, line_of
from core.render.times import clock_text, duration_text

_NOISE = "noise"
COLUMNS = (
    Column(name="id", title="EVENT", form=Form.NUMBER, path="id", width=7, min_width=6, priority=5),
    Column(name="when", title="WHEN", form=Form.TEXT, path="at", width=16, min_width=14, priority=4),
    Column(name="since", title="AFTER", form=Form.NUMBER, path="at", width=8, min_width=7),
    Column(name="subject", title="WHAT", form=Form.TEXT, path="kind", width=18, min_width=8),
    Column(name="told", title="HAPPENED", form=Form.TEXT, path="kind", width=60, min_width=24),
    Column(name="who", title="BY", form=Form.TEXT, path="actor", width=14, min_width=6, priority=1),
    Column(name="reason", title="WHY", form=Form.TEXT, path="kind", width=40, min_width=10, priority=3),
)


def with_noise(where: Filter, noise: Noise) -> Filter:
    """Return a filter that finds what belongs to a level of noise."""
    terms = tuple(term for term in where.terms if getattr(term, "field", "") != _NOISE)
    if noise < Noise.ALL:
        terms = (*terms, Compare(field=_NOISE, op=Op.AT_MOST, value=int(noise)))
    return replace(where, terms=terms)


def history_listing(control: ControlAPI, job_id: int, *, created_at: Callable[[], int]) -> Listing[EventView]:
    """List the events of a job, the first on top; `created_at` = when it was submitted."""
    order = Sort(field="id", descending=False)

    async def read(where: Filter, after: str | None, limit: int) -> Page[EventView]:
        ordered = where if where.sort else replace(where, sort=order)
        query = EventQuery(job_id=job_id, filter=ordered, around=True)
        return await control.events(query, after_id=int(after or 0), limit=limit)

    def written(tell: Callable[[HistoryLine], str]) -> Callable[[EventView], SafeText]:
        return lambda event: safe_line(tell(line_of(event)))

    return Listing(
        noun=Noun.EVENTS,
        columns=COLUMNS,
        key=lambda event: event.id,
        read=read,
        scope=(In(field="job", values=(job_id,)),),
        written={
            "when": lambda event: SafeText(clock_text(event.at, now=now_ms())),
            "since": lambda event: SafeText(f"+{duration_text(event.at - created_at())}"),
            "subject": written(lambda line: line.name),
            "told": written(lambda line: line.what),
            "who": written(lambda line: line.who or ""),
            "reason": written(lambda line: line.reason or ""),
        },
        order=order,
    )
