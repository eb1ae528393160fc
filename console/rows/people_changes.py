"""What people changed, as events and as text.

Used by the handoff note and by the overview that is written in lines.
"""

from __future__ import annotations

from core.control.api import EventQuery
from core.filters.fields import Noun
from core.filters.parser import parse
from core.model.events import EventView
from core.model.timing.durations import write_duration
from core.render.times import clock_text

_MINUTE = 60_000


def changes_by_people(*, since: int, now: int) -> EventQuery:
    """Ask for what people changed since then (ms UTC), newest first, without what they submitted."""
    age = write_duration(max(_MINUTE, now - since))
    # People have their door behind their name, `ana (cli)`; the engine has none.
    return EventQuery(filter=parse(f'actor~"[(]" age<{age} -kind:task.created sort:-id', Noun.EVENTS))


def change_text(event: EventView, *, now: int) -> str:
    """Write when who changed what, and why."""
    what = f"task {event.task_id}" if event.task_id else f"job {event.job_id}" if event.job_id else ""
    named = event.data.get("queue") or event.data.get("pattern") or ""
    reason = f": {event.data['reason']}" if event.data.get("reason") else ""
    about = " ".join(str(part) for part in (what, named) if part)
    return f"{clock_text(event.at, now=now)} {event.actor}: {event.kind} {about}{reason}"
